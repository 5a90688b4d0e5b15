//! Every CPython from 3.9 on that is here, at the other end of `ringway::python`: in both roles,
//! over every family of addresses, with every size, with the right key and with others.
//!
//! Tests run one at a time, so that each can count what it leaves: descriptors, names in
//! `/dev/shm`.

mod cat;
mod connection;
mod pickle;
mod shared_memory;
mod support;

/// Scripts, and the program that they run.
#[allow(dead_code)]
#[path = "../tools/shell.rs"]
mod shell;
