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

use super::DETECTION_BOUND;
use ringway_core::sync;
use std::sync::atomic::{AtomicU32, Ordering};

/// A bound, in milliseconds.
const DUE: u32 = DETECTION_BOUND.as_millis() as u32;

/// Who has not said for so long that it keeps its post does not.
const DESERTED: u32 = DUE + DUE / 2;

/// Each rests for one bound for so many that are attached: no more of many get up in a second than
/// of a few. A process that slept for long costs tens of microseconds each time.
const CROWD: u32 = 4;

/// The longest rest, in bounds.
const LONGEST: u32 = 100;

/// What one who sleeps is to the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// It has just gone to sleep.
    New,
    /// It keeps a post, and said so last at this time.
    Watch {
        /// Which.
        post: usize,
        /// When.
        said: u32,
    },
    /// Others keep watch.
    Rest,
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

    /// What one has to be who goes to sleep again, and how long it may sleep. Whether it is woken
    /// or not, it asks again.
    pub(super) fn before(self, role: Role, now: u32, chance: u32) -> (Role, u32) {
        let role = self.keep(role, now).or_else(|| self.take(now)).unwrap_or(Role::Rest);
        match role {
            Role::Watch { .. } => (role, DUE.saturating_sub(self.since_look(now))),
            Role::New | Role::Rest => {
                let crowd = self.alive.load(Ordering::Relaxed) / CROWD;
                let longest = DUE * crowd.clamp(1, LONGEST);
                // Not all at the same time: then the first gets up soon.
                (role, longest - chance % (longest / 2))
            }
        }
    }

    fn keep(self, role: Role, now: u32) -> Option<Role> {
        let Role::Watch { post, said } = role else { return None };
        self.exchange(post, said, now).then_some(Role::Watch { post, said: now })
    }

    fn take(self, now: u32) -> Option<Role> {
        (0..self.posts.len()).find_map(|post| {
            let said = self.deserted(post, now)?;
            self.exchange(post, said, now).then_some(Role::Watch { post, said: now })
        })
    }

    /// When a keeper last said that it keeps this post, if that was too long ago.
    fn deserted(self, post: usize, now: u32) -> Option<u32> {
        let said = self.posts.get(post)?.load(Ordering::Relaxed);
        (now.wrapping_sub(said) >= DESERTED).then_some(said)
    }

    fn exchange(self, post: usize, from: u32, to: u32) -> bool {
        let post = self.posts.get(post);
        let done =
            post.map(|post| post.compare_exchange(from, to, Ordering::Relaxed, Ordering::Relaxed));
        done.is_some_and(|done| done.is_ok())
    }

    fn since_look(self, now: u32) -> u32 {
        now.wrapping_sub(self.looked.load(Ordering::Relaxed))
    }

    /// Whether it is the caller's turn to look. Then nobody else does so for a bound.
    pub(super) fn is_due(self, now: u32) -> bool {
        self.is_older_than(DUE, now)
    }

    /// The same for one whose deadline has come: it looks before it gives up, if it was not done
    /// just now. A look takes a microsecond for each that is alive: however many give up, looking
    /// takes less than a hundredth of the time.
    pub(super) fn is_due_at_last(self, now: u32) -> bool {
        let pause = self.alive.load(Ordering::Relaxed) / CROWD;
        self.is_older_than(pause.min(DUE), now)
    }

    fn is_older_than(self, age: u32, now: u32) -> bool {
        let last = self.looked.load(Ordering::Relaxed);
        now.wrapping_sub(last) >= age
            && self.looked.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Takes note of a look, which found so many alive.
    pub(super) fn note(self, now: u32, alive: u32) {
        self.looked.store(now, Ordering::Relaxed);
        self.alive.store(alive, Ordering::Relaxed);
    }

    /// Leaves the post, if one has it. Whether another has to be called.
    pub(super) fn leave(self, role: Role) -> bool {
        let Role::Watch { post, said } = role else { return false };
        self.exchange(post, said, said.wrapping_sub(DESERTED))
    }

    /// Whether a post is deserted: somebody has to be called, if anybody rests.
    pub(super) fn lacks_a_keeper(self, now: u32) -> bool {
        (0..self.posts.len()).any(|post| self.deserted(post, now).is_some())
    }

    /// The word that those sleep on who can be called, and what it says now.
    pub(super) fn call(self) -> (&'r sync::AtomicU32, u32) {
        (self.call, self.call.as_core().load(Ordering::Relaxed))
    }

    /// Has those hear a call who are about to sleep; those who do already have to be woken.
    pub(super) fn change_call(self) {
        self.call.as_core().fetch_add(1, Ordering::Relaxed);
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
        roles: Vec<Option<Role>>,
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
                roles: vec![Some(Role::New); count],
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
            self.roles.iter().flatten().count()
        }

        /// Lets them sleep until so many milliseconds after the beginning.
        fn run(&mut self, until: u32) {
            while let Some(&Reverse((at, who))) = self.sleeps.peek() {
                if at > until {
                    return;
                }
                self.sleeps.pop();
                let Some(role) = self.roles[who] else { continue };
                self.wakes += 1;
                let now = START.wrapping_add(at);
                if self.vigil().is_due(now) {
                    self.looks.push(at);
                    self.vigil().note(now, self.alive() as u32);
                }
                self.noise = self.noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let (role, sleep) = self.vigil().before(role, now, self.noise >> 8);
                self.roles[who] = Some(role);
                self.sleeps.push(Reverse((at + sleep.max(1), who)));
            }
        }

        fn watchers(&self) -> Vec<usize> {
            let is_watch = |role: &Option<Role>| matches!(role, Some(Role::Watch { .. }));
            (0..self.roles.len()).filter(|&who| is_watch(&self.roles[who])).collect()
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
            watchers.iter().skip(1).for_each(|&who| crowd.roles[who] = None);
            crowd.run(10_000 + round * 1000);
        }
        assert!(crowd.longest_gap(10_000) <= DUE + 1, "{}", crowd.longest_gap(10_000));
    }

    #[test]
    fn when_all_watchers_die_at_once_the_next_who_gets_up_looks() {
        let mut crowd = Crowd::of(400);
        crowd.run(10_000);
        crowd.watchers().iter().for_each(|&who| crowd.roles[who] = None);
        crowd.run(20_000);
        assert!(crowd.longest_gap(9_000) <= 2 * DUE, "{}", crowd.longest_gap(9_000));
        assert_eq!(crowd.watchers().len(), 4);
        // Only one is left, and that one rests.
        let rests = (0..400).find(|&who| crowd.roles[who] == Some(Role::Rest)).unwrap();
        (0..400).filter(|&who| who != rests).for_each(|who| crowd.roles[who] = None);
        crowd.run(50_000);
        assert!(crowd.longest_gap(19_000) <= DUE * (LONGEST + 1), "{}", crowd.longest_gap(19_000));
        assert_eq!(crowd.watchers(), [rests]);
    }

    #[test]
    fn one_who_leaves_its_post_has_another_take_it_and_cannot_leave_twice() {
        let words = words(0);
        let vigil = Vigil::new(&words);
        let (role, sleep) = vigil.before(Role::New, 1000, 0);
        assert!(
            matches!(role, Role::Watch { post: 0, said: 1000 }) && sleep == 0,
            "nobody looked yet"
        );
        assert!(vigil.is_due(1000) && !vigil.is_due(1000) && !vigil.is_due(1099));
        vigil.note(1000, 40);
        assert!(!vigil.is_due_at_last(1009) && vigil.is_due_at_last(1010));
        vigil.note(1000, 2);
        assert!(vigil.is_due_at_last(1000));
        assert_eq!(vigil.before(role, 1030, 0), (Role::Watch { post: 0, said: 1030 }, 70));
        let kept = Role::Watch { post: 0, said: 1030 };
        assert!(vigil.leave(kept) && !vigil.leave(kept) && vigil.lacks_a_keeper(1031));
        let (next, _) = vigil.before(Role::Rest, 1031, 0);
        assert_eq!(next, Role::Watch { post: 0, said: 1031 });
        // Who comes back to a post that it has lost takes another.
        assert!(matches!(vigil.before(kept, 1032, 0).0, Role::Watch { post: 1, .. }));
    }

    #[test]
    fn words_of_another_clock_or_of_noise_have_somebody_look() {
        for word in [0, 1, 5_000, u32::MAX, 0x8000_0000] {
            let words = words(word);
            let vigil = Vigil::new(&words);
            let now = 4_000;
            let (role, sleep) = vigil.before(Role::New, now, u32::MAX);
            assert!(sleep <= DUE * LONGEST, "{word}: {role:?} sleeps {sleep}");
            assert!(vigil.is_due(now) || now.wrapping_sub(word) < DUE);
        }
    }
}
