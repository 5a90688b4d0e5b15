//! The far end as a process: this executable, started again.

use super::row::{Outcome, Says, hear};
use crate::failure::{Doing, Failure, Result};
use std::io::BufReader;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// This executable, even when its file was replaced or removed meanwhile.
const SELF: &str = "/proc/self/exe";

/// A command that starts this program again, under its own name.
pub fn this_program() -> Command {
    let mut command = Command::new(SELF);
    command.arg0("ringway");
    command
}

/// A process that this row started. Dropping it kills it, if it has not [finished](Peer::finish).
#[derive(Debug)]
pub struct Peer {
    label: &'static str,
    child: Child,
    /// Closed to let the peer go, unless its standard input is the mechanism itself.
    leash: Option<ChildStdin>,
    says: BufReader<ChildStdout>,
}

impl Peer {
    pub(super) fn start(
        name: &str,
        label: &'static str,
        args: &[&str],
        stdin: Stdio,
    ) -> Result<Peer> {
        let parent = std::process::id().to_string();
        let mut child = this_program()
            .args(["tour-peer", "--parent", &parent, name])
            .args(args)
            .stdin(stdin)
            .stdout(Stdio::piped())
            .spawn()
            .doing(format_args!("start {label}"))?;
        let leash = child.stdin.take();
        let Some(says) = child.stdout.take().map(BufReader::new) else {
            return Err(Failure::new(format!("{label} has no standard output")));
        };
        Ok(Peer { label, child, leash, says })
    }

    /// Its process number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it can be reached, and returns its address.
    pub fn ready(&mut self) -> Result<String> {
        match self.hear()? {
            Says::Ready(address) => Ok(address),
            other => Err(self.unexpected(&other)),
        }
    }

    /// Waits for its report of what arrived.
    pub fn outcome(&mut self) -> Result<Outcome> {
        match self.hear()? {
            Says::Done(outcome) => Ok(outcome),
            other => Err(self.unexpected(&other)),
        }
    }

    /// Waits until it has sent everything, and returns how much it was.
    pub fn sent(&mut self) -> Result<u64> {
        match self.hear()? {
            Says::Sent(bytes) => Ok(bytes),
            other => Err(self.unexpected(&other)),
        }
    }

    /// Lets it go and waits for its end.
    pub fn finish(mut self) -> Result<()> {
        self.leash.take();
        let status = self.child.wait().doing(format_args!("wait for {}", self.label))?;
        if !status.success() {
            return Err(Failure::new(format!("{} ended badly: {status}", self.label)));
        }
        Ok(())
    }

    /// What was done here, unless it failed because the peer gave up: then its reason, which came first.
    pub fn blame<T>(&mut self, result: Result<T>) -> Result<T> {
        result.map_err(|here| {
            if !matches!(self.child.try_wait(), Ok(Some(_))) {
                // A peer that failed is about to end; one that did not is ended, so that it cannot keep us waiting.
                std::thread::sleep(std::time::Duration::from_millis(50));
                let _ = self.child.kill();
            }
            match self.hear() {
                Ok(_) => here,
                Err(there) => Failure::new(format!("{there} (on this side: {here})")),
            }
        })
    }

    fn hear(&mut self) -> Result<Says> {
        match hear(&mut self.says) {
            Some(Says::Failed(reason)) => Err(Failure::new(format!("{}: {reason}", self.label))),
            Some(says) => Ok(says),
            None => {
                let status = self.child.wait().doing(format_args!("wait for {}", self.label))?;
                Err(Failure::new(format!("{} ended before its report: {status}", self.label)))
            }
        }
    }

    fn unexpected(&self, says: &Says) -> Failure {
        Failure::new(format!("{} said {says:?}, which was not its turn", self.label))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Both answer "it has ended already" where there is nothing left to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
