//! Memory that a process on Linux maps at the same time: it asks, and this answers, in values and
//! in bytes. The tests of the repository are the other side, and reset this one in the middle.
#![no_std]
#![no_main]

#[path = "shared_memory/agreement.rs"]
mod agreement;

use agreement::{END, FIRMWARE, OFFSET, RECORD, Records, Values};
use core::ptr::NonNull;
use ringway_core::participant::Participant;
use ringway_core::region::{Error, Occupant, View};

/// Where the memory begins, of which the process maps a part.
const MEMORY: usize = 0x8000_0000;

ringway_firmware::image!(run, tick);

fn tick() {}

fn run() -> bool {
    let Ok(size) = agreement::layout().map(|layout| layout.size()) else { return false };
    let Some(base) = NonNull::new((MEMORY + OFFSET) as *mut u8) else { return false };
    let view = loop {
        // SAFETY: the memory is there for as long as there is power, no variable of this image lies
        // there, and the process on the other side uses it through the same crate.
        match unsafe { View::new(base, size) } {
            Ok(view) => break view,
            // The process is not that far.
            Err(Error::NotReady) => core::hint::spin_loop(),
            Err(_) => return false,
        }
    };
    serve(&view).unwrap_or(false)
}

/// Answers until it is asked to end.
fn serve(view: &View<'_>) -> Result<bool, Error> {
    let values_in = view.part::<Values>(agreement::VALUES_IN)?;
    let values_out = view.part::<Values>(agreement::VALUES_OUT)?;
    let records_in = view.part::<Records>(agreement::RECORDS_IN)?;
    let records_out = view.part::<Records>(agreement::RECORDS_OUT)?;
    let (Some(me), Some(place)) = (Participant::new(FIRMWARE), view.places().first()) else {
        return Ok(false);
    };

    // A life before this one ended with a reset. What it held is given back, and only then is
    // anybody told of this one.
    // SAFETY: there is one firmware, and this is it: the one before takes no further step.
    unsafe { values_in.recover(me) };
    // SAFETY: as above.
    unsafe { values_out.recover(me) };
    // SAFETY: as above.
    unsafe { records_in.recover(me) };
    // SAFETY: as above.
    unsafe { records_out.recover(me) };
    let generation = view.next_generation();
    let (Some(mut questions), Some(mut answers)) =
        (values_in.consumer_as(me), values_out.producer_as(me))
    else {
        return Ok(false);
    };
    let (Some(mut rx), Some(mut tx)) = (records_in.consumer_as(me), records_out.producer_as(me))
    else {
        return Ok(false);
    };
    place.take(Occupant { generation, process: 0 });

    loop {
        // A value is taken before it is answered: what a reset cuts off in between is lost.
        if let Some(message) = questions.try_pop() {
            let Some((n, a, b)) = agreement::opened(message) else { return Ok(false) };
            if n == END {
                place.free();
                return Ok(true);
            }
            let mut answer = agreement::answer(n, a, b, generation);
            while let Err(full) = answers.try_push(answer) {
                answer = full.0;
            }
        }
        // A record is answered before it is given back: what a reset cuts off in between is
        // answered twice.
        let Ok(record) = rx.try_peek(1) else { continue };
        let Some(bytes) = record.first_chunk::<RECORD>() else { continue };
        let Some(n) = agreement::record_of(bytes) else { return Ok(false) };
        if let Ok(mut grant) = tx.try_reserve(RECORD) {
            let back = agreement::record_back(n);
            grant.iter_mut().zip(back).for_each(|(place, byte)| *place = byte);
            grant.commit(RECORD);
            record.release(RECORD);
        }
    }
}
