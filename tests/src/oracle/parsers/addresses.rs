//! Addresses, names and signals, from any text or bytes.

use super::super::Choices;
use ringway::CoreError;
use ringway::shm::survey;
use ringway::signal::{Signal, SignalSet};
use ringway::socket::{ToAddresses, UnixAddress, UnixDatagram};
use std::ffi::{CString, OsStr, OsString};
use std::net::{Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

/// The addresses of `ringway cat`, which the program keeps to itself.
#[allow(dead_code)]
#[path = "../../../../std-shim/cli/src/cat/address.rs"]
mod program;

/// Reads what these bytes say, in the way that they say.
pub fn addresses(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    match choices.below(8) {
        Some(0 | 1) => place(&mut choices),
        Some(2 | 3) => signal(&mut choices),
        Some(4) => unix_name(&mut choices),
        Some(5) => bound_name(choices.rest()),
        Some(6) => scoped(&mut choices),
        Some(_) => region_name(choices.rest()),
        None => {}
    }
}

/// One of these words, or nothing, and the rest of the bytes.
fn text(words: &[&str], choices: &mut Choices<'_>) -> Vec<u8> {
    let word = choices.below(words.len() + 1).and_then(|at| words.get(at)).copied();
    [word.unwrap_or_default().as_bytes(), choices.rest()].concat()
}

/// A place for `ringway cat`, as it is printed, is read as the same place.
fn place(choices: &mut Choices<'_>) {
    use program::Address;
    const KINDS: [&str; 16] = [
        "stdio",
        "-",
        "file:",
        "fifo:",
        "unix:",
        "unix-listen:",
        "abstract:",
        "abstract-listen:",
        "tcp:",
        "tcp-listen:",
        "serial:",
        "exec:",
        "tcp:[",
        "py:",
        "py:tcp:[",
        "py-listen:@a,key=",
    ];
    let bytes = text(&KINDS, choices);
    let Ok(address) = Address::from_argument(OsString::from_vec(bytes.clone())) else { return };
    // A path that is no text is printed with marks in place of what is none.
    if std::str::from_utf8(&bytes).is_ok() {
        let printed = address.to_string();
        assert_eq!(printed.parse().as_ref(), Ok(&address), "printed as {printed:?}");
    }
}

/// A signal, as it is printed, is read as the same signal.
fn signal(choices: &mut Choices<'_>) {
    let words = ["SIG", "RTMIN+", "sigrtmax-", "3", "TERM", "SIGKILL", "Usr"];
    let text = String::from_utf8_lossy(&text(&words, choices)).into_owned();
    let Ok(signal) = text.parse::<Signal>() else { return };
    let printed = signal.to_string();
    for spelling in
        [&printed, &printed.to_lowercase(), &printed["SIG".len()..], &text.to_uppercase()]
    {
        assert_eq!(spelling.parse().ok(), Some(signal), "{spelling} for {text}");
    }
    assert_eq!(signal.number().to_string().parse().ok(), Some(signal));
    assert_eq!(Signal::of_line(signal.line()), Some(signal));
    assert!(SignalSet::from(signal).lines().eq([signal.line()]));
}

/// A path or an abstract name of any bytes: a bad one is told from one that nothing has.
fn unix_name(choices: &mut Choices<'_>) {
    let Some(is_path) = choices.flip() else { return };
    let name = choices.rest();
    // Nothing lies in a folder that is none.
    let (address, length) = if is_path {
        let path = [b"/dev/null/", name].concat();
        (UnixAddress::from(PathBuf::from(OsStr::from_bytes(&path))), path.len())
    } else {
        (UnixAddress::abstract_name(name), name.len())
    };
    let is_bad =
        length > UnixAddress::MAX || name.is_empty() && !is_path || is_path && name.contains(&0);
    let socket = UnixDatagram::unbound().expect("a socket can be made");
    let error = match socket.try_send_to(b"", address.clone()) {
        // Another program's name.
        Ok(()) => return assert!(!is_bad && !is_path, "{address}"),
        Err(error) => error,
    };
    assert_eq!(error.is(CoreError::BadName), is_bad, "{address}: {error}");
    assert!(!address.to_string().contains('\0') || is_path, "{address}");
}

/// A peer that is bound to an abstract name of any bytes gets an answer.
fn bound_name(name: &[u8]) {
    let name = &name[..name.len().min(UnixAddress::MAX)];
    let Some(peer) = bind_raw(name) else { return };
    let ours = UnixDatagram::bind(UnixAddress::Unnamed).expect("the system chooses a name");
    let our_name = ours.local_address().expect("it has a name");
    peer.send_to(b"hello", our_name.clone()).expect("our name is good");
    let (_, from) = ours.recv_from(&mut [0; 8]).expect("it was sent");
    assert_eq!(from, peer.local_address().expect("it has a name"));
    if !name.is_empty() {
        assert_eq!(from, UnixAddress::abstract_name(name));
    }
    ours.send_to(b"back", from).expect("the name is as it was");
    let (size, from) = peer.recv_from(&mut [0; 8]).expect("it was sent");
    assert_eq!((size, from), (4, our_name));
}

/// A socket that was bound by the system call itself, with a name of these bytes. `None` if another
/// has the name.
fn bind_raw(name: &[u8]) -> Option<UnixDatagram> {
    let socket = UnixDatagram::unbound().expect("a socket can be made");
    // SAFETY: an address consists of integers, so that all zeroes are a valid value.
    let mut address: libc::sockaddr_un = unsafe { std::mem::zeroed() };
    address.sun_family = libc::AF_UNIX as libc::sa_family_t;
    for (to, byte) in address.sun_path[1..].iter_mut().zip(name) {
        *to = *byte as libc::c_char;
    }
    let before = std::mem::offset_of!(libc::sockaddr_un, sun_path);
    // Without the zero in front there is no name, and the system chooses one.
    let length = before + if name.is_empty() { 0 } else { 1 + name.len() };
    let fd = OwnedFd::from(socket);
    // SAFETY: the descriptor is open, and the address is as long as is stated or longer.
    let bound = unsafe {
        libc::bind(fd.as_raw_fd(), (&raw const address).cast(), length as libc::socklen_t)
    };
    (bound == 0).then(|| UnixDatagram::try_from(fd).expect("it is a datagram socket"))
}

/// `[ADDRESS%INTERFACE]:PORT`: the interface has a number, or there is none of this name.
fn scoped(choices: &mut Choices<'_>) {
    let words = ["lo", "lo%", "+1", "eth0]:8"];
    let Some(port) = choices.below(256) else { return };
    let interface = String::from_utf8_lossy(&text(&words, choices)).into_owned();
    // The standard library reads a number. It asks a name server for what has no such form.
    if interface.bytes().all(|byte| byte.is_ascii_digit()) {
        return;
    }
    let index = CString::new(&*interface).map_or(0, |name| {
        // SAFETY: `name` ends with a zero and lives through the call.
        unsafe { libc::if_nametoindex(name.as_ptr()) }
    });
    let found = format!("[fe80::7%{interface}]:{port}").to_addresses();
    if index == 0 {
        assert_eq!(found.map_err(|error| error.kind()), Err(std::io::ErrorKind::NotFound));
        return;
    }
    match found.expect("the system has this interface")[..] {
        [SocketAddr::V6(one)] => {
            assert_eq!(
                (one.ip(), one.port()),
                (&Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 7), port as u16)
            );
            assert_eq!(one.scope_id(), index);
        }
        ref other => panic!("{other:?}"),
    }
}

/// A name of a region: a bad one is told from one that nothing has.
fn region_name(bytes: &[u8]) {
    let name = String::from_utf8_lossy(bytes);
    let plain = name.strip_prefix('/').unwrap_or(&name);
    let is_bad =
        ["", ".", ".."].contains(&plain) || plain.contains(['/', '\0']) || plain.len() > 255;
    let memfd = name.strip_prefix(survey::MEMFD).and_then(|rest| rest.split_once('/'));
    let is_memfd = memfd.is_some_and(|(process, descriptor)| {
        process.parse::<u32>().is_ok() && descriptor.parse::<u32>().is_ok()
    });
    match survey::named(&name) {
        // There may be a region of this name.
        Ok(_) => assert!(is_memfd || !is_bad, "{name:?}"),
        Err(error) => assert_eq!(error.is(CoreError::BadName), is_bad && !is_memfd, "{error}"),
    }
}
