//! Memory that a process on Linux maps at the same time. The process asks and this image answers,
//! in values and in bytes. The other side is a test of the repository, which resets this one in the
//! middle.
#![no_std]
#![no_main]

#[path = "shared_memory/agreement.rs"]
mod agreement;

use agreement::{END, FIRMWARE, OFFSET, RECORD, Records, Values};
use core::ptr::NonNull;
use ringway_core::participant::Participant;
use ringway_core::region::{Error, Occupant, View};

/// The start of the memory, of which the process maps a part.
const MEMORY: usize = 0x8000_0000;

ringway_firmware::image!(run, tick);

fn tick() {}

fn run() -> bool {
    let Ok(size) = agreement::layout().map(|layout| layout.size()) else { return false };
    let Some(base) = NonNull::new((MEMORY + OFFSET) as *mut u8) else { return false };
    let view = loop {
        // SAFETY: the memory exists while there is power, no variable of this image lies in it, and
        // the process on the other side uses it through the same crate.
        match unsafe { View::new(base, size) } {
            Ok(view) => break view,
            // The process has not laid it out yet.
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

    // An earlier life may have ended with a reset. Only when what it held was given back is the new
    // life announced.
    // SAFETY: there is one firmware, and this is it: its earlier life takes no further step.
    unsafe { values_in.recover(me) };
    // SAFETY: the earlier life of the firmware takes no further step.
    unsafe { values_out.recover(me) };
    // SAFETY: the earlier life of the firmware takes no further step.
    unsafe { records_in.recover(me) };
    // SAFETY: the earlier life of the firmware takes no further step.
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
        // It takes a value before it answers: if a reset comes in between, the value is lost.
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
        // It answers a record before it gives it back: if a reset comes in between, the record is
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
