//! Claims about whom a delegation can make the resolver ask.

use super::Resolving;
use crate::config::{Config, ResolverMode};
use crate::resolver::Options;
use std::net::SocketAddr;
use std::path::Path;

/// An address that we listen on.
const OWN: &str = "198.51.100.53:53";

/// The options of a resolver with these settings.
fn options(settings: &str) -> Options {
    let text = format!("listen: ['{OWN}']\nresolver: {{mode: recursive{settings}}}\n");
    let (config, _) = Config::load(Path::new("kereru.yaml"), text.as_bytes()).unwrap();
    let resolver = config.resolver.as_ref().unwrap();
    assert_eq!(resolver.mode, ResolverMode::Recursive);
    let resolving = Resolving::of(&config, None).unwrap().unwrap();
    resolving.options(resolver, &config.listen)
}

/// Addresses, whether they may be asked, and whether they may where the configuration allows all.
const ADDRESSES: &[(&str, bool, bool)] = &[
    ("0.0.0.0:53", false, false),
    ("0.0.0.1:53", false, true),
    ("0.255.255.255:53", false, true),
    ("1.0.0.0:53", true, true),
    ("126.255.255.255:53", true, true),
    ("127.0.0.0:53", false, true),
    ("127.0.0.1:53", false, true),
    ("127.255.255.255:53", false, true),
    ("128.0.0.0:53", true, true),
    ("169.253.255.255:53", true, true),
    ("169.254.0.0:53", false, true),
    ("169.254.255.255:53", false, true),
    ("169.255.0.0:53", true, true),
    // Zones of one's own network are delegated to such.
    ("10.0.0.1:53", true, true),
    ("172.16.0.1:53", true, true),
    ("192.168.0.1:53", true, true),
    ("223.255.255.255:53", true, true),
    ("224.0.0.0:53", false, false),
    ("239.255.255.255:53", false, false),
    ("240.0.0.0:53", true, true),
    ("255.255.255.254:53", true, true),
    ("255.255.255.255:53", false, false),
    ("[::]:53", false, false),
    ("[::1]:53", false, true),
    ("[::2]:53", true, true),
    ("[::ffff:192.0.2.1]:53", false, false),
    ("[::ffff:127.0.0.1]:53", false, false),
    ("[::fffe:ffff:ffff]:53", true, true),
    ("[::1:0:0:0]:53", true, true),
    ("[2001:db8::1]:53", true, true),
    ("[fd00::1]:53", true, true),
    ("[fe7f:ffff::]:53", true, true),
    ("[fe80::]:53", false, true),
    ("[febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:53", false, true),
    ("[fec0::]:53", true, true),
    ("[feff::]:53", true, true),
    ("[ff00::]:53", false, false),
    ("[ff02::1]:53", false, false),
    // Ourselves, and another program of the machine.
    (OWN, false, false),
    ("198.51.100.53:54", true, true),
    ("198.51.100.54:53", true, true),
];

#[test]
fn delegation_leads_to_no_address_that_is_nobodys_or_ours() {
    let (usual, all) = (options(""), options(", do-not-query: []"));
    for &(address, is_usual, is_allowed) in ADDRESSES {
        let to: SocketAddr = address.parse().unwrap();
        assert_eq!(!(usual.is_forbidden)(to), is_usual, "{address} by default");
        assert_eq!(!(all.is_forbidden)(to), is_allowed, "{address} with all allowed");
    }
}

#[test]
fn configured_servers_are_asked_wherever_they_are_unless_it_is_us() {
    let allowed = ADDRESSES.iter().filter(|(.., is_allowed)| *is_allowed);
    let allowed: Vec<&str> = allowed.map(|(to, ..)| *to).collect();
    let listed: Vec<String> = allowed.iter().map(|to| format!("'{to}'")).collect();
    let listed = format!("'{OWN}', {}", listed.join(", "));
    for section in ["forward", "stub"] {
        let routes = options(&format!(", {section}: [{{zone: a.example, to: [{listed}]}}]")).routes;
        let kept: Vec<String> = routes[0].to.iter().map(SocketAddr::to_string).collect();
        assert_eq!(kept, allowed, "{section}");
    }
}
