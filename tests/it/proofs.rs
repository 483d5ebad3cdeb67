//! What proves to a client that wants DNSSEC that there is nothing else: RFC 4035, RFC 5155.

use crate::message::{Asking, Message, query};
use crate::world::{exchange, name, snapshot, zone};
use kereru::answer::{AnswerOptions, Transport};
use kereru::wire::numbers::Rtype;

const DNSSEC: Asking = Asking { edns_size: Some(1232), dnssec_ok: true };
const SOA: &str = "authority: example. 300 SOA ns.elsewhere. admin.example. 1 2 3 4 300";

/// Serves `records` as example. and compares what `qname rtype` gets with DO.
#[track_caller]
fn check(records: &str, question: &str, expected: &str) {
    let snapshot = snapshot(vec![zone("example.", records)], AnswerOptions::default());
    let (qname, rtype) = question.split_once(' ').unwrap();
    let asked = query(&name(qname), Rtype::from_text(rtype).unwrap(), DNSSEC);
    let reply = Message::read(&exchange(&snapshot, Transport::Udp, &asked).unwrap());
    assert_eq!(reply.render(), expected.replace("SOA!", SOA), "{question}");
}

#[test]
fn wildcard_in_the_middle_of_a_chain_is_proved_behind_the_whole_answer() {
    let records = "@ NSEC a NS SOA NSEC\na CNAME b.w\na NSEC *.w CNAME NSEC\n\
                   *.w CNAME x\n*.w NSEC x CNAME NSEC\nx A 192.0.2.1\nx NSEC @ A NSEC";
    let aliases = "answer: a.example. 3600 CNAME b.w.example.\n\
                   answer: b.w.example. 3600 CNAME x.example.\n";
    let proof = "authority: *.w.example. 3600 NSEC x.example. CNAME NSEC";
    check(
        records,
        "a.example. A",
        &format!("NOERROR aa\n{aliases}answer: x.example. 3600 A 192.0.2.1\n{proof}"),
    );
    check(
        records,
        "a.example. MX",
        &format!(
            "NOERROR aa\n{aliases}SOA!\n{proof}\nauthority: x.example. 3600 NSEC example. A NSEC"
        ),
    );
}

#[test]
fn wildcard_is_proved_where_the_chain_leaves_our_zones() {
    check(
        "@ NSEC *.w NS SOA NSEC\n*.w CNAME elsewhere.\n*.w NSEC @ CNAME NSEC",
        "a.w.example. A",
        "NOERROR aa\nanswer: a.w.example. 3600 CNAME elsewhere.\n\
         authority: *.w.example. 3600 NSEC example. CNAME NSEC",
    );
}

#[test]
fn referral_holds_the_ds_of_the_cut_where_it_is_signed() {
    let ds = "DS 1 13 9 00";
    let referral = "NOERROR\nauthority: cut.example. 3600 NS ns.elsewhere.";
    let unsigned = format!("cut NS ns.elsewhere.\ncut {ds}");
    check(&unsigned, "www.cut.example. A", referral);
    let signature = "DS 13 2 3600 20300101000000 20200101000000 1 example. AAAA";
    check(
        &format!("{unsigned}\ncut RRSIG {signature}"),
        "www.cut.example. A",
        &format!(
            "{referral}\nauthority: cut.example. 3600 {ds}\n\
             authority: cut.example. 3600 RRSIG {signature}"
        ),
    );
}

/// The zone's one NSEC3 record, made with so many iterations, covers all other names.
fn hashed(iterations: u16) -> [String; 2] {
    let link = "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom";
    let record = format!("NSEC3 1 0 {iterations} - {link} NS SOA");
    let records = format!("@ NSEC3PARAM 1 0 {iterations} -\n{link} {record}");
    [
        records,
        format!("\nauthority: {link}.example. 3600 {}", record.replace(link, &link.to_uppercase())),
    ]
}

#[test]
fn denial_with_more_iterations_than_validators_take_is_proved() {
    for iterations in [0, 151, 2500] {
        let [records, proof] = hashed(iterations);
        check(&records, "nothing.example. A", &format!("NXDOMAIN aa\nSOA!{proof}"));
    }
}

#[test]
fn denial_with_more_iterations_than_a_zone_may_have_is_not_proved() {
    check(&hashed(2501)[0], "nothing.example. A", "NXDOMAIN aa\nSOA!");
}

#[test]
fn proof_of_a_cut_does_not_stand_for_that_of_the_apex_below() {
    let parent = zone(
        "example.",
        "@ NSEC * NS SOA NSEC\n* CNAME child\n* NSEC child CNAME NSEC\n\
         child NS ns.elsewhere.\nchild NSEC @ NS NSEC",
    );
    let child = zone("child.example.", "@ NSEC @ NS SOA NSEC");
    let snapshot = snapshot(vec![parent, child], AnswerOptions::default());
    let asked = query(&name("d.example."), Rtype::TXT, DNSSEC);
    let reply = Message::read(&exchange(&snapshot, Transport::Udp, &asked).unwrap());
    assert_eq!(
        reply.render(),
        "NOERROR aa\nanswer: d.example. 3600 CNAME child.example.\n\
         authority: child.example. 300 SOA ns.elsewhere. admin.child.example. 1 2 3 4 300\n\
         authority: child.example. 3600 NSEC example. NS NSEC\n\
         authority: child.example. 3600 NSEC child.example. NS SOA NSEC"
    );
}
