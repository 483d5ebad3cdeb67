"""The record types that the suites name."""

A = 1
NS = 2
CNAME = 5
SOA = 6
PTR = 12
MX = 15
TXT = 16
AAAA = 28
SRV = 33
DNAME = 39
DS = 43
DNSKEY = 48
SVCB = 64
HTTPS = 65
ANY = 255
