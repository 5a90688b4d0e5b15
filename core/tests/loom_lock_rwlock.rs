//! Models of the lock for readers and writers: a writer excludes all others, nobody sleeps for
//! ever, and recovery releases what the dead held.
#![cfg(loom)]

mod support;

use ringway_core::lock::{OwnerDied, RwLock};
use ringway_core::participant::Participant;
use ringway_core::wait::Async;
use support::sync::Arc;
use support::thread;
use support::{ModelFutex, Task, model};

type Shared<const R: usize> = Arc<RwLock<u32, R, ModelFutex>>;

fn shared<const R: usize>() -> Shared<R> {
    Arc::new(RwLock::<_, _, ModelFutex>::new(0))
}

fn participant(number: u16) -> Participant {
    Participant::new(number).unwrap()
}

#[test]
fn a_reader_and_a_writer_wait_for_each_other() {
    model(Some(3), || {
        let shared = shared::<1>();
        let writer = {
            let shared = shared.clone();
            thread::spawn(move || *shared.write().unwrap() += 1)
        };
        assert!(*shared.read().unwrap() <= 1);
        writer.join().unwrap();
        assert_eq!(*shared.read().unwrap(), 1);
    });
}

#[test]
fn two_writers_and_a_reader() {
    model(Some(2), || {
        let shared = shared::<1>();
        let writers = [(); 2].map(|()| {
            let shared = shared.clone();
            thread::spawn(move || *shared.write().unwrap() += 1)
        });
        assert!(*shared.read().unwrap() <= 2);
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        assert_eq!(*shared.read().unwrap(), 2);
    });
}

#[test]
fn two_readers_of_one_slot_and_a_writer() {
    model(Some(2), || {
        let shared = shared::<1>();
        let readers = [(); 2].map(|()| {
            let shared = shared.clone();
            thread::spawn(move || assert!(*shared.read().unwrap() <= 1))
        });
        *shared.write().unwrap() += 1;
        readers.into_iter().for_each(|reader| reader.join().unwrap());
    });
}

#[test]
fn those_that_try_exclude_each_other() {
    model(None, || {
        let shared = shared::<1>();
        let reader = {
            let shared = shared.clone();
            thread::spawn(move || shared.try_read().map(|value| *value).ok())
        };
        let wrote = shared.try_write().map(|mut value| *value = 5).is_ok();
        let read = reader.join().unwrap();
        assert!(read.is_none_or(|value| value == 0 || wrote && value == 5));
        assert_eq!(*shared.read().unwrap(), if wrote { 5 } else { 0 });
    });
}

#[test]
fn a_writer_that_gives_up_lets_the_readers_in() {
    model(Some(2), || {
        let shared = shared::<2>();
        let writer = {
            let shared = shared.clone();
            thread::spawn(move || match shared.write_deadline(Some(())) {
                Ok(mut value) => *value += 1,
                Err(_) => {}
            })
        };
        let reader = {
            let shared = shared.clone();
            thread::spawn(move || assert!(*shared.read().unwrap() <= 1))
        };
        assert!(*shared.read().unwrap() <= 1);
        writer.join().unwrap();
        reader.join().unwrap();
        assert!(shared.try_write().is_ok());
    });
}

#[test]
fn a_reader_gets_owner_died_after_a_writers_death() {
    model(Some(2), || {
        let shared = shared::<1>();
        let dead = participant(1);
        let dies = {
            let shared = shared.clone();
            thread::spawn(move || {
                let handle = shared.handle(dead);
                let mut value = handle.write().unwrap();
                *value = 10;
                std::mem::forget(value);
            })
        };
        let reader = {
            let shared = shared.clone();
            thread::spawn(move || match shared.handle(participant(2)).read() {
                Ok(value) => assert_eq!(*value, 0),
                Err(OwnerDied(value)) => assert_eq!(*value, 10),
            })
        };
        dies.join().unwrap();
        // SAFETY: the thread that acted as this participant has ended.
        assert!(unsafe { shared.recover(dead) });
        reader.join().unwrap();
        *shared.write().unwrap_or_else(|died| died.repair(|value| **value = 0)) += 1;
        assert!(matches!(shared.read(), Ok(value) if *value == 1));
    });
}

#[test]
fn a_writer_gets_in_after_a_readers_death() {
    model(Some(2), || {
        let shared = shared::<1>();
        let dead = participant(1);
        let dies = {
            let shared = shared.clone();
            thread::spawn(move || {
                let handle = shared.handle(dead);
                let value = handle.read().unwrap();
                let seen = *value;
                std::mem::forget(value);
                seen
            })
        };
        let writer = {
            let shared = shared.clone();
            thread::spawn(move || *shared.handle(participant(2)).write().unwrap() += 1)
        };
        assert!(dies.join().unwrap() <= 1);
        // SAFETY: the thread that acted as this participant has ended.
        assert!(unsafe { shared.recover(dead) });
        writer.join().unwrap();
        assert!(shared.write().is_ok());
    });
}

#[test]
fn two_that_recover_a_reader_and_a_writer_at_once() {
    model(Some(2), || {
        let shared = shared::<1>();
        let dead = participant(1);
        std::mem::forget(shared.handle(dead).read());
        let recover = move |shared: &Shared<1>| {
            // SAFETY: the test's main thread acted as this participant, and does not any more.
            let found = unsafe { shared.recover(dead) };
            *shared.write().unwrap() += 1;
            found
        };
        let other = {
            let shared = shared.clone();
            thread::spawn(move || recover(&shared))
        };
        let found = recover(&shared);
        assert!(found ^ other.join().unwrap());
        assert_eq!(*shared.read().unwrap(), 2);
    });
}

#[test]
fn a_reading_and_a_writing_task_exclude_each_other() {
    model(Some(2), || {
        let shared = Arc::new(RwLock::<_, 1, Async<ModelFutex, 2>>::new(0_u32));
        let writer = {
            let shared = shared.clone();
            thread::spawn(move || {
                let mut writes = Box::pin(shared.write_async());
                *Task::new().block_on(|cx| writes.as_mut().poll(cx)).unwrap() += 1;
            })
        };
        assert!(*Task::new().block_on(|cx| shared.poll_read(cx)).unwrap() <= 1);
        writer.join().unwrap();
        assert_eq!(*shared.try_read().unwrap(), 1);
    });
}
