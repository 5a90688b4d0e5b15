//! A pool of frames: one writer fills a frame in place, any reader reads it in place, and nobody
//! copies it.
//!
//! A pool has some number of frames of one size. The writer borrows a frame (a [`Loan`]), fills it,
//! and publishes it. A [`Reader`] receives the publications in order. In the step in which it
//! receives one, it *pins* the frame: it reads the frame in place for as long as it keeps the
//! [`Frame`], and nobody writes there meanwhile. What publishing and receiving cost does not depend
//! on the size of a frame.
//!
//! ```
//! use ringway_core::ring::pool::{Pool, Reliability::BestEffort};
//! static IMAGES: Pool<4, 1024> = Pool::new();
//! let writer = IMAGES.raw().writer().unwrap();
//! let (one, other) = (IMAGES.raw().reader(BestEffort).unwrap(), IMAGES.raw().reader(BestEffort).unwrap());
//! let mut image = writer.try_loan().unwrap();
//! image.fill(7);
//! image.truncate(640); // it is a small one
//! image.publish();
//! for reader in [&one, &other] {
//!     let image = reader.try_recv().unwrap().unwrap();
//!     assert_eq!(*image, [7; 640]);
//! }
//! ```
//!
//! # Which frame the writer gets
//!
//! | a frame | [`try_loan`](Writer::try_loan) | [`try_loan_or_evict`](Writer::try_loan_or_evict) |
//! |---|---|---|
//! | that a reader has pinned | no | no |
//! | that a [reliable](Reliability::Reliable) reader has not received yet | no | if there is no other; the reader is told |
//! | that a best-effort reader has not received yet | if there is no other: the oldest; the reader is told | as `try_loan` |
//! | of the newest [`history`](Writer::set_history) | no | if there is no other |
//! | any other | yes, the one that was published last first: its memory is warm in the cache | as `try_loan` |
//!
//! A published frame stays there until the writer needs it again. Until then a reader that comes
//! late can still [go back](Reader::rewind) to it.
//!
//! For jobs, of which one worker does each, a [`Queue`](super::queue::Queue) of large items is the
//! right thing: it, too, is filled and read in place. The number of a publication can travel
//! through any other structure, and a reader [pins](Reader::try_pin) the frame by it.
//!
//! # How it works
//!
//! | word | written by | meaning |
//! |---|---|---|
//! | `published` | the writer | the number of the next publication |
//! | `line[number]` | the writer | which frame has this publication |
//! | `frame.number` | the writer | the publication in the frame; hidden while the writer has it |
//! | `frame.pins[reader]` | that reader | the reader's participant while it reads the frame |
//! | `reader.next` | that reader | the number that it wants next |
//!
//! A pin is a hazard pointer: the reader stores the pin, passes a fence, and looks whether the
//! frame still has the number that it wants. The writer hides the number, passes a fence, and looks
//! whether somebody has pinned the frame. Whichever fence comes first, one of the two sees what the
//! other did, and withdraws. There is no exchange on the way: each word has one writer. So a pool
//! also works between a program that has compare-and-swap and a chip that has not.
//!
//! [`RawPool::recover`] puts right what a dead participant held: its pins are cleared, its readers'
//! places and the writer's half are free, and the frames that it had borrowed are found by the next
//! writer. Nothing else is lost.
//!
//! # Bounds
//!
//! Every `try_` call ends after a bounded number of steps, whatever others do: at most one look at
//! each frame and each reader's place. Receiving and publishing are wait-free. The writer finds no
//! frame if all are pinned, so give a pool as many frames as all readers may keep at once, and two
//! more.
//!
//! A publication's number wraps around after some 2^31 of them. A reader that sleeps for so long
//! learns a wrong number of lost publications.
//!
//! # Where it comes from
//!
//! Pins are M. M. Michael's hazard pointers: "Hazard Pointers: Safe Memory Reclamation for
//! Lock-Free Objects", IEEE TPDS 15(6), 2004.

mod raw;
mod reader;
mod writer;

pub use raw::{Pool, READERS, RawPool};
pub use reader::{Frame, Reader, Reliability};
pub use writer::{Loan, Writer};
