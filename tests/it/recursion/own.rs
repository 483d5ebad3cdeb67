//! Names of our own zones on the way, and private addresses from the world.

use super::{HIERARCHY, World, addresses, check_denied, hierarchy_with, ip, options};
use crate::world::name;
use kereru::cache::{End, Local, LocalCut, Owned};
use kereru::resolver::{Options, Question, Route, RouteKind};
use kereru::wire::folded::FoldedName;
use kereru::wire::name::NameBuf;
use kereru::wire::numbers::Rtype;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Zones of ours: servers.net. with some addresses, and cuts in zones of ours.
#[derive(Debug, Default)]
struct Ours {
    zone: Option<NameBuf>,
    addresses: Vec<(NameBuf, IpAddr)>,
    cut: Option<LocalCut>,
}

impl Local for Ours {
    fn owner_of(&self, name: &FoldedName, _rtype: Rtype) -> Owned {
        let is_within = |zone: &NameBuf| name.as_name().is_within(zone.as_name());
        match &self.cut {
            Some(cut) if is_within(&cut.zone) => Owned::Cut(cut.clone()),
            _ if self.zone.as_ref().is_some_and(is_within) => Owned::Yes,
            _ => Owned::No,
        }
    }

    fn addresses(&self, name: &FoldedName) -> Vec<IpAddr> {
        let of_name = |(owner, _): &&(NameBuf, IpAddr)| owner.as_name() == name.as_name();
        self.addresses.iter().filter(of_name).map(|(_, address)| *address).collect()
    }
}

fn with_ours(options: Options, ours: Ours) -> World {
    World::with(options, Arc::new(ours), 0, HIERARCHY)
}

fn servers_net(addresses: &[(&str, &str)]) -> Ours {
    let addresses = addresses.iter().map(|(owner, address)| (name(owner), ip(address)));
    Ours { zone: Some(name("servers.net.")), addresses: addresses.collect(), cut: None }
}

fn cut(servers: &[&str], glue: &[(&str, &str)]) -> Ours {
    let glue = glue.iter().map(|(owner, address)| (name(owner), ip(address)));
    let cut = LocalCut {
        zone: name("example.org."),
        servers: servers.iter().map(|server| name(server)).collect(),
        glue: glue.collect(),
    };
    Ours { zone: Some(name("org.")), addresses: Vec::new(), cut: Some(cut) }
}

#[test]
fn alias_into_a_zone_of_ours_ends_there() {
    let mut world = with_ours(options(), servers_net(&[]));
    let resolution = world.ask("far.example.org.", Rtype::A);
    assert!(matches!(resolution.end, End::Local), "{resolution:?}");
    assert_eq!(resolution.aliases.len(), 1);
    assert_eq!(world.sent_to("192.0.2.5") + world.sent_to("192.0.2.4"), 0);
    let resolution = world.ask("www.servers.net.", Rtype::A);
    assert!(matches!(resolution.end, End::Local), "{resolution:?}");
    assert_eq!(world.sent(), [""; 0]);
}

#[test]
fn server_whose_name_is_ours_has_its_address_from_us() {
    let mut world = with_ours(options(), servers_net(&[("ns.servers.net.", "192.0.2.5")]));
    assert_eq!(addresses(&world.ask("www.glueless.org.", Rtype::A)), [ip("192.0.2.91")]);
    assert_eq!(world.sent_to("192.0.2.4"), 0, "{:?}", world.sent());
    // If we have none there is none: nobody else is asked.
    let mut world = with_ours(options(), servers_net(&[]));
    let resolution = world.ask("www.glueless.org.", Rtype::A);
    assert!(matches!(resolution.end, End::Failed(_)), "{resolution:?}");
    assert!(world.sent().iter().all(|sent| !sent.contains("net.")), "{:?}", world.sent());
}

#[test]
fn other_zones_count_after_a_reload() {
    let mut world = with_ours(options(), Ours::default());
    assert_eq!(addresses(&world.ask("far.example.org.", Rtype::A)), [ip("192.0.2.90")]);
    world.resolver.set_local(Arc::new(servers_net(&[])));
    let resolution = world.ask("far.example.org.", Rtype::A);
    assert!(matches!(resolution.end, End::Local), "{resolution:?}");
}

#[test]
fn resolution_below_a_cut_of_ours_begins_at_its_servers() {
    let glue = [("ns.example.org.", "192.0.2.3")];
    let mut world = with_ours(options(), cut(&["ns.example.org."], &glue));
    assert_eq!(addresses(&world.ask("www.example.org.", Rtype::A)), [ip("192.0.2.80")]);
    assert_eq!(world.sent(), ["192.0.2.3 www.example.org. A"]);
    // The server's name may lie elsewhere.
    let mut world = with_ours(options(), cut(&["ns.servers.net."], &[]));
    world.serve(
        "192.0.2.5",
        &[
            ("servers.net.", "@ NS ns\nns A 192.0.2.5"),
            ("example.org.", "@ NS ns.servers.net.\nwww A 192.0.2.88"),
        ],
    );
    assert_eq!(addresses(&world.ask("www.example.org.", Rtype::A)), [ip("192.0.2.88")]);
    assert_eq!(world.sent_to("192.0.2.2"), 0);
}

#[test]
fn glue_of_a_cut_of_ours_is_no_exemption_for_forbidden_addresses() {
    let is_forbidden = |to: SocketAddr| to.ip() == ip("192.0.2.3");
    let options = Options { is_forbidden: Arc::new(is_forbidden), ..options() };
    let glue = [("ns.example.org.", "192.0.2.3")];
    let mut world = with_ours(options, cut(&["ns.example.org."], &glue));
    let resolution = world.ask("www.example.org.", Rtype::A);
    assert!(matches!(resolution.end, End::Failed(_)), "{resolution:?}");
    assert_eq!(world.sent(), [""; 0]);
}

#[test]
fn what_is_known_below_a_cut_of_ours_leads_further() {
    let glue = [("ns.example.org.", "192.0.2.3")];
    let mut world = with_ours(options(), cut(&["ns.example.org."], &glue));
    let zone = "@ NS ns\nns A 192.0.2.3\nsub NS ns.sub\nns.sub A 192.0.2.6";
    world.serve("192.0.2.3", &[("example.org.", zone)]);
    world.serve("192.0.2.6", &[("sub.example.org.", "@ NS ns\nns A 192.0.2.6\nwww A 192.0.2.85")]);
    assert_eq!(addresses(&world.ask("www.sub.example.org.", Rtype::A)), [ip("192.0.2.85")]);
    check_denied(&world.ask("other.sub.example.org.", Rtype::A));
    assert_eq!(world.sent(), ["192.0.2.6 other.sub.example.org. A"]);
}

#[test]
fn route_at_or_below_a_cut_of_ours_comes_first_and_one_above_does_not() {
    for (zone, expected) in [("example.org.", "192.0.2.6"), (".", "192.0.2.3")] {
        let (to, kind) = (vec!["192.0.2.6:53".parse().unwrap()], RouteKind::ForwardOnly);
        let options = Options { routes: vec![Route { zone: name(zone), to, kind }], ..options() };
        let glue = [("ns.example.org.", "192.0.2.3")];
        let mut world = with_ours(options, cut(&["ns.example.org."], &glue));
        world.serve("192.0.2.6", &[("example.org.", "@ NS ns\nns A 192.0.2.6\nwww A 192.0.2.80")]);
        assert_eq!(addresses(&world.ask("www.example.org.", Rtype::A)), [ip("192.0.2.80")]);
        assert_eq!(world.sent(), [format!("{expected} www.example.org. A")]);
    }
}

#[test]
fn prefetch_of_a_name_of_ours_asks_nobody() {
    let mut world = with_ours(options(), servers_net(&[]));
    let question = Question { name: name("www.servers.net."), rtype: Rtype::A };
    world.resolver.handle_due(world.now, question);
    assert!(world.resolver.poll_transmit().is_none());
}

/// A resolver that takes private addresses out, in a world in which example.org. has some.
fn filtering(routes: Vec<Route>, ours: Ours) -> World {
    let mut world = with_ours(Options { filters_private: true, routes, ..options() }, ours);
    let zone = "@ NS ns\nns A 192.0.2.3\nin A 10.0.0.1\nmixed A 10.0.0.1\nmixed A 192.0.2.80\n\
         alias CNAME in\nout A 192.0.2.80";
    world.serve("192.0.2.3", &[("example.org.", zone)]);
    world
}

#[test]
fn private_addresses_from_the_world_are_taken_out() {
    let mut world = filtering(Vec::new(), Ours::default());
    for qname in ["in.example.org.", "alias.example.org."] {
        let resolution = world.ask(qname, Rtype::A);
        assert!(matches!(resolution.end, End::NoData(_)), "{resolution:?}");
    }
    assert_eq!(addresses(&world.ask("mixed.example.org.", Rtype::A)), [ip("192.0.2.80")]);
    assert_eq!(addresses(&world.ask("out.example.org.", Rtype::A)), [ip("192.0.2.80")]);
}

#[test]
fn private_addresses_from_routes_and_from_below_our_zones_stay() {
    let to = vec!["192.0.2.3:53".parse().unwrap()];
    let route = Route { zone: name("example.org."), to, kind: RouteKind::Stub };
    let glue = [("ns.example.org.", "192.0.2.3")];
    for mut world in [
        filtering(vec![route], Ours::default()),
        filtering(Vec::new(), cut(&["ns.example.org."], &glue)),
    ] {
        assert_eq!(addresses(&world.ask("in.example.org.", Rtype::A)), [ip("10.0.0.1")]);
    }
    let mut world = hierarchy_with(options());
    world.serve("192.0.2.3", &[("example.org.", "@ NS ns\nns A 192.0.2.3\nin A 10.0.0.1")]);
    assert_eq!(addresses(&world.ask("in.example.org.", Rtype::A)), [ip("10.0.0.1")]);
}
