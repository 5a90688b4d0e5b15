//! Pipes, named pipes and sockets at which a task waits whose waker panics.

use super::*;
use ringway_core::Error;
use ringway_core::channel::fifo::Registry;
use ringway_core::channel::pipe::Pipe;
use ringway_core::channel::socket::{Connection, Network, Shutdown};
use std::pin::pin;

fn pipe<const N: usize>() -> Pipe<N, Async<Spin>> {
    Pipe::new()
}

#[test]
fn write_whose_reader_waker_panics_keeps_its_bytes() {
    for writers in [1, 2] {
        let mut pipe = pipe::<8>();
        let (mut reader, mut writer) = pipe.split();
        let _another = (writers == 2).then(|| writer.try_clone().unwrap());
        assert_eq!(writer.try_write(&[1]), Ok(1));
        assert_eq!(reader.try_read(&mut [0; 8]), Ok(1));
        leave(&panicking_waker(), |cx| reader.poll_read(cx, &mut [0; 8]));
        panics(|| writer.try_write(&[2; 7]));
        assert_eq!(writer.try_write(&[3; 7]), Err(Error::WouldBlock), "there is room for one");
        let mut out = [0; 8];
        assert_eq!(reader.try_read(&mut out), Ok(7));
        assert_eq!(out[..7], [2; 7]);
        assert_eq!(writer.try_write(&[3; 8]), Ok(8));
        assert_eq!(reader.try_read(&mut out), Ok(8));
        assert_eq!(out, [3; 8]);
    }
}

#[test]
fn writer_turn_passes_on_when_reader_waker_panics() {
    let pipe = pipe::<8>();
    let (mut reader, mut writer) = pipe.open().unwrap();
    let mut other = writer.try_clone().unwrap();
    for lap in 0..9 {
        leave(&panicking_waker(), |cx| reader.poll_read(cx, &mut [0; 8]));
        panics(|| writer.try_write(&[lap; 5]));
        assert_eq!(other.try_write(&[lap; 3]), Ok(3));
        assert_eq!(writer.try_write(&[lap]), Err(Error::WouldBlock));
        leave(&panicking_waker(), |cx| other.poll_write(cx, &[lap]));
        let mut out = [0; 8];
        panics(|| reader.try_read(&mut out));
        assert_eq!(out, [lap; 8]);
        assert_eq!(reader.try_read(&mut out), Err(Error::WouldBlock));
    }
    // Closing takes effect even if the reader's waker panics.
    leave(&panicking_waker(), |cx| reader.poll_read(cx, &mut [0; 8]));
    drop(writer);
    panics(|| drop(other));
    assert_eq!(reader.try_read(&mut [0; 8]), Ok(0));
    drop(reader);
    let (_reader, mut writer) = pipe.open().expect("it can be used again");
    assert_eq!(writer.try_write(&[1; 8]), Ok(8));
}

fn registry() -> Registry<2, 8, Async<Spin>> {
    Registry::new()
}

#[test]
fn registry_works_after_an_opener_waker_panics() {
    let names = registry();
    names.create(b"a").unwrap();
    let waker = panicking_waker();
    let mut cx = Context::from_waker(&waker);
    for _ in 0..3 {
        {
            let mut waits = pin!(names.open_reader_async(b"a"));
            assert!(waits.as_mut().poll(&mut cx).is_pending());
            panics(|| names.try_open_writer(b"a"));
            // The writer opened its end, then closed it when the reader's waker panicked. The
            // reader met it.
            let Poll::Ready(Ok(mut reader)) = waits.poll(&mut cx) else { panic!("met") };
            assert_eq!(reader.try_read(&mut [0; 8]), Ok(0));
        }
        {
            let mut waits = pin!(names.open_writer_async(b"a"));
            assert!(waits.as_mut().poll(&mut cx).is_pending());
            panics(|| names.try_open_reader(b"a"));
            assert!(waits.poll(&mut cx).is_ready());
        }
        let mut reader = names.try_open_reader(b"a").expect("neither the turn nor the end is lost");
        let mut writer = names.try_open_writer(b"a").unwrap();
        assert_eq!(writer.try_write(b"12345678"), Ok(8));
        assert_eq!(reader.try_read(&mut [0; 8]), Ok(8));
    }
    names.remove(b"a").unwrap();
    names.create(b"b").unwrap();
}

#[test]
fn fifo_writers_take_turns_after_reader_waker_panics() {
    let names = registry();
    names.create(b"a").unwrap();
    let mut reader = names.try_open_reader(b"a").unwrap();
    let mut writers = [(); 2].map(|()| names.try_open_writer(b"a").unwrap());
    for lap in 0..9 {
        leave(&panicking_waker(), |cx| reader.poll_read(cx, &mut [0; 8]));
        panics(|| writers[0].try_write(&[lap; 5]));
        assert_eq!(writers[1].try_write(&[lap; 3]), Ok(3));
        assert_eq!(writers[0].try_write(&[lap]), Err(Error::WouldBlock));
        let mut out = [0; 8];
        assert_eq!(reader.try_read(&mut out), Ok(8));
        assert_eq!(out, [lap; 8]);
    }
}

type Net = Network<2, 3, 8, Async<Spin>>;

fn network() -> Net {
    Network::new()
}

#[test]
fn network_works_after_a_listener_waker_panics() {
    let net = network();
    let listener = net.streams().listen(7, 2).unwrap();
    for _ in 0..9 {
        leave(&panicking_waker(), |cx| listener.poll_accept(cx));
        panics(|| net.streams().try_connect(7));
        // The connection was made, then closed when the listener's waker panicked.
        assert_eq!(listener.try_accept().unwrap().try_read(&mut [0; 8]), Ok(0));
        let mut here = net.streams().try_connect(7).unwrap();
        let mut there = listener.try_accept().unwrap();
        assert_eq!(here.try_write(b"hello"), Ok(5));
        assert_eq!(there.try_read(&mut [0; 8]), Ok(5));
    }
}

#[test]
fn network_works_after_a_connecting_waker_panics() {
    let net = network();
    let listener = net.streams().listen(7, 1).unwrap();
    let waker = panicking_waker();
    let mut cx = Context::from_waker(&waker);
    for _ in 0..9 {
        let first = net.streams().try_connect(7).unwrap();
        let streams = net.streams();
        let mut second = pin!(streams.connect_async(7));
        assert!(second.as_mut().poll(&mut cx).is_pending());
        panics(|| listener.try_accept());
        drop(first);
        assert!(second.poll(&mut cx).is_ready(), "there is room");
        assert!(listener.try_accept().is_ok());
    }
}

#[test]
fn closed_listener_resets_all_when_one_waker_panics() {
    let net = network();
    for _ in 0..3 {
        let listener = net.streams().listen(7, 3).unwrap();
        let mut streams = [(); 3].map(|()| net.streams().try_connect(7).unwrap());
        let woken = Arc::new(Woken::default());
        leave(&panicking_waker(), |cx| streams[0].poll_read(cx, &mut [0; 8]));
        leave(&woken.clone().into(), |cx| streams[2].poll_read(cx, &mut [0; 8]));
        assert_eq!(streams[0].try_write(&[1; 8]), Ok(8));
        let writes = Arc::new(Woken::default());
        leave(&writes.clone().into(), |cx| streams[0].poll_write(cx, &[1]));
        panics(|| drop(listener));
        assert!(woken.is_woken() && writes.is_woken());
        for stream in &mut streams {
            assert_eq!(stream.try_read(&mut [0; 8]), Err(Error::Reset));
            assert_eq!(stream.try_write(&[1]), Err(Error::BrokenPipe));
        }
        assert_eq!(net.streams().try_connect(7).err(), Some(Error::Refused));
    }
}

#[test]
fn shutdown_both_completes_when_peer_waker_panics() {
    let mut connection = Connection::<8, Async<Spin>>::new();
    let (mut here, mut there) = connection.split();
    assert_eq!(there.try_write(&[1; 8]), Ok(8));
    leave(&panicking_waker(), |cx| there.poll_write(cx, &[1]));
    let woken = Arc::new(Woken::default());
    leave(&woken.clone().into(), |cx| there.poll_read(cx, &mut [0; 8]));
    panics(|| here.shutdown(Shutdown::Both));
    assert!(woken.is_woken());
    assert_eq!(there.try_read(&mut [0; 8]), Ok(0));
    assert_eq!(there.try_write(&[1]), Err(Error::BrokenPipe));
    assert_eq!(here.try_write(&[1]), Err(Error::BrokenPipe));
}

/// A panic leaves nothing half done in a channel, so a program that catches it may use it further.
#[test]
fn channels_are_unwind_safe() {
    use ringway_core::channel::pipe::{Reader, Writer};
    use ringway_core::channel::socket::{Listener, Packets, Stream};
    use std::panic::{RefUnwindSafe, UnwindSafe};
    type Tasks = Async<Spin>;
    fn is_safe<T: UnwindSafe + RefUnwindSafe>() {}
    is_safe::<Pipe<8, Tasks>>();
    is_safe::<Reader<'static, 8, Tasks>>();
    is_safe::<Writer<'static, 8, Tasks>>();
    is_safe::<Registry<1, 8, Tasks>>();
    is_safe::<Network<1, 1, 8, Tasks>>();
    is_safe::<Connection<8, Tasks>>();
    is_safe::<Stream<'static, 8, Tasks>>();
    is_safe::<Packets<'static, 8, Tasks>>();
    is_safe::<Listener<'static, 8, Tasks, Stream<'static, 8, Tasks>>>();
}
