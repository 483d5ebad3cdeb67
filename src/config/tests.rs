use std::path::Path;

use super::{Config, Origin, ZoneSource};
use crate::config::source::shorten;
use crate::config::words::ResolverMode;
use proptest::prelude::*;

/// All problems, one line each, without the name of the file.
fn problems(text: &str) -> Vec<String> {
    let found = match Config::load(Path::new("etc/k.yaml"), text.as_bytes()) {
        Ok((_, warnings)) => warnings,
        Err(problems) => problems,
    };
    let lines = found.iter().map(ToString::to_string);
    lines.map(|line| line.replace("etc/k.yaml:", "")).collect()
}

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    assert_eq!(problems(text), expected);
}

#[track_caller]
fn load(text: &str) -> Config {
    match Config::load(Path::new("etc/k.yaml"), text.as_bytes()) {
        Ok((config, _)) => config,
        Err(_) => panic!("{:?}", problems(text)),
    }
}

#[test]
fn empty_file_is_the_default() {
    check("", &[]);
    check("# nothing\n", &[]);
    check("{}\n", &[]);
    let mut config = load("");
    assert_eq!(config.origin, Origin::File("etc/k.yaml".into()));
    assert_eq!(config.state.path, Path::new("etc/var"));
    assert_eq!(Config::built_in().state.path, Path::new("var"));
    config.origin = Origin::BuiltIn;
    config.state = Config::built_in().state;
    assert_eq!(format!("{config:?}"), format!("{:?}", Config::built_in()));
}

#[test]
fn built_in_configuration_listens_on_loopback() {
    let config = Config::built_in();
    assert_eq!(config.origin, Origin::BuiltIn);
    let listen: Vec<_> = config.listen.iter().map(ToString::to_string).collect();
    assert_eq!(listen, ["127.0.0.1:5300", "[::1]:5300"]);
    assert_eq!(config.edns.udp_size.get(), 1232);
    assert!(config.resolver.is_none() && config.mail.is_none() && config.zones.is_empty());
}

#[test]
fn unknown_key_names_the_nearest_known_one() {
    check(
        "edns: {udp_sise: 1232}\n",
        &["1:8: error: unknown key `udp_sise` [unknown-key]; did you mean `udp-size`?"],
    );
    check(
        "lsten: []\n",
        &["1:1: error: unknown key `lsten` [unknown-key]; did you mean `listen`?"],
    );
    check(
        "edns:\n  qqqqq: 1\n",
        &["2:3: error: unknown key `qqqqq` [unknown-key]; the keys here are `udp-size`"],
    );
    check("1: 2\n", &["1:1: error: expected the name of a key, found the number 1 [unknown-key]"]);
    check(
        "zones:\n- {zone: a.example, fil: x}\n",
        &[
            "2:4: error: a zone without its `file` [zone-entry]; an entry is either `zone` with \
             `file`, or `directory` alone",
            "2:21: error: unknown key `fil` [unknown-key]; did you mean `file`?",
        ],
    );
}

#[test]
fn repeated_key_is_told_with_the_first_line() {
    check(
        "workers: 1\nany: full\nworkers: 2\n",
        &["3:1: error: `workers` is set twice [duplicate-key]; it is set on line 1 already; \
             remove one"],
    );
    check(
        "edns: {udp-size: 512, udp-size: 513}\n",
        &["1:23: error: `udp-size` is set twice [duplicate-key]; it is set on line 1 already; \
             remove one"],
    );
}

#[test]
fn all_problems_are_told_at_once() {
    check(
        "workers: 0\nlisten: [here]\nedns: 5\ntcp: {idle-timeout: 10}\nany: maximal\n",
        &[
            "1:10: error: the number 0 is out of range [out-of-range]; it can be from 1 to 256",
            "2:10: error: expected an address with a port such as `192.0.2.1:53` or \
             `[2001:db8::1]:53`, found `here` [bad-value]",
            "3:7: error: expected a section of keys with values, found the number 5 [wrong-type]",
            "4:21: error: expected a time such as `30s`, `5m` or `1h30m`, found the number 10 \
             [wrong-type]; for seconds write `10s`",
            "5:6: error: expected `minimal` or `full`, found `maximal` [bad-value]; did you \
             mean `minimal`?",
        ],
    );
}

#[test]
fn wrong_types_say_what_is_expected() {
    check(
        "- a\n",
        &["1:3: error: expected a section of keys with values, found a list [wrong-type]"],
    );
    check(
        "listen: 127.0.0.1:53\n",
        &["1:9: error: expected a list, found `127.0.0.1:53` [wrong-type]; write `[a, b]`, or \
             `[]` for none"],
    );
    check(
        "minimal-responses: yes\n",
        &["1:20: error: expected `true` or `false`, found `yes` [wrong-type]"],
    );
    check(
        "edns: {udp-size: big}\n",
        &["1:18: error: expected a number from 512 to 4096, found `big` [wrong-type]"],
    );
    check(
        "zones: [a]\n",
        &["1:9: error: expected a section of keys with values, found `a` [wrong-type]"],
    );
    check(
        "zones: [{zone: 12, file: a}]\n",
        &["1:16: error: expected a domain name such as `example.org`, found the number 12 \
             [wrong-type]; put a text in quotes"],
    );
    check(
        "edns: {udp-size: [1232]}\n",
        &["1:8: error: expected a number from 512 to 4096, found a list [wrong-type]"],
    );
    check(
        "edns: {udp-size: !env SIZE}\n",
        &["1:18: error: expected a number from 512 to 4096, found a YAML tag [wrong-type]"],
    );
    check(
        "edns: {udp-size: }\n",
        &["1:18: error: expected a number from 512 to 4096, found nothing [wrong-type]"],
    );
}

#[test]
fn numbers_have_ranges() {
    check(
        "edns: {udp-size: 511}\n",
        &["1:18: error: the number 511 is out of range [out-of-range]; it can be from 512 to \
             4096"],
    );
    check(
        "edns: {udp-size: 4097}\n",
        &["1:18: error: the number 4097 is out of range [out-of-range]; it can be from 512 to \
             4096"],
    );
    check("edns: {udp-size: 512}\n", &[]);
    check("edns: {udp-size: 4096}\n", &[]);
    check(
        "workers: 257\n",
        &["1:10: error: the number 257 is out of range [out-of-range]; it can be from 1 to 256"],
    );
    check(
        "workers: -1\n",
        &["1:10: error: the number -1 is out of range [out-of-range]; it can be from 1 to 256"],
    );
    check(
        "workers: many\n",
        &["1:10: error: expected `auto` or a number of threads, found `many` [wrong-type]"],
    );
    check("workers: auto\n", &[]);
    check(
        "tcp: {idle-timeout: 2h}\n",
        &["1:21: error: `2h` is out of range [out-of-range]; it can be from 1s to 1h"],
    );
    check(
        "tcp: {idle-timeout: 1w}\n",
        &["1:21: error: expected a time such as `30s`, `5m` or `1h30m`, found `1w` \
             [bad-value]; the units are d, h, m and s, in this order"],
    );
}

#[test]
fn addresses_need_a_port_and_no_name() {
    check(
        "listen: [127.0.0.1]\n",
        &["1:10: error: expected an address with a port such as `192.0.2.1:53` or \
             `[2001:db8::1]:53`, found `127.0.0.1` [bad-value]; write `127.0.0.1:53`"],
    );
    check(
        "listen: [\"::1\"]\n",
        &["1:10: error: expected an address with a port such as `192.0.2.1:53` or \
             `[2001:db8::1]:53`, found `::1` [bad-value]; write `[::1]:53`"],
    );
    check(
        "listen: [localhost:53]\n",
        &["1:10: error: expected an address with a port such as `192.0.2.1:53` or \
             `[2001:db8::1]:53`, found `localhost:53` [bad-value]; names are not looked up; \
             write `127.0.0.1` or `[::1]`"],
    );
    check(
        "listen: [127.0.0.1:70000]\n",
        &["1:10: error: expected an address with a port such as `192.0.2.1:53` or \
             `[2001:db8::1]:53`, found `127.0.0.1:70000` [bad-value]"],
    );
    check(
        "listen: []\n",
        &["1:1: error: no address to listen on [bad-value]; write at least one, such as \
             `127.0.0.1:53`"],
    );
}

#[test]
fn address_can_be_bound_once() {
    check(
        "listen: [127.0.0.1:53,\n  127.0.0.1:53]\n",
        &["2:3: error: the address `127.0.0.1:53` is there twice [duplicate]; it is on line 1 \
             already"],
    );
    check(
        "listen: [127.0.0.1:8053]\n",
        &["1:10: error: the address `127.0.0.1:8053` is there twice [duplicate]; the default \
             of another key has it already"],
    );
    check("listen: [127.0.0.1:0, 127.0.0.1:0]\n", &[]);
    check("listen: [127.0.0.1:53, 127.0.0.1:54, \"[::1]:53\"]\n", &[]);
}

#[test]
fn address_beside_the_wildcard_is_refused() {
    check(
        "listen: [0.0.0.0:53, 127.0.0.1:53]\n",
        &["1:22: error: `0.0.0.0:53` has `127.0.0.1:53` in it [overlap]; the wildcard answers at \
             every address: remove one of the two"],
    );
    check("listen: [\"[::]:53\", 127.0.0.1:53]\n", &[]);
}

#[test]
fn zone_entry_is_a_zone_with_its_file_or_a_directory() {
    check("zones:\n- {zone: a.example, file: a.zone}\n- {directory: /zones}\n", &[]);
    check(
        "zones:\n- zone: a.example\n",
        &["2:3: error: a zone without its `file` [zone-entry]; an entry is either `zone` with \
             `file`, or `directory` alone"],
    );
    check(
        "zones:\n- file: a.zone\n",
        &["2:3: error: a file without its `zone` [zone-entry]; an entry is either `zone` with \
             `file`, or `directory` alone"],
    );
    check(
        "zones:\n- {}\n",
        &["1:1: error: an entry without a zone [zone-entry]; an entry is either `zone` with \
             `file`, or `directory` alone"],
    );
    check(
        "zones:\n- {zone: a.example, file: a, directory: b}\n",
        &["2:4: error: both `zone` and `directory` [zone-entry]; an entry is either `zone` \
             with `file`, or `directory` alone"],
    );
    check(
        "zones:\n- {file: a, directory: b}\n",
        &["2:4: error: both `file` and `directory` [zone-entry]; an entry is either `zone` \
             with `file`, or `directory` alone"],
    );
    check(
        "zones: [{directory: \"\"}]\n",
        &["1:21: error: expected a path, found an empty text [bad-value]"],
    );
}

#[test]
fn zone_names_are_names_and_distinct() {
    check(
        "zones:\n- {zone: a.example, file: a}\n- {zone: A.Example., file: b}\n",
        &["3:10: error: the zone `A.Example.` is there twice [duplicate]; it is on line 2 \
             already"],
    );
    check(
        "zones: [{zone: a..example, file: a}]\n",
        &["1:16: error: expected a domain name such as `example.org`, found `a..example` \
             [bad-value]; it has an empty label (two dots in a row, or a dot at the start)"],
    );
    check(
        "zones: [{zone: \"@\", file: a}]\n",
        &["1:16: error: expected a domain name such as `example.org`, found `@` [bad-value]"],
    );
    check("zones: [{zone: ., file: a}]\n", &[]);
}

#[test]
fn paths_are_relative_to_the_configuration() {
    let config = load("zones:\n- {zone: ., file: z/root.zone}\n- {directory: /abs}\n");
    let [ZoneSource::File { zone, file }, ZoneSource::Directory(directory)] = &config.zones[..]
    else {
        panic!("{:?}", config.zones);
    };
    assert_eq!(zone.to_string(), ".");
    assert_eq!(file.path, Path::new("etc/z/root.zone"));
    assert_eq!(file.written, "z/root.zone");
    assert_eq!(file.place.as_ref().map(|place| (place.line, place.column)), Some((2, 19)));
    assert_eq!(directory.path, Path::new("/abs"));
}

#[test]
fn prefixes_have_no_host_bits() {
    check(
        "resolver: {mode: off, allow: [192.0.2.1/24]}\n",
        &["1:31: error: `192.0.2.1/24` has bits set after the prefix [bad-value]; write \
             `192.0.2.0/24` for the whole network"],
    );
    check(
        "resolver: {mode: off, allow: [192.0.2.0/33]}\n",
        &["1:31: error: expected an address prefix such as `192.0.2.0/24`, found \
             `192.0.2.0/33` [bad-value]; the length of the prefix is not from 0 to 32"],
    );
    check(
        "resolver: {mode: off, allow: [office]}\n",
        &["1:31: error: expected an address prefix such as `192.0.2.0/24`, found `office` \
             [bad-value]"],
    );
    check("resolver: {mode: off, allow: [192.0.2.1, \"2001:db8::/32\"]}\n", &[]);
}

#[test]
fn off_may_be_written_false() {
    assert!(load("resolver: {mode: off}\n").resolver.is_none());
    assert!(load("resolver: {mode: false}\n").resolver.is_none());
    assert_eq!(load("resolver:\n").resolver.map(|it| it.mode), Some(ResolverMode::Recursive));
    check(
        "resolver: {mode: of}\n",
        &["1:18: error: expected `recursive`, `forward`, `referral` or `off`, found `of` \
             [bad-value]; did you mean `off`?"],
    );
    check("any: off\n", &["1:6: error: expected `minimal` or `full`, found `off` [bad-value]"]);
}

#[test]
fn forwarding_needs_a_forward_for_the_root() {
    check(
        "resolver:\n  mode: forward\n",
        &["2:9: error: mode `forward` needs a `forward` for \".\" [missing-key]; write \
             `forward: [{zone: \".\", to: [ADDRESS]}]`"],
    );
    check(
        "resolver: {stub: [{zone: a, to: [0.0.0.0]}], forward: [{zone: b, to: [\"ff02::1\"]}]}\n",
        &[
            "1:34: error: no server can be asked at 0.0.0.0 [bad-value]; write the address of one \
             server",
            "1:71: error: no server can be asked at ff02::1 [bad-value]; write the address of one \
             server",
        ],
    );
    check(
        "resolver: {stub: [{zone: a, to: [255.255.255.255, \"::ffff:192.0.2.1\"]}]}\n",
        &[
            "1:34: error: no server can be asked at 255.255.255.255 [bad-value]; write the address of \
             one server",
            "1:51: error: no server can be asked at ::ffff:192.0.2.1 [bad-value]; write the address \
             of one server",
        ],
    );
    let config = load("resolver: {mode: forward, forward: [{zone: ., to: [192.0.2.53]}]}\n");
    let forward = &config.resolver.unwrap().forward[0];
    assert_eq!((forward.to[0].to_string().as_str(), forward.only), ("192.0.2.53:53", true));
}

#[test]
fn servers_that_are_never_asked_are_told() {
    check(
        "resolver: {ip: [4], forward: [{zone: ., to: [\"2001:db8::53\", 192.0.2.53]}]}\n",
        &[
            "1:46: warning: [2001:db8::53]:53 is not asked over its version of IP [never-asked]; add \
             its version to `resolver.ip`",
        ],
    );
    check(
        "listen: [\"192.0.2.1:53\"]\nresolver:\n  stub: [{zone: a, to: [192.0.2.1, \
             \"192.0.2.1:54\"]}]\n",
        &["3:25: warning: 192.0.2.1:53 is this server, which does not ask itself [never-asked]; \
             write the address of another"],
    );
}

#[test]
fn forward_and_stub_need_a_zone_and_servers() {
    check(
        "resolver:\n  forward:\n  - {to: [192.0.2.1]}\n  stub:\n  - {zone: a.test}\n",
        &[
            "3:6: error: `zone` is missing here [missing-key]",
            "5:6: error: no server to ask [missing-key]; write `to` with at least one address",
        ],
    );
    check(
        "resolver:\n  forward: [{zone: a.test, to: [192.0.2.1]}]\n  \
         stub: [{zone: a.test, to: [\"[::1]:5302\"]}]\n",
        &["3:17: error: `a.test.` in `forward` and `stub` is there twice [duplicate]; it is \
             on line 2 already"],
    );
    check(
        "resolver:\n  stub: [{zone: a, to: [192.0.2.1:0]}]\n  ip: [4, 5]\n  source: [x]\n",
        &[
            "2:25: error: expected an address, with or without a port, such as `192.0.2.1` or \
             `[2001:db8::1]:53`, found `192.0.2.1:0` [bad-value]",
            "3:11: error: expected 4 or 6, found the number 5 [bad-value]",
            "4:12: error: expected an IP address such as `192.0.2.1`, found `x` [bad-value]",
        ],
    );
}

const HASH: &str = "$argon2id$v=19$m=8,t=1,p=1$c2FsdGFuZHBlcHBlcg$\
                    Wn0aYkqYQ8vwcUYGzqJt9g5fFxWmFk1oZl3r5G7c3Yk";

#[test]
fn mail_needs_its_name() {
    check("mail:\n  smtp: []\n", &["1:1: error: `hostname` is missing here [missing-key]"]);
    check("mail:\n", &["1:6: error: `hostname` is missing here [missing-key]"]);
}

#[test]
fn users_are_distinct_and_have_hashes() {
    let user = format!("name: joe, password: '{HASH}'");
    check(
        &format!(
            "mail:\n  hostname: m.test\n  users:\n  - {{{user}}}\n  \
             - {{{user}, addresses: [joe]}}\n"
        ),
        &[
            "5:12: error: the user `joe` is there twice [duplicate]; it is on line 4 already",
            "5:132: error: expected a mail address such as `joe@example.org`, found `joe` \
             [bad-value]",
        ],
    );
    check(
        "mail:\n  hostname: m.test\n  users: [{name: joe}]\n",
        &["3:12: error: `password` is missing here [missing-key]"],
    );
    check(
        "mail:\n  hostname: m.test\n  users: []\n  postmaster: joe\n",
        &["4:15: error: no user has the name `joe` [conflict]; postmaster is the `name` of \
             one of `users`"],
    );
}

#[test]
fn password_is_not_repeated() {
    let text = "mail:\n  hostname: m.test\n  users: [{name: joe, password: iluvjane}]\n";
    check(
        text,
        &["3:33: error: expected the hash of a password [bad-value]; `kereru hash` makes one; \
             write it in quotes, because it has commas"],
    );
    let found = Config::load(Path::new("k.yaml"), text.as_bytes()).unwrap_err();
    assert!(!format!("{found:?}").contains("iluvjane"));
}

/// Checks a user's password.
#[track_caller]
fn check_password(hash: &str, expected: &[&str]) {
    check(
        &format!("mail:\n  hostname: m.test\n  users: [{{name: joe, password: '{hash}'}}]\n"),
        expected,
    );
}

#[test]
fn password_that_costs_too_much_to_check_is_an_error() {
    let of = |costs: &str| HASH.replace("m=8,t=1,p=1", costs);
    check_password(&of("m=262144,t=10,p=1"), &[]);
    for (costs, told) in [
        ("m=262145,t=10,p=1", "256 MiB and 10 passes"),
        ("m=262144,t=11,p=1", "256 MiB and 11 passes"),
        ("m=4000000,t=1,p=4", "3906 MiB and 1 passes"),
    ] {
        let expected = format!(
            "3:33: error: this hash takes {told} for each password that is checked [out-of-range]; \
             at most 256 MiB and 10 passes; make another with `kereru hash`"
        );
        check_password(&of(costs), &[&expected]);
    }
}

#[test]
fn password_that_no_hash_can_be_is_an_error() {
    let expected = "3:33: error: expected the hash of a password [bad-value]; `kereru hash` makes one; \
                    write it in quotes, because it has commas";
    for hash in [
        "$argon2id$x",
        "$argon2id$v=19$m=8,t=1,p=1$c2FsdGFuZHBlcHBlcg",
        "$argon2id$v=19$m=1,t=1,p=1$c2FsdGFuZHBlcHBlcg$Wn0aYkqYQ8vwcUYGzqJt9g5fFxWmFk1oZl3r5G7c3Yk",
        "$argon2id$v=20$m=8,t=1,p=1$c2FsdGFuZHBlcHBlcg$Wn0aYkqYQ8vwcUYGzqJt9g5fFxWmFk1oZl3r5G7c3Yk",
        "$argon2i$v=19$m=8,t=1,p=1$c2FsdGFuZHBlcHBlcg$Wn0aYkqYQ8vwcUYGzqJt9g5fFxWmFk1oZl3r5G7c3Yk",
        "$2b$12$abcdefghijklmnopqrstuv",
    ] {
        check_password(hash, &[expected]);
    }
}

#[test]
fn mailbox_is_a_safe_name_of_a_folder() {
    let with = |name: &str| {
        format!("mail:\n  hostname: m.test\n  users: [{{name: '{name}', password: '{HASH}'}}]\n")
    };
    for name in ["joe", "Joe.Bloggs", "joe+list_1-2", "0", &"a".repeat(64)] {
        check(&with(name), &[]);
    }
    for name in ["", ".joe", "..", "joe/jane", "joe jane", "joé", "joe@example", &"a".repeat(65)] {
        let shown = shorten(name);
        let expected = format!(
            "3:18: error: expected the name of a mailbox, found `{shown}` [bad-value]; it has 1 to 64 \
             letters of ASCII, digits, `.`, `_`, `-` and `+`, and does not begin with a dot"
        );
        check(&with(name), &[&expected]);
    }
}

#[test]
fn mail_server_with_a_short_name_is_warned_of() {
    check(
        "mail: {hostname: mail}\n",
        &[
            "1:18: warning: the name `mail.` has one label only [short-name]; other servers may refuse \
           it: write it whole, such as `mail.example.org`",
        ],
    );
}

#[test]
fn values_that_contradict_each_other_are_told() {
    check(
        "cache: {min-ttl: 2h, max-ttl: 1h}\n",
        &["1:18: error: min-ttl 2h is above max-ttl 1h [conflict]"],
    );
    check(
        "tcp: {connections: 10, per-client: 20}\n",
        &["1:36: warning: 20 for one client is more than 10 for all [overlap]; one client can \
             use up all; make `per-client` less than `connections`"],
    );
    check(
        "mail: {hostname: m.test, tls: {certificate: a.pem}}\n",
        &["1:45: error: a certificate and its key come together [conflict]; write both, or \
             neither for one that is self-signed"],
    );
    check(
        "mail: {hostname: m.test, queue: {first-retry: 2h, lifetime: 1h}}\n",
        &["1:47: error: first-retry 2h is after the end of lifetime 1h [conflict]"],
    );
}

#[test]
fn key_without_effect_is_a_warning_if_it_asks_for_more_than_off() {
    check("sandbox: false\nresolver: {mode: \"off\"}\n", &[]);
    check(
        "sandbox: true\ncache: {}\n",
        &["1:1: warning: `sandbox` has no effect in this version [no-effect]"],
    );
    check("http: {listen: []}\nlog: {queries: {to: \"\"}, level: debug}\nuser: \"\"\n", &[]);
    check(
        "http: {token-file: t}\nlog: {queries: {to: q.log}}\nsandbox: true\nresolver: {}\n",
        &[
            "1:8: warning: `http.token-file` has no effect in this version [no-effect]",
            "2:7: warning: `log.queries` has no effect in this version [no-effect]",
            "3:1: warning: `sandbox` has no effect in this version [no-effect]",
        ],
    );
}

#[test]
fn alias_can_share_a_list() {
    let http = "http: {listen: [], allow: &own [192.0.2.0/24]}\n";
    check(&format!("{http}resolver: {{mode: off, allow: *own}}\n"), &[]);
}

/// Pieces of which configurations, and near misses, are made.
fn piece() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "listen",
        "zones",
        "zone",
        "file",
        "edns",
        "udp-size",
        "mail",
        "users",
        "resolver",
        ": ",
        ":",
        "- ",
        "\n",
        "\n  ",
        "\n- ",
        "[",
        "]",
        "{",
        "}",
        ", ",
        "'",
        "\"",
        "\\",
        "&a ",
        "*a",
        "!t ",
        "? ",
        "| ",
        "> ",
        "#",
        "---\n",
        "...",
        "<<",
        "1",
        "off",
        "~",
        "\t",
        "\u{85}",
        "\u{2028}",
        "\r",
        "ā",
        "\u{FEFF}",
        "%YAML 1.2",
        "1e400",
        "-99999999999999999999999999999999999999999",
        "0x1F",
    ])
}

proptest! {
    #[test]
    fn any_text_is_read_without_panic_and_places_are_in_it(
        pieces in prop::collection::vec(piece(), 0..40),
    ) {
        let text = pieces.concat();
        if let Err(problems) = Config::load(Path::new("k.yaml"), text.as_bytes()) {
            for place in problems.iter().filter_map(|problem| problem.place.as_ref()) {
                let column = place.column as usize - 1;
                prop_assert!(text.contains(&place.text), "{place:?}");
                prop_assert!(place.text.is_char_boundary(column), "{place:?}");
                prop_assert!(place.length >= 1);
            }
        }
    }
}

#[test]
fn faults_that_cannot_happen_are_told() {
    let fault = |fault: &str| format!("mail: {{hostname: m.test, faults: [{{{fault}}}]}}\n");
    for good in [
        "to: joe@x",
        "to: bloggs.com, stage: end, reply: 451 4.3.0 try later",
        "to: '*', stage: connect, drop: true",
        "to: '*', stage: helo, delay: 5s",
    ] {
        check(&fault(good), &[]);
    }
    check(
        &fault("to: bloggs.com, stage: mail"),
        &["1:40: error: at this stage nobody knows the recipient [conflict]; write `to: \"*\"`"],
    );
    check(&fault("to: a b"), &["1:40: error: `a b` is no address and no domain [bad-value]"]);
    for reply in ["250 fine", "later", "45 x"] {
        check(
            &fault(&format!("to: x, reply: {reply}")),
            &[
                "1:50: error: expected a reply that refuses, such as `451 4.3.0 try later` [bad-value]",
            ],
        );
    }
}
