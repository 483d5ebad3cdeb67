use super::{Answer, End, Known, Question, Source, Unknown};
use crate::answer::{
    AnswerOptions, Exchange, Outcome, Snapshot, Transport, View, Workspace, ZoneState, ZoneTable,
    respond,
};
use crate::base::limits::MESSAGE_LEN_MAX;
use crate::base::time::{Now, Wall};
use crate::wire::edns::RequestOpt;
use crate::wire::name::{Name, NameBuf};
use crate::wire::numbers::Rtype;
use crate::wire::request::Request;
use crate::zone::crew::Crew;
use crate::zone::file::source::Texts;
use crate::zone::load::{Apex, Means, load};
use proptest::prelude::*;
use std::cell::Cell;
use std::sync::Arc;

pub(in crate::mail) fn name(text: &str) -> NameBuf {
    NameBuf::from_text(text.as_bytes(), Some(Name::ROOT)).unwrap()
}

/// All of DNS: a root zone with records. Names at and below `broken.` cannot be found out.
pub(in crate::mail) struct Dns {
    snapshot: Snapshot,
    /// Questions so far.
    pub(in crate::mail) asked: Cell<usize>,
}

impl Dns {
    pub(in crate::mail) fn of(records: &str) -> Self {
        let text = "$TTL 300\n@ SOA ns.root-servers. a. 1 2 3 4 5\n@ NS ns.root-servers.\nns.root-servers. A 192.0.2.53\n";
        Self::of_zone(".", &format!("{text}{records}\n"))
    }

    fn of_zone(apex: &str, text: &str) -> Self {
        let apex = name(apex);
        let texts = Texts::of("dns", text.as_bytes().to_vec());
        let means = Means { now: Wall::from_secs(0), crew: &Crew::alone() };
        let loaded = load(&texts, "dns", Apex::Given(apex.as_name()), means);
        let problems: Vec<String> = loaded.diagnostics.iter().map(ToString::to_string).collect();
        let zone = loaded.zone.unwrap_or_else(|| panic!("{}", problems.join("\n")));
        let mut zones = ZoneTable::default();
        zones.insert(apex.as_name(), ZoneState::Loaded(Arc::new(zone)));
        zones.insert(name("broken.").as_name(), ZoneState::Broken);
        let view = View { zones, options: AnswerOptions::default(), ..View::default() };
        let snapshot = Snapshot { views: vec![Arc::new(view)], ..Snapshot::default() };
        Self { snapshot, asked: Cell::new(0) }
    }

    fn ask(&self, question: &Question, asks_others: bool) -> Answer {
        self.asked.set(self.asked.get() + 1);
        let request = Request {
            id: 0,
            name: question.name.as_name(),
            rtype: question.rtype,
            recursion_desired: true,
            opt: Some(RequestOpt { udp_size: 1232, dnssec_ok: false, cookie: None }),
        };
        let octets = request.to_octets();
        let mut message = vec![0; MESSAGE_LEN_MAX];
        message[..octets.len()].copy_from_slice(&octets);
        let mut exchange = Exchange {
            message: &mut message,
            len: octets.len(),
            peer: "192.0.2.1:1".parse().unwrap(),
            local: "192.0.2.2:53".parse().unwrap(),
            transport: Transport::Tcp,
            received: Wall::from_secs(0),
            now: Now::from_micros(0),
        };
        let outcome = respond(&self.snapshot, &mut Workspace::default(), &mut exchange, &mut ());
        let Outcome::Reply { len, .. } = outcome else { panic!("no reply") };
        Answer::read(question, &message[..len], Source::OwnZone, asks_others)
    }

    /// Goes on until the function has all the answers that it wants.
    pub(in crate::mail) fn find_out<T>(&self, step: impl Fn(&Known) -> Result<T, Question>) -> T {
        let mut known = Known::default();
        loop {
            match step(&known) {
                Ok(end) => return end,
                Err(question) => {
                    let answer = self.ask(&question, true);
                    known.put(question, answer);
                }
            }
        }
    }
}

#[track_caller]
fn check(dns: &Dns, asks_others: bool, question: (&str, Rtype), expected: (End, &[&str])) {
    let question = Question { name: name(question.0), rtype: question.1 };
    let answer = dns.ask(&question, asks_others);
    let names: Vec<String> = answer.names.iter().map(ToString::to_string).collect();
    assert_eq!(
        (answer.end, names),
        (expected.0, expected.1.iter().map(|&text| text.into()).collect())
    );
}

#[test]
fn answer_is_what_is_said_of_the_name_that_aliases_lead_to() {
    let dns = Dns::of(
        "a.x. A 192.0.2.1\nalias.x. CNAME second.x.\nsecond.x. CNAME a.x.\n\
         lost.x. CNAME none.x.\nd.x. DNAME x.\n",
    );
    check(&dns, true, ("a.x.", Rtype::A), (End::Records, &["a.x."]));
    check(&dns, true, ("a.x.", Rtype::AAAA), (End::NoData, &["a.x."]));
    check(&dns, true, ("alias.x.", Rtype::A), (End::Records, &["alias.x.", "second.x.", "a.x."]));
    check(&dns, true, ("alias.x.", Rtype::MX), (End::NoData, &["alias.x.", "second.x.", "a.x."]));
    check(&dns, true, ("lost.x.", Rtype::A), (End::NoName, &["lost.x.", "none.x."]));
    check(&dns, true, ("a.d.x.", Rtype::A), (End::Records, &["a.d.x.", "a.x."]));
    check(&dns, true, ("none.x.", Rtype::A), (End::NoName, &["none.x."]));
    let broken = End::Unknown(Unknown::Failed("the zone is ours and has errors"));
    check(&dns, true, ("x.broken.", Rtype::A), (broken, &["x.broken."]));
}

#[test]
fn without_a_resolver_nothing_is_denied_that_is_not_ours() {
    let dns = Dns::of_zone(
        "example.",
        "$TTL 300\n@ SOA ns a 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\nout CNAME www.elsewhere.\n\
         cut NS ns.cut\nns.cut A 192.0.2.2\nin CNAME ns\n",
    );
    let unknown = End::Unknown(Unknown::NoResolver);
    check(&dns, false, ("elsewhere.", Rtype::MX), (unknown, &["elsewhere."]));
    check(&dns, false, ("a.cut.example.", Rtype::MX), (unknown, &["a.cut.example."]));
    check(&dns, false, ("out.example.", Rtype::A), (unknown, &["out.example.", "www.elsewhere."]));
    check(&dns, false, ("none.example.", Rtype::A), (End::NoName, &["none.example."]));
    check(&dns, false, ("ns.example.", Rtype::MX), (End::NoData, &["ns.example."]));
    check(&dns, false, ("in.example.", Rtype::MX), (End::NoData, &["in.example.", "ns.example."]));
}

#[test]
fn fields_of_records_are_read() {
    let dns = Dns::of(
        "m.x. MX 20 B.x.\nm.x. MX 10 a.x.\nt.x. TXT \"one \" \"two\"\nt.x. TXT \"three\"\n\
         a.x. AAAA 2001:db8::1\np.x. PTR Host.x.\n",
    );
    let ask = |text: &str, rtype| dns.ask(&Question { name: name(text), rtype }, true);
    let mut hosts: Vec<_> = ask("m.x.", Rtype::MX).exchangers().collect();
    hosts.sort();
    assert_eq!(hosts, [(10, name("a.x.")), (20, name("b.x."))]);
    let mut texts: Vec<_> = ask("t.x.", Rtype::TXT).texts().collect();
    texts.sort();
    assert_eq!(texts, [b"one two".to_vec(), b"three".to_vec()]);
    let addresses: Vec<_> = ask("a.x.", Rtype::AAAA).addresses().collect();
    assert_eq!(addresses, ["2001:db8::1".parse::<std::net::IpAddr>().unwrap()]);
    assert_eq!(ask("p.x.", Rtype::PTR).targets().collect::<Vec<_>>(), [name("host.x.")]);
}

#[test]
fn too_many_questions_are_not_asked() {
    let dns = Dns::of("");
    let all = dns.find_out(|known| {
        let number = 0..1000;
        number
            .map(|number| known.find(name(&format!("n{number}.x.")).as_name(), Rtype::A))
            .collect::<Result<Vec<_>, Question>>()
    });
    assert_eq!(dns.asked.get(), super::QUESTIONS_MAX);
    assert!(matches!(all.last().unwrap().end, End::Unknown(Unknown::Failed(_))));
}

proptest! {
    #[test]
    fn no_reply_is_more_than_unreadable(octets in any::<Vec<u8>>(), flips in any::<[(usize, u8); 3]>()) {
        let question = Question { name: name("a.x."), rtype: Rtype::MX };
        let _ = Answer::read(&question, &octets, Source::Servers, true);
        // A response with an MX record, some octets of which are others.
        let mut message = vec![0, 0, 0x84, 0, 0, 1, 0, 1, 0, 0, 0, 0];
        message.extend(b"\x01a\x01x\0\0\x0f\0\x01\xc0\x0c\0\x0f\0\x01\0\0\0\x3c\0\x06\0\x0a\x01b\xc0\x0e");
        for (at, octet) in flips {
            let at = at % message.len();
            message[at] ^= octet;
        }
        let answer = Answer::read(&question, &message, Source::Servers, true);
        prop_assert!(answer.exchangers().count() <= 1);
        prop_assert!(!answer.names.is_empty());
    }
}
