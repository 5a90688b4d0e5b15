//! Plain values: those that any bytes make, and that may lie in memory that others write.

pub use crate::sync::words::Words;

/// A type whose values are just bytes.
///
/// Any bytes of its size are a value, and none of its bytes is padding. It has no pointer, no
/// interior mutability and nothing to drop. A side can copy such a value word by word while another
/// side writes, and judge the copy afterwards. The value means the same in another process.
///
/// With the feature `zerocopy` every type that is `FromBytes + IntoBytes + Immutable + Copy` is
/// plain, so you can derive it for your type. Without the feature, write `unsafe impl Plain`.
///
/// # Safety
/// Any bytes of the type's size are a value of it. The type has no padding, no pointer, no interior
/// mutability and nothing to drop.
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
                // SAFETY: any bits are a value of this type. It has no padding, no pointer, no
                // interior mutability and nothing to drop.
                unsafe impl Plain for $ty {}
            )*
        };
    }

    plain! { () u8 i8 u16 i16 u32 i32 u64 i64 u128 i128 usize isize f32 f64 }

    // SAFETY: an array consists of its elements, which are plain, without padding between them.
    unsafe impl<T: Plain, const N: usize> Plain for [T; N] {}
}
