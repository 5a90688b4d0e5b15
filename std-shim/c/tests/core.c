/* The library from C and from C++: every structure, every refusal, threads that wait, and a process that
 * is killed. Prints one line at the end; any failure stops it. */

#include "common.h"

static void rings(void) {
    size_t size = 0, align = 0;
    OK(rw_ring_layout(4, sizeof(uint32_t), 4, &size, &align));
    CHECK(size > 16 && align >= 4);
    IS(rw_ring_layout(0, 4, 4, &size, &align), RW_EXHAUSTED);
    IS(rw_ring_layout(4, 4, 3, &size, &align), RW_INVALID);
    void *memory = room(size, align);
    rw_ring ring;
    IS(rw_ring_init(&ring, memory, size - 1, 4, 4, 4), RW_INVALID);
    IS(rw_ring_init(&ring, NULL, size, 4, 4, 4), RW_INVALID);
    IS(rw_ring_init(NULL, memory, size, 4, 4, 4), RW_INVALID);
    OK(rw_ring_init(&ring, memory, size, 4, 4, 4));
    rw_ring_producer producer, second;
    rw_ring_consumer consumer;
    OK(rw_ring_take_producer(&ring, 1, &producer));
    IS(rw_ring_take_producer(&ring, 2, &second), RW_TAKEN);
    OK(rw_ring_take_consumer(&ring, 2, &consumer));
    uint32_t item;
    IS(rw_ring_try_pop(&consumer, &item, 4), RW_WOULD_BLOCK);
    for (item = 1; item <= 4; item++) OK(rw_ring_try_push(&producer, &item, 4));
    IS(rw_ring_try_push(&producer, &item, 4), RW_WOULD_BLOCK);
    IS(rw_ring_try_push(&producer, &item, 3), RW_MESSAGE_TOO_LARGE);
    IS(rw_ring_push(&producer, &item, 4, soon(5)), RW_TIMED_OUT);
    CHECK(rw_ring_length(&ring) == 4);
    for (uint32_t wanted = 1; wanted <= 4; wanted++) {
        OK(rw_ring_try_pop(&consumer, &item, 4));
        CHECK(item == wanted);
    }
    OK(rw_ring_producer_close(&producer));
    IS(rw_ring_producer_close(&producer), RW_INVALID);
    IS(rw_ring_try_push(&producer, &item, 4), RW_INVALID);
    IS(rw_ring_try_pop(&consumer, &item, 4), RW_END_OF_FILE);
    OK(rw_ring_consumer_release(&consumer));
    rw_ring again;
    OK(rw_ring_attach(&again, memory, size, 4, 4, 4));
    OK(rw_ring_take_producer(&again, 1, &producer));
    OK(rw_ring_recover(&again, 1));
    free(memory);
}

static void byte_rings(void) {
    size_t size = 0, align = 0, count = 0;
    OK(rw_byte_ring_layout(64, &size, &align));
    void *memory = room(size, align);
    rw_byte_ring ring;
    OK(rw_byte_ring_init(&ring, memory, size, 64));
    rw_byte_producer producer;
    rw_byte_consumer consumer;
    OK(rw_byte_ring_take_producer(&ring, 0, &producer));
    OK(rw_byte_ring_take_consumer(&ring, 0, &consumer));
    char text[64] = {0};
    IS(rw_byte_try_read(&consumer, text, sizeof text, &count), RW_WOULD_BLOCK);
    OK(rw_byte_try_write(&producer, "hello", 5, &count));
    CHECK(count == 5 && rw_byte_ring_length(&ring) == 5);
    OK(rw_byte_try_read(&consumer, text, sizeof text, &count));
    CHECK(count == 5 && memcmp(text, "hello", 5) == 0);
    void *place = NULL;
    OK(rw_byte_try_reserve(&producer, 8, &place));
    memcpy(place, "in place", 8);
    IS(rw_byte_commit(&producer, 8, 9), RW_INVALID);
    OK(rw_byte_commit(&producer, 8, 8));
    const void *data = NULL;
    OK(rw_byte_try_peek(&consumer, &data, &count));
    CHECK(count == 8 && memcmp(data, "in place", 8) == 0);
    IS(rw_byte_consume(&consumer, 9), RW_INVALID);
    OK(rw_byte_consume(&consumer, 8));
    IS(rw_byte_try_peek(&consumer, &data, &count), RW_WOULD_BLOCK);
    IS(rw_byte_read(&consumer, text, 4, soon(5), &count), RW_TIMED_OUT);
    OK(rw_byte_write_all(&producer, "abc", 3, soon(1000), &count));
    CHECK(count == 3);
    OK(rw_byte_producer_close(&producer));
    OK(rw_byte_read(&consumer, text, sizeof text, RW_FOREVER, &count));
    CHECK(count == 3);
    IS(rw_byte_read(&consumer, text, sizeof text, RW_FOREVER, &count), RW_END_OF_FILE);
    IS(rw_byte_try_read(&consumer, text, sizeof text, &count), RW_END_OF_FILE);
    OK(rw_byte_consumer_close(&consumer));
    free(memory);
}

static void message_rings(void) {
    size_t size = 0, align = 0, length = 0;
    OK(rw_message_ring_layout(256, &size, &align));
    void *memory = room(size, align);
    rw_message_ring ring;
    OK(rw_message_ring_init(&ring, memory, size, 256));
    rw_sender sender;
    rw_receiver receiver;
    OK(rw_message_ring_take_sender(&ring, 3, &sender));
    OK(rw_message_ring_take_receiver(&ring, 4, &receiver));
    char message[256];
    IS(rw_try_recv(&receiver, message, sizeof message, &length), RW_WOULD_BLOCK);
    OK(rw_try_send(&sender, "of any length", 13));
    OK(rw_try_send(&sender, "", 0));
    IS(rw_try_send(&sender, message, 257), RW_MESSAGE_TOO_LARGE);
    IS(rw_try_recv(&receiver, message, 4, &length), RW_BUFFER_TOO_SMALL);
    CHECK(length == 13);
    OK(rw_recv(&receiver, message, sizeof message, RW_FOREVER, &length));
    CHECK(length == 13 && memcmp(message, "of any length", 13) == 0);
    OK(rw_recv(&receiver, message, sizeof message, soon(1000), &length));
    CHECK(length == 0);
    void *place = NULL;
    OK(rw_try_send_reserve(&sender, 100, &place));
    memset(place, 'x', 60);
    OK(rw_send_commit(&sender, 100, 60));
    const void *seen = NULL;
    OK(rw_try_recv_peek(&receiver, &seen, &length));
    CHECK(length == 60 && ((const char *)seen)[59] == 'x');
    OK(rw_recv_release(&receiver));
    IS(rw_recv_release(&receiver), RW_WOULD_BLOCK);
    OK(rw_receiver_close(&receiver));
    int sent = RW_OK;
    for (int i = 0; i < 100 && sent == RW_OK; i++) sent = rw_try_send(&sender, message, 60);
    CHECK(sent == RW_BROKEN_PIPE);
    OK(rw_sender_release(&sender));
    free(memory);
}

typedef struct { uint64_t number, copy; } job;

static void queues(void) {
    size_t size = 0, align = 0, held = 0;
    OK(rw_queue_layout(3, sizeof(job), 8, &size, &align));
    void *memory = room(size, align);
    rw_queue first, second;
    OK(rw_queue_init(&first, memory, size, 3, sizeof(job), 8, 1));
    OK(rw_queue_attach(&second, memory, size, 3, sizeof(job), 8, 2));
    job it = {7, 7};
    OK(rw_queue_try_push(&first, &it, sizeof it));
    rw_loan loan;
    void *place = NULL;
    OK(rw_queue_try_reserve(&first, &loan, &place));
    ((job *)place)->number = 8;
    OK(rw_loan_send(&loan));
    IS(rw_loan_send(&loan), RW_INVALID);
    OK(rw_queue_try_reserve(&first, &loan, &place));
    OK(rw_loan_drop(&loan));
    CHECK(rw_queue_length(&second) == 2);
    rw_claim claim;
    OK(rw_queue_claim(&second, RW_FOREVER, &claim, &place));
    CHECK(((job *)place)->number == 7 && rw_claim_attempts(&claim) == 1);
    OK(rw_claim_drop(&claim));
    OK(rw_queue_try_claim(&second, &claim, &place));
    uint64_t sum = 0;
    /* Participant 2 dies with its claim: the job goes to another. */
    OK(rw_queue_recover(&first, 2, &held));
    CHECK(held == 1);
    OK(rw_queue_pop(&first, &it, sizeof it, soon(1000)));
    sum += it.number;
    IS(rw_queue_try_pop(&first, &it, sizeof it - 1), RW_BUFFER_TOO_SMALL);
    OK(rw_queue_try_pop(&first, &it, sizeof it));
    sum += it.number;
    CHECK(sum == 7 + 8);
    IS(rw_queue_try_pop(&first, &it, sizeof it), RW_WOULD_BLOCK);
    IS(rw_queue_pop(&first, &it, sizeof it, soon(5)), RW_TIMED_OUT);
    OK(rw_queue_close(&first));
    IS(rw_queue_try_push(&first, &it, sizeof it), RW_BROKEN_PIPE);
    free(memory);
}

static void broadcasts(void) {
    size_t size = 0, align = 0;
    OK(rw_broadcast_layout(RW_LATEST, 8, 8, &size, &align));
    void *memory = room(size, align);
    rw_broadcast news;
    OK(rw_broadcast_init(&news, memory, size, RW_LATEST, 8, 8));
    rw_writer writer;
    rw_reader reader;
    OK(rw_broadcast_take_writer(&news, 1, &writer));
    OK(rw_broadcast_reader(&news, &reader));
    uint64_t value, missed = 0;
    IS(rw_reader_try_recv(&reader, &value, 8, &missed), RW_WOULD_BLOCK);
    for (value = 1; value <= 20; value++) OK(rw_writer_send(&writer, &value, 8));
    IS(rw_reader_try_recv(&reader, &value, 8, &missed), RW_LAGGED);
    CHECK(missed > 0);
    OK(rw_reader_skip_to_newest(&reader, &missed));
    OK(rw_reader_recv(&reader, &value, 8, soon(1000), &missed));
    CHECK(value == 20);
    IS(rw_reader_recv(&reader, &value, 8, soon(5), &missed), RW_TIMED_OUT);
    OK(rw_writer_close(&writer));
    IS(rw_reader_try_recv(&reader, &value, 8, &missed), RW_END_OF_FILE);
    free(memory);
}

static void locks(void) {
    uint64_t words[4];
    rw_mutex mutex, other;
    rw_mutex_guard guard;
    OK(rw_mutex_init(&mutex, words, sizeof words, 1));
    OK(rw_mutex_attach(&other, words, sizeof words, 2));
    OK(rw_mutex_lock(&mutex, RW_FOREVER, &guard));
    IS(rw_mutex_try_lock(&other, &guard), RW_WOULD_BLOCK);
    IS(rw_mutex_lock(&other, soon(5), &guard), RW_TIMED_OUT);
    OK(rw_mutex_recover(words, sizeof words, 1)); /* participant 1 died with it */
    IS(rw_mutex_try_lock(&other, &guard), RW_OWNER_DIED);
    OK(rw_mutex_make_consistent(&guard));
    OK(rw_mutex_unlock(&guard));
    IS(rw_mutex_unlock(&guard), RW_INVALID);
    OK(rw_mutex_try_lock(&other, &guard));
    OK(rw_mutex_unlock(&guard));

    rw_semaphore semaphore;
    OK(rw_semaphore_init(&semaphore, words, sizeof words, 2));
    OK(rw_semaphore_try_acquire(&semaphore));
    OK(rw_semaphore_acquire(&semaphore, RW_FOREVER));
    IS(rw_semaphore_try_acquire(&semaphore), RW_WOULD_BLOCK);
    IS(rw_semaphore_acquire(&semaphore, soon(5)), RW_TIMED_OUT);
    OK(rw_semaphore_release(&semaphore, 3));
    CHECK(rw_semaphore_permits(&semaphore) == 3);
    IS(rw_semaphore_release(&semaphore, 0x7fffffff), RW_OVERFLOW);
    rw_semaphore again;
    OK(rw_semaphore_attach(&again, words, sizeof words, 2));
    OK(rw_semaphore_acquire(&again, RW_FOREVER));
    CHECK(rw_semaphore_permits(&semaphore) == 2);
    IS(rw_semaphore_attach(&again, words, sizeof words, 0x80000000u), RW_EXHAUSTED);
    IS(rw_semaphore_init(&again, words, sizeof words, 0x80000000u), RW_EXHAUSTED);

    rw_event event;
    OK(rw_event_init(&event, words, sizeof words));
    IS(rw_event_wait(&event, soon(5)), RW_TIMED_OUT);
    OK(rw_event_set(&event));
    OK(rw_event_wait(&event, RW_FOREVER));
    OK(rw_event_clear(&event));
    CHECK(!rw_event_is_set(&event));

    size_t size = 0, align = 0, number = 9;
    OK(rw_bounded_semaphore_layout(2, &size, &align));
    void *memory = room(size, align);
    rw_bounded_semaphore bounded;
    OK(rw_bounded_semaphore_init(&bounded, memory, size, 2, 1, true));
    OK(rw_bounded_semaphore_acquire(&bounded, RW_FOREVER));
    OK(rw_bounded_semaphore_try_acquire(&bounded));
    IS(rw_bounded_semaphore_try_acquire(&bounded), RW_WOULD_BLOCK);
    OK(rw_bounded_semaphore_release(&bounded));
    CHECK(rw_bounded_semaphore_permits(&bounded) == 1);
    OK(rw_bounded_semaphore_release(&bounded));
    IS(rw_bounded_semaphore_release(&bounded), RW_NOT_HELD);
    free(memory);

    OK(rw_rwlock_layout(2, &size, &align));
    memory = room(size, align);
    rw_rwlock lock;
    rw_read_guard one, two;
    rw_write_guard write;
    OK(rw_rwlock_init(&lock, memory, size, 2, 1, true));
    OK(rw_rwlock_read(&lock, RW_FOREVER, &one));
    OK(rw_rwlock_try_read(&lock, &two));
    IS(rw_rwlock_try_write(&lock, &write), RW_WOULD_BLOCK);
    OK(rw_rwlock_end_read(&one));
    OK(rw_rwlock_end_read(&two));
    OK(rw_rwlock_write(&lock, soon(1000), &write));
    IS(rw_rwlock_try_read(&lock, &one), RW_WOULD_BLOCK);
    OK(rw_rwlock_end_write(&write));
    free(memory);

    OK(rw_barrier_layout(1, &size, &align));
    memory = room(size, align);
    rw_barrier barrier;
    OK(rw_barrier_init(&barrier, memory, size, 1, 1, true));
    OK(rw_barrier_wait(&barrier, RW_FOREVER, &number));
    CHECK(number == 0);
    OK(rw_barrier_abort(&barrier));
    IS(rw_barrier_wait(&barrier, RW_FOREVER, &number), RW_BROKEN);
    OK(rw_barrier_reset(&barrier));
    free(memory);
}

/* What was never made, and what is null. */
static void refusals(void) {
    rw_ring ring;
    rw_ring_producer producer;
    rw_queue queue;
    rw_claim claim;
    rw_mutex mutex;
    rw_mutex_guard guard;
    size_t size;
    memset(&ring, 0, sizeof ring);
    memset(&producer, 0, sizeof producer);
    memset(&queue, 0, sizeof queue);
    memset(&claim, 0, sizeof claim);
    memset(&mutex, 0, sizeof mutex);
    memset(&guard, 0, sizeof guard);
    IS(rw_ring_take_producer(&ring, 1, &producer), RW_INVALID);
    IS(rw_ring_take_producer(NULL, 1, &producer), RW_INVALID);
    IS(rw_ring_try_push(&producer, "abcd", 4), RW_INVALID);
    IS(rw_ring_try_push(NULL, "abcd", 4), RW_INVALID);
    IS(rw_ring_recover(&ring, 1), RW_INVALID);
    IS(rw_queue_try_push(&queue, "abcd", 4), RW_INVALID);
    IS(rw_queue_try_pop(NULL, NULL, 0), RW_INVALID);
    IS(rw_claim_complete(&claim), RW_INVALID);
    IS(rw_mutex_try_lock(&mutex, &guard), RW_INVALID);
    IS(rw_mutex_unlock(&guard), RW_INVALID);
    IS(rw_mutex_unlock(NULL), RW_INVALID);
    IS(rw_mutex_init(&mutex, NULL, 8, 1), RW_INVALID);
    IS(rw_byte_ring_layout(0, &size, NULL), RW_EXHAUSTED);
    CHECK(rw_ring_length(NULL) == 0 && rw_queue_length(&queue) == 0);
    /* An object of another type is none of this one. */
    uint64_t words[1];
    OK(rw_mutex_init(&mutex, words, sizeof words, 1));
    IS(rw_event_set((const rw_event *)(const void *)&mutex), RW_INVALID);
    CHECK(strlen(rw_error_text(RW_OK)) > 0 && strlen(rw_error_text(-1)) > 0);
}

/* Threads that wait for each other. */

enum { ROUNDS = 20000 };

static rw_ring_consumer popping;

static void *pops(void *sum) {
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t item;
        OK(rw_ring_pop(&popping, &item, sizeof item, RW_FOREVER));
        *(uint64_t *)sum += item;
    }
    return NULL;
}

static void threads(void) {
    size_t size = 0, align = 0;
    OK(rw_ring_layout(8, 8, 8, &size, &align));
    void *memory = room(size, align);
    rw_ring ring;
    rw_ring_producer producer;
    OK(rw_ring_init(&ring, memory, size, 8, 8, 8));
    OK(rw_ring_take_producer(&ring, 1, &producer));
    OK(rw_ring_take_consumer(&ring, 1, &popping));
    pthread_t thread;
    uint64_t sum = 0, wanted = 0;
    CHECK(pthread_create(&thread, NULL, pops, &sum) == 0);
    for (uint64_t i = 0; i < ROUNDS; i++) {
        OK(rw_ring_push(&producer, &i, sizeof i, RW_FOREVER));
        wanted += i;
    }
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(sum == wanted);
    OK(rw_ring_producer_release(&producer));
    OK(rw_ring_consumer_release(&popping));
    free(memory);
}

/* A process is killed with a claim and with a lock; the other one goes on. */
static void killed(void) {
    size_t size = 0, align = 0, held = 0;
    OK(rw_queue_layout(4, sizeof(job), 8, &size, &align));
    void *memory = shared_room(size + 64);
    void *word = (char *)memory + (size + 7) / 8 * 8;
    rw_queue queue;
    rw_mutex mutex;
    rw_mutex_guard guard;
    OK(rw_queue_init(&queue, memory, size, 4, sizeof(job), 8, 1));
    OK(rw_mutex_init(&mutex, word, RW_LOCK_SIZE, 1));
    job it = {42, 42};
    OK(rw_queue_try_push(&queue, &it, sizeof it));
    int ready[2];
    CHECK(pipe(ready) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        rw_queue mine;
        rw_claim claim;
        void *place;
        OK(rw_queue_attach(&mine, memory, size, 4, sizeof(job), 8, 2));
        OK(rw_mutex_attach(&mutex, word, RW_LOCK_SIZE, 2));
        OK(rw_queue_claim(&mine, RW_FOREVER, &claim, &place));
        OK(rw_mutex_lock(&mutex, RW_FOREVER, &guard));
        CHECK(write(ready[1], "x", 1) == 1);
        for (;;) pause();
    }
    char byte;
    CHECK(read(ready[0], &byte, 1) == 1);
    IS(rw_mutex_try_lock(&mutex, &guard), RW_WOULD_BLOCK);
    CHECK(kill(child, SIGKILL) == 0 && waitpid(child, NULL, 0) == child);
    OK(rw_queue_recover(&queue, 2, &held));
    OK(rw_mutex_recover(word, RW_LOCK_SIZE, 2));
    OK(rw_queue_try_pop(&queue, &it, sizeof it));
    CHECK(it.number == 42);
    IS(rw_mutex_try_lock(&mutex, &guard), RW_OWNER_DIED);
    OK(rw_mutex_unlock(&guard));
    close(ready[0]);
    close(ready[1]);
    munmap(memory, size + 64);
}

int main(void) {
    uint64_t words[1];
    rw_event event;
    OK(rw_event_init(&event, words, sizeof words));
    IS(rw_event_wait(&event, RW_FOREVER), RW_NO_WAIT);
    rw_set_wait(&waiting);
    rings();
    byte_rings();
    message_rings();
    queues();
    broadcasts();
    locks();
    refusals();
    threads();
    killed();
    printf("%lu checks passed\n", checks);
    return 0;
}
