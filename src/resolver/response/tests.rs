use super::{Asked, End, Found, Meaning, Referral, Useless, read};
use crate::wire::header::{Flags, Header};
use crate::wire::name::NameBuf;
use crate::wire::numbers::{Class, Rcode, Rtype};
use crate::wire::typed::{Record, Response};

fn name(text: &str) -> NameBuf {
    NameBuf::from_text(text.as_bytes(), None).unwrap()
}

/// A record from `owner type data`, where the data of addresses is one number.
fn record(text: &str) -> Record {
    let words: Vec<&str> = text.split(' ').collect();
    let rtype = Rtype::from_text(words[1]).unwrap();
    let rdata = match rtype {
        Rtype::A => vec![192, 0, 2, words[2].parse().unwrap()],
        Rtype::DS => vec![0, 1, 8, 1],
        Rtype::RRSIG => [&[0, words[2].parse().unwrap()][..], &[0; 16], &[0, 1]].concat(),
        Rtype::SOA => [&name(words[2]).as_name().as_wire().repeat(2)[..], &[0; 20]].concat(),
        Rtype::NSEC => [name(words[2]).as_name().as_wire(), &[0, 1, 0x40]].concat(),
        _ => name(words[2]).as_name().as_wire().to_vec(),
    };
    Record { owner: name(words[0]), rtype, class: Class::IN, ttl_secs: 60, rdata: rdata.into() }
}

/// A response with these flags and sections, whose records are separated by a bar.
fn response(rcode: Rcode, flags: u16, sections: [&str; 3]) -> Response {
    let records =
        |text: &str| text.split('|').filter(|text| !text.is_empty()).map(record).collect();
    let flags = Flags(Flags::QR | flags);
    let header = Header { id: 1, flags, questions: 0, answers: 0, authorities: 0, additionals: 0 };
    let [answers, authorities, additionals] = sections.map(records);
    Response {
        header,
        question: None,
        rcode,
        answers,
        authorities,
        additionals,
        edns: None,
        odd: 0,
    }
}

/// What the response means that a server of `zone` gives.
#[track_caller]
fn meaning(zone: &str, asked: &str, rcode: Rcode, flags: u16, sections: [&str; 3]) -> Meaning {
    let (owner, rtype) = asked.split_once(' ').unwrap();
    let (owner, zone) = (name(owner), name(zone));
    let rtype = Rtype::from_text(rtype).unwrap();
    let asked = Asked { name: owner.as_name(), rtype, zone: zone.as_name(), is_forwarded: false };
    read(response(rcode, flags, sections), asked)
}

/// The owners and types of the chain, its last name and its end.
#[track_caller]
fn found(meaning: Meaning) -> (String, String, End) {
    let Meaning::Found(Found { chain, last, end, .. }) = meaning else {
        panic!("not found: {meaning:?}");
    };
    let chain: Vec<String> =
        chain.iter().map(|set| format!("{} {}", set.owner, set.rtype)).collect();
    (chain.join("|"), last.to_string(), end)
}

#[track_caller]
fn check_found(zone: &str, asked: &str, sections: [&str; 3], chain: &str, last: &str, end: End) {
    let got = found(meaning(zone, asked, Rcode::NOERROR, Flags::AA, sections));
    assert_eq!(got, (chain.to_owned(), last.to_owned(), end));
}

/// What has nothing in it that helps, and denies nothing.
const EMPTY: Useless = Useless::Empty { is_denial: false };

#[track_caller]
fn check_useless(zone: &str, asked: &str, flags: u16, sections: [&str; 3], expected: Useless) {
    let got = meaning(zone, asked, Rcode::NOERROR, flags, sections);
    assert_eq!(got, Meaning::Useless(expected));
}

#[test]
fn records_of_the_question_are_the_answer() {
    let sections = ["a.z. A 1|a.z. A 2", "", ""];
    check_found("z.", "A.z. A", sections, "a.z. A", "A.z.", End::Records);
}

#[test]
fn aliases_are_followed_as_far_as_the_zone_speaks() {
    let whole = ["a.z. CNAME b.z.|b.z. CNAME c.z.|c.z. A 1", "", ""];
    check_found("z.", "a.z. A", whole, "a.z. CNAME|b.z. CNAME|c.z. A", "c.z.", End::Records);
    let outside = ["a.z. CNAME b.y.|b.y. A 1", "", ""];
    check_found("z.", "a.z. A", outside, "a.z. CNAME", "b.y.", End::Open);
    check_found("z.", "a.z. CNAME", outside, "a.z. CNAME", "a.z.", End::Records);
}

#[test]
fn records_that_are_not_on_the_chain_are_not_taken() {
    let sections = ["x.z. A 9|a.z. CNAME b.z.|c.z. A 1", "", ""];
    check_found("z.", "a.z. A", sections, "a.z. CNAME", "b.z.", End::Open);
}

#[test]
fn loop_of_aliases_ends() {
    let sections = ["a.z. CNAME b.z.|b.z. CNAME a.z.", "", ""];
    check_found("z.", "a.z. A", sections, "a.z. CNAME|b.z. CNAME", "a.z.", End::Open);
}

#[test]
fn what_a_dname_makes_of_a_name_is_worked_out_and_not_believed() {
    let honest = ["d.z. DNAME e.z.|a.d.z. CNAME a.e.z.|a.e.z. A 1", "", ""];
    check_found("z.", "a.d.z. A", honest, "d.z. DNAME|a.e.z. A", "a.e.z.", End::Records);
    let lying = ["d.z. DNAME e.z.|a.d.z. CNAME evil.z.|evil.z. A 1", "", ""];
    check_found("z.", "a.d.z. A", lying, "d.z. DNAME", "a.e.z.", End::Open);
    // A DNAME redirects what is below it, not the name itself.
    let itself = ["d.z. DNAME e.z.", "z. SOA z.", ""];
    check_found("z.", "d.z. A", itself, "", "d.z.", End::NoData);
}

#[test]
fn dname_that_makes_too_long_a_name_ends_the_chain_whatever_the_response_code() {
    let label = "a".repeat(60);
    let (target, asked) = ([&*label; 3].join("."), format!("{label}.{label}.old.z."));
    let sections = [&*format!("old.z. DNAME {target}.z."), "", ""];
    for rcode in [Rcode::YXDOMAIN, Rcode::NOERROR, Rcode::NXDOMAIN] {
        let got = found(meaning("z.", &format!("{asked} A"), rcode, Flags::AA, sections));
        assert_eq!(got, ("old.z. DNAME".to_owned(), asked.clone(), End::TooLong));
    }
    let baseless =
        meaning("z.", "a.old.z. A", Rcode::YXDOMAIN, Flags::AA, ["a.old.z. A 1", "", ""]);
    assert_eq!(baseless, Meaning::Useless(Useless::Failed(Rcode::YXDOMAIN)));
}

#[test]
fn soa_makes_a_denial_of_the_type_and_the_response_code_one_of_the_name() {
    check_found("z.", "a.z. A", ["", "z. SOA z.", ""], "", "a.z.", End::NoData);
    let denied = meaning("z.", "a.z. A", Rcode::NXDOMAIN, Flags::AA, ["", "z. SOA z.", ""]);
    assert_eq!(found(denied), (String::new(), "a.z.".to_owned(), End::NameError));
    // Behind an alias it is the last name that is denied.
    let sections = ["a.z. CNAME b.z.", "z. SOA z.", ""];
    let denied = meaning("z.", "a.z. A", Rcode::NXDOMAIN, Flags::AA, sections);
    assert_eq!(found(denied), ("a.z. CNAME".to_owned(), "b.z.".to_owned(), End::NameError));
}

#[test]
fn soa_and_proofs_of_a_denial_are_kept_and_a_foreign_soa_is_not() {
    let sections = ["", "z. SOA z.|a.z. NSEC b.z.|y. SOA y.", ""];
    let Meaning::Found(found) = meaning("z.", "a.z. A", Rcode::NOERROR, Flags::AA, sections) else {
        panic!("not found");
    };
    assert_eq!(found.soa.unwrap().owner, name("z."));
    assert_eq!(found.proofs.len(), 1);
    // One of a zone that the name is not in denies nothing.
    check_useless("z.", "a.z. A", Flags::AA, ["", "b.z. SOA z.", ""], EMPTY);
}

#[test]
fn referral_leads_down_with_glue_from_the_zone_alone() {
    let sections = [
        "",
        "b.z. NS ns.b.z.|b.z. NS ns.z.|b.z. NS ns.y.|b.z. DS x|b.z. NSEC c.z.",
        "ns.b.z. A 1|ns.z. A 2|ns.y. A 3|other.b.z. A 4",
    ];
    let Meaning::Referral(Referral { servers, ds, proofs, glue }) =
        meaning("z.", "a.b.z. A", Rcode::NOERROR, 0, sections)
    else {
        panic!("no referral");
    };
    assert_eq!((servers.owner, servers.rdatas.len()), (name("b.z."), 3));
    assert!(ds.is_some());
    assert_eq!(proofs.len(), 1);
    let owners: Vec<NameBuf> = glue.into_iter().map(|set| set.owner).collect();
    assert_eq!(owners, [name("ns.b.z."), name("ns.z.")]);
}

#[test]
fn referral_that_does_not_lead_down_is_lame() {
    for servers in ["z. NS ns.z.", "c.z. NS ns.z."] {
        check_useless("z.", "a.b.z. A", 0, ["", servers, ""], Useless::Lame);
    }
    // One upwards lies outside the zone and is not even seen.
    check_useless("z.", "a.b.z. A", 0, ["", ". NS ns.z.", ""], EMPTY);
}

#[test]
fn ds_of_a_zone_is_its_parents_to_tell() {
    let childs = ["", "b.z. SOA b.z.", ""];
    check_useless("z.", "b.z. DS", Flags::AA, childs, Useless::NotAsParent);
    let to_child = ["", "b.z. NS ns.b.z.", ""];
    check_useless("z.", "b.z. DS", 0, to_child, Useless::NotAsParent);
    check_found("z.", "b.z. DS", ["", "z. SOA z.", ""], "", "b.z.", End::NoData);
    // The root has no parent.
    check_found(".", ". DS", ["", ". SOA z.", ""], "", ".", End::NoData);
    let below = meaning("z.", "a.b.z. DS", Rcode::NOERROR, 0, ["", "b.z. NS ns.b.z.", ""]);
    assert!(matches!(below, Meaning::Referral(_)), "{below:?}");
}

#[test]
fn denial_for_a_zone_above_is_none() {
    let denied =
        |zone| meaning(zone, "a.b.z. A", Rcode::NXDOMAIN, Flags::AA, ["", "z. SOA z.", ""]);
    assert_eq!(denied("b.z."), Meaning::Useless(Useless::Lame));
    assert_eq!(found(denied("z.")).2, End::NameError);
}

#[test]
fn signatures_that_were_asked_for_are_one_set() {
    let sections = ["a.z. RRSIG 1|a.z. RRSIG 28|b.z. RRSIG 1", "", ""];
    let Meaning::Found(found) = meaning("z.", "a.z. RRSIG", Rcode::NOERROR, Flags::AA, sections)
    else {
        panic!("not found");
    };
    let [set] = &found.chain[..] else { panic!("not one set: {found:?}") };
    assert_eq!((set.rtype, set.rdatas.len(), set.signatures.len()), (Rtype::RRSIG, 2, 0));
    assert_eq!(found.end, End::Records);
}

#[test]
fn addresses_of_the_roots_servers_are_taken_as_far_as_it_lists_them() {
    let sections = [". NS a.z.", "", "a.z. A 1|b.z. A 2"];
    let glue = |zone, asked, sections| {
        let meaning = meaning(zone, asked, Rcode::NOERROR, Flags::AA, sections);
        let Meaning::Found(found) = meaning else { panic!("not found: {meaning:?}") };
        found.glue.into_iter().map(|set| set.owner).collect::<Vec<_>>()
    };
    assert_eq!(glue(".", ". NS", sections), [name("a.z.")]);
    // Of other zones they are not: nothing needs them.
    assert!(glue("z.", "z. NS", ["z. NS a.z.", "", "a.z. A 1"]).is_empty());
}

#[test]
fn answer_of_a_server_that_is_not_responsible_is_borrowed_unless_it_was_to_resolve() {
    let sections = ["a.z. A 1", "", ""];
    let Meaning::Borrowed(borrowed) = meaning("z.", "a.z. A", Rcode::NOERROR, 0, sections) else {
        panic!("not borrowed");
    };
    assert_eq!((borrowed.end, borrowed.is_authoritative), (End::Records, false));
    let (owner, root) = (name("a.z."), name("."));
    let asked =
        Asked { name: owner.as_name(), rtype: Rtype::A, zone: root.as_name(), is_forwarded: true };
    let got = read(response(Rcode::NOERROR, 0, sections), asked);
    assert_eq!(found(got), ("a.z. A".to_owned(), "a.z.".to_owned(), End::Records));
    let referral = read(response(Rcode::NOERROR, 0, ["", "z. NS ns.z.", ""]), asked);
    assert_eq!(referral, Meaning::Useless(Useless::Lame));
}

#[test]
fn glue_that_stands_where_an_answer_does_is_none() {
    let sections = ["ns.b.z. A 1", "b.z. NS ns.b.z.", "ns.b.z. A 1"];
    let of_parent = meaning("z.", "ns.b.z. A", Rcode::NOERROR, 0, sections);
    let Meaning::Referral(referral) = of_parent else { panic!("no referral: {of_parent:?}") };
    assert_eq!(referral.servers.owner, name("b.z."));
    assert_eq!(referral.glue.len(), 1);
    let of_zone = meaning("b.z.", "ns.b.z. A", Rcode::NOERROR, 0, sections);
    assert!(matches!(of_zone, Meaning::Borrowed(_)), "{of_zone:?}");
}

#[test]
fn addresses_of_the_roots_servers_are_taken_from_who_is_responsible_alone() {
    let sections = [". NS a.z.", "", "a.z. A 1"];
    let Meaning::Borrowed(found) = meaning(".", ". NS", Rcode::NOERROR, 0, sections) else {
        panic!("not borrowed");
    };
    assert_eq!(found.glue, []);
}

#[test]
fn failures_and_empty_responses_do_not_help() {
    for rcode in [Rcode::SERVFAIL, Rcode::REFUSED, Rcode::FORMERR, Rcode::NOTIMP, Rcode::BADVERS] {
        let got = meaning("z.", "a.z. A", rcode, Flags::AA, ["a.z. A 1", "", ""]);
        assert_eq!(got, Meaning::Useless(Useless::Failed(rcode)));
    }
    let denial = Useless::Empty { is_denial: true };
    check_useless("z.", "a.z. A", Flags::AA, ["", "", ""], denial);
    check_useless("z.", "a.z. A", 0, ["", "", ""], EMPTY);
    check_useless("z.", "a.z. A", Flags::AA, ["b.z. A 1", "", ""], EMPTY);
    let cut = Flags::AA | Flags::TC;
    check_useless("z.", "a.z. A", cut, ["a.z. A 1", "", ""], EMPTY);
}

#[test]
fn question_for_all_types_takes_all_sets_of_the_name() {
    let sections = ["a.z. A 1|a.z. NS n.z.|b.z. A 1", "", ""];
    check_found("z.", "a.z. ANY", sections, "a.z. A|a.z. NS", "a.z.", End::Records);
}

#[test]
fn words_of_a_forwarder_are_not_authoritative_whatever_it_says() {
    for (is_forwarded, expected) in [(true, false), (false, true)] {
        let (owner, root) = (name("www.a."), name("."));
        let asked =
            Asked { name: owner.as_name(), rtype: Rtype::A, zone: root.as_name(), is_forwarded };
        let response = response(Rcode::NOERROR, Flags::AA, ["www.a. A 1", "", ""]);
        let Meaning::Found(found) = read(response, asked) else { panic!("not found") };
        assert_eq!(found.is_authoritative, expected);
    }
}
