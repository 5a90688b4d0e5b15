//! What a part of a channel carries.

use super::halves::{Consumer, Producer, Publisher, Reader, Receiver, Sender, Subscriber, Writer};
use super::peer::Peer;
use ringway_core::region::Item;
use ringway_core::untrusted::{self, Lane, Words};
use std::marker::PhantomData;
use std::ptr::NonNull;

/// What a part of a channel carries: [`Bytes`], [`Messages`], [`Values`] or [`Published`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot lie between processes that do not trust each other",
    note = "a channel carries `Bytes`, `Messages`, `Values<T>` or `Published<T>`"
)]
pub trait Kind: sealed::Kind {
    /// The half that sends.
    type Tx;
    /// The half that receives.
    type Rx;

    /// # Safety
    /// `[mine, theirs]` are memory of the part's sizes, aligned to 128 bytes: the first zeroed and
    /// written by this half alone, the second readable. `peer` keeps both.
    #[doc(hidden)]
    unsafe fn tx(memory: [NonNull<u8>; 2], capacity: usize, peer: Peer) -> Option<Self::Tx>;

    /// # Safety
    /// As for [`tx`](Self::tx).
    #[doc(hidden)]
    unsafe fn rx(memory: [NonNull<u8>; 2], capacity: usize, peer: Peer) -> Option<Self::Rx>;
}

pub(super) mod sealed {
    /// What both sides have to agree on.
    pub trait Kind {
        /// The number by which they tell kinds apart.
        const NUMBER: u32;

        /// The size, the alignment and the type of the items.
        fn item() -> [u32; 3];

        /// The sizes of the memory of the sending and the receiving side; `None` when there is no
        /// such part.
        fn sizes(capacity: usize) -> Option<[usize; 2]>;
    }
}

/// A stream of bytes; its capacity is a number of bytes, and becomes a power of two.
#[derive(Debug)]
pub struct Bytes(());

/// Messages of any length; its capacity is a number of bytes, and becomes a power of two. Each
/// message takes 4 bytes more.
#[derive(Debug)]
pub struct Messages(());

/// Values of one type; its capacity is a number of values.
#[derive(Debug)]
pub struct Values<T>(PhantomData<T>);

/// Values of one type that their reader may miss; its capacity is the number of values that are
/// kept.
#[derive(Debug)]
pub struct Published<T>(PhantomData<T>);

fn sizes_of(lane: Option<Lane>) -> Option<[usize; 2]> {
    Some([lane?.sending_size(), lane?.receiving_size()])
}

fn item_of<T: Item>() -> [u32; 3] {
    // A type whose size does not fit makes no part: the lane would be too large.
    let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    [small(size_of::<T>()), small(align_of::<T>()), T::NAME.identity()]
}

/// The kinds whose halves lie over a lane.
macro_rules! lanes {
    ($([$($T:ident)?] $kind:ty, $number:literal, $Tx:ident, $Rx:ident,
        |$capacity:ident| $bytes:expr, $item:expr;)*) => {
        $(
            impl$(<$T: Item>)? sealed::Kind for $kind {
                const NUMBER: u32 = $number;

                fn item() -> [u32; 3] {
                    $item
                }

                fn sizes($capacity: usize) -> Option<[usize; 2]> {
                    sizes_of(Lane::new($bytes?))
                }
            }

            impl$(<$T: Item>)? Kind for $kind {
                type Tx = $Tx$(<$T>)?;
                type Rx = $Rx$(<$T>)?;

                unsafe fn tx(
                    [mine, theirs]: [NonNull<u8>; 2],
                    $capacity: usize,
                    peer: Peer,
                ) -> Option<Self::Tx> {
                    let lane = Lane::new($bytes?)?;
                    // SAFETY: the caller guarantees the memory, of the sizes of this lane.
                    Some(unsafe { untrusted::$Tx::new(mine, theirs, lane, peer) })
                }

                unsafe fn rx(
                    [mine, theirs]: [NonNull<u8>; 2],
                    $capacity: usize,
                    peer: Peer,
                ) -> Option<Self::Rx> {
                    let lane = Lane::new($bytes?)?;
                    // SAFETY: the caller guarantees the memory, of the sizes of this lane.
                    Some(unsafe { untrusted::$Rx::new(mine, theirs, lane, peer) })
                }
            }
        )*
    };
}

lanes! {
    [] Bytes, 1, Writer, Reader, |capacity| Some(capacity), [1, 1, 0];
    [] Messages, 2, Sender, Receiver, |capacity| Some(capacity), [1, 1, 0];
    [T] Values<T>, 3, Producer, Consumer, |capacity| capacity.checked_mul(size_of::<T>()),
    item_of::<T>();
}

impl<T: Item> sealed::Kind for Published<T> {
    const NUMBER: u32 = 4;

    fn item() -> [u32; 3] {
        item_of::<T>()
    }

    fn sizes(capacity: usize) -> Option<[usize; 2]> {
        Some([untrusted::Publisher::<T>::size(capacity)?, size_of::<Words>()])
    }
}

impl<T: Item> Kind for Published<T> {
    type Tx = Publisher<T>;
    type Rx = Subscriber<T>;

    unsafe fn tx(memory: [NonNull<u8>; 2], capacity: usize, peer: Peer) -> Option<Self::Tx> {
        // SAFETY: the caller guarantees the memory, of the sizes for this capacity.
        unsafe { untrusted::Publisher::new(memory[0], memory[1], capacity, peer) }
    }

    unsafe fn rx(memory: [NonNull<u8>; 2], capacity: usize, peer: Peer) -> Option<Self::Rx> {
        // SAFETY: the caller guarantees the memory, of the sizes for this capacity.
        unsafe { untrusted::Subscriber::new(memory[0], memory[1], capacity, peer) }
    }
}
