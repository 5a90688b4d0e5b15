/* The worker in C of the test between three languages: tests/peers/src/languages.rs says what it does. */

#include "linux.h"

typedef struct { uint64_t number, copy; } job;

#define JOB sizeof(job), 8, "com.example.Job/1"

static const rw_part parts[] = {
    {"jobs", RW_KIND_QUEUE, 16, 8, 8, "u64"},
    {"done", RW_KIND_QUEUE, 64, JOB},
    {"level", RW_KIND_LATEST, 0, JOB},
    {"total", RW_KIND_MUTEX, 1, 8, 8, "i64"},
};

static const int64_t REPAIR = INT64_C(1) << 32;
static const uint64_t TOLD = UINT64_C(1) << 32, LANGUAGE = UINT64_C(1) << 40;

static void say(const char *what) {
    puts(what);
    fflush(stdout);
}

/* The newest level, which is whole, and not older than the one before. */
static uint64_t look(rw_reader *reader, uint64_t newest) {
    job found;
    for (;;) {
        int code = rw_reader_try_recv(reader, &found, sizeof found, NULL);
        if (code == RW_LAGGED) continue;
        if (code == RW_WOULD_BLOCK || code == RW_END_OF_FILE) return newest;
        OK(code);
        CHECK(found.number == found.copy && found.number >= newest);
        newest = found.number;
    }
}

int main(int count, char **arguments) {
    rw_region region;
    rw_queue jobs, done;
    rw_broadcast level;
    rw_writer writer;
    rw_reader reader;
    rw_mutex mutex;
    rw_mutex_guard guard;
    rw_claim claim;
    void *place = NULL, *item = NULL;
    int is_writer = 0;
    uint64_t newest = 0;
    CHECK(count == 3);
    long hold = atol(arguments[2]);
    OK(rw_region_open(&region, arguments[1], 0600, LATE));
    OK(rw_region_queue(&region, &parts[0], &jobs));
    OK(rw_region_queue(&region, &parts[1], &done));
    OK(rw_region_broadcast(&region, &parts[2], &level));
    OK(rw_region_mutex(&region, &parts[3], &mutex, &item));
    OK(rw_broadcast_reader(&level, &reader));
    volatile int64_t *total = (volatile int64_t *)item;
    say("ready");
    for (long number = 1;; number++) {
        OK(rw_queue_claim(&jobs, LATE, &claim, &place));
        job told = {*(uint64_t *)place, LANGUAGE | rw_claim_attempts(&claim)};
        if (told.number == UINT64_MAX) break;
        int locked = rw_mutex_lock(&mutex, LATE, &guard);
        if (locked == RW_OWNER_DIED) {
            if (*total < 0) *total = ~*total + REPAIR;
            OK(rw_mutex_make_consistent(&guard));
            told.copy |= TOLD;
        } else {
            OK(locked);
        }
        int64_t before = *total;
        CHECK(before >= 0);
        *total = ~before;
        if (number == hold) {
            say("held");
            while (getchar() != EOF) {}
            return 9;
        }
        *total = before + 1;
        if (!is_writer && number % 16 == 1) {
            is_writer = rw_broadcast_take_writer(&level, rw_region_participant(&region), &writer) == RW_OK;
        }
        if (is_writer) { /* under the lock, nobody else sends one meanwhile */
            newest = look(&reader, newest) + 1;
            job next = {newest, newest};
            OK(rw_writer_send(&writer, &next, sizeof next));
        }
        OK(rw_mutex_unlock(&guard));
        newest = look(&reader, newest);
        OK(rw_queue_push(&done, &told, sizeof told, LATE));
        OK(rw_claim_complete(&claim));
    }
    OK(rw_claim_complete(&claim));
    OK(rw_region_detach(&region));
    return 0;
}
