//! What the tests in this package share.
