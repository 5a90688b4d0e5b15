//! The process at the other end.

use crate::children::{argument, role, start};
use crate::{accept, eventually, fresh_name, soon};
use ringway::CoreError;
use ringway::fd::{self, Interest};
use ringway::socket::{UnixAddress, UnixListener, UnixStream};
use std::thread;
use std::time::Duration;

#[test]
fn a_peer_has_credentials_and_a_pidfd() {
    if role().is_some() {
        let stream = UnixStream::connect(UnixAddress::abstract_name(argument())).unwrap();
        let peer = stream.peer_credentials().unwrap();
        // The process that listens is our parent.
        assert_eq!(peer.pid, rustix::process::getppid());
        stream.write_all(b"ready").unwrap();
        thread::sleep(Duration::from_secs(60));
    }
    let listener = UnixListener::bind(fresh_name()).unwrap();
    let UnixAddress::Abstract(name) = listener.local_address().unwrap() else { panic!() };
    let test = "peers::a_peer_has_credentials_and_a_pidfd";
    let mut child = start(test, "connect", std::str::from_utf8(&name).unwrap());
    let stream = accept(&listener);
    assert_eq!(stream.read_deadline(&mut [0; 8], Some(eventually())).unwrap(), 5);

    let peer = stream.peer_credentials().unwrap();
    assert_eq!(peer.pid.unwrap().as_raw_nonzero().get() as u32, child.pid());
    assert_eq!(peer.uid, rustix::process::geteuid().as_raw());
    assert_eq!(peer.gid, rustix::process::getegid().as_raw());

    match stream.peer_pidfd() {
        Ok(process) => {
            assert!(fd::close_on_exec(&process).unwrap());
            let alive = fd::wait_deadline(&process, Interest::Read, Some(soon())).unwrap_err();
            assert!(alive.is(CoreError::TimedOut));
            rustix::process::pidfd_send_signal(&process, rustix::process::Signal::KILL).unwrap();
            assert!(
                fd::wait_deadline(&process, Interest::Read, Some(eventually())).unwrap().readable()
            );
        }
        Err(error) => {
            // Only a kernel before 6.5 may return this.
            assert_eq!(error.cause(), ringway::Cause::Os(rustix::io::Errno::NOPROTOOPT));
            let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
            let mut parts = release.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
            let version = (parts.next().unwrap(), parts.next().unwrap());
            assert!(version < (6, 5), "{release}: {error}");
        }
    }
    child.kill();
}
