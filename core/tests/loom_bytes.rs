//! Models of the byte ring: bytes arrive as they were written, across the end of the memory and
//! across gaps.
#![cfg(loom)]

mod support;

use ringway_core::Error;
use ringway_core::ring::bytes::{ByteRing, Consumer, Producer};
use ringway_core::wait::Wake;
use support::sync::Arc;
use support::thread;
use support::{ModelFutex, model};

fn write_exactly<const N: usize, W: Wake>(producer: &mut Producer<&ByteRing<N, W>>, bytes: &[u8]) {
    loop {
        if let Ok(mut grant) = producer.try_reserve(bytes.len()) {
            grant.copy_from_slice(bytes);
            grant.commit(bytes.len());
            return;
        }
        thread::yield_now();
    }
}

fn read_until<const N: usize, W: Wake>(consumer: &mut Consumer<&ByteRing<N, W>>, expected: &[u8]) {
    let mut left = expected;
    while !left.is_empty() {
        match consumer.try_peek(1) {
            Ok(grant) => {
                assert_eq!(*grant, left[..grant.len()]);
                let count = grant.len();
                grant.release(count);
                left = &left[count..];
            }
            Err(_) => thread::yield_now(),
        }
    }
}

#[test]
fn copies_wrap_around_the_end() {
    model(Some(3), || {
        let ring = Arc::new(<ByteRing<3>>::new());
        let producer = {
            let ring = ring.clone();
            thread::spawn(move || {
                let mut producer = ring.producer().unwrap();
                let mut left: &[u8] = b"abcde";
                while !left.is_empty() {
                    left = &left[producer.try_write(left)..];
                    thread::yield_now();
                }
            })
        };
        let mut consumer = ring.consumer().unwrap();
        let (mut out, mut done) = ([0; 5], 0);
        while done < 5 {
            done += consumer.try_read(&mut out[done..]);
            thread::yield_now();
        }
        assert_eq!(&out, b"abcde");
        producer.join().unwrap();
    });
}

#[test]
fn a_whole_write_is_never_seen_in_part() {
    model(Some(3), || {
        let ring = Arc::new(<ByteRing<3>>::new());
        let producer = {
            let ring = ring.clone();
            thread::spawn(move || {
                let mut producer = ring.producer().unwrap();
                for pair in [b"ab", b"cd"] {
                    while producer.try_write_all(pair).is_err() {
                        thread::yield_now();
                    }
                }
            })
        };
        let mut consumer = ring.consumer().unwrap();
        for pair in [b"ab", b"cd"] {
            let mut out = [0; 2];
            loop {
                match consumer.try_read(&mut out) {
                    0 => thread::yield_now(),
                    count => {
                        assert_eq!((count, &out), (2, pair));
                        break;
                    }
                }
            }
        }
        producer.join().unwrap();
    });
}

/// In a ring of three bytes, every second grant of two leaves a gap of one byte before the end.
#[test]
fn grants_leave_gaps_and_the_reader_skips_them() {
    model(Some(3), || {
        let ring = Arc::new(<ByteRing<3>>::new());
        let producer = {
            let ring = ring.clone();
            thread::spawn(move || {
                let mut producer = ring.producer().unwrap();
                for pair in [b"ab", b"cd", b"ef"] {
                    write_exactly(&mut producer, pair);
                }
            })
        };
        let mut consumer = ring.consumer().unwrap();
        read_until(&mut consumer, b"abcdef");
        assert!(consumer.is_empty());
        producer.join().unwrap();
    });
}

/// Laps with and without a gap alternate. The mark of one lap is never taken for that of another.
#[test]
fn laps_alternate_with_and_without_a_gap() {
    model(Some(2), || {
        let ring = Arc::new(<ByteRing<3>>::new());
        let producer = {
            let ring = ring.clone();
            thread::spawn(move || {
                let mut producer = ring.producer().unwrap();
                for part in [&b"ab"[..], b"cd", b"e", b"fg"] {
                    write_exactly(&mut producer, part);
                }
            })
        };
        let mut consumer = ring.consumer().unwrap();
        read_until(&mut consumer, b"abcdefg");
        producer.join().unwrap();
    });
}

#[test]
fn a_peek_for_two_bytes_never_shows_one() {
    model(None, || {
        let ring = Arc::new(<ByteRing<4>>::new());
        let producer = {
            let ring = ring.clone();
            thread::spawn(move || {
                let mut producer = ring.producer().unwrap();
                assert_eq!(producer.try_write(b"a"), 1);
                assert_eq!(producer.try_write(b"b"), 1);
            })
        };
        let mut consumer = ring.consumer().unwrap();
        // Both bytes are contiguous. The second may come between two looks of this call.
        if let Ok(grant) = consumer.try_peek(2) {
            assert_eq!(*grant, *b"ab");
        }
        producer.join().unwrap();
    });
}

#[test]
fn an_aborted_grant_is_never_seen() {
    model(Some(3), || {
        let ring = Arc::new(<ByteRing<2>>::new());
        let producer = {
            let ring = ring.clone();
            thread::spawn(move || {
                let mut producer = ring.producer().unwrap();
                producer.try_reserve(1).unwrap()[0] = b'x';
                write_exactly(&mut producer, b"a");
            })
        };
        let mut consumer = ring.consumer().unwrap();
        read_until(&mut consumer, b"a");
        producer.join().unwrap();
    });
}

#[test]
fn writer_and_reader_wake_each_other_until_the_end() {
    model(Some(2), || {
        let ring = Arc::new(ByteRing::<1, ModelFutex>::new());
        let producer = {
            let ring = ring.clone();
            thread::spawn(move || {
                let mut producer = ring.producer().unwrap();
                assert_eq!(producer.write(b"a"), Ok(1));
                assert_eq!(producer.write(b"b"), Ok(1));
                producer.close();
            })
        };
        let mut consumer = ring.consumer().unwrap();
        let mut out = [0; 1];
        assert_eq!((consumer.read(&mut out), out), (Ok(1), *b"a"));
        assert_eq!((consumer.read(&mut out), out), (Ok(1), *b"b"));
        assert_eq!(consumer.read(&mut out), Ok(0));
        producer.join().unwrap();
    });
}

#[test]
fn close_wakes_a_sleeping_writer() {
    model(Some(3), || {
        let ring = Arc::new(ByteRing::<1, ModelFutex>::new());
        let reader = {
            let ring = ring.clone();
            thread::spawn(move || ring.consumer().unwrap().close())
        };
        let mut producer = ring.producer().unwrap();
        let mut written = 0;
        let end = loop {
            match producer.write(b"a") {
                Ok(count) => written += count,
                Err(error) => break error,
            }
        };
        assert_eq!(end, Error::BrokenPipe);
        assert!(written <= 1, "nobody read");
        reader.join().unwrap();
    });
}

#[test]
fn a_message_is_seen_whole_or_not_at_all() {
    use ringway_core::ring::messages::MessageRing;
    model(Some(3), || {
        let ring = Arc::new(<MessageRing<18>>::new());
        let sender = {
            let ring = ring.clone();
            thread::spawn(move || {
                let mut sender = ring.sender().unwrap();
                for message in [b"one", b"two"] {
                    while sender.try_send(message).is_err() {
                        thread::yield_now();
                    }
                }
            })
        };
        let mut receiver = ring.receiver().unwrap();
        for message in [b"one", b"two"] {
            loop {
                if let Ok(found) = receiver.try_peek() {
                    assert_eq!(&*found, message);
                    break found.release();
                }
                thread::yield_now();
            }
        }
        sender.join().unwrap();
    });
}
