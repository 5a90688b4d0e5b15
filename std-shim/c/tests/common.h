#ifndef COMMON_H
#define COMMON_H
/* What the tests share: checks, waiting on futexes, and memory. */

#include "ringway_core.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static unsigned long checks;

#define CHECK(condition)                                                              \
    do {                                                                              \
        checks++;                                                                     \
        if (!(condition)) {                                                           \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);   \
            exit(1);                                                                  \
        }                                                                             \
    } while (0)

#define IS(call, wanted)                                                              \
    do {                                                                              \
        int code_ = (int)(call);                                                      \
        checks++;                                                                     \
        if (code_ != (int)(wanted)) {                                                 \
            fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #call, rw_error_text(code_)); \
            exit(1);                                                                  \
        }                                                                             \
    } while (0)

#define OK(call) IS(call, RW_OK)

/* How this program waits: on futexes, with deadlines in nanoseconds of the monotonic clock. */

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

__attribute__((unused)) static uint64_t soon(unsigned milliseconds) { return now() + milliseconds * UINT64_C(1000000); }

static int32_t futex_sleep(const uint32_t *word, uint32_t expected, uint64_t deadline) {
    struct timespec left, *limit = NULL;
    if (deadline != RW_FOREVER) {
        uint64_t time = now();
        if (time >= deadline) return 1;
        left.tv_sec = (time_t)((deadline - time) / 1000000000u);
        left.tv_nsec = (long)((deadline - time) % 1000000000u);
        limit = &left;
    }
    int before = errno;
    long slept = syscall(SYS_futex, word, FUTEX_WAIT, expected, limit, NULL, 0);
    int is_late = slept == -1 && errno == ETIMEDOUT;
    errno = before;
    return is_late;
}

static void futex_wake(const uint32_t *word, uint32_t count) {
    syscall(SYS_futex, word, FUTEX_WAKE, count > INT_MAX ? INT_MAX : (int)count, NULL, NULL, 0);
}

__attribute__((unused)) static const rw_wait waiting = {futex_sleep, futex_wake};

/* Not every test uses all of it. */
#define MAYBE __attribute__((unused)) static

MAYBE void *room(size_t size, size_t align) {
    void *memory = NULL;
    CHECK(posix_memalign(&memory, align < sizeof(void *) ? sizeof(void *) : align, size) == 0);
    return memory;
}

MAYBE void *shared_room(size_t size) {
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    return memory;
}

#endif
