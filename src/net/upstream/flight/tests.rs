use super::bind;
use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr};

#[test]
fn requests_leave_from_ports_of_the_whole_range() {
    let ports: HashSet<u16> = (0..64)
        .map(|_| bind(IpAddr::V4(Ipv4Addr::LOCALHOST)).unwrap().local_addr().unwrap().port())
        .collect();
    assert!(ports.len() > 50, "{ports:?}");
    assert!(ports.iter().all(|&port| port >= 1024));
    // The system itself chooses between 32768 and 60999.
    assert!(ports.iter().any(|&port| port < 32_768), "{ports:?}");
}
