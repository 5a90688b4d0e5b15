//! The bodies of the fuzz targets, run on the same bytes every time.

use ringway_tests::oracle;

/// Runs `target` on `rounds` sequences of up to 400 bytes.
fn rounds(target: fn(&[u8]), rounds: u64) {
    for seed in 0..rounds {
        let bytes = oracle::seeded_bytes(seed, 16 + (seed as usize * 7) % 384);
        if let Err(panic) = std::panic::catch_unwind(|| target(&bytes)) {
            eprintln!("seed {seed}: {bytes:?}");
            std::panic::resume_unwind(panic);
        }
    }
}

#[test]
fn a_ring_agrees_with_a_deque_and_drops_values_once() {
    rounds(oracle::ring, 5_000);
}

#[test]
fn a_byte_ring_agrees_with_a_deque() {
    rounds(oracle::byte_ring, 5_000);
}

#[test]
fn a_message_ring_agrees_and_survives_corruption() {
    rounds(oracle::messages, 5_000);
}

#[test]
fn a_queue_agrees_with_a_deque_and_survives_deaths() {
    rounds(oracle::queue, 5_000);
}

#[test]
fn both_pipes_behave_as_posix_says() {
    rounds(oracle::pipe, 2_000);
}

#[test]
fn the_signal_table_counts_or_queues_per_line() {
    rounds(oracle::signal, 5_000);
}

#[test]
fn a_reader_gets_every_message_or_the_missed_count() {
    rounds(oracle::broadcast, 5_000);
}

#[test]
fn latest_returns_the_value_that_was_stored_last() {
    rounds(oracle::latest, 5_000);
}

#[test]
fn a_link_delivers_once_in_order_and_reconnects() {
    rounds(oracle::link, 2_000);
}

#[test]
fn an_untrusted_peer_gets_answers_and_nothing_else() {
    rounds(oracle::untrusted, 3_000);
}

#[test]
fn locks_agree_with_models_of_their_holders() {
    rounds(oracle::locks, 20_000);
}

#[test]
fn a_region_is_what_was_laid_out_or_refused() {
    rounds(oracle::layout, 5_000);
}

#[test]
fn a_link_blames_a_liar_and_no_honest_peer() {
    rounds(oracle::link_session, 5_000);
}

#[test]
fn an_address_is_printed_as_it_is_read() {
    rounds(oracle::addresses, 5_000);
}

#[test]
fn descriptors_arrive_as_sent_and_none_leaks() {
    rounds(oracle::control, 1_000);
}

#[test]
fn any_bytes_of_python_are_messages_or_an_error() {
    rounds(oracle::python, 1_000);
}

#[test]
fn any_bytes_of_a_peer_are_frames_or_an_error() {
    rounds(oracle::connection, 1_000);
}

#[test]
fn any_file_is_a_region_or_an_error() {
    rounds(oracle::survey, 1_000);
}

#[test]
fn a_scribbler_gets_answers_and_nothing_else() {
    rounds(oracle::scribble, 10_000);
}

/// Some seconds of the long form: `cargo run --release -p ringway-tests --bin scribble`.
#[test]
fn a_thread_that_scribbles_gets_no_further() {
    let mut all = oracle::scribble::Tally::default();
    for subject in oracle::scribble::SUBJECTS {
        let (tally, failures) = oracle::scribble::campaign(subject, 20_000, 1);
        assert_eq!(failures, [""; 0]);
        all += tally;
    }
    // Many operations do what they are for. Those of a hostile receiver of messages seldom do: what
    // is corrupt for it stays so.
    assert!(all.done > all.steps / 50, "{} of {}", all.done, all.steps);
}
