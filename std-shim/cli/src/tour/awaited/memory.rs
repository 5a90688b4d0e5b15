//! A structure in the memory of one program, awaited in two threads.

use super::sides::{Give, Take, give_all, take_all};
use crate::digest::Intake;
use crate::failure::{Failure, Result};
use crate::tour::executor::block_on;
use crate::tour::piece::{self, Piece};
use crate::tour::row::{Outcome, Row};
use ringway::CoreError;
use ringway_core::ring::{Consumer, Producer, Ring};
use ringway_core::wait::{Async, Spin};
use std::thread;

/// A ring in memory that keeps its tasks' wakers itself.
pub fn between_threads(row: &Row<'_>) -> Result<Outcome> {
    let mut ring = Box::new(InMemory::new());
    let (near, far) = ring.split();
    row.doing("sending");
    thread::scope(|scope| {
        let taking = scope.spawn(|| block_on(take_all(far)).map(Intake::finish));
        let pieces = block_on(give_all(row, near))?;
        let receipt = taking.join().map_err(|_| Failure::new("the far end panicked"))??;
        Ok(Outcome { what: format!("{pieces} pieces, {}", row.mechanism.how), receipt })
    })
}

type InMemory = Ring<Piece, 8, Async<Spin>>;

impl Give for Producer<&InMemory> {
    async fn give(&mut self, number: u64, bytes: &[u8]) -> Result<()> {
        Ok(self.push_async(piece::new(number, bytes)).await?)
    }

    async fn end(self) -> Result<()> {
        self.close();
        Ok(())
    }
}

impl Take for Consumer<&InMemory> {
    async fn take(&mut self, number: u64, intake: &mut Intake) -> Result<bool> {
        match self.pop_async().await {
            Ok(piece) => intake.take(piece::numbered(&piece, number)?),
            Err(CoreError::EndOfFile) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        Ok(true)
    }
}
