//! Sockets and the threads and tasks that serve them. Holds no protocol rules.

pub mod certificate;
pub mod http;
pub mod inherited;
pub mod listen;
pub mod mail;
mod seats;
mod settle;
pub mod stub;
pub mod tcp;
pub mod udp;
pub mod upstream;
mod world;

pub use world::{World, free_unused};
