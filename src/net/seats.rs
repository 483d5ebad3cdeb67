//! Places for connections: how many there may be, and who leaves when one more comes.
//!
//! Whoever comes gets a place: when there is none, the idlest connection gives up its own. Knows
//! neither sockets nor time, only the order of events. DNS over TCP and HTTP share it.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// The part of the places, one in so many, that connections without a question may hold at the cost
/// of others, and those that have asked at the cost of those that wait for us. Under a flood of silent
/// ones it is the time that a newcomer has for its first question.
const SHARE: usize = 4;

/// How many places there are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Places {
    /// In all, at least 1.
    pub total: usize,
    /// For one client, at least 1.
    pub per_client: usize,
}

/// The places and who has them. Copies are the same places.
#[derive(Clone, Debug, Default)]
pub(super) struct Seats(Arc<Mutex<Table>>);

impl Seats {
    /// Takes a place. If all of them, or all of this client's, are taken, the idlest of these
    /// connections is told to leave; its place is free at once.
    pub(super) fn take(&self, peer: SocketAddr, places: Places) -> Seat {
        let (client, leave) = (client_of(peer), Arc::new(Notify::new()));
        let mut table = self.lock();
        while let Some(order) = table.by_client.get(&client)
            && order.len() >= places.per_client
            && let Some(idlest) = order.idlest()
        {
            table.tell_to_leave(idlest);
        }
        while table.all.len() >= places.total
            && let Some(idlest) = table.all.idlest()
        {
            table.tell_to_leave(idlest);
        }
        let number = table.insert(client, Arc::clone(&leave));
        Seat { seats: self.clone(), number, leave }
    }

    /// Takes a place if one is free.
    pub(super) fn take_free(&self, peer: SocketAddr, places: Places) -> Option<Seat> {
        let (client, leave) = (client_of(peer), Arc::new(Notify::new()));
        let mut table = self.lock();
        let of_client = table.by_client.get(&client).map_or(0, Order::len);
        if of_client >= places.per_client || table.all.len() >= places.total {
            return None;
        }
        let number = table.insert(client, Arc::clone(&leave));
        Some(Seat { seats: self.clone(), number, leave })
    }

    /// How many places are taken.
    pub(super) fn taken(&self) -> usize {
        self.lock().all.len()
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What counts as one client: an IPv4 address, or the /64 that one IPv6 host can fill.
pub(super) fn client_of(peer: SocketAddr) -> IpAddr {
    match peer.ip().to_canonical() {
        IpAddr::V4(ip) => IpAddr::V4(ip),
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64)),
    }
}

/// A place, given back when dropped.
#[derive(Debug)]
pub(super) struct Seat {
    seats: Seats,
    number: u64,
    leave: Arc<Notify>,
}

impl Seat {
    /// Notes that the connection has asked and taken something: it is the least idle now.
    pub(super) fn touch(&self) {
        self.seats.lock().set(self.number, State::Asked, Moves::Last);
    }

    /// Notes that the connection has asked something that takes us some time: it is not idle before it
    /// is touched again (RFC 7766 §6.2.3).
    pub(super) fn wait(&self) {
        self.seats.lock().set(self.number, State::Waiting, Moves::Last);
    }

    /// Notes that the client takes no more of its replies: whatever it waits for, it is as idle as
    /// since it took something last.
    pub(super) fn stall(&self) {
        self.seats.lock().set(self.number, State::Asked, Moves::Not);
    }

    /// What is notified when another connection gets the place.
    pub(super) fn leave(&self) -> Arc<Notify> {
        Arc::clone(&self.leave)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.lock().remove(self.number);
    }
}

/// Who has which place. Holds two entries for each place that is taken, and nothing else.
#[derive(Debug, Default)]
struct Table {
    /// Events so far: numbers of places, and their order in time.
    events: u64,
    taken: HashMap<u64, Taken>,
    all: Order,
    by_client: HashMap<IpAddr, Order>,
}

/// A place that is taken.
#[derive(Debug)]
struct Taken {
    client: IpAddr,
    position: Position,
    leave: Arc<Notify>,
}

impl Table {
    fn next_event(&mut self) -> u64 {
        self.events += 1;
        self.events
    }

    fn insert(&mut self, client: IpAddr, leave: Arc<Notify>) -> u64 {
        let number = self.next_event();
        let position = Position { state: State::Silent, event: number, number };
        self.all.insert(position);
        self.by_client.entry(client).or_default().insert(position);
        self.taken.insert(number, Taken { client, position, leave });
        number
    }

    /// Takes a place back; `None` if it has been given to another.
    fn remove(&mut self, number: u64) -> Option<Taken> {
        let taken = self.taken.remove(&number)?;
        self.all.remove(taken.position);
        if let Some(order) = self.by_client.get_mut(&taken.client) {
            order.remove(taken.position);
            if order.len() == 0 {
                self.by_client.remove(&taken.client);
            }
        }
        Some(taken)
    }

    fn tell_to_leave(&mut self, number: u64) {
        if let Some(taken) = self.remove(number) {
            taken.leave.notify_one();
        }
    }

    fn set(&mut self, number: u64, state: State, moves: Moves) {
        let next = self.next_event();
        let Some(taken) = self.taken.get_mut(&number) else { return };
        let event = match moves {
            Moves::Last => next,
            Moves::Not => taken.position.event,
        };
        let (before, now) = (taken.position, Position { state, event, number });
        taken.position = now;
        let of_client = self.by_client.get_mut(&taken.client);
        for order in [Some(&mut self.all), of_client].into_iter().flatten() {
            order.remove(before);
            order.insert(now);
        }
    }
}

/// What a connection has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    /// It has asked nothing.
    Silent,
    /// It has asked, and has its replies.
    Asked,
    /// It waits for us.
    Waiting,
}

/// Whether a connection becomes the one that was active last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moves {
    /// It does.
    Last,
    /// It does not.
    Not,
}

/// Where a connection stands in an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Position {
    state: State,
    /// When it was last active, or came.
    event: u64,
    number: u64,
}

/// Connections by how long they have been idle, apart by what they have done.
#[derive(Debug, Default)]
struct Order {
    silent: BTreeSet<Position>,
    asked: BTreeSet<Position>,
    waiting: BTreeSet<Position>,
}

impl Order {
    fn len(&self) -> usize {
        self.silent.len() + self.asked.len() + self.waiting.len()
    }

    /// The connection to close for another one.
    ///
    /// One that has never asked comes before all that have, however long ago they did: whoever only
    /// opens connections pushes out his own. One that waits for us comes last. But below their share
    /// the silent ones are left alone, or those that have asked once would keep everyone else from
    /// asking, and those that have asked, or whoever asks what takes long would own the table.
    fn idlest(&self) -> Option<u64> {
        let share = (self.len() / SHARE).max(1);
        let classes = [&self.silent, &self.asked];
        let order = classes.into_iter().find(|class| class.len() >= share);
        order.unwrap_or(&self.waiting).first().map(|position| position.number)
    }

    fn of(&mut self, position: Position) -> &mut BTreeSet<Position> {
        match position.state {
            State::Silent => &mut self.silent,
            State::Asked => &mut self.asked,
            State::Waiting => &mut self.waiting,
        }
    }

    fn insert(&mut self, position: Position) {
        self.of(position).insert(position);
    }

    fn remove(&mut self, position: Position) {
        self.of(position).remove(&position);
    }
}

#[cfg(test)]
mod tests;
