//! Claims about who leaves when one more connection comes.

use std::net::SocketAddr;

use crate::net::seats::{Places, Seat, Seats};

const PLENTY: usize = 1000;

/// Connections by the order in which they came.
struct Room {
    seats: Seats,
    places: Places,
    guests: Vec<Seat>,
}

impl Room {
    fn new(total: usize, per_client: usize) -> Self {
        let places = Places { total, per_client };
        Self { seats: Seats::default(), places, guests: Vec::new() }
    }

    /// A connection of this address comes; its place in `guests`.
    fn comes(&mut self, ip: &str) -> usize {
        let peer = SocketAddr::new(ip.parse().unwrap(), 53);
        self.guests.push(self.seats.take(peer, self.places));
        assert!(self.seats.taken() <= self.places.total);
        self.guests.len() - 1
    }

    /// A connection comes and asks.
    fn asks(&mut self, ip: &str) -> usize {
        let guest = self.comes(ip);
        self.guests[guest].touch();
        guest
    }

    /// The connections that have a place.
    fn sitting(&self) -> Vec<usize> {
        let table = self.seats.lock();
        let has_place = |&guest: &usize| table.taken.contains_key(&self.guests[guest].number);
        (0..self.guests.len()).filter(has_place).collect()
    }
}

#[test]
fn idlest_of_the_client_leaves_when_its_places_are_taken() {
    let mut room = Room::new(PLENTY, 2);
    let other = room.asks("192.0.2.9");
    let [first, second] = [room.asks("192.0.2.1"), room.asks("192.0.2.1")];
    room.guests[first].touch();
    let third = room.asks("192.0.2.1");
    assert_eq!(room.sitting(), [other, first, third]);
    assert!(!room.sitting().contains(&second));
}

#[test]
fn idlest_of_all_leaves_when_all_places_are_taken() {
    let mut room = Room::new(3, PLENTY);
    let [first, second, third] = ["192.0.2.1", "192.0.2.2", "192.0.2.3"].map(|ip| room.asks(ip));
    room.guests[first].touch();
    let fourth = room.asks("192.0.2.1");
    assert_eq!(room.sitting(), [first, third, fourth]);
    assert!(!room.sitting().contains(&second));
}

#[test]
fn one_client_is_an_ipv4_address_or_an_ipv6_network() {
    for (first, second, is_same) in [
        ("192.0.2.1", "192.0.2.2", false),
        ("192.0.2.1", "::ffff:192.0.2.1", true),
        ("2001:db8::1", "2001:db8::ffff", true),
        ("2001:db8::1", "2001:db8:0:1::1", false),
    ] {
        let mut room = Room::new(PLENTY, 1);
        room.asks(first);
        room.asks(second);
        assert_eq!(room.sitting().len() == 1, is_same, "{first} {second}");
    }
}

#[test]
fn silent_newcomers_push_out_each_other_and_nobody_who_asked() {
    let mut room = Room::new(8, PLENTY);
    let asked: Vec<usize> = (0..6).map(|n| room.asks(&format!("192.0.2.{n}"))).collect();
    for number in 0..1000 {
        room.comes(&format!("198.51.100.{}", number % 256));
    }
    assert_eq!(room.sitting()[..6], asked);
    assert_eq!(room.sitting()[6..], [1004, 1005]);
}

#[test]
fn those_who_asked_once_leave_newcomers_time_to_ask() {
    let mut room = Room::new(16, PLENTY);
    for number in 0..100 {
        room.asks(&format!("198.51.100.{number}"));
    }
    let honest = room.comes("192.0.2.1");
    for number in 0..3 {
        room.comes(&format!("198.51.100.{number}"));
    }
    assert!(room.sitting().contains(&honest));
    room.guests[honest].touch();
    // Twelve of the places are for those who asked, whatever the silent ones do.
    for number in 0..100 {
        room.comes(&format!("198.51.100.{number}"));
    }
    assert!(room.sitting().contains(&honest));
}

#[test]
fn connection_that_waits_for_us_is_not_idle() {
    let mut room = Room::new(4, PLENTY);
    let waiting = room.comes("192.0.2.1");
    room.guests[waiting].wait();
    let asked: Vec<usize> = (0..100).map(|n| room.asks(&format!("198.51.100.{n}"))).collect();
    assert_eq!(room.sitting(), [waiting, asked[97], asked[98], asked[99]]);
    // With its reply it is like any other, and was active last.
    room.guests[waiting].touch();
    let others = [1, 2, 3].map(|n| room.asks(&format!("198.51.100.{n}")));
    assert_eq!(room.sitting(), [&[waiting][..], &others].concat());
    room.asks("198.51.100.4");
    assert!(!room.sitting().contains(&waiting));
}

#[test]
fn connection_that_waits_and_does_not_read_is_idle() {
    let mut room = Room::new(4, PLENTY);
    let waiting = room.comes("192.0.2.1");
    room.guests[waiting].wait();
    let others = [1, 2, 3].map(|n| room.asks(&format!("198.51.100.{n}")));
    room.guests[waiting].stall();
    let next = room.asks("198.51.100.4");
    assert_eq!(room.sitting(), [&others[..], &[next]].concat());
}

#[test]
fn those_who_wait_leave_places_for_others() {
    let mut room = Room::new(16, PLENTY);
    let waits = |room: &mut Room, number: usize| {
        let guest = room.comes(&format!("198.51.100.{}", number % 250));
        room.guests[guest].wait();
    };
    (0..1000).for_each(|number| waits(&mut room, number));
    let honest = [room.comes("192.0.2.1"), room.asks("192.0.2.2")];
    (0..3).for_each(|number| waits(&mut room, number));
    let sitting = room.sitting();
    assert!(honest.iter().all(|guest| sitting.contains(guest)), "{sitting:?}");
}

#[test]
fn last_place_of_a_client_goes_to_its_newest_connection() {
    let mut room = Room::new(PLENTY, 1);
    room.comes("192.0.2.1");
    room.asks("192.0.2.1");
    let last = room.comes("192.0.2.1");
    assert_eq!(room.sitting(), [last]);
}

#[test]
fn fewer_places_than_are_taken_are_met_by_the_next_newcomer() {
    let mut room = Room::new(100, PLENTY);
    let asked: Vec<usize> = (0..100).map(|n| room.asks(&format!("192.0.2.{n}"))).collect();
    room.places = Places { total: 3, per_client: 2 };
    let newcomer = room.comes("198.51.100.1");
    assert_eq!(room.sitting(), [asked[98], asked[99], newcomer]);
}

#[test]
fn table_is_empty_when_all_have_gone() {
    let mut room = Room::new(10, 2);
    for number in 0..1000 {
        room.comes(&format!("192.0.2.{}", number % 20));
        room.guests[number / 2].touch();
    }
    room.guests.clear();
    let table = room.seats.lock();
    assert_eq!((table.all.len(), table.taken.len(), table.by_client.len()), (0, 0, 0));
}
