//! What the tests in this package share.

pub mod conformance;
#[cfg(target_arch = "x86_64")]
pub mod crash;
pub mod kernel;
pub mod oracle;

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
