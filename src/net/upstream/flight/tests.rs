use super::{Event, Flight, Source, What, bind, draw_ports, is_here, is_our_lack};
use crate::base::time::Now;
use crate::resolver::{Channel, RequestId, Transmit};
use crate::sys::random::SystemEntropy;
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
    let source = Source { sources, wildcards: &["0.0.0.0:5300".parse().unwrap()] };
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
