//! The scenarios. Each is a closure that makes everything anew, and joins its threads.

mod explorer;

use explorer::{Futex, model, thread};
use recorder::Recorder;
use std::sync::Arc;

#[test]
fn every_sample_arrives_before_the_end() {
    model(|| {
        let recorder = Arc::new(Recorder::<Futex>::default());
        let source = {
            let recorder = recorder.clone();
            thread::spawn(move || {
                let mut source = recorder.source().expect("nobody else takes it");
                source.record(1);
                source.end();
            })
        };
        let mut sink = recorder.sink().expect("nobody else takes it");
        assert_eq!(sink.next(), Some(1), "the sample was lost");
        assert_eq!(sink.next(), None);
        source.join().expect("no panic");
    });
}

#[test]
fn what_is_lost_is_counted() {
    model(|| {
        let recorder = Arc::new(Recorder::<Futex>::default());
        let source = {
            let recorder = recorder.clone();
            thread::spawn(move || {
                let mut source = recorder.source().expect("nobody else takes it");
                // The ring has room for two.
                (1..=3).for_each(|sample| source.record(sample));
                source.end();
            })
        };
        let mut sink = recorder.sink().expect("nobody else takes it");
        let mut taken = 0;
        while sink.next().is_some() {
            taken += 1;
        }
        assert_eq!(taken + sink.lost(), 3, "a sample is neither taken nor counted");
        source.join().expect("no panic");
    });
}
