/* What the program of every.py calls with: objects of each kind, made anew before each call. */

#include "common.h"

__attribute__((aligned(128))) static unsigned char area[1 << 16], buffer[256], zeros[2048];
static uint64_t out[8];
static char context[8];
static rw_payload plain_rw_payload;
static rw_raised plain_rw_raised;
static rw_link_config plain_rw_link_config;
static rw_link_sizes plain_rw_link_sizes = {64, 1, 2, 2};
static rw_link_event plain_rw_link_event;
static rw_state plain_rw_state;
static rw_wait plain_rw_wait;
static const rw_wait *how;

/* One of each kind; a field has the name of its type. */
static struct {
    rw_ring rw_ring_;
    rw_ring_producer rw_ring_producer_;
    rw_ring_consumer rw_ring_consumer_;
    rw_byte_ring rw_byte_ring_;
    rw_byte_producer rw_byte_producer_;
    rw_byte_consumer rw_byte_consumer_;
    rw_message_ring rw_message_ring_;
    rw_sender rw_sender_;
    rw_receiver rw_receiver_;
    rw_queue rw_queue_;
    rw_loan rw_loan_;
    rw_claim rw_claim_;
    rw_broadcast rw_broadcast_;
    rw_writer rw_writer_;
    rw_reader rw_reader_;
    rw_mutex rw_mutex_;
    rw_mutex_guard rw_mutex_guard_;
    rw_rwlock rw_rwlock_;
    rw_read_guard rw_read_guard_;
    rw_write_guard rw_write_guard_;
    rw_semaphore rw_semaphore_;
    rw_bounded_semaphore rw_bounded_semaphore_;
    rw_event rw_event_;
    rw_barrier rw_barrier_;
    rw_condition rw_condition_;
    rw_reentrant rw_reentrant_;
    rw_reentrant_guard rw_reentrant_guard_;
    rw_signals rw_signals_;
    rw_handler rw_handler_;
    rw_dispatcher rw_dispatcher_;
    rw_link rw_link_;
    rw_mem_pipe rw_mem_pipe_;
    rw_mem_fifos rw_mem_fifos_;
    rw_mem_pair rw_mem_pair_;
    rw_mem_network rw_mem_network_;
    rw_mem_end rw_mem_end_;
} made;

/* An object of a kind that no function takes: its first word is no tag. */
static rw_ring another;

static uint32_t number(void) { return 1; }

static void handles(void *unused, const rw_raised *raised) {
    (void)unused;
    CHECK(raised->count > 0);
}

/* A piece of memory for a structure. */
enum { PIECES = 64, PIECE = 1 << 14 };
__attribute__((aligned(128))) static unsigned char memory[PIECES * PIECE];
static int pieces;

static void *piece(void) {
    CHECK(pieces < PIECES);
    return memory + PIECE * pieces++;
}

static void make_all(void) {
    rw_set_wait(how);
    rw_set_thread_id(number);
    pieces = 0;
    memset(&made, 0, sizeof made);
    memset(area, 0, sizeof area);
    memset(&another, 0x5a, sizeof another);
    buffer[0] = 'b';

    /* Halves and guards come from structures of their own, so that those of the calls are free. */
    rw_ring ring;
    OK(rw_ring_init(&made.rw_ring_, piece(), PIECE, 4, 4, 4));
    OK(rw_ring_init(&ring, piece(), PIECE, 4, 4, 4));
    OK(rw_ring_take_producer(&ring, 1, &made.rw_ring_producer_));
    OK(rw_ring_take_consumer(&ring, 1, &made.rw_ring_consumer_));
    rw_byte_ring bytes;
    OK(rw_byte_ring_init(&made.rw_byte_ring_, piece(), PIECE, 64));
    OK(rw_byte_ring_init(&bytes, piece(), PIECE, 64));
    OK(rw_byte_ring_take_producer(&bytes, 1, &made.rw_byte_producer_));
    OK(rw_byte_ring_take_consumer(&bytes, 1, &made.rw_byte_consumer_));
    rw_message_ring messages;
    OK(rw_message_ring_init(&made.rw_message_ring_, piece(), PIECE, 64));
    OK(rw_message_ring_init(&messages, piece(), PIECE, 64));
    OK(rw_message_ring_take_sender(&messages, 1, &made.rw_sender_));
    OK(rw_message_ring_take_receiver(&messages, 1, &made.rw_receiver_));
    static rw_queue queue;
    void *place;
    OK(rw_queue_init(&made.rw_queue_, piece(), PIECE, 4, 4, 4, 1));
    OK(rw_queue_init(&queue, piece(), PIECE, 4, 4, 4, 1));
    OK(rw_queue_try_push(&made.rw_queue_, buffer, 4));
    OK(rw_queue_try_push(&queue, buffer, 4));
    OK(rw_queue_try_claim(&queue, &made.rw_claim_, &place));
    OK(rw_queue_try_reserve(&queue, &made.rw_loan_, &place));
    rw_broadcast news;
    OK(rw_broadcast_init(&made.rw_broadcast_, piece(), PIECE, 4, 4, 4));
    OK(rw_broadcast_init(&news, piece(), PIECE, 4, 4, 4));
    OK(rw_broadcast_take_writer(&news, 1, &made.rw_writer_));
    OK(rw_broadcast_reader(&news, &made.rw_reader_));

    static rw_mutex mutex;
    static rw_rwlock read, written;
    static rw_reentrant reentrant;
    OK(rw_mutex_init(&made.rw_mutex_, piece(), PIECE, 1));
    OK(rw_mutex_init(&mutex, piece(), PIECE, 1));
    OK(rw_mutex_try_lock(&mutex, &made.rw_mutex_guard_));
    OK(rw_rwlock_init(&made.rw_rwlock_, piece(), PIECE, 4, 1, true));
    OK(rw_rwlock_init(&read, piece(), PIECE, 4, 1, true));
    OK(rw_rwlock_init(&written, piece(), PIECE, 4, 1, true));
    OK(rw_rwlock_try_read(&read, &made.rw_read_guard_));
    OK(rw_rwlock_try_write(&written, &made.rw_write_guard_));
    OK(rw_semaphore_init(&made.rw_semaphore_, piece(), PIECE, 1));
    OK(rw_bounded_semaphore_init(&made.rw_bounded_semaphore_, piece(), PIECE, 4, 1, true));
    OK(rw_event_init(&made.rw_event_, piece(), PIECE));
    OK(rw_barrier_init(&made.rw_barrier_, piece(), PIECE, 4, 1, true));
    OK(rw_condition_init(&made.rw_condition_, piece(), PIECE));
    OK(rw_reentrant_init(&made.rw_reentrant_, piece(), PIECE, 1));
    OK(rw_reentrant_init(&reentrant, piece(), PIECE, 1));
    OK(rw_reentrant_try_lock(&reentrant, &made.rw_reentrant_guard_));

    rw_signals signals;
    OK(rw_signals_init(&made.rw_signals_, piece(), PIECE, 8, 8));
    OK(rw_signals_init(&signals, piece(), PIECE, 8, 8));
    OK(rw_handler_init(&made.rw_handler_, handles, NULL));
    OK(rw_signals_set_handler(&signals, 1, &made.rw_handler_));
    OK(rw_signals_raise(&signals, 1));
    OK(rw_signals_take_dispatcher(&signals, &made.rw_dispatcher_));
    OK(rw_link_defaults(1, &plain_rw_link_config));
    OK(rw_link_serial_init(&made.rw_link_, piece(), PIECE, &plain_rw_link_sizes, &plain_rw_link_config));

    rw_mem_pair pair;
    static rw_mem_end there, listener;
    OK(rw_mem_pipe_init(&made.rw_mem_pipe_, piece(), PIECE, &rw_mem_pipe_64));
    OK(rw_mem_fifos_init(&made.rw_mem_fifos_, piece(), PIECE, &rw_mem_fifos_4_256));
    OK(rw_mem_fifos_create(&made.rw_mem_fifos_, "b", 1));
    OK(rw_mem_pair_init(&made.rw_mem_pair_, piece(), PIECE, &rw_mem_pair_64));
    OK(rw_mem_pair_init(&pair, piece(), PIECE, &rw_mem_pair_64));
    OK(rw_mem_pair_open(&pair, RW_MEM_STREAM, &made.rw_mem_end_, &there));
    OK(rw_mem_network_init(&made.rw_mem_network_, piece(), PIECE, &rw_mem_network_4_256));
    OK(rw_mem_network_listen(&made.rw_mem_network_, RW_MEM_PACKETS, "b", 1, 1, &listener));
    memset(buffer + 1, 0, sizeof buffer - 1);
}

static void refused(const char *call, int code, bool good) {
    checks++;
    if (good) return;
    fprintf(stderr, "%s: %d: %s\n", call, code, rw_error_text(code));
    exit(1);
}

/* Any code will do. */
__attribute__((unused)) static void any(const char *call, int code) {
    refused(call, code, strcmp(rw_error_text(code), rw_error_text(-1)) != 0);
}

static void invalid(const char *call, int code) { refused(call, code, code == RW_INVALID); }

static void invalid_or_cannot_wait(const char *call, int code) {
    refused(call, code, code == RW_INVALID || (how == NULL && code == RW_NO_WAIT));
}

static void fails(const char *call, int code) { refused(call, code, code != RW_OK); }
