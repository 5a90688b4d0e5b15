//! A 64-bit word for targets without 64-bit atomics: every access is a critical section. Twin of
//! `core`'s own type.

use core::cell::Cell;
use core::sync::atomic::Ordering;
use critical_section::Mutex;

/// `AtomicU64` in critical sections. They order everything, which fulfils any ordering.
#[derive(Debug)]
pub(crate) struct AtomicU64(Mutex<Cell<u64>>);

impl AtomicU64 {
    pub(crate) const fn new(value: u64) -> Self {
        AtomicU64(Mutex::new(Cell::new(value)))
    }

    pub(crate) fn load(&self, _order: Ordering) -> u64 {
        critical_section::with(|section| self.0.borrow(section).get())
    }

    pub(crate) fn store(&self, value: u64, _order: Ordering) {
        critical_section::with(|section| self.0.borrow(section).set(value));
    }

    pub(crate) fn compare_exchange(
        &self,
        current: u64,
        new: u64,
        _success: Ordering,
        _failure: Ordering,
    ) -> Result<u64, u64> {
        critical_section::with(|section| {
            let word = self.0.borrow(section);
            let old = word.get();
            if old == current {
                word.set(new);
                Ok(old)
            } else {
                Err(old)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exchange_writes_only_over_what_it_expects() {
        let word = AtomicU64::new(7);
        let exchange =
            |current, new| word.compare_exchange(current, new, Ordering::AcqRel, Ordering::Acquire);
        assert_eq!((exchange(8, 9), word.load(Ordering::Acquire)), (Err(7), 7));
        assert_eq!((exchange(7, u64::MAX), word.load(Ordering::Acquire)), (Ok(7), u64::MAX));
    }
}
