//! Sleeping on bare metal: the processor stands still until an interrupt or an event.

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
                // Relaxed: the caller looks at its condition behind the doorbell's fence.
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
                // Relaxed: as without a clock.
                let is_quiet = || word.load(Ordering::Relaxed) == expected;
                let is_past = || deadline.is_some_and(|end| C::now() >= end);
                if is_quiet() && is_past() {
                    return Err(TimedOut);
                }
                // The clock is read once more where no interrupt can come in between.
                $sleep(|| is_quiet() && !is_past());
                Ok(())
            }
        }
    };
}

sleeper! {
    /// Sleeps by `wfi`, on a Cortex-M and on RISC-V: for what an interrupt on the same core brings.
    ///
    /// Wait in the main loop or in a thread, never in an interrupt. Waking does nothing, because
    /// the interrupt that rings has ended the sleep already; so **another core cannot wake this
    /// one**, unless it sends an interrupt. The look and the sleep are one critical section, which
    /// needs privileged mode on a Cortex-M and machine mode on RISC-V. An interrupt waits for it
    /// for some instructions. See [the race](crate::wait#between-the-look-and-the-sleep).
    ///
    /// With a [`Clock`] as `C` there are deadlines, in its ticks. A deadline is noticed after an
    /// interrupt, whichever it is: let the timer come at least that often.
    ///
    /// For another processor, as on a host that tests the same code, the waiter looks again and
    /// again, as with [`Spin`](crate::wait::Spin).
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
    /// Sleeps by `wfe`, on ARM: for what an interrupt brings, or another core that shares the
    /// memory.
    ///
    /// Waking executes `sev`, which ends the sleep of every core. Interrupts are held back nowhere,
    /// and no privileged mode is needed. A sleep may end for no reason: a handler that returned
    /// before it leaves the event register set. See [the
    /// race](crate::wait#between-the-look-and-the-sleep).
    ///
    /// With a [`Clock`] as `C` there are deadlines, as in [`WaitForInterrupt`]. For another
    /// processor the waiter looks again and again.
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

/// Sleeping and waking are instructions, and which ones says the processor.
mod processor {
    #[cfg(all(
        target_os = "none",
        any(target_arch = "arm", target_arch = "riscv32", target_arch = "riscv64")
    ))]
    use core::arch::asm;

    #[inline(always)]
    pub(super) fn do_nothing() {}

    /// Sleeps until an interrupt is pending, if `may_sleep` says so with interrupts held back.
    #[cfg(all(target_os = "none", target_arch = "arm"))]
    #[inline]
    pub(super) fn sleep_till_interrupt(may_sleep: impl FnOnce() -> bool) {
        let mask: u32;
        // SAFETY: it holds back interrupts, which ends below; no memory is touched, and none moves
        // across, because the statement is not `nomem`.
        unsafe { asm!("mrs {}, PRIMASK", "cpsid i", out(reg) mask, options(nostack)) };
        if may_sleep() {
            // SAFETY: it waits for the memory, then for an interrupt, and changes nothing.
            unsafe { asm!("dsb", "wfi", options(nostack, preserves_flags)) };
        }
        if mask & 1 == 0 {
            // SAFETY: interrupts were let in before.
            unsafe { asm!("cpsie i", options(nostack, preserves_flags)) };
        }
    }

    /// Sleeps until an event came since the last time, if `may_sleep` says so.
    #[cfg(all(target_os = "none", target_arch = "arm"))]
    #[inline]
    pub(super) fn sleep_till_event(may_sleep: impl FnOnce() -> bool) {
        if may_sleep() {
            // SAFETY: it waits for an event, and changes nothing but the event register.
            unsafe { asm!("wfe", options(nostack, preserves_flags)) };
        }
    }

    /// Ends the sleep of every core, once what was written can be seen there.
    #[cfg(all(target_os = "none", target_arch = "arm"))]
    #[inline]
    pub(super) fn send_event() {
        // SAFETY: it waits for the memory, and sets event registers alone.
        unsafe { asm!("dsb", "sev", options(nostack, preserves_flags)) };
    }

    /// Sleeps until an interrupt is pending, if `may_sleep` says so with interrupts held back.
    #[cfg(all(target_os = "none", any(target_arch = "riscv32", target_arch = "riscv64")))]
    #[inline]
    pub(super) fn sleep_till_interrupt(may_sleep: impl FnOnce() -> bool) {
        /// `mstatus.MIE`: interrupts are let in.
        const MIE: usize = 8;
        let status: usize;
        // SAFETY: it holds back interrupts, which ends below; no memory is touched, and none moves
        // across, because the statement is not `nomem`.
        unsafe { asm!("csrrci {}, mstatus, 8", out(reg) status, options(nostack)) };
        if may_sleep() {
            // SAFETY: it waits for an interrupt, and changes nothing.
            unsafe { asm!("wfi", options(nostack, preserves_flags)) };
        }
        if status & MIE != 0 {
            // SAFETY: interrupts were let in before.
            unsafe { asm!("csrsi mstatus, 8", options(nostack, preserves_flags)) };
        }
    }

    /// Looks again: there is no such instruction.
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

    /// Looks again: there is no such instruction.
    #[cfg(not(all(target_os = "none", target_arch = "arm")))]
    #[inline]
    pub(super) fn sleep_till_event(may_sleep: impl FnOnce() -> bool) {
        if may_sleep() {
            crate::sync::spin_loop();
        }
    }

    /// Nobody sleeps.
    #[cfg(not(all(target_os = "none", target_arch = "arm")))]
    #[inline]
    pub(super) fn send_event() {}
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::wait::Doorbell;

    /// The time is always 100.
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
    fn a_sleep_ends_at_its_deadline_and_not_before() {
        ends_at_its_deadline_and_not_before::<WaitForInterrupt<Hundred>>();
        ends_at_its_deadline_and_not_before::<WaitForEvent<Hundred>>();
    }
}
