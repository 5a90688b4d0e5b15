//! The buffers that messages are received into.

/// A buffer that a message is received into.
///
/// A `Vec<u8>` grows; a slice or an array of bytes has to be large enough.
///
/// ```
/// use ringway::connection::{self, Buffer, Connection};
/// fn next(from: &Connection, buffer: &mut (impl Buffer + ?Sized)) -> ringway::Result<usize> {
///     from.recv(buffer)
/// }
/// let (ours, theirs) = connection::pair()?;
/// theirs.send(b"one")?;
/// theirs.send(b"two")?;
/// assert_eq!(next(&ours, &mut Vec::new())? + next(&ours, &mut [0; 16])?, 6);
/// # Ok::<(), ringway::Error>(())
/// ```
pub trait Buffer: sealed::Buffer {}

impl<B: sealed::Buffer + ?Sized> Buffer for B {}

mod sealed {
    use crate::connection::buffer::Target;

    pub trait Buffer {
        fn target(&mut self) -> Target<'_>;
    }

    impl Buffer for Vec<u8> {
        fn target(&mut self) -> Target<'_> {
            Target::Grows(self)
        }
    }

    impl Buffer for [u8] {
        fn target(&mut self) -> Target<'_> {
            Target::Fixed(self)
        }
    }

    impl<const N: usize> Buffer for [u8; N] {
        fn target(&mut self) -> Target<'_> {
            Target::Fixed(self)
        }
    }
}

/// A buffer of either kind.
pub enum Target<'a> {
    /// Allocates memory as the bytes come, because the length is untrusted.
    Grows(&'a mut Vec<u8>),
    Fixed(&'a mut [u8]),
}

impl Target<'_> {
    /// The most bytes to allocate at once for a message. After that, it never allocates more than
    /// has come.
    const AT_ONCE: usize = 64 << 10;

    pub(crate) fn clear(&mut self) {
        if let Target::Grows(message) = self {
            message.clear();
        }
    }

    pub(crate) fn fits(&self, length: usize) -> bool {
        match self {
            Target::Grows(_) => true,
            Target::Fixed(buf) => length <= buf.len(),
        }
    }

    /// Puts the part that came before at the front, and returns its size. It fits, since the whole
    /// message does.
    pub(crate) fn put_part(&mut self, part: Vec<u8>) -> usize {
        let came = part.len();
        match self {
            _ if came == 0 => {}
            Target::Grows(message) => **message = part,
            Target::Fixed(buf) => buf.iter_mut().zip(&part).for_each(|(to, from)| *to = *from),
        }
        came
    }

    /// Takes the part that has come out of the buffer, in an allocation in proportion to its size.
    pub(crate) fn take_part(&mut self, came: usize) -> Vec<u8> {
        match self {
            Target::Grows(message) => {
                message.truncate(came);
                if came < message.capacity() / 4 {
                    let part = message.to_vec();
                    message.clear();
                    return part;
                }
                std::mem::take(*message)
            }
            Target::Fixed(buf) => buf.get(..came).unwrap_or_default().to_vec(),
        }
    }

    /// The room for the next bytes of a message of `length` bytes, after the first `came`.
    pub(crate) fn rest(&mut self, came: usize, length: usize) -> &mut [u8] {
        match self {
            Target::Grows(message) => {
                if message.len() == came {
                    let more = length.saturating_sub(came).min(came.max(Self::AT_ONCE));
                    // Exactly: a vector that grows by itself doubles.
                    message.reserve_exact(more);
                    message.resize(came + more, 0);
                }
                message.get_mut(came..).unwrap_or_default()
            }
            Target::Fixed(buf) => buf.get_mut(came..length).unwrap_or_default(),
        }
    }
}
