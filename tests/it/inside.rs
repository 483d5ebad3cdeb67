//! Questions of the server itself, which go the way of those of clients.

use crate::world::{name, zone};
use kereru::answer::{AnswerOptions, Snapshot, View, ZoneState, ZoneTable};
use kereru::mail::lookup::{Answer, End, Question, Source, Unknown};
use kereru::net::World;
use kereru::net::stub::StubResolver;
use kereru::policy::acl::Acl;
use kereru::wire::numbers::Rtype;
use std::sync::Arc;

/// A view that no client may ask.
fn closed(apex: &str, records: &str) -> Arc<View> {
    let mut zones = ZoneTable::default();
    let zone = Arc::new(zone(apex, records));
    zones.insert(name(apex).as_name(), ZoneState::Loaded(zone));
    let allow_query = Some(Acl::new([]));
    Arc::new(View { zones, allow_query, options: AnswerOptions::default(), ..View::default() })
}

fn world(records: &str) -> Arc<World> {
    let views = vec![closed("example.", records), closed("other.", "")];
    Arc::new(World::new(Snapshot { views, ..Snapshot::default() }.with_inside()))
}

async fn ask(stub: &StubResolver, text: &str) -> Answer {
    stub.ask(&Question { name: name(text), rtype: Rtype::A }).await
}

#[tokio::test]
async fn server_may_ask_what_its_clients_may_not() {
    let stub = StubResolver::new(world("www A 192.0.2.1"));
    let answer = ask(&stub, "www.example.").await;
    assert_eq!(
        (answer.end, answer.source, answer.is_authoritative),
        (End::Records, Source::OwnZone, true)
    );
    assert_eq!(
        answer.addresses().collect::<Vec<_>>(),
        ["192.0.2.1".parse::<std::net::IpAddr>().unwrap()]
    );
    assert_eq!(ask(&stub, "none.example.").await.end, End::NoName);
}

#[tokio::test]
async fn what_is_not_ours_is_unknown_without_a_resolver() {
    let stub = StubResolver::new(world(""));
    for other in ["other.", "www.elsewhere."] {
        assert_eq!(ask(&stub, other).await.end, End::Unknown(Unknown::NoResolver), "{other}");
    }
}

#[tokio::test]
async fn next_question_after_a_reload_sees_the_new_zone() {
    let world = world("www A 192.0.2.1");
    let stub = StubResolver::new(Arc::clone(&world));
    assert_eq!(ask(&stub, "www.example.").await.end, End::Records);
    let views = vec![closed("example.", "")];
    world.publish(Snapshot { views, ..Snapshot::default() }.with_inside());
    assert_eq!(ask(&stub, "www.example.").await.end, End::NoName);
}
