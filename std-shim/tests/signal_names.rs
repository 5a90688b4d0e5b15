//! Which signals there are, what a program can do with each, and to which process it can send them.
//!
//! No test here delivers a signal: see `signal.rs`.

use ringway::signal::{self, Delivery, Pid, Signal, SignalSet, signals};
use ringway::{Cause, Errno};

#[test]
fn every_signal_is_parsed_from_its_name_and_number() {
    let mut count = 0;
    for number in -1..70 {
        let Some(signal) = Signal::new(number) else { continue };
        count += 1;
        assert_eq!(signal.number(), number);
        assert_eq!(Signal::of_line(signal.line()), Some(signal));
        assert_eq!(number.to_string().parse(), Ok(signal));
        let shown = signal.to_string();
        assert_eq!(shown.parse(), Ok(signal), "{shown}");
        assert_eq!(shown.to_lowercase().parse(), Ok(signal));
        assert_eq!(shown.strip_prefix("SIG").map(str::parse), Some(Ok(signal)));
    }
    assert!(count >= 31 + 28, "{count}");
}

#[test]
fn the_usual_spellings_are_parsed() {
    for (text, number) in [("TERM", 15), ("SIGTERM", 15), ("sigterm", 15), ("15", 15)] {
        assert_eq!(text.parse::<Signal>().unwrap().number(), number);
    }
    assert_eq!("CLD".parse(), Ok(Signal::CHLD));
    assert_eq!("RTMIN".parse(), Ok(Signal::real_time(0).unwrap()));
    assert_eq!("RTMIN+0".parse(), Ok(Signal::real_time(0).unwrap()));
    assert_eq!("RTMAX".parse(), Ok(Signal::new(libc::SIGRTMAX()).unwrap()));
    assert_eq!("SIGRTMAX-2".parse(), Ok(Signal::new(libc::SIGRTMAX() - 2).unwrap()));
}

#[test]
fn a_text_that_is_no_signal_is_refused_with_a_hint() {
    let bad = ["", "SIG", "0", "32", "65", "-1", "+9", "99999999999", "TERMX", "RTMIN+", "RTMIN-1"];
    let worse =
        ["RTMIN+99", "RTMAX+1", "RTMAX-99", "RTMIN+-1", "RTMIN++1", " TERM", "9 ", "1x", "sıg"];
    for text in bad.into_iter().chain(worse) {
        let error = text.parse::<Signal>().unwrap_err();
        assert!(error.to_string().contains("RTMIN+1"), "{error}");
    }
}

#[test]
fn sets_are_joined_and_listed() {
    let set = Signal::TERM | Signal::HUP | Signal::USR1;
    assert!(signals(set).eq([Signal::HUP, Signal::USR1, Signal::TERM]));
    let mut collected: SignalSet = [Signal::TERM, Signal::HUP].into_iter().collect();
    collected |= Signal::USR1;
    assert_eq!(collected, set);
}

#[test]
fn a_signal_that_cannot_be_caught_is_refused() {
    for signal in [Signal::KILL, Signal::STOP] {
        let error = signal::block(signal).unwrap_err();
        assert!(error.to_string().starts_with(&format!("cannot block {signal}: no program")));
    }
    let error = signal::catch(Signal::TERM | Signal::SEGV, Delivery::Coalesced).unwrap_err();
    assert!(error.to_string().starts_with("cannot catch SIGSEGV: it reports a fault"), "{error}");
    assert!(signal::catch(SignalSet::line(31), Delivery::Coalesced).is_err());
    assert!(signal::block(Signal::SEGV).is_ok());
    let all: SignalSet = signals(SignalSet::all()).collect();
    let kept = Signal::KILL | Signal::STOP;
    assert_eq!(
        signal::catchable(),
        all - kept - (Signal::SEGV | Signal::BUS | Signal::FPE | Signal::ILL)
    );
    let _blocked = signal::block(all - kept).unwrap();
    assert_eq!(signal::mask(), all - kept);
    assert!(signal::block(all).unwrap_err().to_string().contains("SIGKILL"));
}

#[test]
fn waiting_for_an_unblocked_signal_is_refused() {
    let _blocked = signal::block(Signal::USR1).unwrap();
    let error = signal::wait(Signal::USR1 | Signal::USR2).unwrap_err();
    assert!(error.to_string().contains("SIGUSR2: this thread does not block it"), "{error}");
}

#[test]
fn sending_to_a_missing_process_fails() {
    // This is larger than any pid on Linux (2^22).
    let nobody = Pid::from_raw(1 << 30).unwrap();
    for result in [signal::send(nobody, Signal::TERM), signal::queue(nobody, Signal::TERM, 1)] {
        let error = result.unwrap_err();
        assert_eq!(error.cause(), Cause::Os(Errno::SRCH));
        assert!(error.to_string().starts_with("cannot send SIGTERM to process 1073741824: "));
    }
}

#[test]
fn sending_to_a_descriptor_of_no_process_fails() {
    let file = std::fs::File::open("/dev/null").unwrap();
    assert!(signal::send_fd(&file, Signal::TERM).is_err());
    assert!(signal::queue_fd(&file, Signal::TERM, 1).is_err());
}
