use super::{From, Reception};
use crate::answer::{Snapshot, View, ZoneState, ZoneTable};
use crate::base::time::Wall;
use crate::config::Config;
use crate::mail::address::Path;
use crate::net::World;
use crate::net::certificate::Certificate;
use crate::net::mail::{MailServer, Queue, Settings, Setup, Store};
use crate::wire::name::NameBuf;
use crate::zone::crew::Crew;
use crate::zone::file::source::Texts;
use crate::zone::load::{Apex, Means, load};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::watch;

const ZONE: &str = "$TTL 300\n@ SOA ns admin 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n\
                    d MX 10 h\nd TXT \"v=spf1 mx -all\"\nh A 192.0.2.2\n\
                    f MX 10 h\nf TXT \"v=spf1 include:x.broken.example -all\"\n";

/// What a sender gets from a server whose check is `spf`: the fields, or the reply.
async fn check(spf: &str, client: &str, (sender, may_relay): (&str, bool)) -> String {
    let zone = |text: &str| {
        let apex = NameBuf::from_text(b"example.", None).unwrap();
        let texts = Texts::of("zone", text.as_bytes().to_vec());
        let means = Means { now: Wall::from_secs(0), crew: &Crew::alone() };
        load(&texts, "zone", Apex::Given(apex.as_name()), means).zone.unwrap()
    };
    let mut zones = ZoneTable::default();
    zones.insert(zone(ZONE).apex(), ZoneState::Loaded(Arc::new(zone(ZONE))));
    let broken = NameBuf::from_text(b"broken.example.", None).unwrap();
    zones.insert(broken.as_name(), ZoneState::Broken);
    let views = vec![Arc::new(View { zones, ..View::default() })];
    let world = World::new(Snapshot { views, ..Snapshot::default() }.with_inside());
    let text = format!(
        "mail: {{hostname: us.example, smtp: ['127.0.0.1:0'], checks: {{spf: '{spf}'}}}}\n"
    );
    let (config, _) = Config::load(std::path::Path::new("kereru.yaml"), text.as_bytes()).unwrap();
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("kereru-reception-{}-{number}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    let (_stop, stopping) = watch::channel(false);
    let config = config.mail.unwrap();
    let store = Store::open(&folder.join("mail")).unwrap();
    let queue = Queue::open(&folder.join("queue"), Wall::from_secs(0)).unwrap();
    let certificate =
        Certificate::self_signed("us.example", &folder, Wall::from_secs(1 << 30)).unwrap();
    let setup = Setup { config, certificate };
    let server = MailServer::new(Arc::new(world), setup.clone(), (store, queue), stopping).unwrap();
    let (sender, _) = Path::read(sender).unwrap();
    let from = From {
        client: client.parse().unwrap(),
        helo: "client.example",
        sender: &sender,
        may_relay,
    };
    let reception = Reception { shared: &server.0, settings: &Settings::of(setup) };
    let checked = reception.check_sender(from).await;
    let _ = std::fs::remove_dir_all(folder);
    match checked {
        Ok(fields) => fields.split(' ').take(2).collect::<Vec<_>>().join(" "),
        Err(reply) => format!("{} {:?}", reply.code(), reply.status().unwrap()),
    }
}

#[tokio::test]
async fn spf_is_noted_and_refuses_where_that_is_wanted() {
    for (spf, client, sender, expected) in [
        ("note", "192.0.2.2", "a@d.example", "Received-SPF: pass"),
        ("note", "192.0.2.3", "a@d.example", "Received-SPF: fail"),
        ("reject", "192.0.2.2", "a@d.example", "Received-SPF: pass"),
        ("reject", "192.0.2.3", "a@d.example", "550 Status(7, 23)"),
        ("reject", "192.0.2.3", "a@h.example", "Received-SPF: none"),
        ("reject", "192.0.2.3", "<>", "Received-SPF: none"),
        ("off", "192.0.2.3", "a@d.example", ""),
    ] {
        assert_eq!(check(spf, client, (sender, false)).await, expected, "{spf} {client} {sender}");
    }
}

#[tokio::test]
async fn spf_that_cannot_be_checked_is_for_later_where_it_refuses() {
    let sender = ("a@f.example", false);
    assert_eq!(check("reject", "192.0.2.3", sender).await, "451 Status(7, 24)");
    assert_eq!(check("note", "192.0.2.3", sender).await, "Received-SPF: temperror");
}

#[tokio::test]
async fn spf_asks_nothing_of_programs_of_this_machine_and_of_those_who_are_known() {
    for (client, may_relay) in [("127.0.0.1", false), ("::1", false), ("192.0.2.3", true)] {
        assert_eq!(check("reject", client, ("a@d.example", may_relay)).await, "");
    }
}
