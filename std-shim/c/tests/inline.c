/* The inlined forms of the functions against the library's own, mixed by chance: what they do to a ring, that they wake
 * who sleeps, and what they make of positions that somebody overwrote. In parentheses, a name is the library's function.
 */

#include "common.h"

#include <sched.h>

#if !defined(rw_ring_try_push) || !defined(rw_ring_try_pop) || !defined(rw_try_send) || !defined(rw_try_recv)
#error "nothing is inlined, and nothing would be tested"
#endif

static uint64_t chance = 0x9E3779B97F4A7C15;

static unsigned upto(unsigned limit) {
    chance ^= chance << 13;
    chance ^= chance >> 7;
    chance ^= chance << 17;
    return (unsigned)(chance % limit);
}

enum { MOST = 64 };

/* Pushes an item that begins with a number, by one of the ways. */
static rw_error push(rw_ring_producer *producer, size_t size, unsigned char number) {
    unsigned char item[MOST];
    memset(item, number, sizeof item);
    switch (upto(5)) {
    case 0: return (rw_ring_try_push)(producer, item, size);
    case 1: return rw_ring_push(producer, item, size, 1) == RW_OK ? RW_OK : RW_WOULD_BLOCK;
    default: return size == 8 ? rw_ring_try_push(producer, item, 8) : rw_ring_try_push(producer, item, size);
    }
}

static rw_error pop(rw_ring_consumer *consumer, size_t size, unsigned char *number) {
    unsigned char item[MOST + 1];
    memset(item, 0xEE, sizeof item);
    rw_error error;
    switch (upto(5)) {
    case 0: error = (rw_ring_try_pop)(consumer, item, size); break;
    case 1: error = rw_ring_pop(consumer, item, size, 1) == RW_OK ? RW_OK : RW_WOULD_BLOCK; break;
    default: error = size == 8 ? rw_ring_try_pop(consumer, item, 8) : rw_ring_try_pop(consumer, item, size);
    }
    if (error == RW_OK) {
        CHECK(item[size] == 0xEE && memcmp(item, item + 1, size - 1) == 0);
        *number = item[0];
    }
    return error;
}

/* One thread: the ring is a queue of the numbers between two counts, whoever did what before. */
static void mixed(size_t capacity, size_t item_size, int steps) {
    size_t size = 0, align = 0, pushed = 0, popped = 0;
    OK(rw_ring_layout(capacity, item_size, 1, &size, &align));
    void *memory = room(size, align);
    rw_ring ring;
    rw_ring_producer producer;
    rw_ring_consumer consumer;
    OK(rw_ring_init(&ring, memory, size, capacity, item_size, 1));
    OK(rw_ring_take_producer(&ring, 1, &producer));
    OK(rw_ring_take_consumer(&ring, 1, &consumer));
    for (int step = 0; step < steps; step++) {
        unsigned char number = 0;
        unsigned how_many = 1 + (upto(4) == 0 ? upto(2 * (unsigned)capacity) : 0);
        int pushes = (int)upto(2);
        for (unsigned i = 0; i < how_many; i++) {
            size_t used = pushed - popped;
            if (pushes) {
                IS(push(&producer, item_size, (unsigned char)pushed), used < capacity ? RW_OK : RW_WOULD_BLOCK);
                pushed += used < capacity;
            } else {
                IS(pop(&consumer, item_size, &number), used > 0 ? RW_OK : RW_WOULD_BLOCK);
                CHECK(used == 0 || number == (unsigned char)popped);
                popped += used > 0;
            }
            CHECK(rw_ring_length(&ring) == pushed - popped);
        }
        IS(rw_ring_try_push(&producer, &number, item_size + 1), RW_MESSAGE_TOO_LARGE);
        if (upto(64) == 0) { /* The next holder goes on where this one stood. */
            OK(rw_ring_producer_release(&producer));
            IS(rw_ring_try_push(&producer, &number, item_size), RW_INVALID);
            OK(rw_ring_take_producer(&ring, 2, &producer));
            OK(rw_ring_consumer_release(&consumer));
            IS(rw_ring_try_pop(&consumer, &number, item_size), RW_INVALID);
            OK(rw_ring_take_consumer(&ring, 2, &consumer));
        }
    }
    /* What was pushed before the end is popped, and then it is the end. */
    OK(rw_ring_producer_close(&producer));
    while (popped < pushed) {
        unsigned char item[MOST];
        OK(rw_ring_try_pop(&consumer, item, item_size));
        CHECK(item[0] == (unsigned char)popped++);
    }
    unsigned char item[MOST];
    IS(rw_ring_try_pop(&consumer, item, item_size), RW_END_OF_FILE);
    OK(rw_ring_consumer_release(&consumer));
    free(memory);
}

/* Two threads: one sleeps whenever it can, the other one inlines. A lost wake-up would hang. */
enum { ITEMS = 30000 };

static rw_ring_producer from;
static rw_ring_consumer to;

static void *pops(void *unused) {
    for (uint64_t i = 0; i < ITEMS; i++) {
        uint64_t item = 0;
        OK(rw_ring_pop(&to, &item, sizeof item, soon(60000)));
        CHECK(item == i);
    }
    return unused;
}

static void *pushes(void *unused) {
    for (uint64_t i = 0; i < ITEMS; i++) OK(rw_ring_push(&from, &i, sizeof i, soon(60000)));
    return unused;
}

static void threads(size_t capacity, int other_pops) {
    size_t size = 0, align = 0;
    pthread_t thread;
    OK(rw_ring_layout(capacity, 8, 8, &size, &align));
    void *memory = room(size, align);
    rw_ring ring;
    OK(rw_ring_init(&ring, memory, size, capacity, 8, 8));
    OK(rw_ring_take_producer(&ring, 1, &from));
    OK(rw_ring_take_consumer(&ring, 2, &to));
    CHECK(pthread_create(&thread, NULL, other_pops ? pops : pushes, NULL) == 0);
    for (uint64_t i = 0; i < ITEMS;) {
        uint64_t item = i;
        rw_error error = other_pops ? rw_ring_try_push(&from, &item, 8) : rw_ring_try_pop(&to, &item, 8);
        CHECK(error == RW_OK || error == RW_WOULD_BLOCK);
        if (error != RW_OK) {
            sched_yield();
            continue;
        }
        CHECK(item == i);
        i++;
    }
    CHECK(pthread_join(thread, NULL) == 0);
    OK(rw_ring_producer_release(&from));
    OK(rw_ring_consumer_release(&to));
    free(memory);
}

/* Whatever somebody writes into the other side's word: no slot is touched that is not there, and nobody hangs. */
static void overwritten(size_t capacity) {
    size_t size = 0, align = 0;
    OK(rw_ring_layout(capacity, 8, 8, &size, &align));
    char *memory = (char *)room(size, align);
    rw_ring ring;
    rw_ring_producer producer;
    rw_ring_consumer consumer;
    OK(rw_ring_init(&ring, memory, size, capacity, 8, 8));
    OK(rw_ring_take_producer(&ring, 1, &producer));
    OK(rw_ring_take_consumer(&ring, 1, &consumer));
    for (int step = 0; step < 2000; step++) {
        uint64_t item = 1;
        uint32_t word = upto(2) ? upto(3 * (unsigned)capacity) : (uint32_t)chance;
        memcpy(memory + (upto(2) ? 0 : 128), &word, sizeof word);
        rw_error error = rw_ring_try_push(&producer, &item, 8);
        CHECK(error == RW_OK || error == RW_WOULD_BLOCK);
        error = rw_ring_try_pop(&consumer, &item, 8);
        CHECK(error == RW_OK || error == RW_WOULD_BLOCK);
    }
    free(memory);
}

/* Messages: each has a length and a number that follow from its place in the stream. */

enum { LONGEST = 64 };

static rw_sender sender;
static rw_receiver receiver;

static void *messages(size_t capacity, rw_message_ring *ring, size_t *memory_size) {
    size_t align = 0;
    OK(rw_message_ring_layout(capacity, memory_size, &align));
    void *memory = room(*memory_size, align);
    OK(rw_message_ring_init(ring, memory, *memory_size, capacity));
    OK(rw_message_ring_take_sender(ring, 1, &sender));
    OK(rw_message_ring_take_receiver(ring, 2, &receiver));
    return memory;
}

static size_t length_of(size_t number, size_t longest) { return number * 7 % (longest + 1); }

static rw_error send(size_t number, size_t longest) {
    unsigned char message[LONGEST];
    size_t length = length_of(number, longest);
    memset(message, (int)(number & 0xFF), sizeof message);
    void *there = NULL;
    switch (upto(6)) {
    case 0: return (rw_try_send)(&sender, message, length);
    case 1: return rw_send(&sender, message, length, 1) == RW_OK ? RW_OK : RW_WOULD_BLOCK;
    case 2: {
        rw_error error = rw_try_send_reserve(&sender, length, &there);
        if (error != RW_OK) return error;
        if (length > 0) memcpy(there, message, length);
        return rw_send_commit(&sender, length, length);
    }
    default: return rw_try_send(&sender, message, length);
    }
}

static rw_error receive(size_t number, size_t longest) {
    unsigned char message[LONGEST + 1], wanted[LONGEST];
    size_t length = 1000, expected = length_of(number, longest);
    const void *there = NULL;
    memset(message, 0xEE, sizeof message);
    memset(wanted, (int)(number & 0xFF), sizeof wanted);
    rw_error error;
    switch (upto(7)) {
    case 0: error = (rw_try_recv)(&receiver, message, LONGEST, &length); break;
    case 1: error = rw_recv(&receiver, message, LONGEST, 1, &length) == RW_OK ? RW_OK : RW_WOULD_BLOCK; break;
    case 2:
        error = rw_try_recv_peek(&receiver, &there, &length);
        if (error != RW_OK) break;
        memcpy(message, there, length <= LONGEST ? length : 0);
        OK(rw_recv_release(&receiver));
        break;
    case 3: /* Too small a buffer: the message stays. */
        if (expected > 1) {
            error = rw_try_recv(&receiver, message, expected - 1, &length);
            CHECK(error == RW_WOULD_BLOCK || (error == RW_BUFFER_TOO_SMALL && length == expected));
            CHECK(message[0] == 0xEE);
        }
        error = rw_try_recv(&receiver, message, expected > 0 ? expected : 1, &length);
        break;
    default: error = rw_try_recv(&receiver, message, LONGEST, &length);
    }
    if (error == RW_OK) {
        CHECK(length == expected && memcmp(message, wanted, length) == 0);
        CHECK(message[length] == 0xEE);
    }
    return error;
}

static void mixed_messages(size_t capacity, int steps) {
    size_t size = 0, sent = 0, received = 0, longest = (capacity + 1) / 2 - 4;
    rw_message_ring ring;
    void *memory = messages(capacity, &ring, &size);
    if (longest > LONGEST) longest = LONGEST;
    for (int step = 0; step < steps; step++) {
        unsigned how_many = 1 + (upto(4) == 0 ? upto(20) : 0);
        int sends = (int)upto(2);
        for (unsigned i = 0; i < how_many; i++) {
            if (sends) {
                rw_error error = send(sent, longest);
                CHECK(error == RW_OK || (error == RW_WOULD_BLOCK && sent > received));
                sent += error == RW_OK;
            } else {
                IS(receive(received, longest), sent > received ? RW_OK : RW_WOULD_BLOCK);
                received += sent > received;
            }
        }
        if (upto(64) == 0) {
            char byte = 0;
            OK(rw_sender_release(&sender));
            IS(rw_try_send(&sender, &byte, 1), RW_INVALID);
            OK(rw_message_ring_take_sender(&ring, 3, &sender));
            OK(rw_receiver_release(&receiver));
            IS(rw_try_recv(&receiver, &byte, 1, NULL), RW_INVALID);
            OK(rw_message_ring_take_receiver(&ring, 4, &receiver));
        }
    }
    unsigned char message[LONGEST];
    while (received < sent) OK(receive(received++, longest));
    if (upto(2)) { /* A sender learns at once that nobody receives, though there is room. */
        OK(rw_try_send(&sender, message, 1));
        OK(rw_receiver_close(&receiver));
        IS(rw_try_send(&sender, message, 1), RW_BROKEN_PIPE);
        OK(rw_sender_release(&sender));
    } else {
        OK(rw_sender_close(&sender));
        IS(rw_try_recv(&receiver, message, sizeof message, NULL), RW_END_OF_FILE);
        OK(rw_receiver_release(&receiver));
    }
    free(memory);
}

static size_t most;

static void *receives(void *unused) {
    for (size_t i = 0; i < ITEMS; i++) {
        unsigned char message[LONGEST];
        size_t length = 0;
        OK(rw_recv(&receiver, message, sizeof message, soon(60000), &length));
        CHECK(length == length_of(i, most) && (length == 0 || message[length - 1] == (i & 0xFF)));
    }
    return unused;
}

static void *sends(void *unused) {
    for (size_t i = 0; i < ITEMS; i++) {
        unsigned char message[LONGEST];
        memset(message, (int)(i & 0xFF), sizeof message);
        OK(rw_send(&sender, message, length_of(i, most), soon(60000)));
    }
    return unused;
}

static void message_threads(size_t capacity, int other_receives) {
    size_t size = 0;
    pthread_t thread;
    rw_message_ring ring;
    void *memory = messages(capacity, &ring, &size);
    most = (capacity + 1) / 2 - 4;
    if (most > LONGEST) most = LONGEST;
    CHECK(pthread_create(&thread, NULL, other_receives ? receives : sends, NULL) == 0);
    for (size_t i = 0; i < ITEMS;) {
        unsigned char message[LONGEST];
        size_t length = length_of(i, most);
        memset(message, (int)(i & 0xFF), sizeof message);
        rw_error error = other_receives ? rw_try_send(&sender, message, length)
                                        : rw_try_recv(&receiver, message, sizeof message, &length);
        CHECK(error == RW_OK || error == RW_WOULD_BLOCK);
        if (error != RW_OK) {
            sched_yield();
            continue;
        }
        CHECK(length == length_of(i, most) && (length == 0 || message[length - 1] == (i & 0xFF)));
        i++;
    }
    CHECK(pthread_join(thread, NULL) == 0);
    OK(rw_sender_release(&sender));
    OK(rw_receiver_release(&receiver));
    free(memory);
}

/* Whatever somebody writes into the positions, the mark and the lengths: no byte beside the ring, or beside the buffer,
 * is touched, and nobody hangs. */
static void overwritten_messages(size_t capacity) {
    size_t size = 0, lengths = 0;
    rw_message_ring ring;
    char *memory = (char *)messages(capacity, &ring, &size);
    for (int step = 0; step < 5000; step++) {
        unsigned char *message = (unsigned char *)malloc(9);
        size_t length = 0;
        uint32_t word = upto(2) ? upto(3 * (unsigned)capacity) : (uint32_t)chance;
        CHECK(message != NULL);
        memset(message, 0, 9);
        rw_error error = rw_try_send(&sender, message, upto(3));
        CHECK(error == RW_OK || error == RW_WOULD_BLOCK || error == RW_MESSAGE_TOO_LARGE);
        switch (upto(5)) {
        case 0: memcpy(memory, &word, sizeof word); break;
        case 1: memcpy(memory + 128, &word, sizeof word); break;
        case 2: memcpy(memory + 256, &word, sizeof word); break;
        case 3: memset(memory + 384, (int)upto(16), capacity); break; /* Behind the header: every length. */
        default: break;
        }
        error = rw_try_recv(&receiver, message, 9, &length);
        CHECK(error == RW_OK || error == RW_WOULD_BLOCK || error == RW_CORRUPT || error == RW_BUFFER_TOO_SMALL);
        CHECK(error != RW_OK || length <= 9);
        lengths += error == RW_OK;
        free(message);
    }
    CHECK(lengths > 0);
    free(memory);
}

int main(void) {
    rw_set_wait(&waiting);
    static const size_t lengths[] = {9, 16, 63, 64, 200, 4096};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        mixed_messages(lengths[i], 3000);
        mixed_messages(lengths[i], 3000);
        message_threads(lengths[i], 0);
        message_threads(lengths[i], 1);
        overwritten_messages(lengths[i]);
    }
    static const size_t capacities[] = {1, 2, 3, 7, 64, 100};
    for (size_t i = 0; i < sizeof capacities / sizeof *capacities; i++) {
        mixed(capacities[i], 1, 1000);
        mixed(capacities[i], 8, 1000);
        mixed(capacities[i], 12, 1000);
        threads(capacities[i], 0);
        threads(capacities[i], 1);
        overwritten(capacities[i]);
    }
    printf("%lu checks passed\n", checks);
    return 0;
}
