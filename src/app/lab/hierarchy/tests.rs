use std::net::Ipv4Addr;

use super::Hierarchy;
use crate::app::zones::{self, Catalog};
use crate::config::Config;
use crate::wire::name::{Name, NameBuf};

fn lab() -> Hierarchy {
    Hierarchy::of(&zones::load_configured(&Config::built_in(), &Catalog::default()).0)
}

fn name(text: &str) -> NameBuf {
    NameBuf::from_text(text.as_bytes(), Some(Name::ROOT)).unwrap()
}

#[test]
fn every_zone_has_its_server_and_only_the_reverse_tree_shares_one() {
    let lab = lab();
    let found = lab.servers().into_iter().map(|server| {
        let apexes = lab.served_by(server).map(|zone| zone.apex().to_string());
        format!("{server} {}", apexes.collect::<Vec<_>>().join(" "))
    });
    let expected = [
        "127.53.0.1 .",
        "127.53.0.2 nz.",
        "127.53.0.3 ac.nz.",
        "127.53.0.4 auckland.ac.nz.",
        "127.53.0.5 cs.auckland.ac.nz.",
        "127.53.0.6 com.",
        "127.53.0.7 compsci314.com.",
        "127.53.0.8 bloggs.com.",
        "127.53.0.9 foo.com.",
        "127.53.0.10 foobar.com.",
        "127.53.0.11 arpa. in-addr.arpa. 130.in-addr.arpa. 216.130.in-addr.arpa.",
    ];
    assert_eq!(found.collect::<Vec<_>>(), expected);
}

#[test]
fn hints_are_the_servers_of_the_root_with_their_addresses() {
    let expected =
        ". 86400 IN NS root.lab-servers.nz.\nroot.lab-servers.nz. 86400 IN A 127.53.0.1\n";
    assert_eq!(lab().hints(), expected);
}

#[test]
fn path_to_a_name_goes_from_the_root_down() {
    let path: Vec<String> = lab()
        .path_to(name("www.cs.auckland.ac.nz").as_name())
        .map(|served| format!("{} {}", served.zone.apex(), served.server))
        .collect();
    let expected = [
        ". 127.53.0.1",
        "nz. 127.53.0.2",
        "ac.nz. 127.53.0.3",
        "auckland.ac.nz. 127.53.0.4",
        "cs.auckland.ac.nz. 127.53.0.5",
    ];
    assert_eq!(path, expected);
}

#[test]
fn hosts_are_those_that_no_machine_has_and_go_by_all_their_names() {
    let lab = lab();
    let hosts = lab.hosts();
    let network = Ipv4Addr::new(130, 216, 0, 0).to_bits() >> 16;
    assert!(hosts.iter().all(|host| host.to_bits() >> 16 == network), "{hosts:?}");
    assert!(hosts.contains(&Ipv4Addr::new(130, 216, 33, 106)));
    let names = lab.host_names();
    for there in ["www.cs.auckland.ac.nz", "compsci314.com", "pop3.foobar.com"] {
        assert!(names.contains(&name(there)), "{there}");
    }
    for not_there in ["mail.foo.com", "ns.lab-servers.nz", "*.students.cs.auckland.ac.nz"] {
        assert!(!names.contains(&name(not_there)), "{not_there}");
    }
}

#[test]
fn reverse_tree_is_all_below_arpa() {
    let apexes: Vec<String> = lab().reverse().map(|zone| zone.apex().to_string()).collect();
    assert_eq!(apexes, ["arpa.", "in-addr.arpa.", "130.in-addr.arpa.", "216.130.in-addr.arpa."]);
}
