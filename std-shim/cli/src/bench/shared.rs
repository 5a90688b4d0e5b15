//! Rings in shared memory.

use super::exchange::End;
use super::mechanism::{Meet, Peer, Starter};
use crate::failure::{Doing, Failure, Result};
use ringway::channel;
use ringway::shm::{self, Layout, Part, Region};
use ringway_core::region::SharedWait;
use ringway_core::ring::messages::{MessageRing, Receiver, Sender};
use ringway_core::wait::Nobody;
use std::hint;
use std::io;
use std::os::fd::AsFd;
use std::process::Stdio;

/// A ring holds two messages of the largest size and more.
const BYTES: usize = 4 << 20;

/// The halves of a side's two rings.
struct Halves<W: SharedWait> {
    tx: Sender<'static, BYTES, W>,
    rx: Receiver<'static, BYTES, W>,
}

/// Nobody, messages copied in and out.
pub struct Copied(Halves<Nobody>);

/// Nobody, messages written and read where they lie: only their first word is touched.
pub struct InPlace(Halves<Nobody>);

/// Whoever waits sleeps on a futex.
pub struct Sleeping(Halves<shm::Sleep>);

/// The part on which the leading side sends.
const THERE: &str = "there";

/// The part on which it receives.
const BACK: &str = "back";

/// A new region with both rings, and this side's halves.
fn lead<W: SharedWait>(start: Starter<'_>) -> Result<(Halves<W>, Peer)> {
    let layout = Layout::new(4)
        .part::<MessageRing<BYTES, W>>(THERE)
        .and_then(|layout| layout.part::<MessageRing<BYTES, W>>(BACK))
        .map_err(|error| Failure::new(error.to_string()))?;
    let region = Region::anonymous(&layout)?;
    let halves = halves(&region, THERE, BACK)?;
    let fd = region.as_fd().try_clone_to_owned().doing("pass the region on")?;
    Ok((halves, start.start(fd, Stdio::null())?))
}

/// The other side's halves of the region that it was given.
fn follow<W: SharedWait>() -> Result<Halves<W>> {
    halves(&Region::from_fd(io::stdin())?, BACK, THERE)
}

fn halves<W: SharedWait>(region: &Region, out: &str, back: &str) -> Result<Halves<W>> {
    // Attached to until the process ends.
    let out: &'static Part<MessageRing<BYTES, W>> = Box::leak(Box::new(region.part(out)?));
    let back: &'static Part<MessageRing<BYTES, W>> = Box::leak(Box::new(region.part(back)?));
    Ok(Halves { tx: out.sender()?, rx: back.receiver()? })
}

fn failed(error: channel::Error) -> Failure {
    Failure::new(format!("the ring: {error}"))
}

/// Looks again and again until there is an answer, or the other side is gone.
fn insist<H, T>(
    half: &mut H,
    mut look: impl FnMut(&mut H) -> std::result::Result<T, channel::Error>,
    is_gone: impl Fn(&H) -> bool,
) -> Result<T> {
    loop {
        for _ in 0..1 << 14 {
            match look(half) {
                Err(channel::Error::WouldBlock) => hint::spin_loop(),
                answer => return answer.map_err(failed),
            }
        }
        if is_gone(half) {
            return Err(failed(channel::Error::BrokenPipe));
        }
    }
}

fn whole(read: usize, size: usize) -> Result<()> {
    if read == size { Ok(()) } else { Err(failed(channel::Error::Corrupt)) }
}

/// The word at the front, which is all that is touched in place.
fn copy_number(from: &[u8], to: &mut [u8]) {
    to.iter_mut().zip(from).take(8).for_each(|(to, byte)| *to = *byte);
}

impl End for Copied {
    fn send(&mut self, message: &[u8]) -> Result<()> {
        insist(&mut self.0.tx, |tx| tx.try_send(message), |tx| tx.receiver_is_gone())
    }

    fn recv(&mut self, into: &mut [u8]) -> Result<()> {
        let size = into.len();
        let read = insist(&mut self.0.rx, |rx| rx.try_recv(into), |rx| rx.sender_is_gone())?;
        whole(read, size)
    }
}

impl End for InPlace {
    fn send(&mut self, message: &[u8]) -> Result<()> {
        let send = |tx: &mut Sender<'static, BYTES>| {
            let mut grant = tx.try_reserve(message.len())?;
            copy_number(message, &mut grant);
            grant.commit(message.len());
            Ok(())
        };
        insist(&mut self.0.tx, send, |tx| tx.receiver_is_gone())
    }

    fn recv(&mut self, into: &mut [u8]) -> Result<()> {
        let size = into.len();
        let recv = |rx: &mut Receiver<'static, BYTES>| {
            let message = rx.try_peek()?.ok_or(channel::Error::WouldBlock)?;
            copy_number(&message, into);
            let len = message.len();
            message.release();
            Ok(len)
        };
        whole(insist(&mut self.0.rx, recv, |rx| rx.sender_is_gone())?, size)
    }
}

impl End for Sleeping {
    fn send(&mut self, message: &[u8]) -> Result<()> {
        self.0.tx.send(message).map_err(failed)
    }

    fn recv(&mut self, into: &mut [u8]) -> Result<()> {
        let size = into.len();
        whole(self.0.rx.recv(into).map_err(failed)?, size)
    }
}

macro_rules! meet {
    ($($name:ident)*) => {
        $(
            impl Meet for $name {
                fn lead(start: Starter<'_>) -> Result<(Self, Peer)> {
                    let (halves, peer) = lead(start)?;
                    Ok(($name(halves), peer))
                }

                fn follow(_size: usize) -> Result<Self> {
                    follow().map($name)
                }
            }
        )*
    };
}

meet!(Copied InPlace Sleeping);
