use super::{Checked, Secrets, SecretsError};
use crate::base::time::Wall;
use crate::wire::edns::Cookie;
use data_encoding::HEXLOWER;

/// The secrets of RFC 9018, appendix A.
const FIRST: &str = "e5e973e5a6b2a43f48e7dc849e37bfcf";
const OLD: &str = "dd3bdf9344b678b185a6f5cb60fca715";
const NEW: &str = "445536bcd2513298075a5d379663c962";

const CLIENT: &str = "2464c4abcf10c957";
const ADDRESS: &str = "198.51.100.100";
/// When CLIENT got COOKIE.
const MADE: u64 = 1_559_731_985;
const COOKIE: &str = "010000005cf79f111f8130c3eee29480";

fn octets<const N: usize>(hex: &str) -> [u8; N] {
    HEXLOWER.decode(hex.as_bytes()).unwrap().try_into().unwrap()
}

fn look(secrets: &str, address: &str, now: u64, client: &str, server: &str) -> Checked {
    let server = (!server.is_empty()).then(|| octets(server));
    let cookie = Cookie { client: octets(client), server };
    let secrets = Secrets::parse(secrets).unwrap();
    secrets.check(&cookie, address.parse().unwrap(), Wall::from_secs(now))
}

#[track_caller]
fn check(asked: (&str, &str, u64, &str, &str), is_valid: bool, given: &str) {
    let (secrets, address, now, client, server) = asked;
    let checked = look(secrets, address, now, client, server);
    assert_eq!(checked.reply.client, octets(client));
    assert_eq!(HEXLOWER.encode(&checked.reply.server), given);
    assert_eq!(checked.is_valid, is_valid);
}

#[test]
fn new_client_gets_the_cookie_of_rfc_9018_a_1() {
    check((FIRST, ADDRESS, MADE, CLIENT, ""), false, COOKIE);
}

#[test]
fn old_cookie_is_renewed_as_in_rfc_9018_a_2() {
    let renewed = "010000005cf7a871d4a564a1442aca77";
    check((FIRST, ADDRESS, MADE + 40 * 60, CLIENT, COOKIE), true, renewed);
}

#[test]
fn reserved_octets_are_hashed_and_not_judged_as_in_rfc_9018_a_3() {
    let (client, server) = ("fc93fc62807ddb86", "01abcdef5cf78f71a314227b6679ebf5");
    let renewed = "010000005cf7a9acf73a7810aca2381e";
    let (address, made, seen) = ("203.0.113.203", 1_559_727_985, 1_559_734_700);
    // It is two hours old there, so it is worth nothing any more; but its hash is right.
    check((FIRST, address, seen, client, server), false, renewed);
    check((FIRST, address, made, client, server), true, server);
    let altered = server.replace("abcdef", "abcdee");
    assert!(!look(FIRST, address, made, client, &altered).is_valid);
}

#[test]
fn secret_is_rolled_over_as_in_rfc_9018_a_4() {
    let (client, server) = ("22681ab97d52c298", "010000005cf7c57926556bd0934c72f8");
    let address = "2001:db8:220:1:59de:d0f4:8769:82b8";
    let (both, now) = (format!("{NEW}\n{OLD}\n"), 1_559_741_961);
    let renewed = "010000005cf7c609a6bb79d16625507a";
    check((&both, address, now, client, server), true, renewed);
    // Once the old secret is gone, its cookies are worth nothing.
    check((NEW, address, now, client, server), false, renewed);
}

#[test]
fn young_cookie_comes_back_as_it_is() {
    for age in [0, 1, 30 * 60] {
        check((FIRST, ADDRESS, MADE + age, CLIENT, COOKIE), true, COOKIE);
    }
    check((FIRST, ADDRESS, MADE - 5 * 60, CLIENT, COOKIE), true, COOKIE);
}

#[test]
fn cookie_is_good_for_an_hour_and_five_minutes_ahead() {
    let is_valid = |now| look(FIRST, ADDRESS, now, CLIENT, COOKIE).is_valid;
    assert_eq!((is_valid(MADE + 3600), is_valid(MADE + 3601)), (true, false));
    assert_eq!((is_valid(MADE - 300), is_valid(MADE - 301)), (true, false));
}

#[test]
fn time_that_wraps_around_is_no_trouble() {
    let end = u64::from(u32::MAX);
    let made = look(FIRST, ADDRESS, end - 10, CLIENT, "").reply.server;
    let made = HEXLOWER.encode(&made);
    assert!(look(FIRST, ADDRESS, end + 10, CLIENT, &made).is_valid);
    assert!(!look(FIRST, ADDRESS, end + 3600, CLIENT, &made).is_valid);
}

#[test]
fn cookie_of_another_client_address_version_or_hash_is_worth_nothing() {
    let is_valid =
        |address, client, server: &str| look(FIRST, address, MADE, client, server).is_valid;
    assert!(is_valid(ADDRESS, CLIENT, COOKIE));
    assert!(!is_valid("198.51.100.101", CLIENT, COOKIE));
    assert!(!is_valid(ADDRESS, "2464c4abcf10c958", COOKIE));
    assert!(!is_valid(ADDRESS, CLIENT, &COOKIE.replacen("01", "02", 1)));
    assert!(!is_valid(ADDRESS, CLIENT, &COOKIE.replacen("80", "81", 1)));
}

#[test]
fn address_in_ipv6_form_is_the_same_client() {
    assert!(look(FIRST, "::ffff:198.51.100.100", MADE, CLIENT, COOKIE).is_valid);
}

#[test]
fn file_holds_one_or_two_secrets_in_hexadecimal() {
    let parse = |text: &str| Secrets::parse(text).map(|_| ());
    assert_eq!(parse(FIRST), Ok(()));
    assert_eq!(parse(&format!("  {}\r\n\n{OLD}\n", FIRST.to_uppercase())), Ok(()));
    assert_eq!(parse("\n \n"), Err(SecretsError::None));
    assert_eq!(parse(&FIRST[1..]), Err(SecretsError::NotHex));
    assert_eq!(parse(&FIRST[2..]), Err(SecretsError::NotHex));
    assert_eq!(parse(&format!("{FIRST}\nsecret")), Err(SecretsError::NotHex));
    assert_eq!(parse(&format!("{FIRST}\n{OLD}\n{NEW}")), Err(SecretsError::TooMany));
}

#[test]
fn secrets_are_not_in_debug_texts() {
    let text = format!("{:?}", Secrets::parse(FIRST).unwrap());
    assert_eq!(text, "Secrets { count: 1, .. }");
}
