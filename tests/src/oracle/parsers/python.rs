//! A connection of `ringway::python` whose peer writes any bytes, in pieces that are cut anywhere:
//! messages, a handshake, and objects.

use super::super::Choices;
use ringway::fd::Interest;
use ringway::python::connection::{Auth, Connection, Role, UnixConnection};
use ringway::python::pickle;
use ringway::socket::UnixStream;
use ringway::{Cause, CoreError};
use std::time::{Duration, Instant};

/// Runs the sequence that these bytes decide.
pub fn python(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let (ours, theirs) = UnixStream::pair().expect("a pair can be made");
    match choices.below(4) {
        Some(0) => messages(ours, theirs, &mut choices),
        Some(1) => handshake(ours, theirs, &mut choices),
        Some(_) => objects(choices.rest()),
        None => None,
    };
}

/// A pickle is a plain object or an error. A plain object comes back as it was sent.
fn objects(pickle: &[u8]) -> Option<()> {
    let Ok(object) = pickle::value_from_slice(pickle) else { return None };
    // It may have a NaN, which is no other object's equal.
    let printed = format!("{object:?}");
    let again =
        pickle::value_to_vec(&object).and_then(|pickled| pickle::value_from_slice(&pickled));
    assert_eq!(format!("{:?}", again.expect("a plain object goes both ways")), printed);
    None
}

/// A frame whose length says `length`, in one of the two forms or in one that is none.
fn head(length: u64, choices: &mut Choices<'_>) -> Option<Vec<u8>> {
    Some(match choices.below(5)? {
        0 => [&[0xff; 4][..], &length.to_be_bytes()].concat(),
        1 => (length as i32).wrapping_neg().to_be_bytes().to_vec(),
        _ => (length as u32).to_be_bytes().to_vec(),
    })
}

/// What a receiving call must answer, of the bytes that came and were not taken.
enum Answer {
    Message(Vec<u8>, usize),
    Error(CoreError),
}

fn expected(came: &[u8], max: usize, is_open: bool) -> Answer {
    let missing = |end| Answer::Error(if is_open { CoreError::WouldBlock } else { end });
    if came.is_empty() {
        return missing(CoreError::EndOfFile);
    }
    let Some((short, rest)) = came.split_first_chunk() else { return missing(CoreError::Reset) };
    let (length, rest) = match (i32::from_be_bytes(*short), rest.split_first_chunk()) {
        (-1, Some((long, rest))) => (u64::from_be_bytes(*long), rest),
        (-1, None) => return missing(CoreError::Reset),
        (0.., _) => (u64::from(u32::from_be_bytes(*short)), rest),
        _ => return Answer::Error(CoreError::Corrupt),
    };
    if length > max as u64 {
        return Answer::Error(CoreError::MessageTooLarge { max });
    }
    match rest.get(..length as usize) {
        Some(message) => Answer::Message(message.to_vec(), came.len() - rest.len()),
        None => missing(CoreError::Reset),
    }
}

/// Each call answers what the bytes say, with memory for what has come alone.
fn messages(ours: UnixStream, theirs: UnixStream, choices: &mut Choices<'_>) -> Option<()> {
    let max = [0, 3, 40, 300, 5000, usize::MAX][choices.below(6)?];
    let ours: UnixConnection = Connection::from(ours).with_max_message(max);
    let (mut came, mut written, mut peer) = (Vec::new(), 0, Some(theirs));
    loop {
        let piece = match choices.below(8)? {
            0 | 1 => {
                let length = choices.below(256)? * [1, 1, 20][choices.below(3)?];
                let mut frame = head(length as u64, choices)?;
                frame.extend((0..length).map(|at| at as u8));
                frame.truncate(frame.len() - [0, 0, 1, 7][choices.below(4)?].min(frame.len()));
                frame
            }
            2 => head((choices.below(256)? as u64) << choices.below(64)?, choices)?,
            3 => {
                (0..choices.below(12)?).map_while(|_| choices.below(256)).map(|b| b as u8).collect()
            }
            4 if choices.below(8)? == 0 => {
                peer = None;
                // The system closes a descriptor when nobody looks at it in /proc any more.
                let gone = Instant::now() + Duration::from_secs(10);
                let gone = ringway::fd::wait_deadline(&ours, Interest::HangUp, Some(gone));
                assert!(gone.is_ok_and(|ready| ready.hung_up()), "the peer is still there");
                Vec::new()
            }
            _ => {
                let mut message = Vec::new();
                let found = ours.try_recv(&mut message);
                assert!(message.capacity() <= (64 << 10) + 2 * written, "memory for nothing");
                match (expected(&came, max, peer.is_some()), found) {
                    (Answer::Message(right, head), Ok(_)) => {
                        assert_eq!(message, right);
                        came.drain(..head + right.len());
                    }
                    (Answer::Error(right), Err(error)) => {
                        assert!(error.is(right), "{error}, not {right}");
                    }
                    (Answer::Message(..), Err(error)) => panic!("{error}, though one is there"),
                    (Answer::Error(right), Ok(_)) => panic!("a message, not {right}"),
                }
                Vec::new()
            }
        };
        if let (Some(peer), [_, ..]) = (&peer, &piece[..]) {
            if let Ok(sent) = peer.try_write(&piece) {
                came.extend_from_slice(&piece[..sent]);
                written += sent;
            }
        }
    }
}

/// Nobody gets in who does not know the key, and it ends at once.
fn handshake(ours: UnixStream, theirs: UnixStream, choices: &mut Choices<'_>) -> Option<()> {
    let role = if choices.flip()? { Role::Listener } else { Role::Client };
    let auth = Auth::key(b"key").expect("it is not empty");
    let auth = if choices.flip()? { auth.allow_md5() } else { auth };
    let mut closes = false;
    while let Some(kind) = choices.below(9) {
        let mut message = match kind {
            0 => b"#WELCOME#".to_vec(),
            1 => b"#FAILURE#".to_vec(),
            2..=4 => {
                let start: &[u8] = [&b"#CHALLENGE#"[..], b"#CHALLENGE", b""][kind - 2];
                const NAMES: [&[u8]; 7] =
                    [b"", b"{md5}", b"{sha256}", b"{sha384}", b"{sha3_256}", b"{sha3_384}", b"{x}"];
                let name = NAMES[choices.below(7).unwrap_or(0)];
                let rest = [0, 16, 20, 32, 40, 48, 300][choices.below(7).unwrap_or(0)];
                let fill = choices.below(256).unwrap_or(0) as u8;
                [start, name, &vec![fill; rest]].concat()
            }
            5 => {
                closes = true;
                break;
            }
            _ => {
                let count = choices.below(30).unwrap_or(0);
                (0..count).map_while(|_| choices.below(256)).map(|byte| byte as u8).collect()
            }
        };
        // A frame, or bytes as they are.
        if kind < 8 {
            let mut frame = head(message.len() as u64, choices).unwrap_or_default();
            frame.append(&mut message);
            message = frame;
        }
        if theirs.try_write(&message).is_err() {
            break;
        }
    }
    let theirs = (!closes).then_some(theirs);
    let error = Connection::over(ours, role, &auth, Some(Instant::now()))
        .expect_err("the peer does not know the key");
    let ends = [
        CoreError::TimedOut,
        CoreError::EndOfFile,
        CoreError::Reset,
        CoreError::BrokenPipe,
        CoreError::Corrupt,
    ];
    assert!(
        matches!(error.cause(), Cause::Authentication(_)) || ends.iter().any(|end| error.is(*end)),
        "{error}"
    );
    drop(theirs);
    None
}
