use super::{Event, Flight, Source, What, bind, draw_ports, is_here, is_our_lack};
use crate::base::time::Now;
use crate::resolver::{Channel, RequestId, Transmit};
use crate::sys::random::SystemEntropy;
use siphasher::sip::SipHasher24;
use std::collections::HashSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

#[test]
fn requests_leave_from_ports_of_the_whole_range() {
    let mut entropy = SystemEntropy::default();
    let local = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let ports: HashSet<u16> = (0..64)
        .map(|_| bind(local, &draw_ports(&mut entropy)).unwrap().local_addr().unwrap().port())
        .collect();
    assert!(ports.len() > 50, "{ports:?}");
    assert!(ports.iter().all(|&port| port >= 1024));
    // The system itself chooses between 32768 and 60999.
    assert!(ports.iter().any(|&port| port < 32_768), "{ports:?}");
}

#[test]
fn address_of_this_machine_is_known_from_others() {
    for (address, expected) in [("127.0.0.1", true), ("127.9.8.7", true), ("192.0.2.1", false)] {
        assert_eq!(is_here(format!("{address}:53").parse().unwrap()), expected, "{address}");
    }
}

#[test]
fn what_this_machine_lacks_is_told_from_a_server_that_cannot_be_reached() {
    let lacks = [libc::EMFILE, libc::ENFILE, libc::ENOMEM, libc::ENOBUFS, libc::EADDRINUSE];
    for number in lacks {
        assert!(is_our_lack(&io::Error::from_raw_os_error(number)), "{number}");
    }
    // The same from here, but another server may be reached: the other family is there, say.
    let unreachable = [
        libc::ENETUNREACH,
        libc::EHOSTUNREACH,
        libc::ECONNREFUSED,
        libc::EAFNOSUPPORT,
        libc::EADDRNOTAVAIL,
        libc::EPERM,
        libc::EACCES,
        libc::ECONNRESET,
    ];
    for number in unreachable {
        assert!(!is_our_lack(&io::Error::from_raw_os_error(number)), "{number}");
    }
    assert!(!is_our_lack(&io::ErrorKind::UnexpectedEof.into()));
}

/// What becomes of a request to an address, from one of `sources` if there is one.
fn flown(to: &str, channel: Channel, sources: &[IpAddr]) -> What {
    let (request, until) = (RequestId(1), Now::default());
    let to = to.parse().unwrap();
    let transmit = Transmit { request, to, channel, until, octets: vec![0; 12] };
    let keyed = SipHasher24::new();
    let source = Source { sources, keyed: &keyed, wildcards: &["0.0.0.0:5300".parse().unwrap()] };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let until = Instant::now() + Duration::from_secs(10);
        let flight = Flight::new(transmit, source, until, &mut SystemEntropy::default());
        let (sender, mut events) = mpsc::channel(8);
        flight.fly(7, sender).await;
        let Event { epoch, request, what } = events.recv().await.unwrap();
        assert_eq!((epoch, request), (7, RequestId(1)));
        what
    })
}

#[test]
fn server_that_cannot_be_reached_is_told_at_once_and_is_no_lack_of_ours() {
    let lacking = [IpAddr::from([192, 0, 2, 1])];
    for channel in [Channel::Udp, Channel::Tcp] {
        // Nobody listens; ourselves; and from an address that the machine does not have.
        let cases: [(&str, &[IpAddr]); 3] =
            [("127.0.0.1:1", &[]), ("127.0.0.1:5300", &[]), ("127.0.0.1:9", &lacking)];
        for (to, sources) in cases {
            let what = flown(to, channel, sources);
            assert!(matches!(what, What::Unreachable), "{to} {channel:?} {what:?}");
        }
    }
}

#[test]
fn each_server_is_asked_from_one_address_and_all_servers_from_all() {
    let sources = ["192.0.2.1", "2001:db8::1", "192.0.2.2", "192.0.2.3"].map(ip);
    let (keyed, other) = (SipHasher24::new_with_keys(1, 2), SipHasher24::new_with_keys(3, 4));
    let source = Source { sources: &sources, keyed: &keyed, wildcards: &[] };
    let servers: Vec<IpAddr> = (0..60).map(|host| IpAddr::from([198, 51, 100, host])).collect();
    let chosen = |source: Source<'_>| -> Vec<IpAddr> {
        servers.iter().map(|server| source.address_for(*server)).collect()
    };
    let first = chosen(source);
    assert_eq!(chosen(source), first);
    assert_ne!(chosen(Source { keyed: &other, ..source }), first);
    let used: HashSet<IpAddr> = first.into_iter().collect();
    assert_eq!(used, HashSet::from([sources[0], sources[2], sources[3]]));
    assert_eq!(source.address_for(ip("2001:db8::2")), sources[1]);
    // Without one of the family the system chooses.
    let source = Source { sources: &sources[..1], ..source };
    assert_eq!(source.address_for(ip("2001:db8::2")), ip("::"));
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}
