//! Models of a region's state: a side that sees that it is ready, or that a process is attached,
//! sees everything written before.
#![cfg(loom)]

mod support;

use ringway_core::region::{AttachSlot, Occupant, Ready};
use support::cell::UnsafeCell;
use support::model;
use support::sync::Arc;
use support::thread;

#[test]
fn a_ready_region_is_laid_out() {
    model(None, || {
        let region = Arc::new((UnsafeCell::new(0), Ready::new()));
        let maker = {
            let region = region.clone();
            thread::spawn(move || {
                // SAFETY: the flag or the place orders the two accesses; loom checks it.
                region.0.with_mut(|memory| unsafe { *memory = 5 });
                region.1.set();
            })
        };
        if region.1.is_set() {
            // SAFETY: the flag or the place orders the two accesses; loom checks it.
            region.0.with(|memory| assert_eq!(unsafe { *memory }, 5));
        }
        maker.join().unwrap();
    });
}

#[test]
fn an_attached_place_shows_its_occupant() {
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
fn a_free_place_shows_what_was_recovered_before() {
    let first = Occupant { generation: 1, process: 10 };
    model(None, move || {
        let region = Arc::new((UnsafeCell::new(0), AttachSlot::new()));
        region.1.take(first);
        let burier = {
            let region = region.clone();
            thread::spawn(move || {
                // SAFETY: the flag or the place orders the two accesses; loom checks it.
                region.0.with_mut(|held| unsafe { *held = 5 });
                region.1.free();
            })
        };
        if region.1.occupant().is_none() {
            // SAFETY: the flag or the place orders the two accesses; loom checks it.
            region.0.with(|held| assert_eq!(unsafe { *held }, 5));
        }
        burier.join().unwrap();
    });
}
