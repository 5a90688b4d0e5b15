/* The side in C of the tests between languages: peer ROLE KIND REGION. tests/peers has the same roles in Rust, and drives
 * both. A role ends with 0, or says what is not so.
 *
 * make   lays the region out, says so, and stays attached until its input ends
 * send   sends ITEMS items, numbered from 0, and closes its half
 * recv   receives them, and the end
 * work   adds ROUNDS times to a count, under the lock
 * hold   takes what can be taken, says so, and waits to be killed
 * after  finds what a killed holder left: what it held is there for others */

#include "parts.h"

enum { ITEMS = 1000, ROUNDS = 2000 };

static rw_region region;
static uint16_t me;

static int is(const char *one, const char *other) { return strcmp(one, other) == 0; }

static void say(void) {
    CHECK(write(1, "ready\n", 6) == 6);
}

static void wait_to_be_killed(void) {
    say();
    for (;;) pause();
}

/* What is not atomic, under a lock of its own. */
static volatile uint64_t *counted(void) {
    void *memory = NULL;
    OK(rw_region_memory(&region, &parts[COUNTS], &memory, NULL));
    return (volatile uint64_t *)memory;
}

static void make(void) {
    char byte;
    say();
    while (read(0, &byte, 1) > 0) {}
    OK(rw_region_detach(&region));
}

static void ring(const char *role) {
    rw_ring it;
    rw_ring_producer producer;
    rw_ring_consumer consumer;
    job one;
    OK(rw_region_ring(&region, &parts[RING], &it));
    if (is(role, "send") || is(role, "hold")) {
        OK(rw_ring_take_producer(&it, me, &producer));
        int count = is(role, "send") ? ITEMS : 3;
        for (int i = 0; i < count; i++) {
            one.number = one.copy = (uint64_t)i;
            OK(rw_ring_push(&producer, &one, sizeof one, LATE));
        }
        if (is(role, "hold")) wait_to_be_killed();
        OK(rw_ring_producer_close(&producer));
    } else {
        OK(rw_ring_take_consumer(&it, me, &consumer));
        int count = is(role, "recv") ? ITEMS : 3;
        for (int i = 0; i < count; i++) {
            OK(rw_ring_pop(&consumer, &one, sizeof one, LATE));
            CHECK(one.number == (uint64_t)i && one.copy == (uint64_t)i);
        }
        IS(rw_ring_pop(&consumer, &one, sizeof one, LATE), RW_END_OF_FILE);
        OK(rw_ring_take_producer(&it, me, &producer));
    }
}

static void bytes(const char *role) {
    rw_byte_ring it;
    rw_byte_producer producer;
    rw_byte_consumer consumer;
    unsigned char some[70];
    size_t length = 0;
    int count = is(role, "send") || is(role, "recv") ? ITEMS : 60;
    OK(rw_region_byte_ring(&region, &parts[BYTES], &it));
    if (is(role, "send") || is(role, "hold")) {
        OK(rw_byte_ring_take_producer(&it, me, &producer));
        for (int i = 0; i < count; i++) {
            unsigned char byte = (unsigned char)i;
            OK(rw_byte_write_all(&producer, &byte, 1, LATE, &length));
        }
        void *place;
        if (is(role, "hold")) {
            OK(rw_byte_try_reserve(&producer, 10, &place)); /* never committed */
            memset(place, 255, 10);
            wait_to_be_killed();
        }
        OK(rw_byte_producer_close(&producer));
    } else {
        OK(rw_byte_ring_take_consumer(&it, me, &consumer));
        for (int i = 0; i < count;) {
            OK(rw_byte_read(&consumer, some, sizeof some, LATE, &length));
            for (size_t k = 0; k < length; k++) CHECK(some[k] == (unsigned char)i++);
        }
        IS(rw_byte_read(&consumer, some, sizeof some, LATE, &length), RW_END_OF_FILE);
        OK(rw_byte_ring_take_producer(&it, me, &producer));
    }
}

static void messages(const char *role) {
    rw_message_ring it;
    rw_sender sender;
    rw_receiver receiver;
    char text[100], wanted[100];
    size_t length = 0;
    int count = is(role, "send") || is(role, "recv") ? ITEMS : 3;
    OK(rw_region_message_ring(&region, &parts[MESSAGES], &it));
    if (is(role, "send") || is(role, "hold")) {
        OK(rw_message_ring_take_sender(&it, me, &sender));
        for (int i = 0; i < count; i++) {
            int size = snprintf(text, sizeof text, "%0*d", i % 50 + 1, i);
            OK(rw_send(&sender, text, (size_t)size, LATE));
        }
        void *place;
        if (is(role, "hold")) {
            OK(rw_try_send_reserve(&sender, 10, &place)); /* never sent */
            memset(place, 255, 10);
            wait_to_be_killed();
        }
        OK(rw_sender_close(&sender));
    } else {
        OK(rw_message_ring_take_receiver(&it, me, &receiver));
        for (int i = 0; i < count; i++) {
            int size = snprintf(wanted, sizeof wanted, "%0*d", i % 50 + 1, i);
            OK(rw_recv(&receiver, text, sizeof text, LATE, &length));
            CHECK(length == (size_t)size && memcmp(text, wanted, length) == 0);
        }
        IS(rw_recv(&receiver, text, sizeof text, LATE, &length), RW_END_OF_FILE);
        OK(rw_message_ring_take_sender(&it, me, &sender));
    }
}

static void queue(const char *role) {
    rw_queue it;
    rw_claim claim;
    rw_loan loan;
    void *place = NULL;
    job one = {42, 42};
    OK(rw_region_queue(&region, &parts[QUEUE], &it));
    if (is(role, "send")) {
        for (int i = 0; i < ITEMS; i++) {
            one.number = one.copy = (uint64_t)i;
            OK(rw_queue_push(&it, &one, sizeof one, LATE));
        }
    } else if (is(role, "recv")) {
        for (int i = 0; i < ITEMS; i++) {
            OK(rw_queue_pop(&it, &one, sizeof one, LATE));
            CHECK(one.number == (uint64_t)i && one.copy == (uint64_t)i);
        }
    } else if (is(role, "hold")) {
        OK(rw_queue_push(&it, &one, sizeof one, LATE));
        OK(rw_queue_claim(&it, LATE, &claim, &place));
        OK(rw_queue_reserve(&it, LATE, &loan, &place));
        memset(place, 255, sizeof one);
        wait_to_be_killed();
    } else {
        OK(rw_queue_claim(&it, LATE, &claim, &place));
        CHECK(((job *)place)->number == 42 && rw_claim_attempts(&claim) == 2);
        OK(rw_claim_complete(&claim));
        for (int i = 0; i < 8; i++) OK(rw_queue_push(&it, &one, sizeof one, LATE));
    }
}

static void news(const char *role, int part) {
    rw_broadcast it;
    rw_writer writer;
    rw_reader reader;
    job one;
    uint64_t missed = 0;
    OK(rw_region_broadcast(&region, &parts[part], &it));
    if (is(role, "send") || is(role, "hold")) {
        OK(rw_broadcast_take_writer(&it, me, &writer));
        for (int i = 0; i < ITEMS; i++) {
            one.number = one.copy = (uint64_t)i;
            OK(rw_writer_send(&writer, &one, sizeof one));
        }
        if (is(role, "hold")) wait_to_be_killed();
        OK(rw_writer_close(&writer));
    } else {
        OK(rw_broadcast_reader(&it, &reader));
        uint64_t last = 0;
        int count = 0;
        for (;; count++) {
            int code = rw_reader_recv(&reader, &one, sizeof one, LATE, &missed);
            if (code == RW_END_OF_FILE) break;
            if (code == RW_LAGGED) continue;
            OK(code);
            CHECK(one.number == one.copy && (count == 0 || one.number > last));
            last = one.number;
        }
        CHECK(last == ITEMS - 1 && (part == LATEST || count == ITEMS));
        OK(rw_broadcast_take_writer(&it, me, &writer));
    }
}

static void mutex(const char *role) {
    rw_mutex it;
    rw_mutex_guard guard;
    void *place = NULL;
    OK(rw_region_mutex(&region, &parts[MUTEX], &it, &place));
    job *one = (job *)place;
    if (is(role, "work")) {
        for (int i = 0; i < ROUNDS; i++) {
            OK(rw_mutex_lock(&it, LATE, &guard));
            one->number++;
            OK(rw_mutex_unlock(&guard));
        }
        volatile uint64_t *counts = counted();
        OK(rw_mutex_lock(&it, LATE, &guard));
        counts[0] = one->number;
        OK(rw_mutex_unlock(&guard));
    } else if (is(role, "hold")) {
        OK(rw_mutex_lock(&it, LATE, &guard));
        one->number = 1; /* and copy not yet */
        wait_to_be_killed();
    } else {
        IS(rw_mutex_lock(&it, LATE, &guard), RW_OWNER_DIED);
        CHECK(one->number == 1 && one->copy == 0);
        OK(rw_mutex_make_consistent(&guard));
        OK(rw_mutex_unlock(&guard));
        OK(rw_mutex_lock(&it, LATE, &guard));
        OK(rw_mutex_unlock(&guard));
    }
}

static void rwlock(const char *role) {
    rw_rwlock it;
    rw_read_guard reading;
    rw_write_guard writing;
    void *place = NULL;
    OK(rw_region_rwlock(&region, &parts[RWLOCK], &it, &place));
    volatile job *one = (volatile job *)place;
    volatile uint64_t *counts = counted();
    if (is(role, "work")) {
        for (int i = 0; i < ROUNDS; i++) {
            OK(rw_rwlock_write(&it, LATE, &writing));
            one->number++;
            one->copy++;
            OK(rw_rwlock_end_write(&writing));
            OK(rw_rwlock_read(&it, LATE, &reading));
            CHECK(one->number == one->copy);
            OK(rw_rwlock_end_read(&reading));
        }
        OK(rw_rwlock_write(&it, LATE, &writing));
        counts[0] = one->number;
        OK(rw_rwlock_end_write(&writing));
    } else if (is(role, "hold")) {
        OK(rw_rwlock_write(&it, LATE, &writing));
        one->number = 1; /* and copy not yet */
        wait_to_be_killed();
    } else {
        IS(rw_rwlock_write(&it, LATE, &writing), RW_OWNER_DIED);
        CHECK(one->number == 1 && one->copy == 0);
        OK(rw_rwlock_make_consistent(&writing));
        OK(rw_rwlock_end_write(&writing));
        OK(rw_rwlock_read(&it, LATE, &reading));
        OK(rw_rwlock_end_read(&reading));
    }
}

static void reentrant(const char *role) {
    rw_reentrant it;
    rw_reentrant_guard once, twice;
    void *place = NULL;
    OK(rw_region_reentrant(&region, &parts[REENTRANT], &it, &place));
    uint64_t *item = (uint64_t *)place;
    volatile uint64_t *counts = counted();
    if (is(role, "work")) {
        for (int i = 0; i < ROUNDS; i++) {
            OK(rw_reentrant_lock(&it, LATE, &once));
            OK(rw_reentrant_lock(&it, LATE, &twice));
            counts[0]++;
            OK(rw_reentrant_unlock(&twice));
            OK(rw_reentrant_unlock(&once));
        }
    } else if (is(role, "hold")) {
        OK(rw_reentrant_lock(&it, LATE, &once));
        OK(rw_reentrant_lock(&it, LATE, &twice));
        *item = counts[1] = 7;
        wait_to_be_killed();
    } else {
        IS(rw_reentrant_lock(&it, LATE, &once), RW_OWNER_DIED);
        CHECK(*item == counts[1]); /* a holder in Rust changes neither */
        OK(rw_reentrant_make_consistent(&once));
        OK(rw_reentrant_unlock(&once));
        OK(rw_reentrant_lock(&it, LATE, &once));
        OK(rw_reentrant_unlock(&once));
    }
}

static void semaphore(const char *role) {
    rw_semaphore it;
    OK(rw_region_semaphore(&region, &parts[SEMAPHORE], &it));
    volatile uint64_t *counts = counted();
    if (!is(role, "work")) return;
    for (int i = 0; i < ROUNDS; i++) {
        OK(rw_semaphore_acquire(&it, LATE));
        counts[0]++;
        OK(rw_semaphore_release(&it, 1));
    }
}

static void bounded(const char *role) {
    rw_bounded_semaphore it;
    OK(rw_region_bounded_semaphore(&region, &parts[BOUNDED], &it));
    volatile uint64_t *counts = counted();
    if (is(role, "work")) {
        for (int i = 0; i < ROUNDS; i++) {
            OK(rw_bounded_semaphore_acquire(&it, LATE));
            /* Two have a permit at a time. */
            __atomic_fetch_add(&counts[0], 1, __ATOMIC_RELAXED);
            OK(rw_bounded_semaphore_release(&it));
        }
    } else {
        OK(rw_bounded_semaphore_acquire(&it, LATE));
        OK(rw_bounded_semaphore_acquire(&it, LATE));
        if (is(role, "hold")) wait_to_be_killed();
        OK(rw_bounded_semaphore_release(&it));
        OK(rw_bounded_semaphore_release(&it));
    }
}

static void event(const char *role) {
    rw_event it;
    OK(rw_region_event(&region, &parts[EVENT], &it));
    if (is(role, "send")) {
        OK(rw_event_set(&it));
    } else {
        OK(rw_event_wait(&it, LATE));
        CHECK(rw_event_is_set(&it));
    }
}

static void barrier(const char *role) {
    rw_barrier it;
    size_t number = 9;
    OK(rw_region_barrier(&region, &parts[BARRIER], &it));
    volatile uint64_t *counts = counted();
    if (is(role, "work")) {
        for (int i = 0; i < ROUNDS; i++) {
            OK(rw_barrier_wait(&it, LATE, &number));
            CHECK(number < 2);
            __atomic_fetch_add(&counts[0], 1, __ATOMIC_RELAXED);
        }
    } else if (is(role, "hold")) {
        say(); /* and is killed while it waits */
        OK(rw_barrier_wait(&it, LATE, &number));
    } else {
        /* The dead one had arrived, which counts until somebody sees that it is dead. */
        OK(rw_region_reap(&region, NULL));
        IS(rw_barrier_wait(&it, LATE, &number), RW_BROKEN);
    }
}

int main(int count, char **arguments) {
    CHECK(count == 4);
    const char *role = arguments[1], *kind = arguments[2], *name = arguments[3];
    if (is(role, "make")) {
        OK(rw_region_create(&region, name, 0600, parts, PARTS, 8));
        make();
        return 0;
    }
    OK(rw_region_open(&region, name, 0600, LATE));
    me = rw_region_participant(&region);
    if (is(kind, "ring")) ring(role);
    else if (is(kind, "bytes")) bytes(role);
    else if (is(kind, "messages")) messages(role);
    else if (is(kind, "queue")) queue(role);
    else if (is(kind, "news")) news(role, NEWS);
    else if (is(kind, "latest")) news(role, LATEST);
    else if (is(kind, "mutex")) mutex(role);
    else if (is(kind, "rwlock")) rwlock(role);
    else if (is(kind, "reentrant")) reentrant(role);
    else if (is(kind, "semaphore")) semaphore(role);
    else if (is(kind, "bounded")) bounded(role);
    else if (is(kind, "event")) event(role);
    else if (is(kind, "barrier")) barrier(role);
    else CHECK(!"a kind that is known");
    OK(rw_region_detach(&region));
    return 0;
}
