/* The inlined forms of the functions against the library's own, mixed by chance: what they do to a ring, that they wake
 * who sleeps, and what they make of positions that somebody overwrote. In parentheses, a name is the library's function.
 */

#include "common.h"

#include <sched.h>

#if !defined(rw_ring_try_push) || !defined(rw_ring_try_pop)
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

int main(void) {
    rw_set_wait(&waiting);
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
