/* An image for a Cortex-M0 in C: the timer's interrupt pushes into a ring and writes a log, and main pops and
 * reads. Nothing of a C library, and no operating system. It says how it went, and ends the emulator. */

#include "ringway_core.h"

extern uint32_t stack_top, data_begin, data_end, data_load, bss_begin, bss_end;

static int main_program(void);

/* What the compiler may call. */

void *memcpy(void *to, const void *from, size_t size) {
    unsigned char *out = to;
    const unsigned char *in = from;
    while (size--) *out++ = *in++;
    return to;
}

void *memset(void *to, int byte, size_t size) {
    unsigned char *out = to;
    while (size--) *out++ = (unsigned char)byte;
    return to;
}

/* A Cortex-M0 has no compare-and-swap: the library asks for sections without interrupts. */

uint8_t _critical_section_1_0_acquire(void) {
    uint32_t masked;
    __asm__ volatile("mrs %0, primask\n cpsid i" : "=r"(masked)::"memory");
    return masked == 0;
}

void _critical_section_1_0_release(uint8_t were_enabled) {
    if (were_enabled) __asm__ volatile("cpsie i" ::: "memory");
}

/* The emulator's console, and its end. */

static int semihosting(int operation, const void *argument) {
    register int r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

static void say(const char *text) { semihosting(0x04, text); }

static void say_number(const char *what, uint32_t number) {
    char digits[12];
    int at = 11;
    digits[at] = 0;
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    say(what);
    say(digits + at);
    say("\n");
}

void start(void) {
    for (uint32_t *from = &data_load, *to = &data_begin; to < &data_end;) *to++ = *from++;
    for (uint32_t *to = &bss_begin; to < &bss_end;) *to++ = 0;
    uint32_t end[2] = {0x20026, 0};
    end[1] = (uint32_t)main_program();
    say(end[1] == 0 ? "passed\n" : "FAILED\n");
    semihosting(0x18, end[1] == 0 ? (const void *)0x20026 : (const void *)0x20023);
    for (;;) {
    }
}

static void stuck(void) {
    say("a fault\n");
    semihosting(0x18, (const void *)0x20023);
    for (;;) {
    }
}

static void tick(void);

__attribute__((section(".vectors"), used)) static void (*const vectors[16])(void) = {
    (void (*)(void))&stack_top, start, stuck, stuck, 0, 0, 0, 0, 0, 0, 0, stuck, 0, 0, stuck, tick};

#define SAMPLES 2000u

static rw_ring ring;
static rw_ring_producer samples_out;
static rw_byte_ring log_ring;
static rw_byte_producer log_out;
static uint32_t ring_memory[64], log_memory[64];
static volatile uint32_t next, full;
static volatile bool is_ready;

/* The timer's interrupt: at most three samples, and a letter for the log. */
static void tick(void) {
    if (!is_ready) return;
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

static void start_timer(void) {
    volatile uint32_t *systick = (volatile uint32_t *)0xe000e010;
    systick[1] = 4000;
    systick[2] = 0;
    systick[0] = 7;
}

static int main_program(void) {
    size_t size, align, letters = 0, count;
    rw_ring_consumer samples;
    rw_byte_consumer log;
    if (rw_ring_layout(8, 4, 4, &size, &align) != RW_OK || size > sizeof ring_memory) return 1;
    say_number("bytes of a ring of 8 words: ", (uint32_t)size);
    if (rw_ring_init(&ring, ring_memory, sizeof ring_memory, 8, 4, 4) != RW_OK) return 2;
    if (rw_ring_take_producer(&ring, 0, &samples_out) != RW_OK) return 3;
    if (rw_ring_take_producer(&ring, 0, &samples_out) != RW_TAKEN) return 4;
    if (rw_ring_take_consumer(&ring, 0, &samples) != RW_OK) return 5;
    if (rw_byte_ring_init(&log_ring, log_memory, sizeof log_memory, 64) != RW_OK) return 6;
    if (rw_byte_ring_take_producer(&log_ring, 0, &log_out) != RW_OK) return 7;
    if (rw_byte_ring_take_consumer(&log_ring, 0, &log) != RW_OK) return 8;
    if (rw_ring_pop(&samples, &size, 4, RW_FOREVER) != RW_NO_WAIT) return 9;
    is_ready = true;
    start_timer();
    while (full == 0) __asm__ volatile("wfi");
    if (rw_ring_length(&ring) != 8) return 10;
    uint32_t received = 0, sample;
    while (received < SAMPLES) {
        while (rw_ring_try_pop(&samples, &sample, sizeof sample) == RW_OK) {
            if (sample != received++) return 11;
        }
        char text[16];
        if (rw_byte_try_read(&log, text, sizeof text, &count) == RW_OK) letters += count;
        __asm__ volatile("wfi");
    }
    say_number("samples in order: ", received);
    if (letters < SAMPLES / 8) return 12;
    is_ready = false;
    if (rw_ring_producer_close(&samples_out) != RW_OK) return 13;
    if (rw_ring_try_pop(&samples, &sample, sizeof sample) != RW_END_OF_FILE) return 14;
    return 0;
}
