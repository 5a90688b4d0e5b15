#ifndef PARTS_H
#define PARTS_H
/* The region of the tests between languages: tests/peers has the same parts in Rust. */

#include "linux.h"

typedef struct { uint64_t number, copy; } job;

#define JOB sizeof(job), 8, "com.example.Job/1"

enum { RING, BYTES, MESSAGES, QUEUE, NEWS, LATEST, MUTEX, RWLOCK, SEMAPHORE, BOUNDED, EVENT, BARRIER, REENTRANT, COUNTS,
       PARTS };

static const rw_part parts[] = {
    {"ring", RW_KIND_RING, 8, JOB},
    {"bytes", RW_KIND_BYTE_RING, 100, 0, 0, NULL},
    {"messages", RW_KIND_MESSAGE_RING, 256, 0, 0, NULL},
    {"queue", RW_KIND_QUEUE, 8, JOB},
    {"news", RW_KIND_BROADCAST, 2048, JOB},
    {"latest", RW_KIND_LATEST, 0, JOB},
    {"mutex", RW_KIND_MUTEX, 1, JOB},
    {"rwlock", RW_KIND_RWLOCK, 4, JOB},
    {"semaphore", RW_KIND_SEMAPHORE, 1, 0, 0, NULL},
    {"bounded", RW_KIND_BOUNDED_SEMAPHORE, 2, 0, 0, NULL},
    {"event", RW_KIND_EVENT, 0, 0, 0, NULL},
    {"barrier", RW_KIND_BARRIER, 2, 0, 0, NULL},
    {"reentrant", RW_KIND_REENTRANT, 1, 8, 8, "u64"},
    {"counts", RW_KIND_ATOMICS, 2, 8, 8, "u64"},
};

#endif
