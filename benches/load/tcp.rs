//! Queries over TCP connections that are kept, many at a time on each.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::session::{Session, Transport};
use crate::slots::Slots;

/// Room for what has come; a message and its length fit.
const RECEIVED_LEN: usize = 128 * 1024;

struct Connection {
    stream: TcpStream,
    slots: Slots,
    received: Vec<u8>,
    filled: usize,
    unsent: Vec<u8>,
    sent: usize,
}

/// All connections.
pub struct Connections {
    address: SocketAddr,
    lanes: Vec<Connection>,
}

impl Connections {
    /// Opens so many connections, each with places for so many queries.
    pub fn connect(address: SocketAddr, connections: u16, slots: u16) -> io::Result<Self> {
        let connection = || {
            Ok(Connection {
                stream: open(address)?,
                slots: Slots::new(slots),
                received: vec![0; RECEIVED_LEN],
                filled: 0,
                unsent: Vec::with_capacity(RECEIVED_LEN),
                sent: 0,
            })
        };
        let lanes = (0..connections).map(|_| connection()).collect::<io::Result<_>>()?;
        Ok(Self { address, lanes })
    }
}

impl Transport for Connections {
    fn lanes(&self) -> usize {
        self.lanes.len()
    }

    fn slots(&mut self, lane: usize) -> &mut Slots {
        &mut self.lanes[lane].slots
    }

    fn receive(&mut self, lane: usize, session: &mut Session<'_>) -> io::Result<usize> {
        let lane = &mut self.lanes[lane];
        match lane.stream.read(&mut lane.received[lane.filled..]) {
            Ok(0) => lane.reopen(self.address, session).map(|()| 0),
            Ok(count) => {
                lane.filled += count;
                Ok(lane.take_replies(session))
            }
            Err(error) if is_passing(&error) => Ok(0),
            Err(_) => lane.reopen(self.address, session).map(|()| 0),
        }
    }

    fn send(&mut self, lane: usize, session: &mut Session<'_>, most: usize) -> io::Result<usize> {
        let lane = &mut self.lanes[lane];
        let mut count = 0;
        if lane.unsent.is_empty() {
            let now = session.now();
            while count < most && lane.slots.free() > 0 {
                let chosen = session.choose(now);
                let Some(id) = lane.slots.take(chosen) else { break };
                let packet = session.packet(chosen.query);
                let length = u16::try_from(2 + packet.len()).unwrap_or(0);
                lane.unsent.extend_from_slice(&length.to_be_bytes());
                lane.unsent.extend_from_slice(&id.to_be_bytes());
                lane.unsent.extend_from_slice(packet);
                count += 1;
            }
        }
        if lane.sent < lane.unsent.len() {
            match lane.stream.write(&lane.unsent[lane.sent..]) {
                Ok(written) => lane.sent += written,
                Err(error) if is_passing(&error) => (),
                Err(_) => lane.reopen(self.address, session)?,
            }
        }
        if lane.sent == lane.unsent.len() {
            lane.unsent.clear();
            lane.sent = 0;
        }
        Ok(count)
    }
}

impl Connection {
    /// Takes the replies that are there whole; returns how many.
    fn take_replies(&mut self, session: &mut Session<'_>) -> usize {
        let now = session.now();
        let mut rest = &self.received[..self.filled];
        let mut count = 0;
        while let Some((length, after)) = rest.split_first_chunk()
            && let Some((reply, after)) =
                after.split_at_checked(usize::from(u16::from_be_bytes(*length)))
        {
            session.take(&mut self.slots, reply, now);
            rest = after;
            count += 1;
        }
        let left = rest.len();
        self.received.copy_within(self.filled - left..self.filled, 0);
        self.filled = left;
        count
    }

    /// Takes the place of a connection that the server has closed, and with it all its queries.
    fn reopen(&mut self, address: SocketAddr, session: &mut Session<'_>) -> io::Result<()> {
        self.stream = open(address)?;
        session.tally.reconnects += 1;
        self.slots.give_up(u64::MAX, |since| session.lose(since));
        self.unsent.clear();
        (self.filled, self.sent) = (0, 0);
        Ok(())
    }
}

fn open(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_nonblocking(true)?;
    Ok(stream)
}

fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
