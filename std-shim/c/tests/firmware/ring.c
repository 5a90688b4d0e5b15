/* A ring and a byte ring: the timer's interrupt pushes samples and writes a log, main pops and reads. */

#include "board.h"

enum { SAMPLES = 2000 };

static rw_ring ring;
static rw_ring_producer samples_out;
static rw_byte_ring log_ring;
static rw_byte_producer log_out;
static uint32_t ring_memory[64], log_memory[64];
/* Touched by the interrupt. */
static volatile uint32_t next, full;

/* At most three samples, and a letter for the log. */
void tick(void) {
    for (int i = 0; i < 3 && next < SAMPLES; i++) {
        uint32_t sample = next;
        if (rw_ring_try_push(&samples_out, &sample, sizeof sample) != RW_OK) {
            full++;
            break;
        }
        next++;
    }
    size_t written;
    rw_byte_try_write(&log_out, "t", 1, &written);
}

bool run(void) {
    size_t letters = 0, count;
    rw_ring_consumer samples;
    rw_ring_producer second;
    rw_byte_consumer log;
    uint32_t received = 0, sample;
    bool in_order = true;
    if (rw_ring_init(&ring, ring_memory, sizeof ring_memory, 8, 4, 4) != RW_OK ||
        rw_byte_ring_init(&log_ring, log_memory, sizeof log_memory, 64) != RW_OK ||
        rw_ring_take_producer(&ring, 0, &samples_out) != RW_OK || rw_ring_take_consumer(&ring, 0, &samples) != RW_OK ||
        rw_byte_ring_take_producer(&log_ring, 0, &log_out) != RW_OK ||
        rw_byte_ring_take_consumer(&log_ring, 0, &log) != RW_OK) {
        return false;
    }
    report("a second producer", rw_ring_take_producer(&ring, 0, &second) != RW_TAKEN);
    start_timer();
    while (full == 0) wait_for_interrupt();
    report("in a full ring", (uint32_t)rw_ring_length(&ring));
    while (received < SAMPLES) {
        while (rw_ring_try_pop(&samples, &sample, sizeof sample) == RW_OK) in_order &= sample == received++;
        char text[16];
        if (rw_byte_try_read(&log, text, sizeof text, &count) == RW_OK) letters += count;
        wait_for_interrupt();
    }
    report("samples received", received);
    report("in order", in_order);
    report("left over", (uint32_t)rw_ring_length(&ring));
    report("letters", letters > SAMPLES / 8);
    return in_order && letters > SAMPLES / 8;
}
