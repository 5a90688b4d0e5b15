//! The list of cases.

mod atomic;
mod end;
mod flow;
mod killed;
mod message;
mod wait;

use super::{Case, Content, Promises};

/// Why a transport does not have a case; `None` if it does.
type NotFor = fn(&Promises) -> Option<&'static str>;

/// Every case.
pub static CASES: &[Case] = &[
    // What arrives.
    case("order_and_integrity", reliable, flow::order_and_integrity),
    case("many_small", reliable, flow::many_small),
    case("one_large", reliable, flow::one_large),
    case("ping_pong", reliable, flow::ping_pong),
    case("both_directions_at_once", both_at_once, flow::both_directions_at_once),
    case("zero_length_reads_and_writes", empty_bytes, flow::zero_length_reads_and_writes),
    case("whole_or_not_at_all", lossy, flow::whole_or_not_at_all),
    // Messages.
    case("message_boundaries", messages, message::message_boundaries),
    case("empty_messages", empty_messages, message::empty_messages),
    case("message_too_large", limited_messages, message::message_too_large),
    case("buffer_too_small", copied_messages, message::buffer_too_small),
    // The end.
    case("end_of_file", end, end::end_of_file),
    case("end_of_file_wakes_a_reader", end, end::end_of_file_wakes_a_reader),
    case(
        "end_of_file_after_the_last_writer",
        several_ending,
        end::end_of_file_after_the_last_writer,
    ),
    case("broken_pipe", end, end::broken_pipe),
    case("broken_pipe_wakes_a_writer", end, end::broken_pipe_wakes_a_writer),
    case("half_close", half_close, end::half_close),
    case("half_close_of_reading", half_close_at_once, end::half_close_of_reading),
    case("both_ends_close_at_once", any, end::both_ends_close_at_once),
    case("reader_closes_mid_stream", end, end::reader_closes_mid_stream),
    case("writer_closes_mid_stream", end, end::writer_closes_mid_stream),
    case("last_words", end, end::last_words),
    // Waiting and not waiting.
    case("would_block_when_empty", any, wait::would_block_when_empty),
    case("would_block_when_full", bounded, wait::would_block_when_full),
    case("deadline_of_a_read", any, wait::deadline_of_a_read),
    case("deadline_of_a_write", bounded, wait::deadline_of_a_write),
    case("deadline_that_is_past_is_a_try", bounded, wait::deadline_that_is_past_is_a_try),
    case("deadline_in_time", reliable, wait::deadline_in_time),
    // Several writers.
    case("atomic_writes", atomic, atomic::atomic_writes),
    case("atomic_write_that_does_not_fit", atomic, atomic::atomic_write_that_does_not_fit),
    case("several_senders", several_messages, atomic::several_senders),
    // A peer in another process, or in a thread where there is no process.
    case("peer_sends", reliable, killed::peer_sends),
    case("peer_receives", reliable, killed::peer_receives),
    case("peer_echoes", both_at_once, killed::peer_echoes),
    case("peer_killed_mid_write", reliable, killed::peer_killed_mid_write),
    case("peer_killed_mid_read", end, killed::peer_killed_mid_read),
];

const fn case(name: &'static str, not_for: NotFor, run: fn(&super::Scene<'_>)) -> Case {
    Case { name, not_for, run }
}

fn any(_: &Promises) -> Option<&'static str> {
    None
}

fn unless(promised: bool, reason: &'static str) -> Option<&'static str> {
    if promised { None } else { Some(reason) }
}

fn reliable(promises: &Promises) -> Option<&'static str> {
    unless(promises.reliable, "what is sent may be lost")
}

fn lossy(promises: &Promises) -> Option<&'static str> {
    unless(!promises.reliable, "nothing is ever lost")
}

fn bounded(promises: &Promises) -> Option<&'static str> {
    unless(promises.bounded, "it is never full: it loses")
}

fn both_at_once(promises: &Promises) -> Option<&'static str> {
    reliable(promises).or(unless(promises.both_at_once, "one direction at a time"))
}

fn bytes(promises: &Promises) -> Option<&'static str> {
    unless(promises.content == Content::Bytes, "it carries messages")
}

fn empty_bytes(promises: &Promises) -> Option<&'static str> {
    bytes(promises)
        .or(unless(promises.empty_at_once, "also nothing is read and written when ready"))
}

fn messages(promises: &Promises) -> Option<&'static str> {
    unless(promises.content != Content::Bytes, "it carries bytes")
}

fn empty_messages(promises: &Promises) -> Option<&'static str> {
    let carried = matches!(promises.content, Content::Messages { empty: true, .. });
    messages(promises).or(unless(carried, "a message is never empty"))
}

fn limited_messages(promises: &Promises) -> Option<&'static str> {
    let limited = matches!(promises.content, Content::Messages { limit: Some(_), .. });
    messages(promises).or(unless(limited, "no message is too large"))
}

fn copied_messages(promises: &Promises) -> Option<&'static str> {
    let copied = matches!(promises.content, Content::Messages { copied: true, .. });
    messages(promises).or(unless(copied, "messages move, there is no buffer"))
}

fn end(promises: &Promises) -> Option<&'static str> {
    unless(promises.end, "an end is not told that the other is gone")
}

fn several(promises: &Promises) -> Option<&'static str> {
    unless(promises.several_writers, "one writer only")
}

fn several_ending(promises: &Promises) -> Option<&'static str> {
    end(promises).or(several(promises))
}

fn several_messages(promises: &Promises) -> Option<&'static str> {
    reliable(promises).or(messages(promises)).or(several(promises))
}

fn half_close(promises: &Promises) -> Option<&'static str> {
    unless(promises.half_close, "no direction can be closed alone")
}

fn half_close_at_once(promises: &Promises) -> Option<&'static str> {
    half_close(promises).or(unless(promises.immediate, "the writer is not told that nobody reads"))
}

fn atomic(promises: &Promises) -> Option<&'static str> {
    bytes(promises)
        .or(several(promises))
        .or(unless(promises.atomic.is_some(), "no write is promised to stay in one piece"))
}
