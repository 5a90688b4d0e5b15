//! The fuzz targets' bodies with the same bytes every time, so that every run of the tests walks
//! through them.

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
fn the_ring_agrees_with_a_deque_and_drops_every_value_once() {
    rounds(oracle::ring, 5_000);
}

#[test]
fn the_byte_ring_agrees_with_a_deque() {
    rounds(oracle::byte_ring, 5_000);
}

#[test]
fn the_ring_of_messages_agrees_with_a_deque_and_survives_nonsense() {
    rounds(oracle::messages, 5_000);
}

#[test]
fn the_pipe_in_memory_and_the_kernels_are_both_what_posix_says() {
    rounds(oracle::pipe, 2_000);
}

#[test]
fn the_signal_table_delivers_what_a_count_and_a_queue_a_line_would() {
    rounds(oracle::signal, 5_000);
}

#[test]
fn the_broadcast_gives_each_reader_every_message_or_the_number_of_those_it_missed() {
    rounds(oracle::broadcast, 5_000);
}

#[test]
fn the_newest_value_is_the_one_that_was_stored_last() {
    rounds(oracle::latest, 5_000);
}

#[test]
fn a_link_delivers_in_order_and_once_and_finds_its_peer_again_whatever_happened() {
    rounds(oracle::link, 2_000);
}
