//! Compares the formats of a link's frames with published vectors and with their definitions.
#![cfg(not(loom))]

#[path = "../src/scaled.rs"]
mod scaled;

use ringway_core::Error;
use ringway_core::channel::frame::{
    Crc32, Decoded, Decoder, Encoder, Hello, Identity, decode, encode, max_encoded_len,
};
use ringway_core::channel::link::{Config, SerialLink};
use scaled::scaled;

mod random;
use random::Random;

fn encoded(frame: &[u8]) -> Vec<u8> {
    let mut out = vec![0xEE; max_encoded_len(frame.len())];
    let len = encode(frame, &mut out).expect("the longest encoding has room");
    out.truncate(len);
    out
}

fn decoded(line: &[u8]) -> Option<Vec<u8>> {
    let mut out = vec![0; line.len()];
    let len = decode(line, &mut out)?;
    out.truncate(len);
    Some(out)
}

#[test]
fn cobs_agrees_with_the_published_examples() {
    // The examples of Cheshire and Baker 1999, and those that every implementation is tested with,
    // without the final zero.
    let run: Vec<u8> = (0x01..=0xFE).collect();
    let with = |before: &[u8], middle: &[u8], after: &[u8]| [before, middle, after].concat();
    let examples: &[(Vec<u8>, Vec<u8>)] = &[
        (vec![], vec![0x01]),
        (vec![0x00], vec![0x01, 0x01]),
        (vec![0x00, 0x00], vec![0x01, 0x01, 0x01]),
        (vec![0x00, 0x11, 0x00], vec![0x01, 0x02, 0x11, 0x01]),
        (vec![0x11, 0x22, 0x00, 0x33], vec![0x03, 0x11, 0x22, 0x02, 0x33]),
        (vec![0x11, 0x22, 0x33, 0x44], vec![0x05, 0x11, 0x22, 0x33, 0x44]),
        (vec![0x11, 0x00, 0x00, 0x00], vec![0x02, 0x11, 0x01, 0x01, 0x01]),
        (run.clone(), with(&[0xFF], &run, &[])),
        (with(&[0x00], &run, &[]), with(&[0x01, 0xFF], &run, &[])),
        (with(&[], &run, &[0xFF]), with(&[0xFF], &run, &[0x02, 0xFF])),
        (with(&[], &run[1..], &[0xFF, 0x00]), with(&[0xFF], &run[1..], &[0xFF, 0x01, 0x01])),
        (with(&[], &run[2..], &[0xFF, 0x00, 0x01]), {
            with(&[0xFE], &run[2..], &[0xFF, 0x02, 0x01])
        }),
    ];
    for (frame, line) in examples {
        assert_eq!(&encoded(frame), line);
        assert_eq!(decoded(line).as_ref(), Some(frame));
    }
}

#[test]
fn encoded_frames_have_no_zero_and_decode_back() {
    let mut random = Random::new(1);
    for round in 0..scaled(3_000) {
        let zeros = [1, 2, 10, 300, 100_000][round % 5];
        let frame: Vec<u8> = (0..random.below(600))
            .map(|_| if random.below(zeros) == 0 { 0 } else { random.below(256) as u8 })
            .collect();
        let line = encoded(&frame);
        assert!(!line.contains(&0));
        assert!(line.len() <= max_encoded_len(frame.len()));
        assert_eq!(decoded(&line), Some(frame));
    }
}

#[test]
fn pieces_of_any_size_give_the_same_frame() {
    let mut random = Random::new(3);
    for round in 0..scaled(2_000) {
        let zeros = [1, 2, 10, 300, 100_000][round % 5];
        let frame: Vec<u8> = (0..random.below(600))
            .map(|_| if random.below(zeros) == 0 { 0 } else { random.below(256) as u8 })
            .collect();
        let mut encoder = Encoder::new();
        let mut line = Vec::new();
        loop {
            let mut piece = vec![0xEE; 1 + random.below(40)];
            let len = encoder.fill(&frame, &mut piece);
            line.extend_from_slice(&piece[..len]);
            if len < piece.len() {
                break;
            }
        }
        assert_eq!(line, encoded(&frame));
        assert_eq!(encoder.fill(&frame, &mut [0; 8]), 0, "the frame ended");

        line.push(0);
        let mut decoder = Decoder::new();
        // Sometimes the buffer is too small.
        let mut room = vec![0xEE; frame.len() - random.below(2).min(frame.len())];
        let mut rest = &line[..];
        let end = loop {
            let n = (1 + random.below(40)).min(rest.len());
            let mut piece = &rest[..n];
            let decoded = decoder.push(&mut piece, &mut room);
            rest = &rest[n - piece.len()..];
            if decoded != Decoded::More {
                break decoded;
            }
        };
        assert_eq!((end, rest), (Decoded::End { len: frame.len(), whole: true }, &[][..]));
        if room.len() == frame.len() {
            assert_eq!(room, frame);
        }
        // The next frame begins with nothing left of this one.
        let end = Decoded::End { len: 1, whole: true };
        assert_eq!(decoder.push(&mut &[2, 7, 0][..], &mut [0; 4]), end);
    }
}

#[test]
fn too_small_a_buffer_is_refused() {
    let frame = [1, 0, 2];
    let line = encoded(&frame);
    assert_eq!(encode(&frame, &mut vec![0; line.len() - 1]), None);
    assert_eq!(decode(&line, &mut [0; 2]), None);
}

#[test]
fn cut_frame_is_refused_and_the_next_zero_ends_it() {
    let line = encoded(&[1, 2, 3, 4]);
    for cut in 0..line.len() {
        assert_eq!(decoded(&line[..cut]), None, "{cut} of {} bytes", line.len());
    }
    let mut decoder = Decoder::new();
    let mut frame = [0; 4];
    let mut line = &[200, 1, 0, 2, 9, 0][..];
    let end = Decoded::End { len: 1, whole: false };
    assert_eq!(decoder.push(&mut line, &mut frame), end);
    let end = Decoded::End { len: 1, whole: true };
    assert_eq!(decoder.push(&mut line, &mut frame), end);
    assert_eq!((line, frame[0]), (&[][..], 9));
}

/// The CRC by its definition: polynomial division, bit by bit.
fn crc_by_definition(bytes: &[u8]) -> u32 {
    let mut rest = !0_u32;
    for byte in bytes {
        rest ^= u32::from(*byte);
        for _ in 0..8 {
            rest = if rest & 1 == 1 { (rest >> 1) ^ 0xEDB8_8320 } else { rest >> 1 };
        }
    }
    !rest
}

#[test]
fn crc_matches_published_values_and_definition() {
    let known: &[(&[u8], u32)] = &[
        (b"", 0),
        (b"123456789", 0xCBF4_3926),
        (b"a", 0xE8B7_BE43),
        (b"The quick brown fox jumps over the lazy dog", 0x414F_A339),
        (&[0; 32], 0x190A_55AD),
        (&[0xFF; 32], 0xFF6C_AB0B),
    ];
    for (bytes, crc) in known {
        assert_eq!(Crc32::new().update(bytes).finish(), *crc, "{bytes:?}");
    }
    let mut random = Random::new(2);
    for _ in 0..scaled(500) {
        let bytes: Vec<u8> = (0..random.below(300)).map(|_| random.below(256) as u8).collect();
        assert_eq!(Crc32::new().update(&bytes).finish(), crc_by_definition(&bytes));
    }
}

#[test]
fn greeting_decodes_back_and_invalid_ones_fail() {
    let hello = Hello {
        up: true,
        ports: 3,
        credits: 4,
        max: 0x0102_0304,
        id: Identity { generation: 0xAABB_CCDD, attempt: 0x1122 },
        heard: Identity { generation: 5, attempt: 6 },
    };
    let bytes = hello.emit();
    assert_eq!(Hello::parse(&bytes), Ok(hello));
    for len in 0..bytes.len() {
        assert_eq!(Hello::parse(&bytes[..len]), Err(Error::Corrupt), "{len} bytes");
    }
    assert_eq!(Hello::parse(&[&bytes[..], &[0]].concat()), Err(Error::Corrupt));
    let changed = |at: usize, byte: u8| {
        let mut bytes = bytes;
        bytes[at] = byte;
        Hello::parse(&bytes)
    };
    assert_eq!(changed(0, b'x'), Err(Error::Corrupt), "magic");
    assert_eq!(changed(4, 9), Err(Error::Incompatible { version: 9 }));
    let short = [&bytes[..4], &[9, 0, 0, 0]].concat();
    assert_eq!(Hello::parse(&short), Err(Error::Incompatible { version: 9 }), "as short as it is");
    assert_eq!(Hello::parse(&short[..7]), Err(Error::Corrupt));
    assert_eq!(changed(5, 2), Err(Error::Corrupt), "a flag that this version lacks");
    assert_eq!(changed(7, 0), Err(Error::Corrupt), "no credits at all");
}

type End = SerialLink<64, 2, 2, 2>;

fn transmitted(link: &mut End) -> Vec<u8> {
    let mut line = [0; 300];
    let len = link.poll_transmit(0, &mut line);
    line[..len].to_vec()
}

/// Carries what `from` has to transmit to `to`, and asserts that it is `bytes`, in hexadecimal.
#[track_caller]
fn carries(from: &mut End, to: &mut End, bytes: &str) {
    let line = transmitted(from);
    to.handle_bytes(0, &line);
    assert_eq!(line.iter().map(|byte| format!("{byte:02x}")).collect::<String>(), bytes);
}

/// Two sides of different versions meet: these bytes change only together with `VERSION`.
#[test]
fn serial_session_has_these_bytes_on_its_line() {
    let (here, there) = (&mut End::new(Config::new(1)), &mut End::new(Config::new(0xA0B0_00C0)));
    here.open(0).unwrap();
    there.open(0).unwrap();
    // `HELLO`, three times.
    let here_is_new = "00020101010652774c6b01040202400101020101010201010101010101054bc73aae00";
    let there_heard = "00020101010652774c6b0104020240010102c004b0a0010201010102010505b82edd00";
    let here_is_up = "00020101010a52774c6b0101020240010102010101020102c004b0a001051c7b21b500";
    carries(here, there, here_is_new);
    carries(there, here, there_heard);
    carries(here, there, here_is_up);
    carries(there, here, "");
    // `OPEN`.
    here.open_port(1).unwrap();
    there.open_port(1).unwrap();
    carries(here, there, "02080107010202f84db100");
    carries(there, here, "030801070102c9e8a42700");
    // `DATA`, twice, and a bare `ACK`.
    here.try_send(1, &[3, 0, 0, 4]).unwrap();
    here.try_send(1, &[7; 64]).unwrap();
    let short = "060901010103010604a6209d3600";
    let long = format!("4909010201{}1bc3a23b00", "07".repeat(64));
    carries(here, there, &format!("{short}{long}"));
    carries(there, here, "01060307df3f9400");
    // The peer's `RESET` arrives damaged: an `ACK` with the reject flag, and `RESET` again.
    there.reset_port(1, 5);
    let mut damaged = transmitted(there);
    damaged[3] ^= 1;
    here.handle_bytes(0, &damaged);
    carries(here, there, "078001e3f7054700");
    carries(there, here, "0a0d03010105a650ebda00");
    // `SHUT`, the last word that this side owes.
    carries(here, there, "090b0203015c7e677300");
    carries(there, here, "010604a44a5b0a00");
    // `BYE` and its answer.
    here.close(0);
    carries(here, there, "03020201058352455200");
    carries(there, here, "030304010529660e0f00");
}
