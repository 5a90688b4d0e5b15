//! Sleeping on bare metal: the processor stops until an interrupt or an event.

use super::how::{BellWord, TimedOut, Wait, Wake};
use super::spin::Clock;
use crate::sync::{AtomicU32, Ordering};
use core::convert::Infallible;
use core::fmt;
use core::marker::PhantomData;

macro_rules! sleeper {
    ($(#[$about:meta])* $name:ident, $sleep:path, $wake:path) => {
        $(#[$about])*
        pub struct $name<C = ()>(PhantomData<fn() -> C>);

        impl<C> Default for $name<C> {
            fn default() -> Self {
                $name(PhantomData)
            }
        }

        impl<C> Clone for $name<C> {
            fn clone(&self) -> Self {
                *self
            }
        }

        impl<C> Copy for $name<C> {}

        impl<C> fmt::Debug for $name<C> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($name))
            }
        }

        impl<C> Wake for $name<C> {
            type Word = BellWord;

            init!($name(PhantomData));

            #[inline]
            fn wake(&self, _word: &AtomicU32, _n: u32) {
                $wake();
            }
        }

        impl Wait for $name {
            type Deadline = Infallible;

            #[inline]
            fn wait(
                &self,
                word: &AtomicU32,
                expected: u32,
                _deadline: Option<Infallible>,
            ) -> Result<(), TimedOut> {
                // Relaxed: the caller checks its condition behind the doorbell's fence.
                $sleep(|| word.load(Ordering::Relaxed) == expected);
                Ok(())
            }
        }

        impl<C: Clock> Wait for $name<C> {
            type Deadline = u64;

            #[inline]
            fn wait(
                &self,
                word: &AtomicU32,
                expected: u32,
                deadline: Option<u64>,
            ) -> Result<(), TimedOut> {
                // Relaxed: the caller checks its condition behind the doorbell's fence.
                let is_quiet = || word.load(Ordering::Relaxed) == expected;
                let is_past = || deadline.is_some_and(|end| C::now() >= end);
                if is_quiet() && is_past() {
                    return Err(TimedOut);
                }
                // Read the clock once more, where no interrupt can come in between.
                $sleep(|| is_quiet() && !is_past());
                Ok(())
            }
        }
    };
}

sleeper! {
    /// Sleeps by `wfi`, on a Cortex-M and on RISC-V, until an interrupt on the same core.
    ///
    /// Wait in the main loop or in a thread, never in an interrupt. Waking does nothing, because
    /// the interrupt that rings has ended the sleep already. So **another core cannot wake this
    /// one**, unless it sends an interrupt. The last check and the sleep are one critical section.
    /// It needs privileged mode on a Cortex-M and machine mode on RISC-V, and delays an interrupt
    /// by some instructions. See [the race](crate::wait#between-the-check-and-the-sleep).
    ///
    /// With a [`Clock`] as `C` there are deadlines, in its ticks. The waiter notices a deadline
    /// only after an interrupt, of whatever kind: let the timer interrupt at least that often.
    ///
    /// On another processor, such as a host that tests the same code, the waiter polls, as with
    /// [`Spin`](crate::wait::Spin).
    ///
    /// ```
    /// use ringway_core::ring::Ring;
    /// use ringway_core::wait::WaitForInterrupt;
    /// static SAMPLES: Ring<u16, 8, WaitForInterrupt> = Ring::new();
    ///
    /// fn timer_interrupt() {
    ///     let mut producer = SAMPLES.producer().unwrap();
    ///     producer.try_push(7).unwrap();
    /// }
    ///
    /// # timer_interrupt();
    /// let mut consumer = SAMPLES.consumer().unwrap();
    /// assert_eq!(consumer.pop(), Ok(7)); // the processor stands still until it comes
    /// ```
    #[doc(alias = "wfi")]
    WaitForInterrupt, processor::sleep_till_interrupt, processor::do_nothing
}

sleeper! {
    /// Sleeps by `wfe`, on ARM, until an interrupt or until another core that shares the memory
    /// rings.
    ///
    /// Waking executes `sev`, which ends the sleep of every core. The waiter never masks
    /// interrupts, and needs no privileged mode. A sleep may end for no reason: a handler that
    /// returned before it leaves the event register set. See [the
    /// race](crate::wait#between-the-check-and-the-sleep).
    ///
    /// With a [`Clock`] as `C` there are deadlines, as in [`WaitForInterrupt`]. On another
    /// processor the waiter polls.
    ///
    /// ```
    /// use ringway_core::ring::Ring;
    /// use ringway_core::wait::WaitForEvent;
    /// static JOBS: Ring<u32, 8, WaitForEvent> = Ring::new();
    /// # std::thread::scope(|s| {
    /// # s.spawn(|| {
    /// JOBS.producer().unwrap().try_push(7).unwrap(); // on one core
    /// # });
    /// assert_eq!(JOBS.consumer().unwrap().pop(), Ok(7)); // on the other
    /// # });
    /// ```
    #[doc(alias = "wfe")]
    #[doc(alias = "sev")]
    WaitForEvent, processor::sleep_till_event, processor::send_event
}

/// The instructions of each processor for sleeping and waking.
mod processor {
    #[cfg(all(
        target_os = "none",
        any(target_arch = "arm", target_arch = "riscv32", target_arch = "riscv64")
    ))]
    use core::arch::asm;

    #[inline(always)]
    pub(super) fn do_nothing() {}

    /// Sleeps until an interrupt is pending, if `may_sleep` agrees while interrupts are masked.
    #[cfg(all(target_os = "none", target_arch = "arm"))]
    #[inline]
    pub(super) fn sleep_till_interrupt(may_sleep: impl FnOnce() -> bool) {
        let mask: u32;
        // SAFETY: the instructions read PRIMASK and mask interrupts, until this function unmasks
        // them. They access no memory. The statement is not `nomem`, so no access moves across it.
        unsafe { asm!("mrs {}, PRIMASK", "cpsid i", out(reg) mask, options(nostack)) };
        if may_sleep() {
            // SAFETY: the instructions complete the memory accesses and wait for an interrupt; they
            // change no state that Rust code relies on.
            unsafe { asm!("dsb", "wfi", options(nostack, preserves_flags)) };
        }
        if mask & 1 == 0 {
            // SAFETY: interrupts were unmasked when this function was called, so the caller's code
            // may be interrupted here.
            unsafe { asm!("cpsie i", options(nostack, preserves_flags)) };
        }
    }

    /// Sleeps until an event came since the last sleep, if `may_sleep` agrees.
    #[cfg(all(target_os = "none", target_arch = "arm"))]
    #[inline]
    pub(super) fn sleep_till_event(may_sleep: impl FnOnce() -> bool) {
        if may_sleep() {
            // SAFETY: the instruction waits for an event, and changes only the event register.
            unsafe { asm!("wfe", options(nostack, preserves_flags)) };
        }
    }

    /// Ends the sleep of every core, once the other cores can see what was written.
    #[cfg(all(target_os = "none", target_arch = "arm"))]
    #[inline]
    pub(super) fn send_event() {
        // SAFETY: the instructions complete the memory accesses, and change only event registers.
        unsafe { asm!("dsb", "sev", options(nostack, preserves_flags)) };
    }

    /// Sleeps until an interrupt is pending, if `may_sleep` agrees while interrupts are masked.
    #[cfg(all(target_os = "none", any(target_arch = "riscv32", target_arch = "riscv64")))]
    #[inline]
    pub(super) fn sleep_till_interrupt(may_sleep: impl FnOnce() -> bool) {
        /// `mstatus.MIE`: interrupts are unmasked.
        const MIE: usize = 8;
        let status: usize;
        // SAFETY: the instruction reads `mstatus` and masks interrupts, until this function unmasks
        // them. It accesses no memory. The statement is not `nomem`, so no access moves across it.
        unsafe { asm!("csrrci {}, mstatus, 8", out(reg) status, options(nostack)) };
        if may_sleep() {
            // SAFETY: the instruction waits for an interrupt, and changes nothing.
            unsafe { asm!("wfi", options(nostack, preserves_flags)) };
        }
        if status & MIE != 0 {
            // SAFETY: interrupts were unmasked when this function was called, so the caller's code
            // may be interrupted here.
            unsafe { asm!("csrsi mstatus, 8", options(nostack, preserves_flags)) };
        }
    }

    /// Spins once: this target has no such instruction.
    #[cfg(not(all(
        target_os = "none",
        any(target_arch = "arm", target_arch = "riscv32", target_arch = "riscv64")
    )))]
    #[inline]
    pub(super) fn sleep_till_interrupt(may_sleep: impl FnOnce() -> bool) {
        if may_sleep() {
            crate::sync::spin_loop();
        }
    }

    /// Spins once: this target has no such instruction.
    #[cfg(not(all(target_os = "none", target_arch = "arm")))]
    #[inline]
    pub(super) fn sleep_till_event(may_sleep: impl FnOnce() -> bool) {
        if may_sleep() {
            crate::sync::spin_loop();
        }
    }

    /// Does nothing: nobody sleeps on this target.
    #[cfg(not(all(target_os = "none", target_arch = "arm")))]
    #[inline]
    pub(super) fn send_event() {}
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::wait::Doorbell;

    /// A clock that always says 100.
    enum Hundred {}

    impl Clock for Hundred {
        fn now() -> u64 {
            100
        }
    }

    fn ends_at_its_deadline_and_not_before<W: Wait<Deadline = u64>>() {
        let word = AtomicU32::new(7);
        let sleeper = W::INIT;
        assert_eq!(sleeper.wait(&word, 7, Some(100)), Err(TimedOut));
        assert_eq!(sleeper.wait(&word, 7, Some(101)), Ok(()));
        assert_eq!(sleeper.wait(&word, 7, None), Ok(()));
        assert_eq!(sleeper.wait(&word, 6, Some(50)), Ok(()), "a change comes first");
        let bell = Doorbell::<W>::new();
        assert_eq!(bell.wait_until(Some(50), || None::<()>), Err(TimedOut));
    }

    #[test]
    fn sleep_ends_at_its_deadline_and_not_before() {
        ends_at_its_deadline_and_not_before::<WaitForInterrupt<Hundred>>();
        ends_at_its_deadline_and_not_before::<WaitForEvent<Hundred>>();
    }
}
