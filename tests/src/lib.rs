//! What the tests in this package share.

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
