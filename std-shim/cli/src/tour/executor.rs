//! Runs a task on this thread, without a runtime.
//!
//! The thread sleeps in `poll(2)`: on the descriptors that the task waits for, and on one that
//! wakers write to. It polls the whole task after each sleep.

use crate::failure::{Doing, Failure, Result};
use ringway::CoreError;
use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::io::{Errno, read, write};
use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

thread_local! {
    /// What the task of this thread has waited for since its last sleep.
    static WANTED: RefCell<Vec<(Rc<OwnedFd>, PollFlags)>> = const { RefCell::new(Vec::new()) };
}

/// Wakes the thread, from any other.
struct Bell(OwnedFd);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        // It fails only when the count is full: then the thread is awake anyway.
        let _ = write(&self.0, &1u64.to_ne_bytes());
    }
}

/// Runs a task to its end.
pub fn block_on<T>(task: impl Future<Output = Result<T>>) -> Result<T> {
    let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
    let bell = Arc::new(Bell(eventfd(0, flags).map_err(io::Error::from).doing("make an eventfd")?));
    let waker = Waker::from(bell.clone());
    let mut task = pin!(task);
    loop {
        if let Poll::Ready(answer) = task.as_mut().poll(&mut Context::from_waker(&waker)) {
            return answer;
        }
        let wanted = WANTED.take();
        let mut sources = vec![PollFd::new(&bell.0, PollFlags::IN)];
        sources.extend(wanted.iter().map(|(fd, flags)| PollFd::new(&**fd, *flags)));
        match poll(&mut sources, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(io::Error::from(errno)).doing("wait for descriptors"),
        }
        // Nothing to read where a descriptor ended the sleep.
        let _ = read(&bell.0, &mut [0; 8]);
    }
}

/// A descriptor that a task waits for.
pub struct Watched(Rc<OwnedFd>);

impl Watched {
    /// Watches a duplicate of the end's descriptor.
    pub fn new(end: impl AsFd) -> Result<Self> {
        let fd = end.as_fd().try_clone_to_owned().doing("watch a descriptor")?;
        Ok(Watched(Rc::new(fd)))
    }

    /// Awaits that `attempt`, which takes something in, does not return `WouldBlock` any more.
    ///
    /// Dropped, it has taken nothing.
    pub async fn read_with<T>(&self, attempt: impl FnMut() -> ringway::Result<T>) -> Result<T> {
        self.with(PollFlags::IN, attempt).await
    }

    /// Awaits the same of an `attempt` that gives something out.
    ///
    /// Dropped, it has given nothing.
    pub async fn write_with<T>(&self, attempt: impl FnMut() -> ringway::Result<T>) -> Result<T> {
        self.with(PollFlags::OUT, attempt).await
    }

    /// Awaits that there is something to take in; takes nothing, dropped or not.
    pub async fn readable(&self) {
        self.ready(PollFlags::IN).await;
    }

    async fn with<T>(
        &self,
        flags: PollFlags,
        mut attempt: impl FnMut() -> ringway::Result<T>,
    ) -> Result<T> {
        loop {
            match attempt() {
                Err(error) if error.is(CoreError::WouldBlock) => self.ready(flags).await,
                answer => return answer.map_err(Failure::from),
            }
        }
    }

    /// Awaits that the descriptor is ready.
    async fn ready(&self, flags: PollFlags) {
        poll_fn(|_| {
            let mut now = [PollFd::new(&*self.0, flags)];
            // A failure is one of the attempt, too, which reports it.
            match poll(&mut now, Some(&rustix::time::Timespec::default())) {
                Ok(0) | Err(Errno::INTR) => {
                    WANTED.with_borrow_mut(|wanted| wanted.push((self.0.clone(), flags)));
                    Poll::Pending
                }
                _ => Poll::Ready(()),
            }
        })
        .await;
    }
}

/// Awaits the task, or `None` if the other future ends before it. The one that has not ended is
/// dropped.
pub async fn unless<T>(task: impl Future<Output = T>, other: impl Future) -> Option<T> {
    let (mut task, mut other) = (pin!(task), pin!(other));
    poll_fn(|cx| match task.as_mut().poll(cx) {
        Poll::Ready(answer) => Poll::Ready(Some(answer)),
        Poll::Pending => other.as_mut().poll(cx).map(|_| None),
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringway::pipe::pipe;
    use std::thread;

    #[test]
    fn task_sleeps_on_descriptors_and_wakers() {
        let (reader, writer) = pipe().unwrap();
        let (there, back) = (ringway::shm::Layout::new(2), "back");
        let layout = there.part::<ringway::shm::Event>(back).unwrap();
        let region = ringway::shm::Region::anonymous(&layout).unwrap();
        let event = region.part::<ringway::shm::Event>(back).unwrap();
        thread::scope(|scope| {
            scope.spawn(|| {
                let watched = Watched::new(&reader).unwrap();
                let mut byte = [0];
                let read = block_on(watched.read_with(|| reader.try_read(&mut byte)));
                assert_eq!((read.unwrap(), byte), (1, *b"x"));
                event.set();
            });
            let told = block_on(async {
                writer.write_all(b"x")?;
                event.wait_async().await;
                Ok(())
            });
            told.unwrap();
        });
    }

    #[test]
    fn task_ends_with_the_other_future() {
        let never = std::future::pending::<()>();
        assert_eq!(block_on(async { Ok(unless(never, async {}).await) }).unwrap(), None);
        let both = unless(async { 1 }, async {});
        assert_eq!(block_on(async { Ok(both.await) }).unwrap(), Some(1));
    }
}
