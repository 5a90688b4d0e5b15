/* The bench in C, as src/main.rs is in Rust: bench WHAT prints nanoseconds for each operation. */

#include <ringway.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ONE = 20000, TRIPS = 2000, ROUNDS = 100, CONTENDED = 500000 };

#define U64 8, 8, "u64"

static const rw_part parts[] = {
    {"there", RW_KIND_RING, 64, U64},
    {"back", RW_KIND_RING, 64, U64},
    {"queue", RW_KIND_QUEUE, 64, U64},
    {"messages", RW_KIND_MESSAGE_RING, 4096, 0, 0, NULL},
    {"mutex", RW_KIND_MUTEX, 1, U64},
};

static rw_region region;
static rw_ring there, back;
static rw_ring_producer producer;
static rw_ring_consumer consumer;
static rw_queue queue;
static rw_message_ring messages;
static rw_sender sender;
static rw_receiver receiver;
static rw_mutex mutex;
static uint64_t *item;
static pthread_mutex_t *robust;

static void must(int is_so) {
    if (!is_so) {
        fprintf(stderr, "the bench fails\n");
        exit(1);
    }
}

/* Keeps the compiler from knowing what the number is: as black_box of Rust. */
#define HIDE(number) __asm__ volatile("" : "+m"(number))

static void ring_once(uint64_t number) {
    HIDE(number);
    rw_ring_try_push(&producer, &number, sizeof number);
    rw_ring_try_pop(&consumer, &number, sizeof number);
    HIDE(number);
}

static void queue_once(uint64_t number) {
    HIDE(number);
    rw_queue_try_push(&queue, &number, sizeof number);
    rw_queue_try_pop(&queue, &number, sizeof number);
    HIDE(number);
}

static void message_once(uint64_t number) {
    char buffer[64];
    size_t length;
    (void)number;
    rw_try_send(&sender, "a message of thirty bytes or so", 31);
    rw_try_recv(&receiver, buffer, sizeof buffer, &length);
}

static void mutex_once(uint64_t number) {
    rw_mutex_guard guard;
    (void)number;
    rw_mutex_lock(&mutex, RW_FOREVER, &guard);
    ++*item;
    rw_mutex_unlock(&guard);
}

static void robust_once(uint64_t number) {
    (void)number;
    pthread_mutex_lock(robust);
    ++*item;
    pthread_mutex_unlock(robust);
}

static void trip_once(uint64_t number) {
    uint64_t answer = 0;
    must(rw_ring_push(&producer, &number, sizeof number, RW_FOREVER) == RW_OK);
    must(rw_ring_pop(&consumer, &answer, sizeof answer, RW_FOREVER) == RW_OK && answer == number);
}

/* The least of many short rounds: what else the machine does is in few of them. */
static inline __attribute__((always_inline)) double timed(uint64_t count, void once(uint64_t)) {
    double least = 1e18;
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t begin = rw_now();
        for (uint64_t i = 0; i < count; i++) once(i);
        double each = (double)(rw_now() - begin) / (double)count;
        if (each < least) least = each;
    }
    return least;
}

static void find(void) {
    must(rw_region_ring(&region, &parts[0], &there) == RW_OK && rw_region_ring(&region, &parts[1], &back) == RW_OK);
    must(rw_region_queue(&region, &parts[2], &queue) == RW_OK);
    must(rw_region_message_ring(&region, &parts[3], &messages) == RW_OK);
    must(rw_region_mutex(&region, &parts[4], &mutex, (void **)&item) == RW_OK);
}

static void make_robust(void) {
    pthread_mutexattr_t how;
    robust = (pthread_mutex_t *)mmap(NULL, sizeof *robust, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    must(robust != MAP_FAILED && pthread_mutexattr_init(&how) == 0);
    must(pthread_mutexattr_setpshared(&how, PTHREAD_PROCESS_SHARED) == 0);
    must(pthread_mutexattr_setrobust(&how, PTHREAD_MUTEX_ROBUST) == 0);
    must(pthread_mutex_init(robust, &how) == 0);
}

/* Two processes that lock as often as they can. */
static double contended(const char *name, int ours) {
    uint64_t *counts = (uint64_t *)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    make_robust();
    uint64_t begin = rw_now();
    pid_t child = fork();
    if (child == 0 || ours) {
        if (child == 0 && ours) must(rw_region_open(&region, name, 0600, RW_FOREVER) == RW_OK);
        else if (child != 0) must(rw_region_create(&region, name, 0600, parts, 5, 4) == RW_OK);
        if (ours) find();
        else item = counts;
    }
    if (!ours) item = counts;
    for (uint64_t i = 0; i < CONTENDED; i++) ours ? mutex_once(i) : robust_once(i);
    if (child == 0) _exit(0);
    must(waitpid(child, NULL, 0) == child);
    must(*item == 2 * (CONTENDED));
    return (double)(rw_now() - begin) / (double)(2 * (CONTENDED));
}

static double trip(const char *name) {
    pid_t child = fork();
    if (child == 0) {
        uint64_t number;
        must(rw_region_open(&region, name, 0600, RW_FOREVER) == RW_OK);
        find();
        must(rw_ring_take_consumer(&there, rw_region_participant(&region), &consumer) == RW_OK);
        must(rw_ring_take_producer(&back, rw_region_participant(&region), &producer) == RW_OK);
        while (rw_ring_pop(&consumer, &number, sizeof number, RW_FOREVER) == RW_OK)
            rw_ring_push(&producer, &number, sizeof number, RW_FOREVER);
        _exit(0);
    }
    must(rw_region_create(&region, name, 0600, parts, 5, 4) == RW_OK);
    find();
    must(rw_ring_take_producer(&there, rw_region_participant(&region), &producer) == RW_OK);
    must(rw_ring_take_consumer(&back, rw_region_participant(&region), &consumer) == RW_OK);
    double least = timed(TRIPS, trip_once);
    rw_ring_producer_close(&producer);
    must(waitpid(child, NULL, 0) == child);
    return least;
}

int main(int count, char **arguments) {
    char name[60];
    double nanoseconds;
    must(count == 2);
    const char *what = arguments[1];
    snprintf(name, sizeof name, "ringway-c-bench-%ld", (long)getpid());
    if (strcmp(what, "trip") == 0) nanoseconds = trip(name);
    else if (strcmp(what, "contended") == 0) nanoseconds = contended(name, 1);
    else if (strcmp(what, "contended-pthread") == 0) nanoseconds = contended(name, 0);
    else {
        must(rw_region_anonymous(&region, parts, 5, 2) == RW_OK);
        find();
        make_robust();
        uint16_t me = rw_region_participant(&region);
        must(rw_ring_take_producer(&there, me, &producer) == RW_OK && rw_ring_take_consumer(&there, me, &consumer) == RW_OK);
        must(rw_message_ring_take_sender(&messages, me, &sender) == RW_OK);
        must(rw_message_ring_take_receiver(&messages, me, &receiver) == RW_OK);
        nanoseconds = strcmp(what, "ring") == 0       ? timed(ONE, ring_once)
                      : strcmp(what, "queue") == 0    ? timed(ONE, queue_once)
                      : strcmp(what, "messages") == 0 ? timed(ONE, message_once)
                      : strcmp(what, "mutex") == 0    ? timed(ONE, mutex_once)
                                                      : timed(ONE, robust_once);
    }
    if (item && strcmp(what, "contended-pthread") != 0) rw_region_detach(&region);
    printf("%.2f\n", nanoseconds);
    return 0;
}
