/* Both sides of a byte ring and of a message ring by docs/c-layout.md alone, in plain C11, against the library: each side in
 * turn is this file's. Odd and even capacities, gaps, sides that sleep, closed halves, and a holder that dies. */

#include "common.h"

#include <stdatomic.h>

/* What the page says. */

enum { TAIL = 0, CONSUMER = 4, CONSUMERS_BELL = 8, HEAD = 128, PRODUCER = 132, PRODUCERS_BELL = 136, MARK = 256, BYTES = 384 };
enum { FREE = 0, CLOSED = 1 };

typedef struct {
    unsigned char *at;
    uint32_t capacity;
    uint32_t position; /* this side's copy */
} side;

static _Atomic(uint32_t) *word(side *it, int offset) { return (_Atomic(uint32_t) *)(void *)(it->at + offset); }

static uint32_t advance(side *it, uint32_t position, uint32_t by) {
    return (uint32_t)(((uint64_t)position + by) % (2 * (uint64_t)it->capacity));
}

static uint32_t between(side *it, uint32_t head, uint32_t tail) {
    CHECK(head < 2 * it->capacity && tail < 2 * it->capacity);
    uint32_t used = tail >= head ? tail - head : 2 * it->capacity - (head - tail);
    CHECK(used <= it->capacity);
    return used;
}

static bool take(side *it, int half, int position, uint32_t participant) {
    for (uint32_t from = FREE; from <= CLOSED; from++) {
        uint32_t seen = from;
        if (atomic_compare_exchange_strong_explicit(word(it, half), &seen, 2 + 4 * participant, memory_order_acquire,
                                                    memory_order_relaxed)) {
            it->position = atomic_load_explicit(word(it, position), memory_order_relaxed);
            return true;
        }
    }
    return false;
}

static void ring_bell(side *it, int bell) {
    atomic_thread_fence(memory_order_seq_cst);
    uint32_t seen = atomic_load_explicit(word(it, bell), memory_order_relaxed);
    if ((seen & 1) == 0) return;
    if (atomic_compare_exchange_strong_explicit(word(it, bell), &seen, seen + 1, memory_order_relaxed, memory_order_relaxed))
        futex_wake((const uint32_t *)(const void *)(it->at + bell), UINT32_MAX);
}

static uint32_t announce(side *it, int bell) {
    uint32_t ticket = atomic_fetch_or_explicit(word(it, bell), 1, memory_order_relaxed) | 1;
    atomic_thread_fence(memory_order_seq_cst);
    return ticket;
}

static void sleep_on(side *it, int bell, uint32_t ticket) {
    futex_sleep((const uint32_t *)(const void *)(it->at + bell), ticket, RW_FOREVER);
}

static void leave(side *it, int half, int bell, uint32_t how) {
    atomic_store_explicit(word(it, half), how, memory_order_release);
    if (how == CLOSED) ring_bell(it, bell);
}

static bool is_gone(side *it, int half) { return atomic_load_explicit(word(it, half), memory_order_acquire) == CLOSED; }

static uint32_t room_of(side *it) {
    uint32_t head = atomic_load_explicit(word(it, HEAD), memory_order_acquire);
    return it->capacity - between(it, head, it->position);
}

static void publish(side *it, uint32_t by) {
    it->position = advance(it, it->position, by);
    atomic_store_explicit(word(it, TAIL), it->position, memory_order_release);
    ring_bell(it, CONSUMERS_BELL);
}

/* A copy of as many bytes as there is room for. */
static uint32_t put_bytes(side *it, const unsigned char *from, uint32_t size) {
    uint32_t room = room_of(it), at = it->position % it->capacity;
    if (size > room) size = room;
    if (size == 0) return 0;
    for (uint32_t i = 0; i < size; i++) it->at[BYTES + (at + i) % it->capacity] = from[i];
    if (at + size >= it->capacity) atomic_store_explicit(word(it, MARK), it->capacity, memory_order_relaxed);
    publish(it, size);
    return size;
}

/* A record, in one piece. */
static bool put_message(side *it, const void *message, uint32_t size) {
    uint32_t at = it->position % it->capacity, length = size + 4, gap = 0;
    CHECK(length <= (it->capacity + 1) / 2);
    if (length > it->capacity - at) gap = it->capacity - at;
    if (gap + length > room_of(it)) return false;
    unsigned char *to = it->at + BYTES + (gap ? 0 : at);
    for (int i = 0; i < 4; i++) to[i] = (unsigned char)(size >> 8 * i);
    memcpy(to + 4, message, size);
    if (gap) {
        atomic_store_explicit(word(it, MARK), at, memory_order_relaxed);
    } else if (at + length >= it->capacity) {
        atomic_store_explicit(word(it, MARK), it->capacity, memory_order_relaxed);
    }
    publish(it, gap + length);
    return true;
}

static void release_bytes(side *it, uint32_t by) {
    it->position = advance(it, it->position, by);
    atomic_store_explicit(word(it, HEAD), it->position, memory_order_release);
    ring_bell(it, PRODUCERS_BELL);
}

/* The contiguous bytes in front of the consumer. */
static uint32_t run(side *it, const unsigned char **bytes) {
    uint32_t tail = atomic_load_explicit(word(it, TAIL), memory_order_acquire);
    uint32_t used = between(it, it->position, tail), at = it->position % it->capacity, to_end = it->capacity - at;
    if (used > to_end) {
        uint32_t mark = atomic_load_explicit(word(it, MARK), memory_order_relaxed);
        if (mark > it->capacity) mark = it->capacity;
        if (mark > at) {
            used = mark - at;
        } else {
            release_bytes(it, to_end);
            used -= to_end;
            at = 0;
        }
    }
    *bytes = it->at + BYTES + at;
    return used;
}

/* The other side's end. */

enum { TOTAL = 60000 };
static const uint32_t capacities[] = {9, 16, 37, 64, 100, 257, 4096};
enum { CAPACITIES = sizeof capacities / sizeof capacities[0] };

static unsigned char byte_of(uint32_t n) { return (unsigned char)(n * 131 + (n >> 8)); }

/* The length of the `n`-th message. */
static uint32_t length_of(uint32_t n, uint32_t capacity) { return n * 7 % ((capacity + 1) / 2 - 3); }

static side ours;

static void *plain_producer(void *messages) {
    unsigned char chunk[4096];
    CHECK(take(&ours, PRODUCER, TAIL, 7));
    for (uint32_t n = 0; n < TOTAL;) {
        uint32_t size = messages ? length_of(n, ours.capacity) : 1 + n % 29, done = 0;
        for (uint32_t i = 0; i < size; i++) chunk[i] = byte_of(n + i);
        for (;;) {
            done = messages ? put_message(&ours, chunk, size) : put_bytes(&ours, chunk, size);
            if (done) break;
            uint32_t ticket = announce(&ours, PRODUCERS_BELL);
            done = messages ? put_message(&ours, chunk, size) : put_bytes(&ours, chunk, size);
            if (done) break;
            sleep_on(&ours, PRODUCERS_BELL, ticket);
        }
        n += messages ? size + 1 : done;
    }
    leave(&ours, PRODUCER, CONSUMERS_BELL, CLOSED);
    return NULL;
}

static void *plain_consumer(void *messages) {
    CHECK(take(&ours, CONSUMER, HEAD, 8));
    uint32_t n = 0;
    for (;;) {
        const unsigned char *bytes;
        uint32_t count = run(&ours, &bytes);
        if (count == 0) {
            bool gone = is_gone(&ours, PRODUCER);
            uint32_t ticket = announce(&ours, CONSUMERS_BELL);
            gone |= is_gone(&ours, PRODUCER);
            count = run(&ours, &bytes);
            if (count == 0 && gone) break;
            if (count == 0) {
                sleep_on(&ours, CONSUMERS_BELL, ticket);
                continue;
            }
        }
        if (messages) {
            uint32_t length = bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
            CHECK(length == length_of(n, ours.capacity) && length + 4 <= count);
            for (uint32_t i = 0; i < length; i++) CHECK(bytes[4 + i] == byte_of(n + i));
            release_bytes(&ours, length + 4);
            n += length + 1;
        } else {
            if (count > 13) count = 13;
            for (uint32_t i = 0; i < count; i++) CHECK(bytes[i] == byte_of(n + i));
            release_bytes(&ours, count);
            n += count;
        }
    }
    CHECK(n >= TOTAL);
    leave(&ours, CONSUMER, PRODUCERS_BELL, FREE);
    return NULL;
}

static void library_writes(rw_byte_ring *ring) {
    rw_byte_producer producer;
    unsigned char chunk[32];
    OK(rw_byte_ring_take_producer(ring, 1, &producer));
    for (uint32_t n = 0; n < TOTAL;) {
        size_t size = 1 + n % 29, done = 0;
        void *place;
        for (uint32_t i = 0; i < size; i++) chunk[i] = byte_of(n + i);
        /* In place, which may leave a gap, or by a copy, which wraps. */
        if (n % 3 == 0 && rw_byte_try_reserve(&producer, size, &place) == RW_OK) {
            memcpy(place, chunk, size);
            OK(rw_byte_commit(&producer, size, size));
            done = size;
        } else {
            OK(rw_byte_write(&producer, chunk, size, RW_FOREVER, &done));
        }
        n += (uint32_t)done;
    }
    OK(rw_byte_producer_close(&producer));
}

static void library_reads(rw_byte_ring *ring) {
    rw_byte_consumer consumer;
    unsigned char chunk[32];
    uint32_t n = 0;
    size_t count = 0;
    OK(rw_byte_ring_take_consumer(ring, 1, &consumer));
    for (;;) {
        int error = rw_byte_read(&consumer, chunk, 1 + n % 31, RW_FOREVER, &count);
        if (error == RW_END_OF_FILE) break;
        OK(error);
        for (size_t i = 0; i < count; i++) CHECK(chunk[i] == byte_of(n + (uint32_t)i));
        n += (uint32_t)count;
    }
    CHECK(n >= TOTAL);
    OK(rw_byte_consumer_release(&consumer));
}

static void library_sends(rw_message_ring *ring, uint32_t capacity) {
    rw_sender sender;
    unsigned char chunk[4096];
    OK(rw_message_ring_take_sender(ring, 1, &sender));
    for (uint32_t n = 0; n < TOTAL;) {
        uint32_t size = length_of(n, capacity);
        for (uint32_t i = 0; i < size; i++) chunk[i] = byte_of(n + i);
        OK(rw_send(&sender, chunk, size, RW_FOREVER));
        n += size + 1;
    }
    OK(rw_sender_close(&sender));
}

static void library_receives(rw_message_ring *ring, uint32_t capacity) {
    rw_receiver receiver;
    unsigned char chunk[4096];
    uint32_t n = 0;
    size_t length = 0;
    OK(rw_message_ring_take_receiver(ring, 1, &receiver));
    for (;;) {
        int error = rw_recv(&receiver, chunk, sizeof chunk, RW_FOREVER, &length);
        if (error == RW_END_OF_FILE) break;
        OK(error);
        CHECK(length == length_of(n, capacity));
        for (size_t i = 0; i < length; i++) CHECK(chunk[i] == byte_of(n + (uint32_t)i));
        n += (uint32_t)length + 1;
    }
    CHECK(n >= TOTAL);
    OK(rw_receiver_release(&receiver));
}

/* Each exchange in a fresh ring: zeros, or what the library makes. */
static unsigned char *fresh(uint32_t capacity, size_t *size) {
    size_t align = 0;
    OK(rw_byte_ring_layout(capacity, size, &align));
    CHECK(align == 128 && *size == (BYTES + capacity + 127) / 128 * 128);
    unsigned char *memory = (unsigned char *)room(*size, align);
    memset(memory, 0, *size);
    ours.at = memory;
    ours.capacity = capacity;
    return memory;
}

static void exchanges(uint32_t capacity) {
    static int messages;
    size_t size;
    pthread_t thread;
    rw_byte_ring bytes;
    rw_message_ring records;

    unsigned char *memory = fresh(capacity, &size);
    OK(rw_byte_ring_attach(&bytes, memory, size, capacity));
    CHECK(pthread_create(&thread, NULL, plain_producer, NULL) == 0);
    library_reads(&bytes);
    CHECK(pthread_join(thread, NULL) == 0);
    free(memory);

    memory = fresh(capacity, &size);
    OK(rw_byte_ring_init(&bytes, memory, size, capacity));
    CHECK(pthread_create(&thread, NULL, plain_consumer, NULL) == 0);
    library_writes(&bytes);
    CHECK(pthread_join(thread, NULL) == 0);
    free(memory);

    memory = fresh(capacity, &size);
    OK(rw_message_ring_attach(&records, memory, size, capacity));
    CHECK(pthread_create(&thread, NULL, plain_producer, &messages) == 0);
    library_receives(&records, capacity);
    CHECK(pthread_join(thread, NULL) == 0);
    free(memory);

    memory = fresh(capacity, &size);
    OK(rw_message_ring_init(&records, memory, size, capacity));
    CHECK(pthread_create(&thread, NULL, plain_consumer, &messages) == 0);
    library_sends(&records, capacity);
    CHECK(pthread_join(thread, NULL) == 0);
    free(memory);
}

/* Halves that are taken, given back and closed, as the library sees them and as this file does. */
static void halves(void) {
    size_t size;
    unsigned char *memory = fresh(64, &size);
    rw_byte_ring ring;
    rw_byte_producer producer;
    rw_byte_consumer consumer;
    char text[8];
    size_t count;
    OK(rw_byte_ring_init(&ring, memory, size, 64));
    OK(rw_byte_ring_take_consumer(&ring, 1, &consumer));
    CHECK(atomic_load(word(&ours, CONSUMER)) == 2 + 4 * 1);
    CHECK(!take(&ours, CONSUMER, HEAD, 2));
    CHECK(take(&ours, PRODUCER, TAIL, 3));
    IS(rw_byte_ring_take_producer(&ring, 1, &producer), RW_TAKEN);
    CHECK(put_bytes(&ours, (const unsigned char *)"abc", 3) == 3);
    OK(rw_byte_ring_recover(&ring, 3)); /* it dies, and what it published is there */
    CHECK(atomic_load(word(&ours, PRODUCER)) == CLOSED);
    OK(rw_byte_try_read(&consumer, text, sizeof text, &count));
    CHECK(count == 3);
    IS(rw_byte_try_read(&consumer, text, sizeof text, &count), RW_END_OF_FILE);
    CHECK(take(&ours, PRODUCER, TAIL, 4)); /* another one comes */
    IS(rw_byte_try_read(&consumer, text, sizeof text, &count), RW_WOULD_BLOCK);
    leave(&ours, PRODUCER, CONSUMERS_BELL, FREE);
    OK(rw_byte_consumer_close(&consumer));
    CHECK(is_gone(&ours, CONSUMER));
    OK(rw_byte_ring_take_producer(&ring, 5, &producer));
    OK(rw_byte_producer_release(&producer));
    CHECK(atomic_load(word(&ours, PRODUCER)) == FREE);
    free(memory);
}

int main(void) {
    rw_set_wait(&waiting);
    halves();
    for (int i = 0; i < CAPACITIES; i++) exchanges(capacities[i]);
    printf("%lu checks passed\n", checks);
    return 0;
}
