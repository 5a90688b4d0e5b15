//! What may lie in memory that others write: values that any bytes make, and a place for one.

pub use crate::sync::words::Words;

/// A type whose values are just bytes: any bytes of its size are a value, none of its bytes is
/// padding, and it has no pointer, no interior mutability and nothing to drop. Such a value can be
/// copied word by word while another side writes, be judged afterwards, and mean the same in
/// another process.
///
/// With the feature `zerocopy` every type that is `FromBytes + IntoBytes + Immutable + Copy` is
/// plain, so that a derive says so for yours; without, `unsafe impl Plain`.
///
/// # Safety
/// All of the above is true of the type.
///
/// ```
/// use ringway_core::plain::Plain;
/// fn is_plain<T: Plain>(_: T) {}
/// is_plain([1_u32, 2, 3]);
/// ```
#[diagnostic::on_unimplemented(
    message = "any bytes have to be a `{Self}`, and nothing says that they are",
    label = "not `Plain`",
    note = "with the feature `zerocopy` (`ringway` has it), derive `Clone`, `Copy` and zerocopy's `FromBytes`, `IntoBytes` and \
            `Immutable`",
    note = "or say `unsafe impl Plain for … {{}}`: of numbers alone, without padding, pointers and anything to drop"
)]
pub unsafe trait Plain: Copy + Send + Sync + 'static {}

#[cfg(feature = "zerocopy")]
// SAFETY: `FromBytes`: any bytes are a value; `IntoBytes`: no padding; `Immutable`: no interior
// mutability; `Copy`: nothing to drop.
unsafe impl<T> Plain for T where
    T: zerocopy::FromBytes
        + zerocopy::IntoBytes
        + zerocopy::Immutable
        + Copy
        + Send
        + Sync
        + 'static
{
}

#[cfg(not(feature = "zerocopy"))]
mod without {
    use super::Plain;

    macro_rules! plain {
        ($($ty:ty)*) => {
            $(
                // SAFETY: any bits are such a number; no padding, no pointer, nothing to drop.
                unsafe impl Plain for $ty {}
            )*
        };
    }

    plain! { () u8 i8 u16 i16 u32 i32 u64 i64 u128 i128 usize isize f32 f64 }

    // SAFETY: an array is its elements, without padding between them.
    unsafe impl<T: Plain, const N: usize> Plain for [T; N] {}
}
