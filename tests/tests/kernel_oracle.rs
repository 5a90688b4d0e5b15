//! The mechanisms in memory and the kernel's, in lock-step through the same operations. See
//! `ringway_tests::kernel`.

use ringway_tests::{kernel, oracle};

/// Runs `sequence` for this many rounds of up to 600 bytes, the same every time.
fn rounds(sequence: fn(&[u8]), rounds: u64) {
    for seed in 0..rounds {
        let bytes = oracle::seeded_bytes(seed, 16 + (seed as usize * 7) % 584);
        if let Err(panic) = std::panic::catch_unwind(|| sequence(&bytes)) {
            eprintln!("that was seed {seed}");
            std::panic::resume_unwind(panic);
        }
    }
}

#[test]
fn a_pipe_in_memory_answers_as_the_kernels_does() {
    rounds(kernel::pipe, 500);
}

#[test]
fn a_fifo_in_memory_answers_as_the_kernels_does() {
    rounds(kernel::fifo, 300);
}

#[test]
fn streams_in_memory_answer_as_the_kernels_do() {
    rounds(kernel::streams, 300);
}

#[test]
fn messages_in_memory_arrive_as_the_kernels_do() {
    rounds(kernel::packets, 300);
}
