//! Zones that their parent has taken away: nothing that they say themselves keeps them (ghost and phoenix
//! domains).

use super::{ORG, World, addresses, check_denied, hierarchy, ip};
use kereru::wire::numbers::Rtype;

/// Seconds for which `org.` delegates the ghost.
const DELEGATED_SECS: u64 = 100;

/// A world in which the ghost has been asked, and is delegated no more.
fn haunted(ghost: &str, below: &str, asked: &[(&str, Rtype)]) -> World {
    let mut world = hierarchy();
    let cut = "ghost 100 NS ns.ghost\nns.ghost 100 A 192.0.2.40";
    world.serve("192.0.2.2", &[("org.", &format!("{ORG}\n{cut}"))]);
    let ghost = format!("@ 86400 NS ns\nns 86400 A 192.0.2.40\nwww A 192.0.2.93\n{ghost}");
    world.serve("192.0.2.40", &[("ghost.org.", &ghost)]);
    world.serve("192.0.2.41", &[("sub.ghost.org.", &format!("@ 86400 NS ns\n{below}"))]);
    for (qname, rtype) in asked {
        world.ask(qname, *rtype);
    }
    world.serve("192.0.2.2", &[("org.", ORG)]);
    world
}

#[test]
fn zone_that_is_asked_for_its_own_servers_again_and_again_is_gone_in_time() {
    let asked = [("www.ghost.org.", Rtype::A), ("ghost.org.", Rtype::NS)];
    let mut world = haunted("*.w 10 A 192.0.2.94", "ns A 192.0.2.41", &asked);
    for second in 0..DELEGATED_SECS / 10 {
        let qname = format!("n{second}.w.ghost.org.");
        assert_eq!(addresses(&world.ask(&qname, Rtype::A)), [ip("192.0.2.94")], "{second}");
        world.ask("ghost.org.", Rtype::NS);
        world.pass(10);
    }
    check_denied(&world.ask("late.w.ghost.org.", Rtype::A));
}

#[test]
fn zone_below_does_not_outlive_the_delegation_above_it() {
    let cut = "sub 86400 NS ns.sub\nns.sub 86400 A 192.0.2.41";
    let below = "ns 86400 A 192.0.2.41\n*.w A 192.0.2.95";
    let asked = [("first.w.sub.ghost.org.", Rtype::A), ("sub.ghost.org.", Rtype::NS)];
    let mut world = haunted(cut, below, &asked);
    world.pass(DELEGATED_SECS / 2);
    let resolution = world.ask("second.w.sub.ghost.org.", Rtype::A);
    assert_eq!(addresses(&resolution), [ip("192.0.2.95")]);
    world.pass(DELEGATED_SECS / 2 + 1);
    check_denied(&world.ask("third.w.sub.ghost.org.", Rtype::A));
}
