/* A link over the board's UART. The other end is tests/tests/tools_firmware_link.rs; the same image in Rust is
 * tests/firmware/src/bin/uart_link.
 *
 * On port 0 each side sends MESSAGES messages that both can compute, and then ends its sending. This side's last
 * message says what it received. On port 1 this side sends back what comes. When the peer closes the link, the image
 * ends. */

#include "board.h"

enum { MESSAGE = 256, MESSAGES = 4096, EXCHANGE = 0, ECHO = 1 };
/* What each side's messages are computed from. */
static const uint32_t ours = 0x0f1e2d3c, theirs = 0x5a697887;

static const rw_link_sizes sizes = {.max = MESSAGE, .window = 4, .ports = 2, .credits = 4};
static uint64_t link_memory[600];
static uint32_t ring_memory[540];
static rw_link link;
static rw_byte_ring ring;
static rw_byte_producer came;
static volatile uint32_t ticks;
/* A reset leaves it as it was. */
__attribute__((section(".uninit"))) static uint32_t starts;

void tick(void) { ticks++; }

/* If there is no room, the byte is lost, as on any line. */
void received(uint8_t byte) { rw_byte_try_write(&came, &byte, 1, NULL); }

/* The `n`-th message of a side. */
static void content(uint32_t side, uint32_t n, uint8_t *message) {
    uint32_t state = (side ^ n * 0x9e3779b9u) | 1;
    for (int i = 0; i < MESSAGE; i++) {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        message[i] = (uint8_t)(state >> 8);
    }
}

/* The progress of the exchange on port 0. */
static struct {
    uint32_t sent, received, wrong;
    bool ended, reported;
} progress;

static void put_word(uint8_t *to, uint32_t word) {
    for (int i = 0; i < 4; i++) to[i] = (uint8_t)(word >> 8 * i);
}

/* Continues as far as the link allows. */
static void go_on(void) {
    uint8_t expected[MESSAGE];
    const void *message;
    size_t length;
    while (progress.sent < MESSAGES) {
        content(ours, progress.sent, expected);
        if (rw_link_try_send(&link, EXCHANGE, expected, MESSAGE) != RW_OK) break;
        progress.sent++;
    }
    rw_error error;
    while ((error = rw_link_peek(&link, EXCHANGE, &message, &length)) == RW_OK) {
        content(theirs, progress.received, expected);
        bool right = length == MESSAGE;
        for (size_t i = 0; right && i < length; i++) right = ((const uint8_t *)message)[i] == expected[i];
        progress.wrong += !right;
        progress.received++;
        rw_link_release(&link, EXCHANGE);
    }
    progress.ended |= error == RW_END_OF_FILE;
    if (progress.ended && progress.sent == MESSAGES && !progress.reported) {
        put_word(expected, progress.received);
        put_word(expected + 4, progress.wrong);
        if (rw_link_try_send(&link, EXCHANGE, expected, 8) == RW_OK) {
            progress.reported = true;
            rw_link_shut_send(&link, EXCHANGE);
        }
    }
}

/* Sends back what came on port 1, as far as the link allows. */
static void echo(void) {
    uint8_t copy[MESSAGE];
    const void *message;
    size_t length;
    rw_error error;
    while ((error = rw_link_peek(&link, ECHO, &message, &length)) == RW_OK) {
        for (size_t i = 0; i < length; i++) copy[i] = ((const uint8_t *)message)[i];
        if (rw_link_try_send(&link, ECHO, copy, length) != RW_OK) return;
        rw_link_release(&link, ECHO);
    }
    if (error == RW_END_OF_FILE) rw_link_shut_send(&link, ECHO);
}

static void open_port(uint8_t port) {
    rw_state state;
    rw_link_port_state(&link, port, &state);
    if (state.phase == RW_PHASE_NEW || state.phase == RW_PHASE_TORN_DOWN || state.phase == RW_PHASE_GONE) {
        rw_link_open_port(&link, port); /* not yet, if the peer is not done with the port's last life */
    }
}

bool run(void) {
    rw_byte_consumer arrived;
    rw_link_config config;
    uint8_t input[64], byte = 0;
    bool held = false;
    rw_link_defaults(++starts, &config);
    config.gone = 10000;
    if (rw_byte_ring_init(&ring, ring_memory, sizeof ring_memory, 2048) != RW_OK ||
        rw_byte_ring_take_producer(&ring, 0, &came) != RW_OK || rw_byte_ring_take_consumer(&ring, 0, &arrived) != RW_OK ||
        rw_link_serial_init(&link, link_memory, sizeof link_memory, &sizes, &config) != RW_OK) {
        return false;
    }
    start_timer();
    start_uart();
    if (rw_link_open(&link, ticks) != RW_OK) return false;
    for (;;) {
        size_t count = 0, filled;
        rw_byte_try_read(&arrived, input, sizeof input, &count);
        rw_link_handle_bytes(&link, ticks, input, count);
        uint64_t due;
        rw_link_poll_timeout(&link, &due);
        if (due <= ticks) rw_link_handle_timeout(&link, ticks);
        rw_link_event event;
        while (rw_link_poll_event(&link, &event) == RW_OK) {
            if (event.news == RW_LINK_DOWN && event.detail == RW_DOWN_PEER_CLOSED) {
                report("received", progress.received);
                report("wrong", progress.wrong);
                return progress.wrong == 0;
            }
            if (event.news == RW_PORT_OPENED && event.port == EXCHANGE) {
                progress.sent = progress.received = progress.wrong = 0;
                progress.ended = progress.reported = false;
            }
        }
        open_port(EXCHANGE);
        open_port(ECHO);
        go_on();
        echo();
        bool moved = count > 0;
        while (held || (rw_link_poll_transmit(&link, ticks, &byte, 1, &filled) == RW_OK && filled == 1)) {
            /* The UART may have no room yet. */
            held = !try_put(byte);
            if (held) break;
            moved = true;
        }
        if (!moved) wait_for_interrupt();
    }
}
