//! The queries of one socket that wait for their replies, each at the place its ID names.
//!
//! The low bits of an ID are the place, the others count its uses, so that a late reply is not
//! taken for one to the next query.

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Answered,
    Lost,
}

#[derive(Clone, Copy)]
struct Slot {
    since: u64,
    sent: u64,
    query: u32,
    id: u16,
    state: State,
}

/// A query that is to be sent.
#[derive(Clone, Copy)]
pub struct Chosen {
    pub query: u32,
    /// The moment from which it waits for its reply.
    pub since: u64,
    /// The moment at which it is sent.
    pub sent: u64,
}

/// What an ID means.
pub enum Found {
    /// A query that waits, and since when.
    Waiting { query: u32, since: u64 },
    /// One that was answered before.
    Duplicate,
    /// One that was given up, or an ID that is not ours.
    Stray,
}

/// The places of one socket.
pub struct Slots {
    slots: Vec<Slot>,
    free: Vec<u16>,
    /// What is added to an ID at each use of its place.
    step: u16,
}

/// The most places of a socket: leaves four bits to count uses.
pub const SLOTS_MAX: u16 = 1 << 12;

impl Slots {
    /// So many places, at least one and at most `SLOTS_MAX`.
    pub fn new(count: u16) -> Self {
        let count = count.clamp(1, SLOTS_MAX);
        let slot = |id| Slot { since: 0, sent: 0, query: 0, id, state: State::Lost };
        Self {
            slots: (0..count).map(slot).collect(),
            free: (0..count).rev().collect(),
            step: count.next_power_of_two(),
        }
    }

    pub fn free(&self) -> usize {
        self.free.len()
    }

    pub fn waiting(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Takes a place for a query; gives its ID, or `None` if all are taken.
    pub fn take(&mut self, chosen: Chosen) -> Option<u16> {
        let Chosen { query, since, sent } = chosen;
        let place = self.free.pop()?;
        let slot = &mut self.slots[usize::from(place)];
        let id = slot.id.wrapping_add(self.step);
        *slot = Slot { since, sent, query, id, state: State::Waiting };
        Some(id)
    }

    /// Finds the query of a reply, and frees its place.
    pub fn settle(&mut self, id: u16) -> Found {
        let place = id & (self.step - 1);
        let Some(slot) = self.slots.get_mut(usize::from(place)).filter(|slot| slot.id == id) else {
            return Found::Stray;
        };
        match slot.state {
            State::Waiting => {
                slot.state = State::Answered;
                self.free.push(place);
                Found::Waiting { query: slot.query, since: slot.since }
            }
            State::Answered => Found::Duplicate,
            State::Lost => Found::Stray,
        }
    }

    /// Gives up the queries that were sent before; tells of each since when it waited.
    pub fn give_up(&mut self, before: u64, mut lost: impl FnMut(u64)) {
        for (place, slot) in (0..).zip(&mut self.slots) {
            if slot.state == State::Waiting && slot.sent < before {
                slot.state = State::Lost;
                self.free.push(place);
                lost(slot.since);
            }
        }
    }
}
