//! What the examples for RTIC and embassy share: all that does not depend on the framework.

pub mod log;
pub mod registers;
pub mod uart;
