//! Pointers in replies lead where they should, and sets that take turns keep their size.

use crate::message::{Asking, Message, query};
use crate::world::{PEER, exchange, exchange_in, name, snapshot, zone};
use kereru::answer::{AnswerOptions, Transport, Workspace};
use kereru::wire::numbers::Rtype;
use std::collections::BTreeSet;

#[test]
fn wildcard_that_answers_for_the_end_of_the_question_is_compressed_rightly() {
    let zones = vec![
        zone("example.", "* MX 10 mail.example."),
        zone("x.bbbb.example.", "@ DNAME example."),
    ];
    let snapshot = snapshot(zones, AnswerOptions::default());
    let asked = query(&name("bbbb.x.bbbb.example."), Rtype::MX, Asking::PLAIN);
    let reply = Message::read(&exchange(&snapshot, Transport::Udp, &asked).unwrap());
    assert_eq!(
        reply.render(),
        "NOERROR aa\nanswer: x.bbbb.example. 3600 DNAME example.\n\
         answer: bbbb.x.bbbb.example. 3600 CNAME bbbb.example.\n\
         answer: bbbb.example. 3600 MX 10 mail.example."
    );
}

/// What so many queries in a row get, whose sets take turns.
fn in_turn(records: &str, question: &str, count: usize) -> Vec<Vec<u8>> {
    let options = AnswerOptions { rotate_answers: true, ..AnswerOptions::default() };
    let snapshot = snapshot(vec![zone("example.", records)], options);
    let mut local = Workspace::default();
    let (qname, rtype) = question.split_once(' ').unwrap();
    let asked = query(&name(qname), Rtype::from_text(rtype).unwrap(), Asking::PLAIN);
    let way = (Transport::Tcp, PEER);
    (0..count).map(|_| exchange_in(&snapshot, &mut local, way, &asked, &mut ()).unwrap()).collect()
}

#[test]
fn size_of_a_reply_does_not_depend_on_whose_turn_it_is() {
    for count in [2, 32, 33, 40] {
        let records: Vec<String> =
            (0..count).map(|number| format!("m MX {number} mx{number}.mail.elsewhere.")).collect();
        let replies = in_turn(&records.join("\n"), "m.example. MX", count + 1);
        let lens: BTreeSet<usize> = replies.iter().map(Vec::len).collect();
        assert_eq!(lens.len(), 1, "{lens:?}");
    }
}

#[test]
fn glue_stays_with_its_server_whoevers_turn_it_is() {
    let records = "sub NS a.sub\nsub NS b.sub\nsub NS c.other.\nsub NS d\n\
                   a.sub A 192.0.2.1\nb.sub A 192.0.2.2\nd A 192.0.2.4";
    for reply in in_turn(records, "www.sub.example. A", 8) {
        let reply = Message::read(&reply);
        let mut glue: Vec<String> =
            reply.render().lines().filter(|line| line.contains(" A ")).map(str::to_owned).collect();
        glue.sort();
        assert_eq!(
            glue,
            [
                "additional: a.sub.example. 3600 A 192.0.2.1",
                "additional: b.sub.example. 3600 A 192.0.2.2",
                "additional: d.example. 3600 A 192.0.2.4",
            ]
        );
        assert_eq!(reply.authorities.len(), 4);
    }
}
