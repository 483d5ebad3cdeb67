//! The bounds of the server, each with its reason.
//!
//! A bound that an operator can set lives in the configuration instead.

/// Octets of a name in wire form, the root label included (RFC 1035 §3.1).
pub const NAME_LEN_MAX: usize = 255;

/// Octets of one label (RFC 1035 §3.1).
pub const LABEL_LEN_MAX: usize = 63;

/// Labels of a name without the root: 127 one-octet labels fill 254 octets.
pub const LABELS_MAX: usize = 127;

/// Sets of records of one name of a zone: some hundred types are registered, and each may be signed.
pub const SETS_MAX: usize = 4096;

/// Octets of all records of one name of a zone.
///
/// No message carries more than 64 KiB of a set; this leaves room for a thousand sets of that size
/// and keeps offsets within 32 bits.
pub const NAME_DATA_MAX: usize = 64 << 20;

/// Octets of a message: the length field of TCP has two octets (RFC 1035 §4.2.2).
pub const MESSAGE_LEN_MAX: usize = 65_535;

/// The smallest reply size over UDP; smaller offers count as this one (RFC 6891 §6.2.3).
pub const UDP_SIZE_MIN: usize = 512;

/// Room for one UDP message in a batch. The largest reply over UDP that can be configured.
///
/// Larger datagrams are fragmented on nearly every path (RFC 9715), so more room would be waste.
pub const UDP_SIZE_MAX: usize = 4096;

/// Datagrams that one system call receives or sends.
///
/// Entering the kernel is then some 3 % of what a datagram costs there; a larger batch saves less than
/// its memory takes of the CPU's cache.
pub const BATCH_MAX: usize = 32;

/// Aliases (CNAME and DNAME steps) that one answer follows inside our zones.
///
/// Long honest chains have three or four; BIND stops at 11, Knot DNS at 5.
pub const ALIASES_MAX: usize = 16;

/// Iterations of the hash of NSEC3 with which a zone's denials are still proved.
///
/// RFC 5155 §10.3 allows a zone no more, whatever its keys. Most denials hash three names, for 0.2 µs
/// an iteration and answer: with so many, a CPU denies some 1,600 times a second, and 22,000 times
/// with 150.
pub const NSEC3_ITERATIONS_MAX: u16 = 2500;

/// Octets of one entry of the cache: its sets, their signatures and proofs, names not compressed.
///
/// What is larger came in no honest message and would go out in none.
pub const CACHED_LEN_MAX: usize = MESSAGE_LEN_MAX;

/// Records of one set in the cache, and signatures of one: no message has more addresses, which
/// take 16 octets each.
pub const CACHED_RECORDS_MAX: usize = MESSAGE_LEN_MAX / 16;

/// Sets that prove something, in one entry of the cache: a denial by NSEC3 needs three
/// (RFC 5155 §7.2), and one more each alias on the way there that a wildcard stands for.
pub const CACHED_PROOFS_MAX: usize = 16;

/// How long a first failure to resolve is remembered (RFC 9520 §3.2 wants at least a second). It
/// doubles from failure to failure.
pub const FAILURE_SECONDS_MIN: u32 = 5;

/// The longest a failure to resolve is remembered (RFC 9520 §3.2).
pub const FAILURE_SECONDS_MAX: u32 = 300;

/// HTTP connections at a time. A scraper needs one, a browser six.
pub const HTTP_CONNECTIONS_MAX: usize = 256;

/// Octets of the head of an HTTP request, its target and all fields.
pub const HTTP_HEAD_LEN_MAX: usize = 16 * 1024;

/// Time for the head of an HTTP request, and for the next request of an open connection; also how
/// long a client may go without taking anything of a response.
pub const HTTP_PAUSE_SECONDS_MAX: u64 = 10;

/// The longest an HTTP connection lasts: what a client gets that reads one octet at a time.
pub const HTTP_CONNECTION_SECONDS_MAX: u64 = 300;

/// Files that may include each other, the zone file itself included.
pub const INCLUDE_DEPTH_MAX: usize = 16;

/// Records one `$GENERATE` line may make. A /8 of PTR records has 65,536 per /16.
pub const GENERATE_MAX: u64 = 1 << 20;

/// Problems kept for one zone or configuration. What comes after is counted, not kept.
pub const DIAGNOSTICS_MAX: usize = 10_000;

/// Octets of one entry of a zone file between its first token and its end.
///
/// The longest record has 65,535 octets of data, which `\DDD` escapes make four times as long.
pub const ENTRY_LEN_MAX: usize = 512 * 1024;

/// Milliseconds that replies on their way get when the server stops. Leaves half a second of the
/// promised five for the workers to notice.
pub const DRAIN_MS_MAX: u64 = 4500;

/// Octets of a configuration file: some 20,000 zones written one by one.
pub const CONFIG_LEN_MAX: usize = 1024 * 1024;

/// Octets of one line of a configuration file. Each problem keeps its line.
pub const CONFIG_LINE_LEN_MAX: usize = 4096;

/// Lists and sections within each other in a configuration file. The deepest key needs five.
pub const CONFIG_DEPTH_MAX: usize = 16;

/// Octets a configuration may grow to when its aliases are replaced by what they stand for. Without
/// aliases a file of the largest size stays below.
pub const CONFIG_EXPANDED_MAX: usize = 16 * CONFIG_LEN_MAX;

/// Sets of one section of a response that are looked at. An answer needs an alias chain, its end and
/// their proofs; a referral the addresses of the servers that will be asked.
pub const RESPONSE_SETS_MAX: usize = 256;

/// Records of a set in a response beyond which the set is not used: as many as a message of 64 KiB
/// has of addresses at most, so that every set that others serve is taken.
pub const RESPONSE_SET_MAX: usize = 4096;

/// Aliases (CNAME and DNAME steps) that one question is followed through other servers, as most
/// resolvers allow. Honest chains are shorter; longer ones are made to cost something.
pub const RESOLVED_ALIASES_MAX: usize = 11;

/// Requests to other servers for one question of a client in all: those for addresses of servers and
/// those that are sent again included. Some twenty are needed where nothing is known.
pub const REQUESTS_PER_LOOKUP_MAX: u32 = 100;

/// Requests to other servers for one name and type.
pub const REQUESTS_PER_FETCH_MAX: u32 = 50;

/// Referrals that are followed for one name and type: no honest name has so many zones above it.
pub const REFERRALS_MAX: u32 = 20;

/// Times that one server is asked for one name and type before it is given up: at most three times over
/// UDP (RFC 9520 §3.1), and where nothing comes back once over TCP.
pub const TRIES_PER_SERVER_MAX: u32 = 4;

/// Requests over UDP that one server may leave without a response, for one name and type, before it
/// is asked over TCP, if they were waited for long enough (`UDP_WAITED_US_MIN`): two losses by chance
/// are rare, and what stops UDP may let TCP through.
pub const UDP_LOSSES_MIN: u32 = 2;

/// The same, however short they were waited for (RFC 9520 §3.1).
pub const UDP_LOSSES_MAX: u32 = 3;

/// Microseconds that responses over UDP are waited for in sum before a server counts as silent there.
/// One that resolves, or is far away and busy, takes hundreds of milliseconds; a connection costs it
/// and us more than waiting does.
pub const UDP_WAITED_US_MIN: u64 = 1_000_000;

/// Servers of one zone that are looked at. Zones have 13 at most, or they would not fit into a
/// response of 512 octets; a delegation with thousands must not cost a look-up for each.
pub const SERVERS_PER_ZONE_MAX: usize = 32;

/// Servers of one zone whose addresses are looked for: a delegation with a thousand servers without
/// addresses must not cost a thousand questions (NXNSAttack).
pub const ADDRESS_FETCHES_MAX: u32 = 4;

/// Servers of one zone whose addresses are looked for at the same time: one that cannot be found costs
/// all the time there is.
pub const ADDRESS_FETCHES_AT_ONCE_MAX: usize = 2;

/// Requests to find addresses of servers, for one name and type, in all and however deep: servers
/// without addresses whose zones have servers without addresses, and so on, must not multiply
/// (NRDelegation). Two names need some twelve where nothing is known.
pub const ADDRESS_REQUESTS_MAX: u32 = 24;

/// How deep looking for addresses may lead to looking for addresses.
pub const ADDRESS_DEPTH_MAX: u32 = 3;

/// Responses to one request that are not what was asked for, before it is asked over TCP: somebody
/// tries to guess.
pub const WRONG_RESPONSES_MAX: u32 = 8;

/// Microseconds after which a client is told that nothing was found. It gives up after five seconds.
pub const LOOKUP_US_MAX: u64 = 3_800_000;

/// Times that an answer may wait for others: it does again where aliases lead out of our zones a second
/// time, or where what it had found is gone from the cache.
pub const RESOLUTIONS_MAX: usize = 4;

/// Queries that wait to be taken up by the resolver: what comes in some milliseconds of a flood.
pub const RESOLVER_QUEUE_MAX: usize = 4096;

/// Messages from other servers that wait to be looked at; whoever brings more waits. All of them as long
/// as they can be take 16 MiB.
pub const RESOLVER_EVENTS_MAX: usize = 256;

/// Octets of replies to queries that had to wait, which one connection may leave unread before it is
/// closed, beside one reply of any length.
pub const LATE_LEN_MAX: usize = 256 << 10;

/// The same for all connections together.
pub const LATE_LEN_ALL_MAX: usize = 64 << 20;

/// Queries of one TCP connection that may wait for other servers at a time. The next one is read when
/// one of them has been answered.
pub const WAITING_PER_CONNECTION_MAX: usize = 64;

/// Seconds that records get whose time is over (RFC 8767 §4 recommends 30).
pub const STALE_TTL_SECONDS: u32 = 30;

/// Microseconds after which a client is told what was true last (RFC 8767 §5): most answers are there
/// by then, and no client has given up.
pub const STALE_AFTER_US: u64 = 1_800_000;

/// Microseconds that one name and type are asked for, clients waiting or not. Servers that are slow
/// are to be found in the cache by the client's next try.
pub const FETCH_US_MAX: u64 = 10_000_000;

/// Questions of clients that are being answered at the same time. Some megabytes of memory, and with
/// 20 ms a question 400,000 a second.
pub const LOOKUPS_MAX: usize = 8192;

/// Of these, questions of one client: of an IPv4 address, or an IPv6 network of 64 bits, in which one
/// client has all addresses. A sixteenth of all, so that nobody takes the place of everybody; a
/// forwarder with many clients has enough.
pub const LOOKUPS_PER_CLIENT_MAX: u32 = 512;

/// Names and types that are asked for at the same time: each question that is being answered may
/// need one, with the addresses of servers, and some go on when nobody waits any more.
pub const FETCHES_MAX: usize = 2 * LOOKUPS_MAX;

/// Requests under way to the servers of one zone. A flood of names below one zone, or a zone whose
/// servers are silent, must not take the places of all others. With 40 ms a request this is 5000 a
/// second, more than a cache leaves to be asked even of large zones.
pub const REQUESTS_PER_ZONE_MAX: u32 = 200;

/// The same for the root and the zones directly below it, which nearly all names lead through while
/// the cache is empty, and whose servers are many and strong. A quarter of all questions.
pub const REQUESTS_PER_TOP_ZONE_MAX: u32 = 2048;

/// Clients between whom the places of one zone are shared when half of them are taken: who has its
/// share gets no more, so that nobody takes the place of everybody.
pub const CLIENTS_PER_ZONE_MIN: u32 = 4;

/// Microseconds beyond its wait for which a response over UDP still counts, if nothing better has come: as
/// long as the next request is waited for at most. A server behind a satellite may need that.
pub const LATE_US_MAX: u64 = 1_500_000;

/// The least time that a response over TCP is waited for, in microseconds: a connection takes a trip,
/// and the first packet of it may get lost (RFC 6298 §2.1 sends it again after a second).
pub const TCP_WAIT_US_MIN: u64 = 1_200_000;

/// Microseconds between two attempts to learn the root's servers from themselves, where the first
/// brought nothing that lasts: the built-in addresses do meanwhile.
pub const PRIMING_PAUSE_US: u64 = 60_000_000;

/// Octets of the largest response over UDP that we ask for (RFC 9715 §3.1): it is not fragmented.
pub const REQUEST_UDP_SIZE: u16 = 1232;

/// Addresses of one family of one server that are asked, drawn at random: no honest server has more,
/// and one with thousands must not hide the others of its zone.
pub const ADDRESSES_PER_SERVER_MAX: usize = 8;

/// Addresses of all servers of one zone that are asked, drawn at random: more than one question may
/// ask (`REQUESTS_PER_FETCH_MAX`).
pub const ADDRESSES_PER_ZONE_MAX: usize = 64;

/// Fetches that wait for one other, for an address or for what a parent says: as many as there may be
/// requests to a zone, and for the same reason. A flood of names below a zone that is waited for
/// must not take the places of all others.
pub const WAITING_FETCHES_MAX: u32 = REQUESTS_PER_ZONE_MAX;

/// Zones that are remembered because no server of theirs can be found: a megabyte or two.
pub const DEAD_ZONES_MAX: usize = 1 << 14;
