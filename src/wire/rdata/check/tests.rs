use data_encoding::HEXUPPER_PERMISSIVE;

use super::{Fault, RdataError, check};
use crate::wire::error::WireError;
use crate::wire::numbers::Rtype;
use crate::wire::rdata::Field;

fn octets(hex: &str) -> Vec<u8> {
    HEXUPPER_PERMISSIVE.decode(hex.replace(' ', "").as_bytes()).unwrap()
}

#[track_caller]
fn check_accepts(rtype: Rtype, hex: &str) {
    assert_eq!(check(rtype, &octets(hex)), Ok(()));
}

#[track_caller]
fn check_refuses(rtype: Rtype, hex: &str, at: usize, fault: Fault) {
    assert_eq!(check(rtype, &octets(hex)), Err(RdataError { at, fault }));
}

#[test]
fn address_has_its_exact_length() {
    check_accepts(Rtype::A, "C0000201");
    check_refuses(Rtype::A, "C00002", 0, Fault::Short(Field::Ipv4));
    check_refuses(Rtype::A, "C000020101", 4, Fault::Trailing);
    check_refuses(Rtype::AAAA, "C0000201", 0, Fault::Short(Field::Ipv6));
}

#[test]
fn name_is_plain() {
    check_accepts(Rtype::MX, "000A 01610162 00");
    check_refuses(Rtype::MX, "000A 0161C000", 2, Fault::Name(WireError::Pointer { at: 2 }));
}

#[test]
fn text_has_at_least_one_string() {
    check_accepts(Rtype::TXT, "00");
    check_accepts(Rtype::TXT, "0161 00");
    check_refuses(Rtype::TXT, "", 0, Fault::Short(Field::CharStrings));
    check_refuses(Rtype::TXT, "0261", 0, Fault::Short(Field::CharStrings));
}

#[test]
fn type_bitmap_has_ordered_windows_without_padding() {
    check_accepts(Rtype::NSEC, "00 000140");
    check_accepts(Rtype::NSEC, "00 000140 010101");
    for bad in ["00 00", "00 000100", "00 010101 000140", "00 000140 000140", "00 0000"] {
        let wrong = check(Rtype::NSEC, &octets(bad)).unwrap_err();
        assert_eq!(wrong, RdataError { at: 1, fault: Fault::Value(Field::TypeBitmap) }, "{bad}");
    }
}

#[test]
fn bitmap_of_nsec_is_never_empty_and_that_of_nsec3_may_be() {
    check_refuses(Rtype::NSEC, "00", 1, Fault::Value(Field::TypeBitmap));
    check_accepts(Rtype::NSEC3, "01 00 0000 00 0101");
    check_accepts(Rtype::CSYNC, "00000001 0003");
}

#[test]
fn service_parameters_ascend_and_agree() {
    check_accepts(Rtype::SVCB, "0001 00 0001 0003 026832 0003 0002 01BB");
    check_accepts(Rtype::SVCB, "0001 00 0000 0002 0003 0003 0002 01BB");
    check_accepts(Rtype::HTTPS, "0000 00");
    check_accepts(Rtype::HTTPS, "0000 00 0003 0002 01BB");
    let wrong = Fault::Value(Field::SvcParams);
    for bad in [
        "0001 00 0003 0002 01BB 0001 0003 026832",
        "0001 00 0003 0001 01",
        "0001 00 0002 0000",
        "0001 00 0000 0002 0004",
        "0001 00 0003 0003 01BB",
    ] {
        check_refuses(Rtype::SVCB, bad, 3, wrong);
    }
}

#[test]
fn key_without_key_material_says_so_in_its_flags() {
    check_accepts(Rtype::KEY, "C000 03 08");
    check_refuses(Rtype::KEY, "C000 03 08 01", 4, Fault::Trailing);
    check_refuses(Rtype::KEY, "0100 03 08", 4, Fault::Short(Field::Base64));
    check_refuses(Rtype::DNSKEY, "C000 03 08", 4, Fault::Short(Field::Base64));
}

#[test]
fn digest_is_as_long_as_its_algorithm_says() {
    check_accepts(Rtype::DS, &format!("0001 08 02 {}", "AB".repeat(32)));
    check_accepts(Rtype::CDS, "0000 00 00 00");
    check_accepts(Rtype::SSHFP, "04 63 AB");
    check_refuses(Rtype::DS, "0001 08 02 AB", 4, Fault::Value(Field::Hex));
    check_refuses(Rtype::SSHFP, "04 02 AB", 2, Fault::Value(Field::Hex));
    check_refuses(Rtype::ZONEMD, "00000001 01 F0 AB", 6, Fault::Value(Field::Hex));
}

#[test]
fn x25_address_is_at_least_four_digits() {
    check_accepts(Rtype::X25, "04 31323334");
    check_refuses(Rtype::X25, "03 313233", 0, Fault::Value(Field::CharString));
    check_refuses(Rtype::X25, "04 31323341", 0, Fault::Value(Field::CharString));
}

#[test]
fn location_lies_on_the_globe() {
    check_accepts(Rtype::LOC, "00 12 16 13 80000000 80000000 00989680");
    check_accepts(Rtype::LOC, "01 FF FF FF FFFFFFFF FFFFFFFF 00000000");
    let wrong = Fault::Value(Field::Location);
    check_refuses(Rtype::LOC, "00 1A 16 13 80000000 80000000 00989680", 0, wrong);
    check_refuses(Rtype::LOC, "00 12 16 13 FFFFFFFF 80000000 00989680", 0, wrong);
}

#[test]
fn prefixes_fit_their_family_and_end_without_zeros() {
    check_accepts(Rtype::APL, "");
    check_accepts(Rtype::APL, "0001 15 03 C0A820");
    let wrong = Fault::Value(Field::Prefixes);
    check_refuses(Rtype::APL, "0001 21 01 C0", 0, wrong);
    check_refuses(Rtype::APL, "0001 15 02 C000", 0, wrong);
    check_refuses(Rtype::APL, "0001 15 05 C0A8200101", 0, wrong);
}

#[test]
fn gateway_is_of_a_known_kind() {
    check_accepts(Rtype::IPSECKEY, "0A 00 02 01");
    check_accepts(Rtype::IPSECKEY, "0A 03 02 016100 01");
    check_accepts(Rtype::IPSECKEY, "0A 01 00 C0000201");
    check_refuses(Rtype::IPSECKEY, "0A 00 02", 0, Fault::Short(Field::IpsecKey));
    check_refuses(Rtype::IPSECKEY, "0A 04 02 01", 0, Fault::Value(Field::IpsecKey));
    check_refuses(Rtype::IPSECKEY, "0A 01 02 C000", 0, Fault::Short(Field::IpsecKey));
}

#[test]
fn host_identity_has_the_lengths_it_names() {
    check_accepts(Rtype::HIP, "01 02 0001 AA BB 016100");
    check_refuses(Rtype::HIP, "01 02 0009 AA BB", 0, Fault::Short(Field::HostIdentity));
    check_refuses(Rtype::HIP, "00 02 0001 BB", 0, Fault::Value(Field::HostIdentity));
}

#[test]
fn unknown_type_holds_anything() {
    check_accepts(Rtype(65_280), "");
    check_accepts(Rtype(65_280), "C000");
    check_accepts(Rtype::NULL, "00");
}
