//! What the tests in this package share.

pub mod conformance;
pub mod crash;
pub mod faults;
pub mod figures;
pub mod kernel;
pub mod oracle;

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
