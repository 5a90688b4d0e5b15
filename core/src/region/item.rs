//! The type of the items of a part, as programs state it to each other.

use crate::plain::Plain;
use core::fmt;
use core::marker::PhantomData;

/// A type that a part can hold: [`Plain`], with a [name](TypeName) that all programs agree on.
///
/// Rust's numbers are items, and so are `()` and arrays of items. For a type of your own, state a
/// name that no other program uses for another type. Give it a version, and change that when the
/// meaning of the type's bytes changes.
///
/// ```
/// use ringway_core::plain::Plain;
/// use ringway_core::region::{Item, TypeName};
/// #[derive(Clone, Copy)]
/// #[repr(C)]
/// struct Sample {
///     time: u64,
///     level: [f32; 2],
/// }
/// // SAFETY: any bytes are such numbers, and there is no padding between or after them.
/// unsafe impl Plain for Sample {}
/// impl Item for Sample {
///     const NAME: TypeName = TypeName::new("com.example.Sample/1");
/// }
/// assert_eq!(Sample::NAME.to_string(), "com.example.Sample/1");
/// ```
///
/// `impl Item for Sample {}` leaves the name unstated. An unstated name fits every name: then only
/// the size and the alignment are compared.
#[diagnostic::on_unimplemented(
    message = "`{Self}` says no name under which programs that share a region know it",
    label = "not an `Item`",
    note = "say it: `impl Item for … {{ const NAME: TypeName = TypeName::new(\"com.example.Sample/1\"); }}`",
    note = "or leave it unstated: `impl Item for … {{}}`; the type must be `Plain` too"
)]
pub trait Item: Plain {
    /// The name of the type; unstated by default.
    const NAME: TypeName = TypeName::UNSTATED;
}

/// The name of an item's type, as a program in any language states it.
///
/// A number has its name in Rust (`u64`, `f32`). An array has the name of its elements and their
/// number (`[u64; 4]`). The author of any other type chooses its name.
///
/// ```
/// use ringway_core::region::{Item, TypeName};
/// assert_eq!(<[[u8; 3]; 4]>::NAME.to_string(), "[[u8; 3]; 4]");
/// assert_eq!(<[u64; 4]>::NAME.identity(), TypeName::new("[u64; 4]").identity());
/// ```
#[derive(Debug, Clone, Copy)]
pub struct TypeName(Text);

#[derive(Debug, Clone, Copy)]
enum Text {
    Unstated,
    Is(&'static str),
    Array(&'static TypeName, usize),
}

impl TypeName {
    /// No name is stated.
    pub const UNSTATED: TypeName = TypeName(Text::Unstated);

    /// The name `name`; an empty name is unstated.
    pub const fn new(name: &'static str) -> TypeName {
        if name.is_empty() { TypeName::UNSTATED } else { TypeName(Text::Is(name)) }
    }

    /// The name of an array of `length` elements; unstated if the name of the elements is.
    ///
    /// ```
    /// use ringway_core::region::{Item, TypeName};
    /// static SAMPLE: TypeName = TypeName::new("com.example.Sample/1");
    /// assert_eq!(TypeName::array(&SAMPLE, 2).to_string(), "[com.example.Sample/1; 2]");
    /// ```
    pub const fn array(element: &'static TypeName, length: usize) -> TypeName {
        match element.0 {
            Text::Unstated => TypeName::UNSTATED,
            _ => TypeName(Text::Array(element, length)),
        }
    }

    /// The number that stands for the name in the directory of a region.
    ///
    /// It is the 32-bit FNV-1a hash of the name's UTF-8 bytes, or 1 if that is 0. For an unstated
    /// name it is 0.
    ///
    /// In Python:
    /// ```python
    /// def identity(name):
    ///     number = 0x811c9dc5
    ///     for byte in name.encode():
    ///         number = (number ^ byte) * 0x01000193 % 2**32
    ///     return number or 1
    /// ```
    ///
    /// ```
    /// use ringway_core::region::TypeName;
    /// assert_eq!(TypeName::new("u64").identity(), 0x79fa_e712);
    /// assert_eq!(TypeName::UNSTATED.identity(), 0);
    /// ```
    pub const fn identity(self) -> u32 {
        match self.0 {
            Text::Unstated => 0,
            _ => match self.hashed(0x811c_9dc5) {
                0 => 1,
                hash => hash,
            },
        }
    }

    /// Continues the hash `hash` with the name.
    const fn hashed(self, hash: u32) -> u32 {
        match self.0 {
            Text::Unstated => hash,
            Text::Is(name) => bytes(hash, name.as_bytes()),
            Text::Array(element, length) => {
                let hash = bytes(element.hashed(byte(hash, b'[')), b"; ");
                byte(digits(hash, length), b']')
            }
        }
    }
}

const fn byte(hash: u32, byte: u8) -> u32 {
    (hash ^ byte as u32).wrapping_mul(0x0100_0193)
}

const fn bytes(mut hash: u32, mut bytes: &[u8]) -> u32 {
    while let [first, rest @ ..] = bytes {
        hash = byte(hash, *first);
        bytes = rest;
    }
    hash
}

const fn digits(hash: u32, number: usize) -> u32 {
    let hash = if number >= 10 { digits(hash, number / 10) } else { hash };
    byte(hash, b'0' + (number % 10) as u8)
}

impl fmt::Display for TypeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Text::Unstated => f.write_str("a type without a name"),
            Text::Is(name) => f.write_str(name),
            Text::Array(element, length) => write!(f, "[{element}; {length}]"),
        }
    }
}

macro_rules! items {
    ($($ty:ty)*) => {
        $(impl Item for $ty {
            const NAME: TypeName = TypeName::new(stringify!($ty));
        })*
    };
}

items! { () u8 i8 u16 i16 u32 i32 u64 i64 u128 i128 usize isize f32 f64 }

/// Holds the name of `T` in a constant, to which an array's name can refer.
struct NameOf<T>(PhantomData<T>);

impl<T: Item> NameOf<T> {
    const NAME: &'static TypeName = &T::NAME;
}

impl<T: Item, const N: usize> Item for [T; N]
where
    [T; N]: Plain,
{
    const NAME: TypeName = TypeName::array(NameOf::<T>::NAME, N);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn identity_depends_on_the_text_of_the_name_alone() {
        // From the authors' own test vectors.
        assert_eq!(TypeName::new("a").identity(), 0xe40c_292c);
        assert_eq!(TypeName::new("foobar").identity(), 0xbf9c_f968);
        for (made, text) in [
            (<[u8; 0]>::NAME, "[u8; 0]"),
            (<[f64; 1_234_567]>::NAME, "[f64; 1234567]"),
            (<[[[i16; 2]; 10]; 307]>::NAME, "[[[i16; 2]; 10]; 307]"),
        ] {
            assert_eq!(made.to_string(), text);
            assert_eq!(made.identity(), TypeName::new(text).identity());
        }
        assert_ne!(u64::NAME.identity(), f64::NAME.identity());
        assert_ne!(<[u8; 4]>::NAME.identity(), <[u8; 5]>::NAME.identity());
    }

    #[test]
    fn an_array_of_unnamed_items_is_unnamed() {
        static UNSTATED: TypeName = TypeName::new("");
        assert_eq!(TypeName::array(&UNSTATED, 4).identity(), 0);
    }
}
