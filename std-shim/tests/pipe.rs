//! Anonymous pipes between processes: ends, deaths, atomic writes, modes, sizes, and an older
//! kernel.

mod support;

use ringway::Cause;
use ringway::CoreError;
use ringway::channel::{Direction, State};
use ringway::fd::{self, Interest};
use ringway::pipe::{Options, PIPE_BUF, Reader, Writer, pipe};
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Command, Stdio};
use std::time::Instant;
use support::fault::{self, Fault, calls, inject};
use support::{Killed, assert_done, child, done, long, role, run, soon};

const READER_AT_END: State = State::Connected { send: Direction::Absent, recv: Direction::Ended };
const WRITER_UNHEARD: State = State::Connected { send: Direction::Ended, recv: Direction::Absent };

/// Reads to the end of file, within the time that a test has.
fn drain(reader: &Reader) -> Vec<u8> {
    let mut got = Vec::new();
    let mut buf = vec![0; 1 << 16];
    loop {
        match reader.read_deadline(&mut buf, Some(long())).unwrap() {
            0 => return got,
            n => got.extend_from_slice(&buf[..n]),
        }
    }
}

// The end of one side
// -------------------------------------------------------------------------------------------------

#[test]
fn the_end_of_a_child_is_the_end_of_file() {
    let (reader, writer) = pipe().unwrap();
    let status = Command::new("seq").arg("3").stdout(Stdio::from(writer)).status().unwrap();
    assert!(status.success());
    assert_eq!(reader.state(), State::READER);
    assert_eq!(drain(&reader), b"1\n2\n3\n");
    assert_eq!(reader.state(), READER_AT_END);
    assert_eq!(reader.read(&mut [0; 8]).unwrap(), 0, "it stays the end");
    assert_eq!(reader.try_read(&mut [0; 8]).unwrap(), 0);
}

#[test]
fn a_read_of_no_bytes_is_not_the_end_of_file() {
    let (reader, writer) = pipe().unwrap();
    assert_eq!(reader.read(&mut []).unwrap(), 0);
    assert_eq!(reader.state(), State::READER);
    assert_eq!(writer.write(&[]).unwrap(), 0);
    assert_eq!(writer.state(), State::WRITER);
}

#[test]
fn a_child_that_stops_reading_breaks_the_pipe() {
    let (reader, writer) = pipe().unwrap();
    let mut head = Command::new("head")
        .args(["-c", "5"])
        .stdin(Stdio::from(reader))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let broken = loop {
        if let Err(error) = writer.write_deadline(&[b'x'; 1000], Some(long())) {
            break error;
        }
    };
    assert!(broken.is(CoreError::BrokenPipe), "{broken}");
    assert_eq!(writer.state(), WRITER_UNHEARD);
    assert_eq!(std::io::read_to_string(head.stdout.take().unwrap()).unwrap(), "xxxxx");
    assert!(head.wait().unwrap().success());
}

#[test]
fn killing_a_writer_leaves_its_bytes_and_the_end() {
    const NAME: &str = "killing_a_writer_leaves_its_bytes_and_the_end";
    if role().is_some() {
        let writer = Writer::try_from(fd::duplicate(std::io::stderr()).unwrap()).unwrap();
        writer.write_all(&vec![b'w'; 1 << 20]).unwrap();
        done()
    }
    let (reader, writer) = pipe().unwrap();
    let size = reader.size().unwrap();
    let mut command = child(NAME, "writer");
    // The test harness has the standard output, so it goes elsewhere.
    command.stdout(Stdio::null()).stderr(Stdio::from(writer));
    let mut writer = Killed(command.spawn().unwrap());
    drop(command);
    // Waits until the child has filled the pipe. It then sleeps in the middle of the write.
    while fd_queued(&reader) < size {
        std::thread::yield_now();
    }
    writer.kill_now();
    let got = drain(&reader);
    assert!(got.len() >= size && got.len() < 1 << 20);
    assert!(got.iter().all(|byte| *byte == b'w'));
    assert_eq!(reader.state(), READER_AT_END);
}

/// Number of bytes that wait in a pipe.
fn fd_queued(reader: impl AsFd) -> usize {
    rustix::io::ioctl_fionread(reader).unwrap() as usize
}

#[test]
fn killing_a_reader_breaks_a_waiting_write() {
    let (reader, writer) = pipe().unwrap();
    let mut command = Command::new("sleep");
    command.arg("1000").stdin(Stdio::from(reader));
    let mut sleeper = Killed(command.spawn().unwrap());
    drop(command);
    let probe = writer.try_clone().unwrap();
    let thread = std::thread::spawn(move || {
        let broken = writer.write_all(&vec![7; 1 << 20]).unwrap_err();
        (writer, broken)
    });
    while fd_queued(&probe) < probe.size().unwrap() {
        std::thread::yield_now();
    }
    sleeper.kill_now();
    let (writer, broken) = thread.join().unwrap();
    assert!(broken.is(CoreError::BrokenPipe));
    assert_eq!(writer.state(), WRITER_UNHEARD);
}

#[test]
fn look_notices_that_the_peer_left() {
    let (reader, writer) = pipe().unwrap();
    assert_eq!(reader.look().unwrap(), State::READER);
    assert_eq!(writer.look().unwrap(), State::WRITER);
    writer.write_all(b"left").unwrap();
    writer.close();
    assert_eq!(reader.look().unwrap(), State::READER, "there is something to read");
    assert_eq!(drain(&reader), b"left");

    let (reader, writer) = pipe().unwrap();
    reader.close();
    fd::wait_deadline(&writer, Interest::HangUp, Some(long())).unwrap();
    assert_eq!(writer.state(), State::WRITER);
    assert_eq!(writer.look().unwrap(), WRITER_UNHEARD);
}

#[test]
fn the_end_comes_after_the_last_of_several_writers() {
    let (reader, writer) = pipe().unwrap();
    let others: Vec<_> = (0..3).map(|_| writer.try_clone().unwrap()).collect();
    writer.close();
    for other in others {
        assert!(reader.try_read(&mut [0; 8]).unwrap_err().is(CoreError::WouldBlock));
        other.write_all(b"x").unwrap();
        other.close();
        assert_eq!(reader.read(&mut [0; 8]).unwrap(), 1);
    }
    assert_eq!(reader.read_deadline(&mut [0; 8], Some(long())).unwrap(), 0);
}

// Several writers
// -------------------------------------------------------------------------------------------------

#[test]
fn writes_up_to_pipe_buf_stay_in_one_piece() {
    const NAME: &str = "writes_up_to_pipe_buf_stay_in_one_piece";
    const RECORDS: usize = 300;
    if let Some(letter) = role() {
        let writer = Writer::try_from(fd::duplicate(std::io::stderr()).unwrap()).unwrap();
        let letter = letter.as_bytes()[0];
        for i in 0..RECORDS {
            // The records have all lengths, the largest included. Each says how long it is.
            let len = 3 + (i * 97 + letter as usize * 13) % (PIPE_BUF - 2);
            let mut record = vec![letter; len];
            record[1..3].copy_from_slice(&(len as u16).to_le_bytes());
            match i % 3 {
                0 => assert_eq!(writer.write(&record).unwrap(), len),
                1 => assert_eq!(writer.write_deadline(&record, Some(long())).unwrap(), len),
                _ => loop {
                    match writer.try_write_all(&record) {
                        Ok(()) => break,
                        Err(full) => assert!(full.is(CoreError::WouldBlock), "{full}"),
                    }
                    fd::wait(&writer, Interest::Write).unwrap();
                },
            }
        }
        done()
    }
    let (reader, writer) = pipe().unwrap();
    let children = ["a", "b", "c"].map(|letter| {
        let mut command = child(NAME, letter);
        command.stdout(Stdio::null()).stderr(Stdio::from(writer.try_clone().unwrap()));
        command.spawn().unwrap()
    });
    drop(writer);
    let got = drain(&reader);
    let mut left = &got[..];
    let mut counts = [0; 3];
    while let Some(letter) = left.first().copied() {
        let len = u16::from_le_bytes([left[1], left[2]]) as usize;
        let record;
        (record, left) = left.split_at(len);
        assert!(record[3..].iter().all(|byte| *byte == letter), "two records are mixed");
        counts[(letter - b'a') as usize] += 1;
    }
    assert_eq!(counts, [RECORDS; 3]);
    for child in children {
        assert_done(&child.wait_with_output().unwrap());
    }
}

#[test]
fn an_atomic_write_goes_in_whole_or_not_at_all() {
    let (reader, writer) = pipe().unwrap();
    while writer.try_write_all(&[1; PIPE_BUF]).is_ok() {}
    let full = fd_queued(&reader);
    // Part of a page was taken out, so there is room, but too little.
    reader.read(&mut [0; PIPE_BUF / 2]).unwrap();
    assert!(writer.try_write_all(&[2; PIPE_BUF]).unwrap_err().is(CoreError::WouldBlock));
    let late = writer.write_deadline(&[2; PIPE_BUF], Some(soon())).unwrap_err();
    assert!(late.is(CoreError::TimedOut));
    assert_eq!(fd_queued(&reader), full - PIPE_BUF / 2, "nothing of it went in");
    reader.read(&mut [0; PIPE_BUF / 2]).unwrap();
    writer.try_write_all(&[2; PIPE_BUF]).unwrap();
    assert_eq!(fd_queued(&reader), full);
    let max = PIPE_BUF;
    assert!(
        writer
            .try_write_all(&[3; PIPE_BUF + 1])
            .unwrap_err()
            .is(CoreError::MessageTooLarge { max })
    );
}

#[test]
fn competing_readers_never_wait_in_try_forms() {
    let (reader, writer) = pipe().unwrap();
    const BYTES: usize = 20_000;
    let taken: usize = std::thread::scope(|s| {
        let threads: Vec<_> = (0..3)
            .map(|i| {
                let reader = reader.try_clone().unwrap();
                s.spawn(move || {
                    let mut taken = 0;
                    loop {
                        let result = match i {
                            0 => reader.try_read(&mut [0; 1]),
                            _ => reader.read_deadline(&mut [0; 1], Some(Instant::now())),
                        };
                        match result {
                            Ok(0) => return taken,
                            Ok(n) => taken += n,
                            Err(e) if i == 0 => assert!(e.is(CoreError::WouldBlock)),
                            Err(e) => assert!(e.is(CoreError::TimedOut)),
                        }
                    }
                })
            })
            .collect();
        for _ in 0..BYTES {
            writer.write_all(b"x").unwrap();
        }
        writer.close();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(taken, BYTES);
}

// Modes and sizes
// -------------------------------------------------------------------------------------------------

/// Checks every form, on two blocking ends whose descriptions others might share.
fn every_form_does_as_it_says(reader: &Reader, writer: &Writer) {
    let size = writer.size().unwrap();
    let mut buf = vec![0; 1 << 20];
    let past = Instant::now();
    assert!(reader.try_read(&mut buf).unwrap_err().is(CoreError::WouldBlock));
    assert!(reader.read_deadline(&mut buf, Some(past)).unwrap_err().is(CoreError::TimedOut));
    let end = soon();
    assert!(reader.read_deadline(&mut buf, Some(end)).unwrap_err().is(CoreError::TimedOut));
    assert!(Instant::now() >= end);

    assert_eq!(writer.write(b"plain").unwrap(), 5);
    assert_eq!(reader.read(&mut buf).unwrap(), 5);
    writer.write_all(b"all").unwrap();
    assert_eq!(reader.read_deadline(&mut buf, Some(past)).unwrap(), 3);
    writer.try_write_all(b"now").unwrap();
    assert_eq!(reader.try_read(&mut buf).unwrap(), 3);

    // This is more than there is room for.
    let all = vec![7; size * 3];
    let mut left = &all[..];
    assert!(fd::write_all(writer, &mut left, Some(soon())).unwrap_err().is(CoreError::TimedOut));
    assert_eq!(all.len() - left.len(), size);
    assert!(writer.try_write(&all).unwrap_err().is(CoreError::WouldBlock));
    assert!(writer.try_write_all(b"x").unwrap_err().is(CoreError::WouldBlock));
    assert!(writer.write_deadline(&all, Some(soon())).unwrap_err().is(CoreError::TimedOut));
    std::thread::scope(|s| {
        s.spawn(|| {
            let mut got = 0;
            while got < all.len() {
                got += reader.read_deadline(&mut vec![0; 1 << 16], Some(long())).unwrap();
            }
        });
        fd::write_all(writer, &mut left, Some(long())).unwrap();
    });
    assert!(left.is_empty());
    assert!(!fd::nonblocking(reader).unwrap() && !fd::nonblocking(writer).unwrap());
}

#[test]
fn every_form_works_on_old_and_new_kernels() {
    const NAME: &str = "every_form_works_on_old_and_new_kernels";
    let old = |errno| [Fault::new(libc::SYS_preadv2, errno), Fault::new(libc::SYS_pwritev2, errno)];
    match role().as_deref() {
        None => {
            let (reader, writer) = pipe().unwrap();
            every_form_does_as_it_says(&reader, &writer);
            run(NAME, "old kernel");
            run(NAME, "old sandbox");
            run(NAME, "old kernel without proc");
            return;
        }
        Some("old kernel") => inject(&old(libc::EOPNOTSUPP)),
        Some("old sandbox") => inject(&old(libc::ENOSYS)),
        Some(_) => {
            inject(&old(libc::EOPNOTSUPP));
            inject(&[Fault::new(libc::SYS_openat, libc::ENOENT)]);
            inject(&fault::each(calls::OPEN, libc::ENOENT));
        }
    }
    let (reader, writer) = pipe().unwrap();
    every_form_does_as_it_says(&reader, &writer);
    // Each side ends, and the forms report that in the same ways.
    let (reader2, writer2) = (reader.try_clone().unwrap(), writer.try_clone().unwrap());
    drop((reader, writer));
    writer2.try_write(b"x").unwrap();
    drop(writer2);
    assert_eq!(reader2.try_read(&mut [0; 8]).unwrap(), 1);
    assert_eq!(reader2.try_read(&mut [0; 8]).unwrap(), 0);
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    assert!(writer.try_write(b"x").unwrap_err().is(CoreError::BrokenPipe));
    assert!(writer.write_deadline(b"x", Some(long())).unwrap_err().is(CoreError::BrokenPipe));
    done()
}

#[test]
fn only_the_traits_follow_the_non_blocking_mode() {
    let (reader, writer) = Options::new().nonblocking(true).open().unwrap();
    let kind = Read::read(&mut &reader, &mut [0; 8]).unwrap_err().kind();
    assert_eq!(kind, std::io::ErrorKind::WouldBlock);
    while Write::write(&mut &writer, &[7; 1000]).is_ok() {}
    let kind = Write::write(&mut &writer, &[7; 1000]).unwrap_err().kind();
    assert_eq!(kind, std::io::ErrorKind::WouldBlock);
    let queued = fd_queued(&reader);
    let mut all = vec![0; queued + 1];
    std::thread::scope(|s| {
        s.spawn(|| {
            let mut missing = &mut all[..];
            while !missing.is_empty() {
                let n = reader.read(missing).unwrap();
                missing = &mut std::mem::take(&mut missing)[n..];
            }
        });
        writer.write_all(&[7]).unwrap();
    });
    assert!(all.iter().all(|byte| *byte == 7));
    reader.set_nonblocking(false).unwrap();
    assert!(!fd::nonblocking(&reader).unwrap() && fd::nonblocking(&writer).unwrap());
}

#[test]
fn packets_stay_apart_in_every_form() {
    let (reader, writer) = Options::new().packets(true).open().unwrap();
    let mut buf = [0; PIPE_BUF];
    assert_eq!(writer.write(b"one").unwrap(), 3);
    writer.try_write_all(b"three").unwrap();
    writer.write_deadline(&[7; PIPE_BUF], Some(long())).unwrap();
    assert_eq!(reader.read(&mut buf).unwrap(), 3);
    assert_eq!(reader.try_read(&mut buf).unwrap(), 5);
    assert_eq!(reader.read_deadline(&mut buf, Some(long())).unwrap(), PIPE_BUF);
    writer.write(b"longer than the buffer").unwrap();
    writer.write(b"next").unwrap();
    assert_eq!(reader.read(&mut buf[..6]).unwrap(), 6);
    assert_eq!(reader.read(&mut buf).unwrap(), 4, "the rest of a packet is lost");
}

#[test]
fn packets_stay_apart_on_an_older_kernel() {
    const NAME: &str = "packets_stay_apart_on_an_older_kernel";
    if role().is_none() {
        return run(NAME, "child");
    }
    inject(&[
        Fault::new(libc::SYS_preadv2, libc::EOPNOTSUPP),
        Fault::new(libc::SYS_pwritev2, libc::EOPNOTSUPP),
    ]);
    packets_stay_apart_in_every_form();
    done()
}

#[test]
fn set_size_returns_the_size_the_kernel_chose() {
    let (reader, writer) = Options::new().size(1).open().unwrap();
    assert_eq!(reader.size().unwrap(), 4096, "a page at least");
    assert_eq!(writer.set_size(100_000).unwrap(), 131_072);
    assert_eq!(reader.size().unwrap(), 131_072);
    writer.write_all(&[7; 100_000]).unwrap();
    assert_eq!(writer.set_size(4096).unwrap_err().cause(), Cause::Os(rustix::io::Errno::BUSY));
    assert!(writer.set_size(usize::MAX).unwrap_err().is(CoreError::Exhausted));
}

#[test]
fn a_size_or_a_count_above_the_limit_is_exhausted() {
    const NAME: &str = "a_size_or_a_count_above_the_limit_is_exhausted";
    if role().is_none() {
        return run(NAME, "child");
    }
    let (reader, _writer) = pipe().unwrap();
    inject(&[
        Fault::new(libc::SYS_fcntl, libc::EPERM).when(1, libc::F_SETPIPE_SZ),
        Fault::new(libc::SYS_pipe2, libc::ENFILE),
    ]);
    assert!(reader.set_size(1 << 30).unwrap_err().is(CoreError::Exhausted));
    assert!(pipe().unwrap_err().is(CoreError::Exhausted));
    done()
}

// Descriptors of others
// -------------------------------------------------------------------------------------------------

#[test]
fn an_adopted_descriptor_is_checked_and_cloexec() {
    let file = tempfile::tempfile().unwrap();
    let wrong = Reader::try_from(OwnedFd::from(file)).unwrap_err();
    assert_eq!(
        wrong.to_string(),
        "cannot use the descriptor as an end of a pipe: it is a regular file, not a pipe: use another one"
    );
    let (reader, writer) = std::io::pipe().unwrap();
    fd::set_close_on_exec(&reader, false).unwrap();
    let reader = Reader::try_from(OwnedFd::from(reader)).unwrap();
    assert!(fd::close_on_exec(&reader).unwrap());
    let reversed = Reader::try_from(OwnedFd::from(writer)).unwrap_err();
    assert!(reversed.is(CoreError::WrongDirection));
}

#[test]
fn an_inherited_description_keeps_its_mode() {
    const NAME: &str = "an_inherited_description_keeps_its_mode";
    if role().is_some() {
        let reader = Reader::try_from(fd::duplicate(std::io::stdin()).unwrap()).unwrap();
        assert!(reader.try_read(&mut [0; 8]).unwrap_err().is(CoreError::WouldBlock));
        assert!(
            reader.read_deadline(&mut [0; 8], Some(soon())).unwrap_err().is(CoreError::TimedOut)
        );
        done()
    }
    let (reader, writer) = pipe().unwrap();
    let ours = reader.try_clone().unwrap();
    assert_done(&child(NAME, "child").stdin(Stdio::from(reader)).output().unwrap());
    assert!(!fd::nonblocking(&ours).unwrap());
    drop(writer);
}

#[test]
fn ends_go_through_two_children_and_back() {
    let (into, to_sort) = pipe().unwrap();
    let (from_sort, between) = pipe().unwrap();
    let (between2, back) = pipe().unwrap();
    let mut sort = Command::new("sort").stdin(into).stdout(between).spawn().unwrap();
    let mut uniq = Command::new("uniq").stdin(from_sort).stdout(back).spawn().unwrap();
    to_sort.write_all(b"b\na\nb\na\nc\n").unwrap();
    to_sort.close();
    assert_eq!(drain(&between2), b"a\nb\nc\n");
    assert!(sort.wait().unwrap().success() && uniq.wait().unwrap().success());
}

#[test]
fn splice_and_tee_report_the_end_and_a_broken_pipe() {
    let (first, feed) = pipe().unwrap();
    let (copy, second) = pipe().unwrap();
    let (moved, third) = pipe().unwrap();
    feed.write_all(b"both of you").unwrap();
    assert_eq!(first.tee_to(&second, 100, None).unwrap(), 11);
    assert_eq!(first.splice_to(&third, 100, None).unwrap(), 11);
    let now = Some(Instant::now());
    assert!(first.splice_to(&third, 100, now).unwrap_err().is(CoreError::TimedOut));
    assert!(first.tee_to(&second, 100, now).unwrap_err().is(CoreError::TimedOut));
    assert_eq!(first.state(), State::READER);
    feed.close();
    fd::wait_deadline(&first, Interest::HangUp, Some(long())).unwrap();
    assert_eq!(first.tee_to(&second, 100, None).unwrap(), 0);
    assert_eq!(first.splice_to(&third, 100, None).unwrap(), 0);
    assert_eq!(first.state(), READER_AT_END);
    for (reader, writer) in [(copy, second), (moved, third)] {
        writer.close();
        assert_eq!(drain(&reader), b"both of you");
    }

    let (source, feed) = pipe().unwrap();
    let (gone, deaf) = pipe().unwrap();
    feed.write_all(b"x").unwrap();
    gone.close();
    fd::wait_deadline(&deaf, Interest::HangUp, Some(long())).unwrap();
    assert!(source.tee_to(&deaf, 1, None).unwrap_err().is(CoreError::BrokenPipe));
    assert_eq!(deaf.state(), WRITER_UNHEARD);
    assert!(source.splice_to(&deaf, 1, None).unwrap_err().is(CoreError::BrokenPipe));
    assert_eq!(source.state(), State::READER);
    assert_eq!(source.read(&mut [0; 8]).unwrap(), 1, "what could not be moved is still there");
}

#[test]
fn splice_waits_for_both_sides_of_non_blocking_pipes() {
    let (from, feed) = Options::new().nonblocking(true).open().unwrap();
    let (drain, to) = Options::new().nonblocking(true).open().unwrap();
    let bytes = 1 << 20;
    std::thread::scope(|s| {
        s.spawn(move || feed.write_all(&vec![7; bytes]).unwrap());
        s.spawn(move || {
            let mut moved = 0;
            loop {
                match from.splice_to(&to, 1 << 16, None).unwrap() {
                    0 => break,
                    n => moved += n,
                }
            }
            assert_eq!(moved, bytes);
        });
        let mut got = 0;
        loop {
            match drain.read(&mut [0; 5000]).unwrap() {
                0 => break,
                n => got += n,
            }
        }
        assert_eq!(got, bytes);
    });
}
