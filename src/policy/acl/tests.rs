use std::net::IpAddr;

use super::{Acl, Prefix, PrefixError};
use proptest::prelude::*;

fn prefix(text: &str) -> Prefix {
    Prefix::parse(text).unwrap()
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[track_caller]
fn check_text(text: &str, expected: Result<&str, PrefixError>) {
    let read = Prefix::parse(text).map(|prefix| prefix.to_string());
    assert_eq!(read, expected.map(str::to_owned));
}

#[track_caller]
fn check_acl(prefixes: &[&str], inside: &[&str], outside: &[&str]) {
    let acl = Acl::new(prefixes.iter().map(|text| prefix(text)));
    let alone: Vec<Prefix> = prefixes.iter().map(|text| prefix(text)).collect();
    for (addresses, expected) in [(inside, true), (outside, false)] {
        for text in addresses {
            assert_eq!(acl.allows(address(text)), expected, "{text}");
            let by_prefix = alone.iter().any(|prefix| prefix.contains(address(text)));
            assert_eq!(by_prefix, expected, "{text}, prefix by prefix");
        }
    }
}

#[test]
fn prefixes_are_read_and_written_alike() {
    check_text("0.0.0.0/0", Ok("0.0.0.0/0"));
    check_text("192.0.2.0/24", Ok("192.0.2.0/24"));
    check_text("2001:db8::/32", Ok("2001:db8::/32"));
    check_text("::/0", Ok("::/0"));
    check_text("::ffff:0:0/96", Ok("::ffff:0.0.0.0/96"));
}

#[test]
fn address_alone_is_a_prefix_of_all_its_bits() {
    check_text("192.0.2.1", Ok("192.0.2.1/32"));
    check_text("2001:db8::1", Ok("2001:db8::1/128"));
}

#[test]
fn text_that_is_no_prefix_is_refused() {
    check_text("", Err(PrefixError::Address));
    check_text("192.0.2/24", Err(PrefixError::Address));
    check_text("localhost", Err(PrefixError::Address));
    check_text("192.0.2.0/", Err(PrefixError::Length(32)));
    check_text("192.0.2.0/33", Err(PrefixError::Length(32)));
    check_text("192.0.2.0/+8", Err(PrefixError::Length(32)));
    check_text("192.0.2.0/999", Err(PrefixError::Length(32)));
    check_text("::/129", Err(PrefixError::Length(128)));
}

#[test]
fn bits_after_the_prefix_are_refused_with_the_prefix_that_was_meant() {
    check_text("192.0.2.1/24", Err(PrefixError::HostBits(prefix("192.0.2.0/24"))));
    check_text("2001:db8::1/32", Err(PrefixError::HostBits(prefix("2001:db8::/32"))));
}

#[test]
fn empty_list_allows_nobody() {
    check_acl(&[], &[], &["0.0.0.0", "127.0.0.1", "::", "::1"]);
    assert!(Acl::new([]).is_empty());
}

#[test]
fn families_are_apart() {
    check_acl(&["0.0.0.0/0"], &["0.0.0.0", "255.255.255.255"], &["::", "2001:db8::1"]);
    check_acl(&["::/0"], &["::", "2001:db8::1"], &["0.0.0.0", "192.0.2.1"]);
}

#[test]
fn mapped_addresses_count_as_ipv4() {
    check_acl(&["127.0.0.0/8"], &["::ffff:127.0.0.1"], &["::ffff:128.0.0.1"]);
    check_acl(&["::/0", "::ffff:0:0/96"], &[], &["::ffff:192.0.2.1", "192.0.2.1"]);
}

#[test]
fn both_ends_of_a_prefix_are_in_it() {
    check_acl(&["192.0.2.64/26"], &["192.0.2.64", "192.0.2.127"], &["192.0.2.63", "192.0.2.128"]);
}

#[test]
fn overlapping_and_neighbouring_prefixes_are_one_range() {
    let split = ["10.0.0.0/9", "10.128.0.0/9", "10.1.0.0/16"];
    assert_eq!(Acl::new(split.map(prefix)), Acl::new([prefix("10.0.0.0/8")]));
    let apart = ["10.0.0.0/9", "10.128.0.0/10"];
    assert_ne!(Acl::new(apart.map(prefix)), Acl::new([prefix("10.0.0.0/8")]));
}

proptest! {
    #[test]
    fn list_allows_what_any_of_its_prefixes_contains(
        prefixes in prop::collection::vec((any::<u8>(), 0_u8..=8), 0..8),
        asked in any::<u8>(),
    ) {
        let prefixes: Vec<Prefix> = prefixes
            .into_iter()
            .map(|(octet, length)| Prefix::v4([10, 0, 0, octet], 24 + length))
            .collect();
        let asked = IpAddr::from([10, 0, 0, asked]);
        let expected = prefixes.iter().any(|prefix| prefix.contains(asked));
        prop_assert_eq!(Acl::new(prefixes).allows(asked), expected);
    }
}
