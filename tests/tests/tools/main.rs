//! The program `ringway` with common tools at the other end: mkfifo and cat, socat, nc, kill, a
//! shell's trap, Python.
//!
//! A tool that is missing is a failure. `tests/run quick`, which needs nothing but cargo, leaves
//! out every test file whose name begins with `tools`.

mod exchange;
mod python;
mod shell;
mod signals;
