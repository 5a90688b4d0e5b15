//! A link of sizes at run time does what a link of the same constant sizes does, byte for byte.

use ringway_core::Error;
use ringway_core::channel::link::view::{LineView, LinkView, ReliableView, SerialView, Sizes};
use ringway_core::channel::link::{Config, ReliableLink, SerialLink};
use std::mem::MaybeUninit;

const SIZES: Sizes = Sizes { max: 33, window: 2, ports: 3, credits: 2 };
/// Miri is slow.
const STEPS: usize = if cfg!(miri) { 150 } else { 60_000 };

const SEEDS: std::ops::Range<u64> = if cfg!(miri) { 1..2 } else { 1..4 };

/// A xorshift generator.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// Does the same with both links, and compares everything that they tell.
macro_rules! both {
    ($links:ident, $link:ident, $call:expr) => {{
        let (constant, view) = (&mut $links.0, &mut $links.1);
        let told = {
            let $link = &mut *constant;
            $call
        };
        let told_by_view = {
            let $link = &mut **view;
            $call
        };
        assert_eq!(told, told_by_view);
        told
    }};
}

macro_rules! lockstep {
    ($Link:ident, $View:ident, $seed:expr, $noise:expr) => {{
        let mut random = Random($seed);
        let mut memory = [vec![MaybeUninit::uninit(); 4096], vec![MaybeUninit::uninit(); 4096]];
        let [first, second] = &mut memory;
        // Each end twice: with constant sizes, and with sizes at run time.
        let mut here = (
            $Link::<33, 2, 3, 2>::new(Config::new(1)),
            $View::init_in(first, SIZES, Config::new(1)).unwrap(),
        );
        let mut there = (
            $Link::<33, 2, 3, 2>::new(Config::new(2)),
            $View::init_in(second, SIZES, Config::new(2)).unwrap(),
        );
        let (mut now, mut arrived, mut sessions) = (0, 0, 0);
        for step in 0..STEPS {
            if random.below(2) == 0 {
                std::mem::swap(&mut here, &mut there);
            }
            now += random.below(20);
            let port = random.below(4) as u8;
            let message = [step as u8; 35];
            let message = &message[..random.below(35) as usize];
            match random.below(400) {
                0 => both!(here, link, link.close(now)),
                1 => both!(here, link, link.handle_end(now)),
                2..20 => _ = both!(here, link, link.open(now)),
                20..24 => both!(here, link, link.close_port(port)),
                24..28 => both!(here, link, link.reset_port(port, 3)),
                28..32 => _ = both!(here, link, link.shut_send(port)),
                32..36 => _ = both!(here, link, link.shut_recv(port)),
                36..80 => _ = both!(here, link, link.open_port(port)),
                80..200 => _ = both!(here, link, link.try_send(port, message)),
                200..260 => {
                    let taken = both!(here, link, link.peek(port).map(<[u8]>::to_vec));
                    arrived += usize::from(taken.is_ok());
                    both!(here, link, link.release(port));
                }
                _ => {
                    let size = random.below(40) as usize;
                    let mut bytes = both!(here, link, {
                        let mut out = [0; 40];
                        let filled = link.poll_transmit(now, &mut out[..size]);
                        out[..filled].to_vec()
                    });
                    if let (true, Some(byte)) = ($noise && random.below(50) == 0, bytes.last_mut())
                    {
                        *byte ^= 8;
                    }
                    both!(there, link, link.handle_bytes(now, &bytes));
                }
            }
            both!(here, link, link.port_state(port));
            both!(here, link, link.peer().copied());
            both!(here, link, link.phase());
            if both!(here, link, link.poll_timeout()).is_some_and(|due| due <= now) {
                both!(here, link, link.handle_timeout(now));
            }
            while let Some(event) = both!(there, link, link.poll_event()) {
                sessions += usize::from(event == ringway_core::channel::link::Event::Up);
            }
        }
        let expected = if cfg!(miri) { (0, 0) } else { (100, 10) };
        assert!(
            arrived >= expected.0 && sessions >= expected.1,
            "{arrived} messages in {sessions} sessions"
        );
    }};
}

#[test]
fn a_serial_view_does_what_the_constant_link_does() {
    for seed in SEEDS {
        lockstep!(SerialLink, SerialView, seed, false);
        lockstep!(SerialLink, SerialView, seed, true);
    }
}

#[test]
fn a_reliable_view_does_what_the_constant_link_does() {
    for seed in SEEDS {
        lockstep!(ReliableLink, ReliableView, seed, false);
        lockstep!(ReliableLink, ReliableView, seed, true);
    }
}

type Init<'m> = fn(&'m mut [MaybeUninit<u8>], Sizes, Config) -> Result<&'m mut LinkView<'m>, Error>;

fn init<'m>(is_serial: bool) -> Init<'m> {
    if is_serial { SerialView::init_in } else { ReliableView::init_in }
}

/// Two links of these sizes fill each other's ports; around the memory of one nothing changes.
fn stays_in_its_memory(is_serial: bool, sizes: Sizes) {
    const GUARD: u8 = 0xa5;
    let layout = if is_serial { SerialView::layout } else { ReliableView::layout };
    let layout = layout(sizes).unwrap();
    let mut memory = vec![MaybeUninit::new(GUARD); layout.size() + 2 * layout.align()];
    let mut other = memory.clone();
    let begin = memory.as_ptr().align_offset(layout.align());
    let short = &mut memory[begin..][..layout.size() - 1];
    let error = init(is_serial)(short, sizes, Config::new(1)).unwrap_err();
    assert_eq!(error, Error::BufferTooSmall { needed: layout.size() });

    let here = init(is_serial)(&mut memory, sizes, Config::new(1)).unwrap();
    let there = init(is_serial)(&mut other, sizes, Config::new(2)).unwrap();
    here.open(0).unwrap();
    there.open(0).unwrap();
    let message = vec![7; sizes.max];
    for port in 0..sizes.ports as u8 {
        here.open_port(port).unwrap();
        there.open_port(port).unwrap();
        here.exchange(0, there);
        while there.try_send(port, &message).is_ok() {
            here.exchange(0, there);
        }
        while here.try_send(port, &message).is_ok() {
            here.exchange(0, there);
        }
    }
    for port in 0..sizes.ports as u8 {
        for _ in 0..sizes.credits {
            assert_eq!(here.peek(port), Ok(&message[..]));
            here.release(port);
        }
        assert_eq!(here.peek(port), Err(Error::WouldBlock));
    }
    for guard in memory[..begin].iter().chain(&memory[begin + layout.size()..]) {
        // SAFETY: the test has initialized it.
        assert_eq!(unsafe { guard.assume_init() }, GUARD);
    }
}

#[test]
fn views_of_any_size_stay_in_their_memory() {
    for (max, window, ports, credits) in
        [(24, 1, 1, 1), (25, 64, 255, 1), (1000, 2, 1, 255), (31, 8, 7, 3)]
    {
        if cfg!(miri) && ports * credits > 1 {
            continue;
        }
        for is_serial in [true, false] {
            stays_in_its_memory(is_serial, Sizes { max, window, ports, credits });
        }
    }
}

#[test]
fn no_link_has_sizes_that_are_out_of_range() {
    let good = Sizes { max: 64, window: 4, ports: 2, credits: 4 };
    let bad = [
        Sizes { max: 23, ..good },
        Sizes { max: (1 << 24) + 1, ..good },
        Sizes { max: usize::MAX, ..good },
        Sizes { window: 0, ..good },
        Sizes { window: 3, ..good },
        Sizes { window: 128, ..good },
        Sizes { ports: 0, ..good },
        Sizes { ports: 256, ..good },
        Sizes { credits: 0, ..good },
        Sizes { credits: 256, ..good },
        Sizes { max: 1 << 24, window: 64, ports: 255, credits: 255 },
    ];
    let mut memory = [MaybeUninit::uninit(); 4096];
    for sizes in bad {
        assert_eq!(SerialView::layout(sizes), None, "{sizes:?}");
        assert_eq!(ReliableView::layout(sizes), None, "{sizes:?}");
        let error = SerialView::init_in(&mut memory, sizes, Config::new(1)).unwrap_err();
        assert_eq!(error, Error::Exhausted, "{sizes:?}");
    }
    assert!(SerialView::layout(good).is_some());
}
