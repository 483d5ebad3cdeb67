//! The one integration binary: loopback only, no tools needed.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "tests: a failure is meant to end them, and nobody reads their documentation"
)]

mod abuse;
mod allocations;
mod answers;
mod asking;
mod caching;
mod checklist;
mod compression;
mod config;
mod cookies;
mod corpus;
mod documents;
mod equality;
mod http;
mod inside;
mod lab;
mod late;
mod licenses;
mod mail;
mod mail_checks;
mod mail_routes;
mod meeting;
mod message;
mod operation;
mod operations;
mod proofs;
mod protocol;
mod received;
mod recursion;
mod reference;
mod refusals;
mod relay;
mod resolving;
mod samples;
mod scenarios;
mod server;
mod streams;
mod tidy;
mod upstreams;
mod views;
mod wholes;
mod world;
