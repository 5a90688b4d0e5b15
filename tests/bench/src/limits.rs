//! What the machine can do at best: a bare cache line, a bare copy from core to core, `memcpy`, an
//! empty system call.

use crate::measure::{Found, Passes};
use crate::memory;
use crate::message::{Message, Rx, Spsc, Tx};
use crate::ours::Place;
use crate::sides::{Apart, Cpus, and_back, pin};
#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{__m256i, _mm256_loadu_si256, _mm256_storeu_si256};
use std::hint::black_box;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// One word on one cache line, in which one side stores a number. It is only for round trips:
/// nobody checks whether there is room.
pub struct Line<P>(PhantomData<P>);

/// A side of [`Line`].
pub struct LineEnd {
    word: &'static Padded,
    last: u64,
}

#[repr(C, align(128))]
struct Padded(AtomicU64);

impl Tx<u64> for LineEnd {
    #[inline(always)]
    fn put(&mut self, message: &u64) -> bool {
        self.word.0.store(*message ^ 1 << 63, Ordering::Release);
        true
    }
}

impl Rx<u64> for LineEnd {
    #[inline(always)]
    fn get(&mut self, into: &mut u64) -> bool {
        let seen = self.word.0.load(Ordering::Acquire);
        if seen == self.last {
            return false;
        }
        self.last = seen;
        *into = seen ^ 1 << 63;
        true
    }
}

impl<P: Place> Spsc<u64> for Line<P> {
    type Tx = LineEnd;
    type Rx = LineEnd;

    fn open() -> (LineEnd, LineEnd) {
        let word = P::zeroed::<Padded>();
        (LineEnd { word, last: 0 }, LineEnd { word, last: 0 })
    }
}

/// Nanoseconds for a bare cache line to the other processor and back: the present distance of the
/// two. A virtual machine may move them at any time, so this is measured around each measurement.
pub fn distance() -> f64 {
    const TRIPS: u64 = 500;
    const PASSES: u64 = 4;
    let (there, back) =
        (Line::<crate::ours::Private>::open(), Line::<crate::ours::Private>::open());
    let (mut tx, mut rx) = (there.0, back.1);
    let theirs = (back.0, there.1);
    Apart::Threads.run_with(
        theirs,
        |(mut tx, mut rx)| {
            let mut message = 0;
            for _ in 0..TRIPS * PASSES {
                rx.recv(&mut message);
                tx.send(&message);
            }
        },
        || {
            let mut message = 0;
            let mut best = f64::MAX;
            for pass in 0..PASSES {
                let begun = Instant::now();
                for n in 0..TRIPS {
                    tx.send(&(pass * TRIPS + n));
                    rx.recv(&mut message);
                }
                best = best.min(begun.elapsed().as_nanos() as f64 / TRIPS as f64);
            }
            best
        },
    )
}

/// Nanoseconds for a thousand steps of eight independent sums: how much of a core this processor
/// has at present. A virtual machine's processor may be half of a core whose other half works for
/// another guest, so this is measured around each measurement.
pub fn pace() -> f64 {
    const STEPS: u64 = 50_000;
    let pass = || {
        let begun = Instant::now();
        let mut sums = [0_u64; 8];
        for step in 0..STEPS {
            let step = black_box(step);
            sums.iter_mut().for_each(|sum| *sum = sum.wrapping_add(step));
        }
        black_box(sums);
        begun.elapsed().as_nanos() as f64 * 1e3 / STEPS as f64
    };
    and_back(|| {
        pin(Cpus::chosen().0);
        (0..4).map(|_| pass()).fold(f64::MAX, f64::min)
    })
}

/// Copies one `M` by the processor's vectors, where it has them. Elsewhere it copies as the C
/// library does, which from some 2 KiB on takes up to twenty times as long on some processors.
///
/// # Safety
/// As for `ptr::copy_nonoverlapping`.
#[inline(always)]
unsafe fn copy_by_vectors<M>(from: *const M, to: *mut M) {
    #[cfg(target_arch = "x86_64")]
    if size_of::<M>().is_multiple_of(128) && is_x86_feature_detected!("avx") {
        // SAFETY: the feature is there, and the caller keeps the conditions of a copy.
        return unsafe { copy_by_avx(from.cast(), to.cast(), size_of::<M>() / 128) };
    }
    // SAFETY: the caller keeps the conditions of a copy.
    unsafe { to.copy_from_nonoverlapping(from, 1) };
}

/// # Safety
/// As for `ptr::copy_nonoverlapping` of `quads` times four vectors; the processor has AVX.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx")]
unsafe fn copy_by_avx(from: *const __m256i, to: *mut __m256i, quads: usize) {
    let mut at = 0;
    while at < 4 * quads {
        // No closure and no iterator: those would not have the feature.
        // SAFETY: the caller keeps the conditions of a copy; the addresses need not be aligned.
        unsafe {
            let first = _mm256_loadu_si256(from.wrapping_add(at));
            let second = _mm256_loadu_si256(from.wrapping_add(at + 1));
            let third = _mm256_loadu_si256(from.wrapping_add(at + 2));
            let fourth = _mm256_loadu_si256(from.wrapping_add(at + 3));
            _mm256_storeu_si256(to.wrapping_add(at), first);
            _mm256_storeu_si256(to.wrapping_add(at + 1), second);
            _mm256_storeu_si256(to.wrapping_add(at + 2), third);
            _mm256_storeu_si256(to.wrapping_add(at + 3), fourth);
        }
        at += 4;
    }
}

/// `N` places, each with a flag on a cache line of its own. One side copies into them and the other
/// out of them. This is the copy from core to core, without anything else that a queue does.
pub struct Copying<P, const N: usize>(PhantomData<P>);

/// A side of [`Copying`].
pub struct CopyEnd<M: 'static, const N: usize> {
    places: &'static Places<M, N>,
    lap: u64,
    at: usize,
}

#[repr(C)]
struct Places<M, const N: usize> {
    flags: [Padded; N],
    data: [std::cell::UnsafeCell<Page<M>>; N],
}

#[repr(C, align(4096))]
struct Page<M>(M);

impl<M: Message, const N: usize> CopyEnd<M, N> {
    #[inline(always)]
    fn on(&mut self) {
        self.at += 1;
        if self.at == N {
            self.at = 0;
            self.lap += 1;
        }
    }
}

impl<M: Message, const N: usize> Tx<M> for CopyEnd<M, N> {
    #[inline(always)]
    fn put(&mut self, message: &M) -> bool {
        let flag = &self.places.flags[self.at].0;
        if flag.load(Ordering::Acquire) != 2 * self.lap {
            return false;
        }
        let to = self.places.data[self.at].get();
        // SAFETY: an even flag says that the place is ours; the receiver is done with it.
        unsafe { copy_by_vectors(message, &raw mut (*to).0) };
        flag.store(2 * self.lap + 1, Ordering::Release);
        self.on();
        true
    }
}

impl<M: Message, const N: usize> Rx<M> for CopyEnd<M, N> {
    #[inline(always)]
    fn get(&mut self, into: &mut M) -> bool {
        let flag = &self.places.flags[self.at].0;
        if flag.load(Ordering::Acquire) != 2 * self.lap + 1 {
            return false;
        }
        let from = self.places.data[self.at].get();
        // SAFETY: an odd flag says that the place is ours; the sender is done with it.
        unsafe { copy_by_vectors(&raw const (*from).0, into) };
        flag.store(2 * self.lap + 2, Ordering::Release);
        self.on();
        true
    }
}

impl<M: Message, P: Place, const N: usize> Spsc<M> for Copying<P, N> {
    type Tx = CopyEnd<M, N>;
    type Rx = CopyEnd<M, N>;

    fn open() -> (Self::Tx, Self::Rx) {
        let places = P::zeroed::<Places<M, N>>();
        (CopyEnd { places, lap: 0, at: 0 }, CopyEnd { places, lap: 0, at: 0 })
    }
}

/// Bytes a second of a copy within one core, 64 KiB at a time: `memcpy`'s, or by vectors.
pub fn copy_alone<const VECTORS: bool>() -> Found {
    let from = memory::private::<[u8; 1 << 16]>();
    let to = memory::private::<[u8; 1 << 16]>();
    from.fill(7);
    let mut found = Found::new();
    let passes = Passes::alone(|| {
        let begun = Instant::now();
        for _ in 0..1000 {
            let (from, to) = (black_box(&*from), black_box(&mut *to));
            if VECTORS {
                // SAFETY: two places of one type.
                unsafe { copy_by_vectors(from, to) };
            } else {
                to.copy_from_slice(from);
            }
        }
        1000.0 * 65536.0 / begun.elapsed().as_secs_f64()
    });
    passes.enter("bytes", &mut found);
    found
}

/// Nanoseconds of a system call that does nothing.
pub fn system_call() -> Found {
    let mut found = Found::new();
    let passes = Passes::alone(|| {
        let begun = Instant::now();
        for _ in 0..20_000 {
            // SAFETY: asks for the parent's number, and cannot fail.
            black_box(unsafe { libc::syscall(libc::SYS_getppid) });
        }
        begun.elapsed().as_nanos() as f64 / 2e4
    });
    passes.enter("mean", &mut found);
    found
}
