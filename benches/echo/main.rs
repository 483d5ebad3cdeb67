//! The floor of what a server over UDP can cost: sends every query back, with the QR bit.
//!
//! It receives and sends as `net::udp` does, through the same `Batch` and with the same socket
//! options. The reply has the length that the query names as its UDP size, which `load` puts there
//! (`--echo-lengths`); what follows the question is whatever the buffer holds. `benches/compare`
//! calls it.

use std::error::Error;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use kereru::base::limits::UDP_SIZE_MAX;
use kereru::sys::affinity;
use kereru::sys::mmsg::{Batch, Wait};
use kereru::sys::socket::{Sharing, bind_udp, set_receive_timeout};

/// Sends queries back as replies.
#[derive(Parser)]
struct Options {
    /// Address and port to answer at; port 0 is any free one.
    #[arg(long)]
    address: SocketAddr,
    /// CPU to stay on.
    #[arg(long)]
    cpu: Option<usize>,
    /// One system call for each datagram, as servers do that know no batches.
    #[arg(long)]
    single: bool,
}

/// As in `net::udp`.
const IDLE_MAX: Duration = Duration::from_millis(250);

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "what it is asked to tell")]
fn main() -> ExitCode {
    let options = Options::parse();
    let socket = match open(&options) {
        Ok(socket) => socket,
        Err(error) => {
            eprintln!("echo: {}: {error}", options.address);
            return ExitCode::FAILURE;
        }
    };
    if let Ok(address) = socket.local_addr() {
        println!("ready {address}");
    }
    if options.single { echo_single(&socket) } else { echo_batches(&socket) }
}

fn open(options: &Options) -> Result<UdpSocket, Box<dyn Error>> {
    if let Some(cpu) = options.cpu {
        affinity::pin_to(cpu)?;
    }
    let alone = bind_udp(options.address, Sharing::Alone)?;
    let address = alone.local_addr()?;
    drop(alone);
    let socket = bind_udp(address, Sharing::Shared)?;
    set_receive_timeout(&socket, IDLE_MAX)?;
    Ok(socket)
}

fn echo_batches(socket: &UdpSocket) -> ! {
    let mut batch = Batch::new();
    loop {
        // Nothing came in time, or a client has gone.
        let Ok(received) = batch.receive(socket.as_fd(), Wait::ForFirst) else { continue };
        for index in 0..received {
            let Some(datagram) = batch.datagram(index) else { continue };
            let len = reply(datagram.message, datagram.len);
            batch.reply(index, len);
        }
        batch.send(socket.as_fd());
    }
}

fn echo_single(socket: &UdpSocket) -> ! {
    let mut message = [0; UDP_SIZE_MAX];
    loop {
        let Ok((len, peer)) = socket.recv_from(&mut message) else { continue };
        let len = reply(&mut message, len);
        // A client that has gone gets nothing.
        let _ = socket.send_to(&message[..len], peer);
    }
}

/// Makes the reply of a query of `len` octets in its place; returns its length, 0 for none.
fn reply(message: &mut [u8], len: usize) -> usize {
    // The UDP size stands where the OPT record without options has its class.
    let Some(&[high, low]) = len.checked_sub(8).and_then(|at| message.get(at..at + 2)) else {
        return 0;
    };
    let Some(flags) = message.get_mut(2) else { return 0 };
    *flags |= 0x80;
    usize::from(u16::from_be_bytes([high, low])).min(message.len())
}
