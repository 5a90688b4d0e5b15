//! Registered producers, so that consumers learn when all of them are gone.

use super::handle::Handle;
use super::registry::Registry;
use crate::sync::RmwU32;
use crate::wait::Wake;
use core::ops::Deref;

impl<'q, T, W: Wake> Handle<'q, T, W> {
    /// Registers this participant as a producer, until the result is dropped or the participant
    /// dies.
    ///
    /// When all registered producers are gone, consumers that wait are told that the queue has
    /// ended, once nothing waits in it, as if it had been closed. The queue goes on when another
    /// producer registers. A participant that pushes without a registration does not count.
    ///
    /// A participant can have several registrations. `None` when 28 other participants are
    /// registered. Also `None` on a microcontroller without caches, where the memory for it is
    /// saved, unless it has the feature `shared-layout`.
    ///
    /// ```
    /// use ringway_core::Error;
    /// use ringway_core::ring::queue::Queue;
    /// use ringway_core::wait::Spin;
    /// let queue = Queue::<_, 4, Spin>::new();
    /// let producer = queue.producer().unwrap();
    /// producer.push("last").unwrap();
    /// drop(producer);
    /// assert!(queue.producers_are_gone());
    /// assert_eq!(queue.pop(), Ok("last"));
    /// assert_eq!(queue.pop(), Err(Error::EndOfFile));
    /// ```
    pub fn producer(&self) -> Option<Producer<'_, T, W>> {
        self.producer_now()
    }

    pub(super) fn producer_now(&self) -> Option<Producer<'q, T, W>> {
        let word = self.shared().rare()?.producers.register(self.me)?;
        Some(Producer { handle: self.same(), word })
    }
}

/// A registration as a producer: see [`Handle::producer`].
///
/// It lends the participant's [`Handle`], through which it pushes.
#[derive(Debug)]
#[must_use = "the registration ends when this is dropped"]
pub struct Producer<'q, T, W: Wake> {
    handle: Handle<'q, T, W>,
    word: &'q RmwU32,
}

impl<'q, T, W: Wake> Deref for Producer<'q, T, W> {
    type Target = Handle<'q, T, W>;

    fn deref(&self) -> &Self::Target {
        &self.handle
    }
}

impl<T, W: Wake> Drop for Producer<'_, T, W> {
    fn drop(&mut self) {
        if Registry::leave(self.word, self.handle.me) {
            self.handle.consumers_bell().ring();
        }
    }
}
