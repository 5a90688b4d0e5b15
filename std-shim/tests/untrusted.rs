//! Channels between processes that do not trust each other: how they meet, what they carry, and
//! peers that do not keep to the rules.

mod support;

use ringway::shm::untrusted::{Bytes, Channel, Layout, Messages, Published, Role, Values};
use ringway::socket::UnixStream;
use ringway::{Cause, CoreError, Error};
use ringway_core::region;
use ringway_core::ring::broadcast::RecvError;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};
use support::{Killed, child, done, long, role};

/// All kinds, in both directions.
fn layout() -> Layout {
    let layout = Layout::new().part::<Bytes>("bytes", Role::Host, 300).unwrap();
    let layout = layout.part::<Bytes>("bytes back", Role::Guest, 300).unwrap();
    let layout = layout.part::<Messages>("requests", Role::Host, 256).unwrap();
    let layout = layout.part::<Messages>("answers", Role::Guest, 256).unwrap();
    let layout = layout.part::<Values<[u64; 3]>>("values", Role::Host, 7).unwrap();
    let layout = layout.part::<Values<[u64; 3]>>("values back", Role::Guest, 7).unwrap();
    let layout = layout.part::<Published<[u32; 5]>>("level", Role::Host, 4).unwrap();
    layout.part::<Published<[u32; 5]>>("level back", Role::Guest, 4).unwrap()
}

/// A host and a guest in this process.
fn both(layout: &Layout) -> [Channel; 2] {
    let (one, other) = UnixStream::pair().unwrap();
    let theirs = layout.clone();
    let guest = std::thread::spawn(move || Channel::over(other, Role::Guest, &theirs).unwrap());
    let host = Channel::over(one, Role::Host, layout).unwrap();
    [host, guest.join().unwrap()]
}

#[test]
fn every_kind_carries_both_ways_and_ends() {
    let [host, guest] = both(&layout());
    for (from, to, back) in [(&host, &guest, ""), (&guest, &host, " back")] {
        let mut tx = from.tx::<Bytes>(&format!("bytes{back}")).unwrap();
        let mut rx = to.rx::<Bytes>(&format!("bytes{back}")).unwrap();
        let sender = std::thread::spawn(move || {
            let bytes: Vec<u8> = (0..100_000_u32).map(|n| (n % 251) as u8).collect();
            let mut sent = 0;
            while sent < bytes.len() {
                sent += tx.write_deadline(&bytes[sent..], Some(long())).unwrap();
            }
        });
        let (mut read, mut out) = (0_u32, [0; 97]);
        loop {
            let count = rx.read_deadline(&mut out, Some(long())).unwrap();
            for byte in &out[..count] {
                assert_eq!(u32::from(*byte), read % 251);
                read += 1;
            }
            if count == 0 {
                break;
            }
        }
        assert_eq!(read, 100_000);
        sender.join().unwrap();

        let name = if back.is_empty() { "requests" } else { "answers" };
        let mut tx = from.tx::<Messages>(name).unwrap();
        let mut rx = to.rx::<Messages>(name).unwrap();
        tx.send_deadline(b"hello", None).unwrap();
        let mut out = [0; 256];
        assert_eq!(rx.recv_deadline(&mut out, None), Ok(5));
        assert_eq!(&out[..5], b"hello");
        drop(rx);
        assert_eq!(tx.try_send(b"late"), Err(CoreError::BrokenPipe));

        let mut tx = from.tx::<Values<[u64; 3]>>(&format!("values{back}")).unwrap();
        let mut rx = to.rx::<Values<[u64; 3]>>(&format!("values{back}")).unwrap();
        assert_eq!((0..).take_while(|n| tx.try_push([*n; 3]).is_ok()).count(), 10, "256 bytes");
        assert_eq!(rx.pop_deadline(None), Ok([0; 3]));

        let mut tx = from.tx::<Published<[u32; 5]>>(&format!("level{back}")).unwrap();
        let mut rx = to.rx::<Published<[u32; 5]>>(&format!("level{back}")).unwrap();
        (1..=9).for_each(|n| tx.publish(&[n; 5]));
        assert_eq!(rx.newest(), Some([9; 5]));
        drop(tx);
        assert_eq!(rx.recv_deadline(Some(long())), Err(RecvError::EndOfFile));
    }
    drop(guest);
    // A child that another test starts at this moment has a copy of the guest's socket, until it
    // becomes another program.
    let began = Instant::now();
    while !host.peer_is_gone() {
        assert!(began.elapsed() < Duration::from_secs(60), "the guest is gone");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_half_is_taken_once_by_its_side_and_type() {
    let [host, _guest] = both(&layout());
    let _half = host.tx::<Bytes>("bytes").unwrap();
    assert!(host.tx::<Bytes>("bytes").unwrap_err().is(CoreError::Taken));
    assert!(host.rx::<Messages>("requests").unwrap_err().is(CoreError::WrongDirection));
    for error in [
        host.tx::<Bytes>("none").unwrap_err(),
        host.tx::<Bytes>("requests").unwrap_err(),
        host.tx::<Values<[u64; 4]>>("values").unwrap_err(),
        host.tx::<Values<[f64; 3]>>("values").unwrap_err(),
    ] {
        assert!(matches!(error.cause(), Cause::Region(_)), "{error}");
    }
}

/// What both sides are told when they state different things.
fn refused(ours: (Role, Layout), theirs: (Role, Layout)) -> [Error; 2] {
    let (one, other) = UnixStream::pair().unwrap();
    let peer = std::thread::spawn(move || {
        Channel::over(other, theirs.0, &theirs.1).map(drop).unwrap_err()
    });
    [Channel::over(one, ours.0, &ours.1).map(drop).unwrap_err(), peer.join().unwrap()]
}

#[test]
fn a_difference_is_an_error_at_both_ends() {
    let empty = Layout::new;
    let bytes = |name, role, capacity| empty().part::<Bytes>(name, role, capacity).unwrap();
    let ours = || (Role::Host, bytes("log", Role::Host, 64));
    for (theirs, says) in [
        (bytes("lag", Role::Host, 64), "no such part"),
        (bytes("log", Role::Host, 128), "holds"),
        (bytes("log", Role::Guest, 64), "wrong direction"),
        (empty().part::<Messages>("log", Role::Host, 64).unwrap(), "message ring"),
    ] {
        for error in refused(ours(), (Role::Guest, theirs)) {
            let text = error.to_string();
            assert!(text.contains(says), "{text}");
        }
    }
    let [ours_says, theirs_says] = refused(ours(), (Role::Guest, empty()));
    assert!(
        ours_says.to_string().contains("log") && theirs_says.to_string().contains("more parts")
    );
    for error in refused(ours(), ours()) {
        assert!(error.is(CoreError::WrongDirection), "{error}");
    }
    let item = |layout: Layout| (Role::Guest, layout);
    let values = empty().part::<Values<u32>>("log", Role::Host, 16).unwrap();
    let other = empty().part::<Values<f32>>("log", Role::Host, 16).unwrap();
    for error in refused((Role::Host, values), item(other)) {
        assert!(matches!(error.cause(), Cause::Region(region::Error::OtherType { .. })), "{error}");
    }
}

/// What a guest says first that keeps to the rules, and its memory.
fn first_words(layout: &Layout) -> (Vec<u8>, OwnedFd) {
    let (one, other) = UnixStream::pair().unwrap();
    let theirs = layout.clone();
    let guest = std::thread::spawn(move || Channel::over(other, Role::Guest, &theirs).map(drop));
    let mut words = vec![0; 8192];
    let received = one.recv_descriptors(&mut words, 1, Some(long())).unwrap();
    words.truncate(received.size);
    drop(one);
    assert!(guest.join().unwrap().is_err());
    (words, received.descriptors.into_iter().next().unwrap())
}

/// What a host is told by a peer that sends these words and descriptors.
fn told(layout: &Layout, words: &[u8], descriptors: &[OwnedFd]) -> Result<Channel, Error> {
    let (one, other) = UnixStream::pair().unwrap();
    let descriptors: Vec<_> = descriptors.iter().map(AsFd::as_fd).collect();
    if !words.is_empty() {
        other.send_descriptors(words, &descriptors, Some(long())).unwrap();
    }
    other.shutdown(std::net::Shutdown::Write).unwrap();
    Channel::over(one, Role::Host, layout)
}

#[test]
fn words_that_break_off_or_mean_nothing_are_refused() {
    let layout = Layout::new().part::<Bytes>("log", Role::Host, 64).unwrap();
    let (words, memory) = first_words(&layout);
    let memory = [memory];
    assert!(told(&layout, &words, &memory).is_ok());
    for cut in 0..words.len() {
        let error = told(&layout, &words[..cut], &memory).map(drop).unwrap_err();
        assert!(error.is(CoreError::EndOfFile), "cut off after {cut} bytes: {error}");
    }
    for at in 0..words.len() {
        let mut changed = words.clone();
        changed[at] ^= 0x41;
        // The rest of the name's room is zeroed, and every byte before it means something.
        assert!(told(&layout, &changed, &memory).is_err(), "byte {at} was changed");
    }
    let error = told(&layout, &words, &[]).map(drop).unwrap_err();
    assert!(error.to_string().contains("no memory"), "{error}");
    let two = [memory[0].try_clone().unwrap(), memory[0].try_clone().unwrap()];
    assert!(told(&layout, &words, &two).unwrap_err().is(CoreError::Exhausted));
}

#[test]
fn memory_that_may_go_away_is_refused() {
    use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};
    let layout = Layout::new().part::<Bytes>("log", Role::Host, 64).unwrap();
    let (words, good) = first_words(&layout);
    let size = std::fs::File::from(good).metadata().unwrap().len();
    let memory = |size: u64, seals: SealFlags| {
        let memory = memfd_create("test", MemfdFlags::ALLOW_SEALING).unwrap();
        ftruncate(&memory, size).unwrap();
        fcntl_add_seals(&memory, seals).unwrap();
        memory
    };
    let all = SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL;
    assert!(told(&layout, &words, &[memory(size, all)]).is_ok());
    let file: OwnedFd = tempfile::tempfile().unwrap().into();
    let (pipe, _writer) = std::io::pipe().unwrap();
    for (memory, says) in [
        (memory(size, SealFlags::GROW), "can become smaller"),
        (memory(size - 1, all), "another size"),
        (memory(size + 1, all), "another size"),
        (memory(0, all), "another size"),
        (file, "sealed"),
        (pipe.into(), "sealed"),
    ] {
        let error = told(&layout, &words, &[memory]).map(drop).unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
    }
}

/// Nobody but its side can write a memory, whatever it does with the descriptor.
#[test]
fn the_peer_gets_memory_that_it_cannot_write() {
    use rustix::mm::{MapFlags, ProtFlags, mmap};
    let layout = layout();
    let (_, memory) = first_words(&layout);
    for protection in [ProtFlags::WRITE, ProtFlags::READ | ProtFlags::WRITE] {
        // SAFETY: a new mapping, which covers nothing that is in use; it fails.
        let mapped =
            unsafe { mmap(std::ptr::null_mut(), 4096, protection, MapFlags::SHARED, &memory, 0) };
        assert_eq!(mapped.unwrap_err(), rustix::io::Errno::PERM);
    }
    let file = std::fs::File::from(memory);
    assert!(file.write_at(b"x", 0).is_err() && file.set_len(0).is_err());
    assert!(file.set_len(1 << 20).is_err());
    // Through `/proc` it is the same file with the same seals.
    let again = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&file));
    let mut again = std::fs::File::options().write(true).open(again).unwrap();
    assert!(again.write_all(b"x").is_err());
}

#[test]
fn a_killed_guest_is_noticed_by_who_waits() {
    let test = "a_killed_guest_is_noticed_by_who_waits";
    if role().is_some() {
        let channel = Channel::inherited(&layout()).unwrap();
        channel.tx::<Messages>("answers").unwrap().try_send(b"last").unwrap();
        let _answers = channel.rx::<Messages>("requests").unwrap();
        // It dies with its halves in its hands.
        std::process::abort();
    }
    let (channel, guest) = Channel::spawn(&mut child(test, "dies"), &layout()).unwrap();
    let mut guest = Killed(guest);
    let mut answers = channel.rx::<Bytes>("bytes back").unwrap();
    let started = Instant::now();
    assert_eq!(answers.read_deadline(&mut [0; 8], Some(long())), Ok(0));
    assert!(started.elapsed() < Duration::from_secs(20) && channel.peer_is_gone());
    let mut last = channel.rx::<Messages>("answers").unwrap();
    let mut out = [0; 8];
    assert_eq!((last.try_recv(&mut out), &out[..4]), (Ok(4), &b"last"[..]));
    assert_eq!(last.try_recv(&mut out), Err(CoreError::EndOfFile));
    assert_eq!(
        channel.tx::<Bytes>("bytes").unwrap().write_deadline(&[0; 400], Some(long())),
        Err(CoreError::BrokenPipe)
    );
    let _ = guest.0.wait();
}

/// The memory that this process can write, by `/proc/self/maps`.
fn own_memory() -> &'static [std::sync::atomic::AtomicU32] {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let line =
        maps.lines().find(|line| line.contains("ringway-untrusted") && line.contains("rw-s"));
    let range = line.expect("it is mapped").split(' ').next().unwrap();
    let (from, to) = range.split_once('-').unwrap();
    let [from, to] = [from, to].map(|at| usize::from_str_radix(at, 16).unwrap());
    // SAFETY: this memory is mapped, writable, for as long as the channel; it is only accessed
    // atomically, here and in the other process.
    unsafe { std::slice::from_raw_parts(from as *const _, (to - from) / 4) }
}

/// A guest that writes anything anywhere in its memory while the host works. The host's answers are
/// those that are promised, each in time, and it lives.
#[test]
fn a_scribbling_guest_gets_answers_and_nothing_else() {
    use std::sync::atomic::Ordering;
    let test = "a_scribbling_guest_gets_answers_and_nothing_else";
    if role().is_some() {
        let channel = Channel::inherited(&layout()).unwrap();
        let memory = own_memory();
        let mut seed = u64::from(std::process::id());
        let mut random = move || {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (seed >> 33) as u32
        };
        while !channel.peer_is_gone() {
            for _ in 0..1000 {
                let word = &memory[random() as usize % memory.len()];
                let there = word.load(Ordering::Relaxed);
                word.store(
                    match random() % 4 {
                        0 => there.wrapping_add(random() % 64),
                        1 => 0,
                        2 => random() % 512,
                        _ => random() << 1,
                    },
                    Ordering::Relaxed,
                );
            }
        }
        done();
    }
    let mut corrupt = 0;
    for _ in 0..20 {
        let (channel, guest) = Channel::spawn(&mut child(test, "scribbles"), &layout()).unwrap();
        let mut guest = Killed(guest);
        let mut bytes = channel.tx::<Bytes>("bytes").unwrap();
        let mut back = channel.rx::<Bytes>("bytes back").unwrap();
        let mut requests = channel.tx::<Messages>("requests").unwrap();
        let mut answers = channel.rx::<Messages>("answers").unwrap();
        let mut values = channel.tx::<Values<[u64; 3]>>("values").unwrap();
        let mut values_back = channel.rx::<Values<[u64; 3]>>("values back").unwrap();
        let mut level = channel.tx::<Published<[u32; 5]>>("level").unwrap();
        let mut level_back = channel.rx::<Published<[u32; 5]>>("level back").unwrap();
        let mut out = [0; 256];
        let mut judge = |answer: Result<(), CoreError>| match answer {
            Err(CoreError::Corrupt) => corrupt += 1,
            Ok(())
            | Err(
                CoreError::WouldBlock
                | CoreError::TimedOut
                | CoreError::BrokenPipe
                | CoreError::EndOfFile,
            ) => {}
            Err(other) => panic!("{other:?}"),
        };
        let end = Instant::now() + Duration::from_millis(50);
        while Instant::now() < end {
            let soon = Some(Instant::now() + Duration::from_micros(100));
            judge(bytes.try_write(&[7; 33]).map(drop));
            judge(back.try_read(&mut out).map(drop));
            judge(requests.send_deadline(&[7; 33], soon));
            judge(answers.recv_deadline(&mut out, soon).map(drop));
            judge(values.try_push([7; 3]));
            judge(values_back.pop_deadline(soon).map(drop));
            level.publish(&[7; 5]);
            let _ = level_back.recv_deadline(soon);
            level_back.newest();
        }
        drop((bytes, back, requests, answers, values, values_back, level, level_back, channel));
        assert_eq!(guest.0.wait().unwrap().code(), Some(42));
    }
    assert!(corrupt > 0, "it was never noticed");
}
