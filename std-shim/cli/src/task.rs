//! Threads of this program: if the system refuses one, that is an error and no panic.

use crate::failure::{Doing, Result};
use std::thread::{Builder, JoinHandle};

pub fn start<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>> {
    Builder::new()
        .spawn(work)
        .doing("start a thread (the limit on processes or memory may be reached)")
}
