//! Regions with a name, and the children that find them by it.

use super::{Killed, child};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};

/// A region name that only this test uses. Dropping it removes the file, however the test ends.
pub struct Name(pub String);

impl Name {
    pub fn new() -> Name {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        Name(format!("ringway-test-{}-{count}", std::process::id()))
    }

    pub fn path(&self) -> PathBuf {
        PathBuf::from("/dev/shm").join(&self.0)
    }

    pub fn exists(&self) -> bool {
        self.path().exists()
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(self.path());
    }
}

/// The variable by which a child learns the region's name.
pub const NAME: &str = "RINGWAY_TEST_REGION";

/// Starts a child that runs the test `test` in the role `part`, with the region `name`.
pub fn player(test: &str, part: &str, name: &Name) -> Killed {
    let mut command = child(test, part);
    Killed(command.env(NAME, &name.0).stdin(Stdio::null()).spawn().unwrap())
}
