use super::{bind, draw_ports, is_here};
use crate::sys::random::SystemEntropy;
use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr};

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
