//! How the sleepers of a region share the checks for dead participants.
//!
//! One check finds all dead participants, and asks the kernel once for each participant. So one
//! sleeper checks on behalf of all: every [`DETECTION_BOUND`], the first that finds the last check
//! as old as that. To spare the others from waking up for this, a region has a few *posts*:
//!
//! - A sleeper that has slept for one bound takes a free post, if there is one. It keeps the post,
//!   and wakes up when the next check is due.
//! - A sleeper without a post *rests*: the more participants are attached, the longer. It can be
//!   *called*, that is, woken from its rest. A keeper calls one when it leaves its post because it
//!   was woken. A keeper that finds another post deserted calls one too. A sleeper whose check
//!   finds somebody dead calls all.
//!
//! All of this only saves cost. If a word here is wrong, by accident or because its writer was
//! killed, a check happens once more, or later by at most the longest rest.
//!
//! Times are milliseconds of the system's monotonic clock. They wrap around after 49 days. If
//! another process's clock has another offset (a time namespace), its times look old.

use crate::wait;
use ringway_core::sync;
use rustix::thread::{ClockId, futex};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// The detection bound: how long it takes until others have recovered what a dead participant held.
///
/// Within this time of the death, one of the region's sleepers has recovered it, on behalf of all,
/// and those that wait for it have checked again.
///
/// With up to seven participants this always holds; if a sleeper dies in the middle of its check,
/// it takes another bound. With more participants, four of the sleepers keep watch, and the others
/// wake up more rarely, so that hundreds of sleepers cost little. Between two checks, such a
/// sleeper rests one bound for each four participants that are attached, and 100 bounds at most.
/// The bound holds as long as one of the four lives and runs. When one of them is woken, another
/// sleeper takes its place. If all four are killed or stopped within one bound, the next of the
/// others to wake up checks: soon, where many sleep. On Linux before 5.16 every sleeper wakes up
/// every bound.
///
/// ```
/// assert_eq!(ringway::shm::DETECTION_BOUND, std::time::Duration::from_millis(100));
/// ```
pub const DETECTION_BOUND: Duration = Duration::from_millis(100);

/// A bound, in milliseconds.
const BOUND_MS: u32 = DETECTION_BOUND.as_millis() as u32;

/// A post is deserted when its keeper has not renewed it for this long, in milliseconds.
const DESERTED: u32 = BOUND_MS + BOUND_MS / 2;

/// A sleeper without a post rests one bound for this many participants that are alive. So no more
/// sleepers wake up in a second when more participants are attached. Waking a process that slept
/// for long costs tens of microseconds.
const PER_BOUND: u32 = 4;

/// The longest rest, in bounds.
const MAX_BOUNDS: u32 = 100;

/// The time, in milliseconds of the clock that all processes share.
pub(super) fn now() -> u32 {
    let now = rustix::time::clock_gettime(ClockId::Monotonic);
    (now.tv_sec as u32).wrapping_mul(1000).wrapping_add((now.tv_nsec / 1_000_000) as u32)
}

/// The post that a sleeper keeps. A sleeper without one leaves the watch to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Post {
    index: usize,
    /// When its keeper last renewed it.
    renewed: u32,
}

/// The words of a region by which its sleepers share the checks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Vigil<'r> {
    /// When somebody last checked.
    checked: &'r AtomicU32,
    /// The word on which resting sleepers can be called.
    call: &'r sync::AtomicU32,
    /// How many participants were alive at the last check.
    alive: &'r AtomicU32,
    /// For each post, when its keeper last renewed it.
    posts: [&'r AtomicU32; 4],
}

// All accesses in this file are relaxed and have no partner: the words publish nothing. The parts'
// own words publish what was recovered.
impl<'r> Vigil<'r> {
    pub(super) fn new(words: &'r [sync::AtomicU32; 8]) -> Self {
        let [checked, call, alive, a, b, c, d, _] = words;
        let posts = [a, b, c, d].map(sync::AtomicU32::as_core);
        Vigil { checked: checked.as_core(), call, alive: alive.as_core(), posts }
    }

    /// The post for a sleeper that goes to sleep again, and how many milliseconds it may sleep.
    ///
    /// It calls this before each sleep. `noise` is a random number that spreads the rests.
    pub(super) fn before_sleep(
        self,
        post: Option<Post>,
        now: u32,
        noise: u32,
    ) -> (Option<Post>, u32) {
        let kept = post.and_then(|post| self.renew(post, now));
        let post = kept.or_else(|| self.deserted(now).find_map(|post| self.renew(post, now)));
        if post.is_some() {
            return (post, BOUND_MS.saturating_sub(self.since_check(now)));
        }
        let crowd = self.alive.load(Ordering::Relaxed) / PER_BOUND;
        let longest = BOUND_MS * crowd.clamp(1, MAX_BOUNDS);
        // The rests differ, so that the first sleeper wakes up soon.
        (None, longest - noise % (longest / 2))
    }

    /// Renews a post at the time `now`; `None` if somebody else has renewed it since.
    fn renew(self, post: Post, now: u32) -> Option<Post> {
        let (word, relaxed) = (self.posts.get(post.index)?, Ordering::Relaxed);
        word.compare_exchange(post.renewed, now, relaxed, relaxed).ok()?;
        Some(Post { renewed: now, ..post })
    }

    /// The posts whose keepers have not renewed them for too long.
    fn deserted(self, now: u32) -> impl Iterator<Item = Post> {
        let posts = self.posts.into_iter().map(|word| word.load(Ordering::Relaxed)).enumerate();
        posts
            .map(|(index, renewed)| Post { index, renewed })
            .filter(move |post| now.wrapping_sub(post.renewed) >= DESERTED)
    }

    fn since_check(self, now: u32) -> u32 {
        now.wrapping_sub(self.checked.load(Ordering::Relaxed))
    }

    /// Whether the caller shall check now. If so, it is nobody else's turn for a bound.
    ///
    /// `at_last`: the caller's deadline has passed, and it checks before it gives up, unless
    /// somebody has just done so. A check takes a microsecond for each participant that is alive.
    /// However many give up, the checks take less than a hundredth of the time.
    pub(super) fn is_due(self, now: u32, at_last: bool) -> bool {
        let pause = self.alive.load(Ordering::Relaxed) / PER_BOUND;
        let age = if at_last { pause.min(BOUND_MS) } else { BOUND_MS };
        let last = self.checked.load(Ordering::Relaxed);
        now.wrapping_sub(last) >= age
            && self
                .checked
                .compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }

    /// Records a check at the time `now`, which found `alive` participants alive.
    pub(super) fn record_check(self, now: u32, alive: u32) {
        self.checked.store(now, Ordering::Relaxed);
        self.alive.store(alive, Ordering::Relaxed);
    }

    /// Leaves the post and calls a sleeper to take it; false if the caller keeps none any more.
    pub(super) fn leave(self, post: Option<Post>) -> bool {
        let left = post.and_then(|post| self.renew(post, post.renewed.wrapping_sub(DESERTED)));
        if left.is_some() {
            self.call(1);
        }
        left.is_some()
    }

    /// Calls a resting sleeper if a post is deserted.
    pub(super) fn call_for_keepers(self, now: u32) {
        if self.deserted(now).next().is_some() {
            self.call(1);
        }
    }

    /// Calls `count` of the resting sleepers. A sleeper that is about to rest notices it too.
    pub(super) fn call(self, count: u32) {
        self.call.as_core().fetch_add(1, Ordering::Relaxed);
        wait::wake(self.call, futex::Flags::empty(), count);
    }

    /// The word on which a resting sleeper can be called, and its value now.
    pub(super) fn calls(self) -> (&'r sync::AtomicU32, u32) {
        (self.call, self.call.as_core().load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cmp::Reverse;
    use std::collections::BinaryHeap;

    /// The sleepers of a region, and a clock that advances when all of them sleep.
    struct Crowd {
        words: [sync::AtomicU32; 8],
        /// For each sleeper, `None` if it is dead, else the post that it keeps.
        sleepers: Vec<Option<Option<Post>>>,
        /// When each sleeper wakes up.
        sleeps: BinaryHeap<Reverse<(u32, usize)>>,
        noise: u32,
        looks: Vec<u32>,
        wakes: usize,
    }

    fn words(word: u32) -> [sync::AtomicU32; 8] {
        std::array::from_fn(|_| sync::AtomicU32::new(word))
    }

    const START: u32 = u32::MAX - 3_000;

    impl Crowd {
        fn of(count: usize) -> Self {
            let mut crowd = Crowd {
                words: words(0),
                sleepers: vec![Some(None); count],
                sleeps: BinaryHeap::new(),
                noise: 1,
                looks: Vec::new(),
                wakes: 0,
            };
            // They arrive one after the other, over three seconds.
            for who in 0..count {
                let at = START.wrapping_add((who * 3000 / count) as u32);
                crowd.sleeps.push(Reverse((at.wrapping_sub(START) + BOUND_MS, who)));
            }
            crowd
        }

        fn vigil(&self) -> Vigil<'_> {
            Vigil::new(&self.words)
        }

        fn alive(&self) -> usize {
            self.sleepers.iter().flatten().count()
        }

        /// Lets them sleep until `until` milliseconds after the beginning.
        fn run(&mut self, until: u32) {
            while let Some(&Reverse((at, who))) = self.sleeps.peek() {
                if at > until {
                    return;
                }
                self.sleeps.pop();
                let Some(post) = self.sleepers[who] else { continue };
                self.wakes += 1;
                let now = START.wrapping_add(at);
                if self.vigil().is_due(now, false) {
                    self.looks.push(at);
                    self.vigil().record_check(now, self.alive() as u32);
                }
                self.noise = self.noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let (post, sleep) = self.vigil().before_sleep(post, now, self.noise >> 8);
                self.sleepers[who] = Some(post);
                self.sleeps.push(Reverse((at + sleep.max(1), who)));
            }
        }

        fn watchers(&self) -> Vec<usize> {
            let keeps = |&who: &usize| matches!(self.sleepers[who], Some(Some(_)));
            (0..self.sleepers.len()).filter(keeps).collect()
        }

        /// The longest time without a check after `from`.
        fn longest_gap(&self, from: u32) -> u32 {
            let after: Vec<_> = self.looks.iter().copied().filter(|&at| at >= from).collect();
            after.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(u32::MAX)
        }
    }

    #[test]
    fn one_checks_for_all_every_bound_and_most_rest() {
        for count in [1, 2, 4, 5, 16, 100, 400, 2000] {
            let mut crowd = Crowd::of(count);
            crowd.run(10_000);
            let (looks, wakes) = (crowd.looks.len(), crowd.wakes);
            crowd.run(20_000);
            let (looks, wakes) = (crowd.looks.len() - looks, crowd.wakes - wakes);
            assert!((95..=100).contains(&looks), "{count}: {looks} looks in ten seconds");
            assert!(
                crowd.longest_gap(10_000) <= BOUND_MS + 1,
                "{count}: {}",
                crowd.longest_gap(10_000)
            );
            // If each of 400 woke up 10 times a second, it would be 40,000 times.
            let most = if count > 400 { 2 * count } else { 1_000 };
            assert!(wakes <= most, "{count}: got up {wakes} times in ten seconds");
            assert_eq!(crowd.watchers().len(), count.min(4));
        }
    }

    #[test]
    fn the_bound_holds_while_one_keeper_lives() {
        let mut crowd = Crowd::of(200);
        crowd.run(10_000);
        for round in 1..20 {
            let watchers = crowd.watchers();
            watchers.iter().skip(1).for_each(|&who| crowd.sleepers[who] = None);
            crowd.run(10_000 + round * 1000);
        }
        assert!(crowd.longest_gap(10_000) <= BOUND_MS + 1, "{}", crowd.longest_gap(10_000));
    }

    #[test]
    fn a_resting_sleeper_checks_after_all_keepers_die() {
        let mut crowd = Crowd::of(400);
        crowd.run(10_000);
        crowd.watchers().iter().for_each(|&who| crowd.sleepers[who] = None);
        crowd.run(20_000);
        assert!(crowd.longest_gap(9_000) <= 2 * BOUND_MS, "{}", crowd.longest_gap(9_000));
        assert_eq!(crowd.watchers().len(), 4);
        // Only one is left, and it rests.
        let rests = (0..400).find(|&who| crowd.sleepers[who] == Some(None)).unwrap();
        (0..400).filter(|&who| who != rests).for_each(|who| crowd.sleepers[who] = None);
        crowd.run(50_000);
        assert!(
            crowd.longest_gap(19_000) <= BOUND_MS * (MAX_BOUNDS + 1),
            "{}",
            crowd.longest_gap(19_000)
        );
        assert_eq!(crowd.watchers(), [rests]);
    }

    #[test]
    fn a_post_that_is_left_is_taken_by_another() {
        let words = words(0);
        let vigil = Vigil::new(&words);
        let (first, sleep) = vigil.before_sleep(None, 1000, 0);
        assert_eq!(
            (first, sleep),
            (Some(Post { index: 0, renewed: 1000 }), 0),
            "nobody checked yet"
        );
        assert!([1000, 1000, 1099].map(|now| vigil.is_due(now, false)) == [true, false, false]);
        vigil.record_check(1000, 40);
        assert!(!vigil.is_due(1009, true) && vigil.is_due(1010, true));
        vigil.record_check(1000, 2);
        assert!(vigil.is_due(1000, true));
        let kept = Some(Post { index: 0, renewed: 1030 });
        assert_eq!(vigil.before_sleep(first, 1030, 0), (kept, 70));
        let called = vigil.calls().1;
        assert!(vigil.leave(kept) && !vigil.leave(kept));
        assert_eq!(vigil.calls().1, called + 1);
        assert_eq!(vigil.before_sleep(None, 1031, 0).0, Some(Post { index: 0, renewed: 1031 }));
        // A sleeper that has lost its post takes another one.
        assert_eq!(vigil.before_sleep(kept, 1032, 0).0, Some(Post { index: 1, renewed: 1032 }));
    }

    #[test]
    fn corrupted_times_make_a_sleeper_check() {
        for word in [0, 1, 5_000, u32::MAX, 0x8000_0000] {
            let words = words(word);
            let vigil = Vigil::new(&words);
            let now = 4_000;
            let (post, sleep) = vigil.before_sleep(None, now, u32::MAX);
            assert!(sleep <= BOUND_MS * MAX_BOUNDS, "{word}: {post:?} sleeps {sleep}");
            assert!(vigil.is_due(now, false) || now.wrapping_sub(word) < BOUND_MS);
        }
    }
}
