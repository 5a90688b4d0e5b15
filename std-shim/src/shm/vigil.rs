//! Who looks after the dead, of all who sleep in a region.
//!
//! One look finds all that have died, and asks the kernel once for each participant. So one sleeper
//! looks for all: every [`DETECTION_BOUND`], the first to find the last look as old as that. And
//! not everybody gets up to see whether it is: a region has a few *posts*. A sleeper who has slept
//! for one bound takes a post that nobody keeps; who has one gets up when the next look is due. The
//! others rest longer, the longer the more are attached, and can be called: by one who leaves its
//! post because it was woken, by one who finds another post deserted, and by one whose look found
//! somebody dead.
//!
//! All of this is a matter of cost. A word here that is wrong, by accident or because its writer
//! was killed, has somebody look once more, or later by the longest rest.
//!
//! Times are milliseconds of the system's monotonic clock; they come round after 49 days, and where
//! another process counts from another beginning (a time namespace) they look old.

use crate::wait;
use ringway_core::sync;
use rustix::thread::{ClockId, futex};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// The detection bound: within this time of a participant's death, one of those who sleep in the
/// region has put right what it held, for all of them, and those who wait for it have looked again.
///
/// Up to seven participants: always, and the death of one in the middle of its look costs another
/// bound. Where more are attached, four of those who sleep keep watch, and the others get up more
/// rarely (one bound for each four that are attached, 100 bounds at most), so that hundreds of
/// sleepers cost little. The bound holds as long as one of the four lives and runs; one who is
/// woken has another take its place. Should all four be killed or stopped within one bound, the
/// next of the others who gets up looks: soon, where many sleep. On Linux before 5.16 everybody
/// gets up every bound.
///
/// ```
/// assert_eq!(ringway::shm::DETECTION_BOUND, std::time::Duration::from_millis(100));
/// ```
pub const DETECTION_BOUND: Duration = Duration::from_millis(100);

/// A bound, in milliseconds.
const DUE: u32 = DETECTION_BOUND.as_millis() as u32;

/// Who has not said for so long that it keeps its post does not.
const DESERTED: u32 = DUE + DUE / 2;

/// Each rests for one bound for so many that are attached: no more of many get up in a second than
/// of a few. A process that slept for long costs tens of microseconds each time.
const CROWD: u32 = 4;

/// The longest rest, in bounds.
const LONGEST: u32 = 100;

/// The time, in milliseconds of the clock that all processes share.
pub(super) fn now() -> u32 {
    let now = rustix::time::clock_gettime(ClockId::Monotonic);
    (now.tv_sec as u32).wrapping_mul(1000).wrapping_add((now.tv_nsec / 1_000_000) as u32)
}

/// The post that a sleeper keeps. Who has none leaves the watch to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Post {
    place: usize,
    /// When it last said that it keeps it.
    said: u32,
}

/// The words of a region by which its sleepers share the work.
#[derive(Debug, Clone, Copy)]
pub(super) struct Vigil<'r> {
    /// When somebody last looked.
    looked: &'r AtomicU32,
    /// What those sleep on who can be called.
    call: &'r sync::AtomicU32,
    /// How many were alive at the last look.
    alive: &'r AtomicU32,
    /// For each post, when its keeper last said that it keeps it.
    posts: [&'r AtomicU32; 4],
}

// Relaxed, all in this file: the words carry nothing. What was put right is told by the parts' own
// words.
impl<'r> Vigil<'r> {
    pub(super) fn new(words: &'r [sync::AtomicU32; 8]) -> Self {
        let [looked, call, alive, a, b, c, d, _] = words;
        let posts = [a, b, c, d].map(sync::AtomicU32::as_core);
        Vigil { looked: looked.as_core(), call, alive: alive.as_core(), posts }
    }

    /// The post to keep, of one who goes to sleep again, and how many milliseconds it may sleep.
    /// Whether it is woken or not, it asks again.
    pub(super) fn before(self, post: Option<Post>, now: u32, chance: u32) -> (Option<Post>, u32) {
        let kept = post.and_then(|post| self.say(post, now));
        let post = kept.or_else(|| self.deserted(now).find_map(|post| self.say(post, now)));
        if post.is_some() {
            return (post, DUE.saturating_sub(self.since_look(now)));
        }
        let crowd = self.alive.load(Ordering::Relaxed) / CROWD;
        let longest = DUE * crowd.clamp(1, LONGEST);
        // Not all at the same time: then the first gets up soon.
        (None, longest - chance % (longest / 2))
    }

    /// Says at this time that the post is kept, unless somebody else did since.
    fn say(self, post: Post, now: u32) -> Option<Post> {
        let (word, relaxed) = (self.posts.get(post.place)?, Ordering::Relaxed);
        word.compare_exchange(post.said, now, relaxed, relaxed).ok()?;
        Some(Post { said: now, ..post })
    }

    /// The posts whose keepers have not said for too long that they keep them.
    fn deserted(self, now: u32) -> impl Iterator<Item = Post> {
        let posts = self.posts.into_iter().map(|word| word.load(Ordering::Relaxed)).enumerate();
        posts
            .map(|(place, said)| Post { place, said })
            .filter(move |post| now.wrapping_sub(post.said) >= DESERTED)
    }

    fn since_look(self, now: u32) -> u32 {
        now.wrapping_sub(self.looked.load(Ordering::Relaxed))
    }

    /// Whether it is the caller's turn to look. Then nobody else does so for a bound.
    ///
    /// One whose deadline has come looks `at_last`, before it gives up, if it was not done just
    /// now. A look takes a microsecond for each that is alive: however many give up, looking takes
    /// less than a hundredth of the time.
    pub(super) fn is_due(self, now: u32, at_last: bool) -> bool {
        let pause = self.alive.load(Ordering::Relaxed) / CROWD;
        let age = if at_last { pause.min(DUE) } else { DUE };
        let last = self.looked.load(Ordering::Relaxed);
        now.wrapping_sub(last) >= age
            && self.looked.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Takes note of a look, which found so many alive.
    pub(super) fn note(self, now: u32, alive: u32) {
        self.looked.store(now, Ordering::Relaxed);
        self.alive.store(alive, Ordering::Relaxed);
    }

    /// Leaves the post, if one has it, and calls somebody to take it. Whether one had it.
    pub(super) fn leave(self, post: Option<Post>) -> bool {
        let left = post.and_then(|post| self.say(post, post.said.wrapping_sub(DESERTED)));
        if left.is_some() {
            self.call(1);
        }
        left.is_some()
    }

    /// Calls somebody if a post is deserted.
    pub(super) fn call_for_keepers(self, now: u32) {
        if self.deserted(now).next().is_some() {
            self.call(1);
        }
    }

    /// Calls so many of those who rest. Those hear it too who are about to sleep.
    pub(super) fn call(self, count: u32) {
        self.call.as_core().fetch_add(1, Ordering::Relaxed);
        wait::wake(self.call, futex::Flags::empty(), count);
    }

    /// The word that those sleep on who can be called, and what it says now.
    pub(super) fn calls(self) -> (&'r sync::AtomicU32, u32) {
        (self.call, self.call.as_core().load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cmp::Reverse;
    use std::collections::BinaryHeap;

    /// Sleepers in a region, and a clock that goes when all of them sleep.
    struct Crowd {
        words: [sync::AtomicU32; 8],
        /// Who is alive, and keeps which post.
        sleepers: Vec<Option<Option<Post>>>,
        /// Who gets up when.
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
            // They come one after the other, over three seconds.
            for who in 0..count {
                let at = START.wrapping_add((who * 3000 / count) as u32);
                crowd.sleeps.push(Reverse((at.wrapping_sub(START) + DUE, who)));
            }
            crowd
        }

        fn vigil(&self) -> Vigil<'_> {
            Vigil::new(&self.words)
        }

        fn alive(&self) -> usize {
            self.sleepers.iter().flatten().count()
        }

        /// Lets them sleep until so many milliseconds after the beginning.
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
                    self.vigil().note(now, self.alive() as u32);
                }
                self.noise = self.noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let (post, sleep) = self.vigil().before(post, now, self.noise >> 8);
                self.sleepers[who] = Some(post);
                self.sleeps.push(Reverse((at + sleep.max(1), who)));
            }
        }

        fn watchers(&self) -> Vec<usize> {
            let keeps = |&who: &usize| matches!(self.sleepers[who], Some(Some(_)));
            (0..self.sleepers.len()).filter(keeps).collect()
        }

        /// The longest time without a look after `from`.
        fn longest_gap(&self, from: u32) -> u32 {
            let after: Vec<_> = self.looks.iter().copied().filter(|&at| at >= from).collect();
            after.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(u32::MAX)
        }
    }

    #[test]
    fn one_looks_for_all_every_bound_and_most_rest() {
        for count in [1, 2, 4, 5, 16, 100, 400, 2000] {
            let mut crowd = Crowd::of(count);
            crowd.run(10_000);
            let (looks, wakes) = (crowd.looks.len(), crowd.wakes);
            crowd.run(20_000);
            let (looks, wakes) = (crowd.looks.len() - looks, crowd.wakes - wakes);
            assert!((95..=100).contains(&looks), "{count}: {looks} looks in ten seconds");
            assert!(crowd.longest_gap(10_000) <= DUE + 1, "{count}: {}", crowd.longest_gap(10_000));
            // Each getting up 10 times a second would be 40,000 of 400.
            let most = if count > 400 { 2 * count } else { 1_000 };
            assert!(wakes <= most, "{count}: got up {wakes} times in ten seconds");
            assert_eq!(crowd.watchers().len(), count.min(4));
        }
    }

    #[test]
    fn watchers_that_die_are_replaced_and_as_long_as_one_lives_the_bound_holds() {
        let mut crowd = Crowd::of(200);
        crowd.run(10_000);
        for round in 1..20 {
            let watchers = crowd.watchers();
            watchers.iter().skip(1).for_each(|&who| crowd.sleepers[who] = None);
            crowd.run(10_000 + round * 1000);
        }
        assert!(crowd.longest_gap(10_000) <= DUE + 1, "{}", crowd.longest_gap(10_000));
    }

    #[test]
    fn when_all_watchers_die_at_once_the_next_who_gets_up_looks() {
        let mut crowd = Crowd::of(400);
        crowd.run(10_000);
        crowd.watchers().iter().for_each(|&who| crowd.sleepers[who] = None);
        crowd.run(20_000);
        assert!(crowd.longest_gap(9_000) <= 2 * DUE, "{}", crowd.longest_gap(9_000));
        assert_eq!(crowd.watchers().len(), 4);
        // Only one is left, and that one rests.
        let rests = (0..400).find(|&who| crowd.sleepers[who] == Some(None)).unwrap();
        (0..400).filter(|&who| who != rests).for_each(|who| crowd.sleepers[who] = None);
        crowd.run(50_000);
        assert!(crowd.longest_gap(19_000) <= DUE * (LONGEST + 1), "{}", crowd.longest_gap(19_000));
        assert_eq!(crowd.watchers(), [rests]);
    }

    #[test]
    fn one_who_leaves_its_post_has_another_take_it_and_cannot_leave_twice() {
        let words = words(0);
        let vigil = Vigil::new(&words);
        let (first, sleep) = vigil.before(None, 1000, 0);
        assert_eq!((first, sleep), (Some(Post { place: 0, said: 1000 }), 0), "nobody looked yet");
        assert!([1000, 1000, 1099].map(|now| vigil.is_due(now, false)) == [true, false, false]);
        vigil.note(1000, 40);
        assert!(!vigil.is_due(1009, true) && vigil.is_due(1010, true));
        vigil.note(1000, 2);
        assert!(vigil.is_due(1000, true));
        let kept = Some(Post { place: 0, said: 1030 });
        assert_eq!(vigil.before(first, 1030, 0), (kept, 70));
        let called = vigil.calls().1;
        assert!(vigil.leave(kept) && !vigil.leave(kept));
        assert_eq!(vigil.calls().1, called + 1);
        assert_eq!(vigil.before(None, 1031, 0).0, Some(Post { place: 0, said: 1031 }));
        // Who comes back to a post that it has lost takes another.
        assert_eq!(vigil.before(kept, 1032, 0).0, Some(Post { place: 1, said: 1032 }));
    }

    #[test]
    fn words_of_another_clock_or_of_noise_have_somebody_look() {
        for word in [0, 1, 5_000, u32::MAX, 0x8000_0000] {
            let words = words(word);
            let vigil = Vigil::new(&words);
            let now = 4_000;
            let (post, sleep) = vigil.before(None, now, u32::MAX);
            assert!(sleep <= DUE * LONGEST, "{word}: {post:?} sleeps {sleep}");
            assert!(vigil.is_due(now, false) || now.wrapping_sub(word) < DUE);
        }
    }
}
