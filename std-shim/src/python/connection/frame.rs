//! A message's length on the wire, in its two forms. Nothing here panics, whatever came.

/// The most bytes that a length takes: -1 in 32 bits, and then 64 bits.
pub(super) const LONG: usize = 12;

/// The bytes of the usual form.
const SHORT: usize = 4;

/// The length on the wire, at the front of an array, and how many bytes it has.
pub(super) fn encode(length: usize) -> ([u8; LONG], usize) {
    let mut bytes = [0; LONG];
    let (first, rest) = bytes.split_at_mut(SHORT);
    match i32::try_from(length) {
        Ok(length) => {
            first.copy_from_slice(&length.to_be_bytes());
            (bytes, SHORT)
        }
        Err(_) => {
            first.copy_from_slice(&(-1_i32).to_be_bytes());
            rest.copy_from_slice(&(length as u64).to_be_bytes());
            (bytes, LONG)
        }
    }
}

/// What the first bytes of a message say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    /// The length has this number of bytes, or more, and not all have come.
    Part(usize),
    /// The message has this number of bytes.
    Known(u64),
    /// A negative number other than -1: no sender means that.
    Invalid,
}

/// Reads the bytes of a length that have come.
pub(super) fn decode(came: &[u8]) -> Length {
    let Some((short, rest)) = came.split_first_chunk::<SHORT>() else {
        return Length::Part(SHORT);
    };
    match i32::from_be_bytes(*short) {
        -1 => match rest.first_chunk() {
            Some(long) => Length::Known(u64::from_be_bytes(*long)),
            None => Length::Part(LONG),
        },
        length => u64::try_from(length).map_or(Length::Invalid, Length::Known),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_survives_its_way() {
        let sizes = [0, 1, 16_384, 16_385, 1 << 20, i32::MAX as usize, i32::MAX as usize + 1];
        for length in sizes {
            let (bytes, count) = encode(length);
            assert_eq!(count, if length > i32::MAX as usize { LONG } else { SHORT });
            for cut in 0..count {
                let more = if cut < SHORT { SHORT } else { LONG };
                assert_eq!(decode(&bytes[..cut]), Length::Part(more), "{length} cut at {cut}");
            }
            assert_eq!(decode(&bytes[..count]), Length::Known(length as u64));
        }
        assert_eq!(encode(16_385).0[..4], [0, 0, 0x40, 1]);
    }

    #[test]
    fn the_long_form_is_accepted_for_any_length() {
        let long = |length: u64| [&[0xff; 4][..], &length.to_be_bytes()].concat();
        for length in [0, 1, u64::from(u32::MAX), u64::MAX] {
            assert_eq!(decode(&long(length)), Length::Known(length));
        }
    }

    #[test]
    fn other_negative_lengths_are_invalid() {
        for length in [-2, -3, i32::MIN] {
            assert_eq!(decode(&length.to_be_bytes()), Length::Invalid);
        }
    }
}
