//! Queries over connected UDP sockets.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use socket2::{Domain, Socket, Type};

use crate::datagrams::{DATAGRAMS_MAX, Inbox, Outbox};
use crate::session::{Session, Transport};
use crate::slots::Slots;

/// Octets of the buffer of a socket: what comes back at once after a stall must not be lost here.
const BUFFER_LEN: usize = 4 << 20;

struct Lane {
    socket: UdpSocket,
    slots: Slots,
}

/// All sockets; the memory for datagrams is shared, so that it stays in the cache.
pub struct Datagrams {
    lanes: Vec<Lane>,
    inbox: Inbox,
    outbox: Outbox,
}

impl Datagrams {
    /// Opens so many sockets, each with places for so many queries.
    pub fn connect(address: SocketAddr, sockets: u16, slots: u16) -> io::Result<Self> {
        let lane = || {
            let socket = Socket::new(Domain::for_address(address), Type::DGRAM, None)?;
            // The kernel grants what its own limit allows.
            let _ = socket.set_recv_buffer_size(BUFFER_LEN);
            let _ = socket.set_send_buffer_size(BUFFER_LEN);
            let any = match address {
                SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
                SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
            };
            socket.bind(&any.into())?;
            socket.connect(&address.into())?;
            Ok(Lane { socket: socket.into(), slots: Slots::new(slots) })
        };
        let lanes = (0..sockets).map(|_| lane()).collect::<io::Result<_>>()?;
        Ok(Self { lanes, inbox: Inbox::new(), outbox: Outbox::new() })
    }
}

impl Transport for Datagrams {
    fn lanes(&self) -> usize {
        self.lanes.len()
    }

    fn slots(&mut self, lane: usize) -> &mut Slots {
        &mut self.lanes[lane].slots
    }

    fn receive(&mut self, lane: usize, session: &mut Session<'_>) -> io::Result<usize> {
        let lane = &mut self.lanes[lane];
        let count = self.inbox.receive(&lane.socket)?;
        if count > 0 {
            let now = session.now();
            for index in 0..count {
                session.take(&mut lane.slots, self.inbox.datagram(index), now);
            }
        }
        Ok(count)
    }

    fn send(&mut self, lane: usize, session: &mut Session<'_>, most: usize) -> io::Result<usize> {
        let lane = &mut self.lanes[lane];
        let count = most.min(lane.slots.free()).min(usize::from(DATAGRAMS_MAX));
        if count == 0 {
            return Ok(0);
        }
        let now = session.now();
        for _ in 0..count {
            let chosen = session.choose(now);
            let Some(id) = lane.slots.take(chosen) else { break };
            self.outbox.push(id, session.packet(chosen.query));
        }
        self.outbox.send(&lane.socket)?;
        Ok(count)
    }
}
