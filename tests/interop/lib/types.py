"""The record types that the suites name."""

A = 1
NS = 2
CNAME = 5
SOA = 6
PTR = 12
MX = 15
TXT = 16
SIG = 24
KEY = 25
AAAA = 28
SRV = 33
DNAME = 39
DS = 43
RRSIG = 46
NSEC = 47
DNSKEY = 48
NSEC3 = 50
NSEC3PARAM = 51
CDS = 59
SVCB = 64
HTTPS = 65
ANY = 255
