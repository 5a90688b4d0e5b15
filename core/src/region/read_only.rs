//! The read-only view by which a part lends a structure that has halves.

use crate::Error;
use crate::participant::Participant;
use crate::plain::Plain;
use crate::ring::RingInner;
use crate::ring::broadcast::{BroadcastInner, Reader, SeqSlot};
use crate::ring::bytes::ByteRingInner;
use crate::ring::latest::{Latest, Version};
use crate::ring::messages::MessageRingInner;
use crate::storage::Storage;
use crate::wait::{Doorbell, Register, Wait, Wake};

/// A view of a ring, a broadcast or a latest value that takes no half.
///
/// It is the [`Handle`](super::Part::Handle) of such a part. The methods that take a half for
/// another participant, or for none, are out of reach here: recovery could not release what they
/// take. The owner of the part takes the halves in its own name: in the shim by methods of the
/// part, such as `producer`.
///
/// ```
/// use ringway_core::participant::Participant;
/// use ringway_core::region::Part;
/// use ringway_core::ring::Ring;
/// static RING: Ring<u8, 4> = Ring::new();
/// RING.producer().unwrap().try_push(1).unwrap();
/// let me = Participant::new(1).unwrap();
/// // SAFETY: a static stays for good.
/// let part = unsafe { Part::handle((&RING).into(), me) };
/// assert_eq!((part.len(), part.capacity(), part.producer_is_gone()), (1, 4, false));
/// ```
///
/// ```compile_fail,E0599
/// use ringway_core::participant::Participant;
/// use ringway_core::region::Part;
/// use ringway_core::ring::Ring;
/// static RING: Ring<u8, 4> = Ring::new();
/// let (me, other) = (Participant::new(1).unwrap(), Participant::new(2).unwrap());
/// // SAFETY: a static stays for good.
/// let part = unsafe { Part::handle((&RING).into(), me) };
/// part.producer_as(other);
/// ```
#[derive(Debug)]
pub struct ReadOnly<P: ?Sized + 'static>(&'static P);

impl<P: ?Sized> ReadOnly<P> {
    pub(super) const fn new(part: &'static P) -> Self {
        ReadOnly(part)
    }
}

/// Methods that call the structure's method of the same name.
macro_rules! read_only {
    ($(
        [$($parameters:tt)*] $structure:ty, $path:literal;
        $($name:ident($($argument:ident: $type:ty),*) -> $returned:ty;)*
    )*) => {
        $(
            impl<$($parameters)*> ReadOnly<$structure> {
                $(
                    #[doc = concat!(
                        "Calls [`", stringify!($name), "`](crate::ring::", $path, "::",
                        stringify!($name), ").",
                    )]
                    pub fn $name(&self, $($argument: $type),*) -> $returned {
                        self.0.$name($($argument),*)
                    }
                )*
            }
        )*
    };
}

read_only! {
    [T, S: Storage<Value = T> + ?Sized, W: Wake] RingInner<S, W>, "RingInner";
    capacity() -> usize;
    len() -> usize;
    is_empty() -> bool;
    is_valid() -> bool;
    producer_is_gone() -> bool;
    consumer_is_gone() -> bool;
    producers_bell() -> &Doorbell<W>;
    consumers_bell() -> &Doorbell<W>;

    [S: Storage<Value = u8> + ?Sized, W: Wake] ByteRingInner<S, W>, "bytes::ByteRingInner";
    capacity() -> usize;
    len() -> usize;
    is_empty() -> bool;
    is_valid() -> bool;
    producer_is_gone() -> bool;
    consumer_is_gone() -> bool;
    producers_bell() -> &Doorbell<W>;
    consumers_bell() -> &Doorbell<W>;

    [S: Storage<Value = u8> + ?Sized, W: Wake]
    MessageRingInner<S, W>, "messages::MessageRingInner";
    max_message() -> usize;
    is_empty() -> bool;
    is_valid() -> bool;
    sender_is_gone() -> bool;
    receiver_is_gone() -> bool;
    senders_bell() -> &Doorbell<W>;
    receivers_bell() -> &Doorbell<W>;

    [T: Plain, S: Storage<Element = SeqSlot<T>> + ?Sized, W: Wake]
    BroadcastInner<S, W>, "broadcast::BroadcastInner";
    capacity() -> usize;
    sent() -> u64;
    holder() -> Option<Participant>;
    writer_is_gone() -> bool;
    reader() -> Reader<&BroadcastInner<S, W>>;

    [T: Plain, W: Wake] Latest<T, W>, "latest::Latest";
    load() -> Option<(T, Version)>;
    load_newer(seen: Version) -> Option<(T, Version)>;
    load_newer_into(seen: Version, out: &mut T) -> Option<Version>;
    version() -> Version;
    writer_is_gone() -> bool;
}

read_only! {
    [T: Plain, W: Wait] Latest<T, W>, "latest::Latest";
    wait_newer(seen: Version) -> Result<(T, Version), Error>;
    wait_newer_deadline(
        seen: Version,
        deadline: Option<W::Deadline>
    ) -> Result<(T, Version), Error>;
    wait_newer_into(seen: Version, out: &mut T) -> Result<Version, Error>;
    wait_newer_into_deadline(
        seen: Version,
        out: &mut T,
        deadline: Option<W::Deadline>
    ) -> Result<Version, Error>;
}

read_only! {
    [T: Plain, W: Register] Latest<T, W>, "latest::Latest";
    newer_async(seen: Version) -> impl Future<Output = Result<(T, Version), Error>>;
    newer_into_async(seen: Version, out: &mut T) -> impl Future<Output = Result<Version, Error>>;
}
