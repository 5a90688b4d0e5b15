//! The semaphore that records who holds its permits.

use super::super::late;
use super::{forget_held, hold, let_go};
use crate::crash::run::{self, Entry};
use crate::crash::{CHILD, Check, EARLIER, Found, Operation, SURVIVOR, Structure, WITNESS};
use ringway::lock::BoundedSemaphore;
use ringway::wait::Futex;
use ringway_core::participant::Participant;
use std::mem::forget;

const N: usize = 2;
type Places = BoundedSemaphore<N, Futex>;

impl Structure for Places {
    const NAME: &'static str = "Bounded";

    fn fresh() -> Self {
        forget_held();
        BoundedSemaphore::new()
    }

    unsafe fn recover(&self, dead: Participant) {
        // SAFETY: the caller guarantees that `dead` takes no further step.
        unsafe { BoundedSemaphore::recover(self, dead) };
    }

    fn aftermath(&self, _: &mut Vec<u64>) -> Check {
        let_go();
        let survivor = self.handle(SURVIVOR);
        let all = [(); N].map(|()| survivor.try_acquire());
        if all.iter().any(Result::is_err) {
            return Err("a permit is lost".into());
        }
        if self.handle(SURVIVOR).try_acquire().is_ok() {
            return Err("there is one too many".into());
        }
        Ok(())
    }
}

/// All permits are free again; [`Structure::aftermath`] has checked that.
fn all_back(_: &Found) -> Check<u32> {
    Ok(0)
}

/// What others do meanwhile, with the other permit.
fn others(places: &Places, _: &mut Vec<u64>) -> Check {
    for _ in 0..20 {
        drop(
            places
                .handle(SURVIVOR)
                .try_acquire()
                .map_err(|_| "the other permit cannot be taken")?,
        );
    }
    Ok(())
}

fn take_all(places: &Places) {
    let survivor = places.handle(SURVIVOR);
    hold([(); N].map(|()| survivor.try_acquire()));
}

/// The operations.
pub fn entries() -> impl Iterator<Item = Entry> {
    run::entries::<Places>(vec![
        Operation::new(
            "acquire, give back",
            |_: &Places| (),
            |places, note| {
                let handle = places.handle(CHILD);
                note.begin();
                drop(handle.acquire());
                note.end();
            },
            all_back,
        )
        .meanwhile(others),
        Operation::new(
            "acquire, keep, release",
            |_: &Places| (),
            |places, note| {
                let handle = places.handle(CHILD);
                note.begin();
                handle.acquire().keep();
                let released = handle.release();
                note.end();
                released.expect("it has one");
            },
            all_back,
        )
        .meanwhile(others),
        Operation::new(
            "acquire, asleep until there is one",
            take_all,
            |places, note| {
                let handle = places.handle(CHILD);
                note.begin();
                drop(handle.acquire());
                note.end();
            },
            all_back,
        )
        .wake(|_, _, _| let_go()),
        Operation::new(
            "recover another",
            |places: &Places| {
                forget(places.handle(EARLIER).try_acquire());
                places.handle(EARLIER).acquire().keep();
            },
            |places, note| {
                note.begin();
                // SAFETY: this participant takes no further step: nobody acts for it any more.
                unsafe { BoundedSemaphore::recover(places, EARLIER) };
                note.end();
            },
            all_back,
        ),
        Operation::new(
            "give back, and wake one that waits",
            |_: &Places| (),
            |places, note| {
                let child = places.handle(CHILD);
                let both = [(); N].map(|()| child.try_acquire());
                note.begin();
                drop(both);
                note.end();
            },
            all_back,
        )
        .witness(
            |places, _| drop(places.handle(WITNESS).acquire_deadline(late()).expect("in time")),
            |_, _| (),
        ),
    ])
}
