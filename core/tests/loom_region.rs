//! Models of what a region says about itself: who is told that it is ready, or that somebody is
//! attached, sees the rest.
#![cfg(loom)]

mod support;

use ringway_core::region::{AttachSlot, Occupant, Ready};
use support::cell::UnsafeCell;
use support::model;
use support::sync::Arc;
use support::thread;

#[test]
fn who_finds_it_ready_finds_it_laid_out() {
    model(None, || {
        let region = Arc::new((UnsafeCell::new(0), Ready::new()));
        let maker = {
            let region = region.clone();
            thread::spawn(move || {
                // SAFETY: loom checks it.
                region.0.with_mut(|memory| unsafe { *memory = 5 });
                region.1.set();
            })
        };
        if region.1.is_set() {
            // SAFETY: loom checks it.
            region.0.with(|memory| assert_eq!(unsafe { *memory }, 5));
        }
        maker.join().unwrap();
    });
}

#[test]
fn who_finds_a_place_taken_finds_by_whom() {
    let first = Occupant { generation: 1, process: 10 };
    model(None, move || {
        let place = Arc::new(AttachSlot::new());
        let comer = {
            let place = place.clone();
            thread::spawn(move || place.take(first))
        };
        if let Some(found) = place.occupant() {
            assert_eq!(found, first);
        }
        comer.join().unwrap();
    });
}

#[test]
fn what_was_put_right_before_a_place_came_free_is_seen_by_who_finds_it_free() {
    let first = Occupant { generation: 1, process: 10 };
    model(None, move || {
        let region = Arc::new((UnsafeCell::new(0), AttachSlot::new()));
        region.1.take(first);
        let burier = {
            let region = region.clone();
            thread::spawn(move || {
                // SAFETY: loom checks it.
                region.0.with_mut(|held| unsafe { *held = 5 });
                region.1.free();
            })
        };
        if region.1.occupant().is_none() {
            // SAFETY: loom checks it.
            region.0.with(|held| assert_eq!(unsafe { *held }, 5));
        }
        burier.join().unwrap();
    });
}
