use super::{is_private, remove};
use crate::resolver::response::{End, Found};
use crate::resolver::scrub::ReceivedSet;
use crate::wire::name::NameBuf;
use crate::wire::numbers::Rtype;
use std::net::IpAddr;

fn rdata(text: &str) -> Box<[u8]> {
    match text.parse().unwrap() {
        IpAddr::V4(address) => address.octets().into(),
        IpAddr::V6(address) => address.octets().into(),
    }
}

#[track_caller]
fn check(expected: bool, addresses: &[&str]) {
    for address in addresses {
        assert_eq!(is_private(address.parse().unwrap()), expected, "{address}");
    }
}

#[test]
fn addresses_of_private_networks_are_private() {
    let v4 = ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "127.0.0.1", "0.0.0.0"];
    check(true, &v4);
    check(true, &["169.254.1.1", "100.64.0.1", "100.127.255.255", "0.1.2.3"]);
    check(true, &["fc00::1", "fdff::1", "fe80::1", "febf::1", "::1", "::"]);
    check(true, &["::ffff:10.0.0.1", "::ffff:127.0.0.1"]);
}

#[test]
fn addresses_beside_private_networks_are_not() {
    check(false, &["9.255.255.255", "11.0.0.0", "172.32.0.1", "192.169.0.1", "128.0.0.1"]);
    check(false, &["100.63.255.255", "100.128.0.0", "169.253.1.1", "1.0.0.0"]);
    check(false, &["2001:db8::1", "fbff::1", "fec0::1", "::2", "::ffff:192.0.2.1"]);
}

fn name(text: &str) -> NameBuf {
    NameBuf::from_text(text.as_bytes(), None).unwrap()
}

fn found(addresses: &[&str]) -> Found {
    let rdatas = addresses.iter().map(|text| rdata(text)).collect();
    let set = |owner: &str, rtype, rdatas| ReceivedSet {
        owner: name(owner),
        rtype,
        ttl_secs: 60,
        rdatas,
        signatures: vec![Box::from([1])],
    };
    let alias = set("a.z.", Rtype::CNAME, vec![name("b.z.").as_name().as_wire().into()]);
    Found {
        chain: vec![alias, set("b.z.", Rtype::A, rdatas)],
        last: name("b.z."),
        end: End::Records,
        soa: None,
        proofs: Vec::new(),
        glue: Vec::new(),
        is_authoritative: true,
    }
}

#[test]
fn private_addresses_are_taken_out_with_the_signatures_and_public_ones_stay() {
    let mut mixed = found(&["10.0.0.1", "192.0.2.1"]);
    remove(&mut mixed);
    let left = &mixed.chain[1];
    assert_eq!((&left.rdatas[..], left.signatures.len()), (&[rdata("192.0.2.1")][..], 0));
    assert_eq!(mixed.end, End::Records);
    let mut public = found(&["192.0.2.1"]);
    remove(&mut public);
    assert_eq!(public, found(&["192.0.2.1"]));
}

#[test]
fn answer_of_which_nothing_is_left_is_that_there_is_nothing() {
    let mut private = found(&["10.0.0.1"]);
    remove(&mut private);
    assert_eq!((private.chain.len(), private.end), (1, End::NoData));
}

#[test]
fn services_that_hint_at_private_addresses_are_taken_out() {
    let head = [0, 1, 0];
    let v4 = |last| [&head[..], &[0, 4, 0, 8, 192, 0, 2, 1, last, 0, 0, 1]].concat();
    let v6 = |first| {
        let address = [&[first][..], &[0; 15]].concat();
        [&head[..], &[0, 1, 0, 3, 2, b'h', b'2', 0, 6, 0, 16], &address].concat()
    };
    // The second address of a hint, an IPv6 one, and what is no hint.
    for (rdata, is_private) in [
        (v4(10), true),
        (v4(11), false),
        (v6(0xFD), true),
        (v6(0x20), false),
        ([&head[..], &[0, 5, 0, 4, 10, 0, 0, 1]].concat(), false),
        ([&head[..], &[0, 4, 0, 9, 10, 0, 0, 1]].concat(), false),
    ] {
        for rtype in [Rtype::SVCB, Rtype::HTTPS] {
            let mut answer = found(&[]);
            answer.chain[1].rtype = rtype;
            answer.chain[1].rdatas = vec![rdata.clone().into()];
            remove(&mut answer);
            let expected = if is_private { End::NoData } else { End::Records };
            assert_eq!(answer.end, expected, "{rdata:?}");
        }
    }
}
