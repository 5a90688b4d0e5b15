/* Conditions and reentrant mutexes, and what `recover` gives back of the other locks. */

#include "common.h"

/* Threads have numbers. */

static uint32_t numbers;
static __thread uint32_t number;

static uint32_t thread_id(void) {
    if (number == 0) number = __atomic_add_fetch(&numbers, 1, __ATOMIC_RELAXED);
    return number;
}

enum { WAITERS = 4, ROUNDS = 200 };

static uint64_t mutex_word[1], condition_words[1];
static rw_mutex mutex;
static rw_condition changed;
/* The mutex protects both. */
static int turn, done;

/* Each waits for its turn, and gives it to the next. */
static void *takes_turns(void *mine) {
    int me = *(int *)mine;
    for (int round = 0; round < ROUNDS; round++) {
        rw_mutex_guard guard;
        OK(rw_mutex_lock(&mutex, RW_FOREVER, &guard));
        while (turn != me) OK(rw_condition_wait(&changed, &guard, RW_FOREVER));
        turn = (turn + 1) % WAITERS;
        done++;
        OK(rw_condition_notify(&changed, UINT32_MAX, NULL));
        OK(rw_mutex_unlock(&guard));
    }
    return NULL;
}

static void conditions(void) {
    OK(rw_mutex_init(&mutex, mutex_word, sizeof mutex_word, 1));
    IS(rw_condition_init(&changed, condition_words, RW_CONDITION_SIZE - 1), RW_INVALID);
    OK(rw_condition_init(&changed, condition_words, sizeof condition_words));
    uint32_t woken = 9;
    OK(rw_condition_notify(&changed, 1, &woken));
    CHECK(woken == 0);

    rw_mutex_guard guard, other;
    OK(rw_mutex_lock(&mutex, RW_FOREVER, &guard));
    IS(rw_condition_wait(&changed, &guard, soon(5)), RW_TIMED_OUT);
    IS(rw_mutex_try_lock(&mutex, &other), RW_WOULD_BLOCK); /* it is locked again */
    OK(rw_mutex_unlock(&guard));
    IS(rw_condition_wait(&changed, &guard, soon(5)), RW_INVALID);

    pthread_t threads[WAITERS];
    int mine[WAITERS];
    for (int i = 0; i < WAITERS; i++) {
        mine[i] = i;
        CHECK(pthread_create(&threads[i], NULL, takes_turns, &mine[i]) == 0);
    }
    for (int i = 0; i < WAITERS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(done == WAITERS * ROUNDS && turn == 0);
}

/* A participant dies with the mutex that another one waits with. */
static void a_holder_dies_meanwhile(void) {
    uint64_t words[2] = {0, 0};
    rw_mutex mine, theirs;
    rw_condition condition;
    rw_mutex_guard guard, dead;
    OK(rw_mutex_init(&mine, &words[0], 8, 1));
    OK(rw_mutex_attach(&theirs, &words[0], 8, 2));
    OK(rw_condition_init(&condition, &words[1], 8));
    OK(rw_mutex_try_lock(&theirs, &dead));
    OK(rw_mutex_recover(&words[0], 8, 2));
    IS(rw_mutex_try_lock(&mine, &guard), RW_OWNER_DIED);
    IS(rw_condition_wait(&condition, &guard, soon(5)), RW_OWNER_DIED);
    OK(rw_mutex_make_consistent(&guard));
    IS(rw_condition_wait(&condition, &guard, soon(5)), RW_TIMED_OUT);
    OK(rw_mutex_unlock(&guard));
}

static uint64_t reentrant_words[3];
static rw_reentrant reentrant;

static void *finds_it_locked(void *unused) {
    (void)unused;
    rw_reentrant_guard guard;
    IS(rw_reentrant_try_lock(&reentrant, &guard), RW_WOULD_BLOCK);
    IS(rw_reentrant_lock(&reentrant, soon(5), &guard), RW_TIMED_OUT);
    return NULL;
}

static void *locks_it(void *count) {
    rw_reentrant_guard guards[3];
    for (int round = 0; round < 2000; round++) {
        for (int i = 0; i < 3; i++) OK(rw_reentrant_lock(&reentrant, RW_FOREVER, &guards[i]));
        ++*(int *)count;
        for (int i = 0; i < 3; i++) OK(rw_reentrant_unlock(&guards[i]));
    }
    return NULL;
}

static void reentrant_mutexes(void) {
    rw_reentrant_guard outer, inner;
    OK(rw_reentrant_init(&reentrant, reentrant_words, sizeof reentrant_words, 1));
    IS(rw_reentrant_try_lock(&reentrant, &outer), RW_INVALID); /* nobody said who is who */
    rw_set_thread_id(thread_id);
    OK(rw_reentrant_try_lock(&reentrant, &outer));
    OK(rw_reentrant_lock(&reentrant, RW_FOREVER, &inner));
    pthread_t thread, second;
    CHECK(pthread_create(&thread, NULL, finds_it_locked, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    OK(rw_reentrant_unlock(&outer));
    CHECK(pthread_create(&thread, NULL, finds_it_locked, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    OK(rw_reentrant_unlock(&inner));
    IS(rw_reentrant_unlock(&inner), RW_INVALID);
    int count = 0;
    CHECK(pthread_create(&thread, NULL, locks_it, &count) == 0);
    CHECK(pthread_create(&second, NULL, locks_it, &count) == 0);
    CHECK(pthread_join(thread, NULL) == 0 && pthread_join(second, NULL) == 0);
    CHECK(count == 4000);

    rw_reentrant theirs;
    OK(rw_reentrant_attach(&theirs, reentrant_words, sizeof reentrant_words, 2));
    OK(rw_reentrant_try_lock(&theirs, &inner));
    OK(rw_reentrant_recover(reentrant_words, sizeof reentrant_words, 2));
    IS(rw_reentrant_try_lock(&reentrant, &outer), RW_OWNER_DIED);
    OK(rw_reentrant_make_consistent(&outer));
    OK(rw_reentrant_unlock(&outer));
    OK(rw_reentrant_try_lock(&reentrant, &outer));
    OK(rw_reentrant_unlock(&outer));
}

static void recoveries(void) {
    size_t size = 0, align = 0;
    OK(rw_rwlock_layout(2, &size, &align));
    void *memory = room(size, align);
    rw_rwlock mine, theirs;
    rw_read_guard read;
    rw_write_guard write, dead;
    OK(rw_rwlock_init(&mine, memory, size, 2, 1, true));
    OK(rw_rwlock_init(&theirs, memory, size, 2, 2, false));
    OK(rw_rwlock_try_write(&theirs, &dead));
    OK(rw_rwlock_recover(memory, size, 2, 2));
    IS(rw_rwlock_try_write(&mine, &write), RW_OWNER_DIED);
    OK(rw_rwlock_make_consistent(&write));
    OK(rw_rwlock_end_write(&write));
    OK(rw_rwlock_try_read(&mine, &read));
    OK(rw_rwlock_end_read(&read));
    IS(rw_rwlock_recover(memory, size, 3, 2), RW_INVALID);
    free(memory);

    OK(rw_bounded_semaphore_layout(2, &size, &align));
    memory = room(size, align);
    rw_bounded_semaphore ours, others;
    OK(rw_bounded_semaphore_init(&ours, memory, size, 2, 1, true));
    OK(rw_bounded_semaphore_init(&others, memory, size, 2, 2, false));
    OK(rw_bounded_semaphore_try_acquire(&others));
    OK(rw_bounded_semaphore_try_acquire(&others));
    IS(rw_bounded_semaphore_try_acquire(&ours), RW_WOULD_BLOCK);
    OK(rw_bounded_semaphore_recover(memory, size, 2, 2));
    CHECK(rw_bounded_semaphore_permits(&ours) == 2);
    free(memory);

    OK(rw_barrier_layout(2, &size, &align));
    memory = room(size, align);
    rw_barrier barrier;
    OK(rw_barrier_init(&barrier, memory, size, 2, 1, true));
    OK(rw_barrier_recover(memory, size, 2, 2)); /* who never was there breaks nothing */
    IS(rw_barrier_wait(&barrier, soon(5), NULL), RW_TIMED_OUT);
    IS(rw_barrier_wait(&barrier, soon(5), NULL), RW_BROKEN);
    free(memory);
}

int main(void) {
    rw_set_wait(&waiting);
    conditions();
    a_holder_dies_meanwhile();
    reentrant_mutexes();
    recoveries();
    printf("%lu checks passed\n", checks);
    return 0;
}
