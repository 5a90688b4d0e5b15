//! 64 MiB between `ringway cat` and another tool, byte for byte: each medium, each direction, and
//! either of the two first.

use super::shell::Place;
use std::fs;
use std::os::unix::fs::FileTypeExt;

/// What the second program waits for before it starts.
#[derive(Clone, Copy)]
enum Meeting {
    /// A FIFO, which both may open at any time once it exists.
    Fifo,
    /// A Unix socket.
    Path,
    /// A Unix socket with an abstract name.
    Abstract,
    /// Port 7007.
    Port,
}

/// Runs `first` in the background, and `second` when they can meet; `@` stands for the place. Then
/// checks that `copy` equals `input`.
fn exchange(meeting: Meeting, first: &str, second: &str) {
    let place = Place::new();
    place.make_input();
    let at = match meeting {
        Meeting::Fifo | Meeting::Path => "meet".to_owned(),
        Meeting::Abstract => format!("ringway-tools-{}", place.host),
        Meeting::Port => format!("{}:7007", place.host),
    };
    let fill = |script: &str| {
        // nc takes the host and the port apart.
        script.replace("@HOST", &place.host).replace("@PORT", "7007").replace('@', &at)
    };
    let first = place.start(&fill(first));
    place.wait_until("a place to meet", || match meeting {
        Meeting::Fifo => has(&place, |kind| kind.is_fifo()),
        Meeting::Path => has(&place, |kind| kind.is_socket()) && listens("/proc/net/unix", " 01 "),
        Meeting::Abstract => listens("/proc/net/unix", &format!("@{at}\n")),
        Meeting::Port => {
            let parts: Vec<u8> = place.host.split('.').map(|part| part.parse().unwrap()).collect();
            let [a, b, c, d] = parts[..] else { unreachable!("four parts") };
            let entry = format!("{d:02X}{c:02X}{b:02X}{a:02X}:{:04X} 00000000:0000 0A", 7007);
            listens("/proc/net/tcp", &entry)
        }
    });
    place.start(&fill(second)).end();
    first.end();
    place.assert_copied();
}

fn has(place: &Place, kind: impl Fn(fs::FileType) -> bool) -> bool {
    place.path("meet").symlink_metadata().is_ok_and(|found| kind(found.file_type()))
}

/// Whether the kernel's table has such an entry. A test connection would use up the one connection.
fn listens(table: &str, entry: &str) -> bool {
    fs::read_to_string(table).expect("/proc is mounted").contains(entry)
}

macro_rules! exchanges {
    ($($name:ident: $meeting:ident, $first:literal, $second:literal;)+) => {
        $(#[test]
        fn $name() {
            exchange(Meeting::$meeting, $first, $second);
        })+
    };
}

exchanges! {
    mkfifo_and_cat_receive: Fifo, "mkfifo @; cat @ > copy", "ringway cat file:input fifo:@";
    mkfifo_and_cat_send: Fifo, "mkfifo @; cat input > @", "ringway cat fifo:@ file:copy";
    cat_receives_from_a_fifo_of_its_making: Fifo, "ringway cat file:input fifo:@", "cat @ > copy";
    cat_sends_to_a_fifo_of_its_making: Fifo, "ringway cat fifo:@ file:copy", "cat input > @";

    socat_listens_and_receives_over_unix: Path,
        "socat -u UNIX-LISTEN:@ OPEN:copy,creat", "ringway cat file:input unix:@";
    socat_listens_and_sends_over_unix: Path,
        "socat -u OPEN:input UNIX-LISTEN:@", "ringway cat unix:@ file:copy";
    socat_connects_and_sends_over_unix: Path,
        "ringway cat unix-listen:@ file:copy", "socat -u OPEN:input UNIX-CONNECT:@";
    socat_connects_and_receives_over_unix: Path,
        "ringway cat file:input unix-listen:@", "socat -u UNIX-CONNECT:@ OPEN:copy,creat";
    nc_listens_and_receives_over_unix: Path, "nc -lU @ > copy", "ringway cat file:input unix:@";
    nc_connects_and_sends_over_unix: Path, "ringway cat unix-listen:@ file:copy", "nc -NU @ < input";
    nc_connects_and_receives_over_unix: Path,
        "ringway cat file:input unix-listen:@", "nc -dU @ > copy";

    socat_listens_and_receives_over_an_abstract_name: Abstract,
        "socat -u ABSTRACT-LISTEN:@ OPEN:copy,creat", "ringway cat file:input abstract:@";
    socat_listens_and_sends_over_an_abstract_name: Abstract,
        "socat -u OPEN:input ABSTRACT-LISTEN:@", "ringway cat abstract:@ file:copy";
    socat_connects_and_sends_over_an_abstract_name: Abstract,
        "ringway cat abstract-listen:@ file:copy", "socat -u OPEN:input ABSTRACT-CONNECT:@";
    socat_connects_and_receives_over_an_abstract_name: Abstract,
        "ringway cat file:input abstract-listen:@", "socat -u ABSTRACT-CONNECT:@ OPEN:copy,creat";

    socat_listens_and_receives_over_tcp: Port,
        "socat -u TCP-LISTEN:@PORT,bind=@HOST OPEN:copy,creat", "ringway cat file:input tcp:@";
    socat_listens_and_sends_over_tcp: Port,
        "socat -u OPEN:input TCP-LISTEN:@PORT,bind=@HOST", "ringway cat tcp:@ file:copy";
    socat_connects_and_sends_over_tcp: Port,
        "ringway cat tcp-listen:@ file:copy", "socat -u OPEN:input TCP:@";
    socat_connects_and_receives_over_tcp: Port,
        "ringway cat file:input tcp-listen:@", "socat -u TCP:@ OPEN:copy,creat";
    socat_keeps_its_own_direction_open_over_tcp: Port,
        "socat TCP-LISTEN:@PORT,bind=@HOST OPEN:copy,creat", "ringway cat file:input tcp:@";
    nc_listens_and_receives_over_tcp: Port, "nc -l @HOST @PORT > copy", "ringway cat file:input tcp:@";
    nc_listens_and_sends_over_tcp: Port, "nc -lN @HOST @PORT < input", "ringway cat tcp:@ file:copy";
    nc_connects_and_sends_over_tcp: Port,
        "ringway cat tcp-listen:@ file:copy", "nc -N @HOST @PORT < input";
    nc_connects_and_receives_over_tcp: Port,
        "ringway cat file:input tcp-listen:@", "nc -d @HOST @PORT > copy";
}

#[test]
fn a_pipeline_carries_it_through_the_standard_streams() {
    let place = Place::new();
    place.make_input();
    place.start("cat input | ringway cat - - | cat > copy").end();
    place.assert_copied();
}

#[test]
fn cat_reports_a_reader_that_closes_early() {
    let place = Place::new();
    place.make_input();
    let said =
        place.start("ringway cat file:input - | head -c 10 > /dev/null; echo ${PIPESTATUS[@]}");
    assert_eq!(said.end(), "1 0\n");
    let complaint = fs::read_to_string(place.path("stderr")).unwrap();
    assert_eq!(complaint.lines().count(), 1, "{complaint}");
    assert!(complaint.contains("broken pipe"), "{complaint}");

    let said = place.start(
        "mkfifo meet; head -c 10 < meet > /dev/null & ringway cat file:input fifo:meet; echo $?; wait",
    );
    assert_eq!(said.end(), "1\n");
}

#[test]
fn a_reader_that_is_killed_is_exit_status_1() {
    let place = Place::new();
    let said = place.start(
        "mkfifo meet
         bash -c 'head -c 1000 > /dev/null; kill -KILL $$' < meet &
         yes | ringway cat - fifo:meet
         echo ${PIPESTATUS[1]}
         wait $!; echo $?",
    );
    // 128 and 9: the reader was killed by SIGKILL.
    assert_eq!(said.end(), "1\n137\n");
}
