/* Regions from C and from C++: every part, every refusal, threads, and processes that are killed. Prints one line
 * at the end; any failure stops it. */

#include "linux.h"

typedef struct { uint64_t number, copy; } job;

#define JOB sizeof(job), 8, "com.example.Job/1"

enum { RING, BYTES, MESSAGES, QUEUE, NEWS, LATEST, MUTEX, BARE, RWLOCK, SEMAPHORE, BOUNDED, EVENT, BARRIER, ATOMICS,
       VALUES, REENTRANT, CONDITION, STARTED, AGAIN, READ, PARTS };

static const rw_part parts[] = {
    {"ring", RW_KIND_RING, 8, JOB},
    {"bytes", RW_KIND_BYTE_RING, 100, 0, 0, NULL},
    {"messages", RW_KIND_MESSAGE_RING, 256, 0, 0, NULL},
    {"queue", RW_KIND_QUEUE, 8, JOB},
    {"news", RW_KIND_BROADCAST, 16, JOB},
    {"latest", RW_KIND_LATEST, 0, JOB},
    {"mutex", RW_KIND_MUTEX, 1, JOB},
    {"bare", RW_KIND_MUTEX, 0, 0, 0, NULL},
    {"rwlock", RW_KIND_RWLOCK, 4, 0, 0, NULL},
    {"semaphore", RW_KIND_SEMAPHORE, 0, 0, 0, NULL},
    {"bounded", RW_KIND_BOUNDED_SEMAPHORE, 2, 0, 0, NULL},
    {"event", RW_KIND_EVENT, 0, 0, 0, NULL},
    {"barrier", RW_KIND_BARRIER, 2, 0, 0, NULL},
    {"atomics", RW_KIND_ATOMICS, 4, 8, 8, "u64"},
    {"values", RW_KIND_VALUES, 3, 4, 4, "u32"},
    {"reentrant", RW_KIND_REENTRANT, 0, 0, 0, NULL},
    {"condition", RW_KIND_CONDITION, 0, 0, 0, NULL},
    {"started", RW_KIND_SEMAPHORE, 3, 0, 0, NULL},
    {"again", RW_KIND_REENTRANT, 1, JOB},
    {"read", RW_KIND_RWLOCK, 3, JOB},
};

static char name[60];

static void says(const char *wanted) {
    char text[400];
    size_t length = 0;
    OK(rw_error_detail(text, sizeof text, &length));
    CHECK(length == strlen(text));
    if (!strstr(text, wanted)) {
        fprintf(stderr, "\"%s\" does not say \"%s\"\n", text, wanted);
        exit(1);
    }
    char little[5];
    OK(rw_error_detail(little, sizeof little, NULL));
    CHECK(strlen(little) == 4 && memcmp(little, text, 4) == 0);
}

/* Creating, finding, attaching, removing. */
static void life(void) {
    rw_region first, second, third;
    memset(&first, 0, sizeof first);
    IS(rw_region_open(&first, name, 0600, 0), RW_NOT_FOUND);
    IS(rw_region_open(&first, name, 0600, rw_after(5 * RW_MILLISECOND)), RW_NOT_FOUND);
    says(name);
    OK(rw_region_create(&first, name, 0600, parts, PARTS, 4));
    IS(rw_region_create(&second, name, 0600, parts, PARTS, 4), RW_ADDRESS_IN_USE);
    says("in use");
    OK(rw_region_open(&second, name, 0600, 0));
    OK(rw_region_open_or_create(&third, name, 0600, parts, PARTS, 4));
    CHECK(rw_region_participant(&first) == 1 && rw_region_participant(&third) == 3);
    CHECK(rw_region_size(&first) == rw_region_size(&second) && rw_region_length(&first) == PARTS);
    rw_participant all[2];
    size_t count = 0, found = 9;
    OK(rw_region_participants(&first, all, 2, &count));
    CHECK(count == 3 && all[1].number == 2 && all[1].process == (uint32_t)getpid());
    OK(rw_region_reap(&first, &found));
    CHECK(found == 0);
    rw_entry entry;
    for (size_t i = 0; i < PARTS; i++) {
        OK(rw_region_entry(&first, i, &entry));
        CHECK(strcmp(entry.name, parts[i].name) == 0 && entry.kind == parts[i].kind);
        CHECK(parts[i].item_size == 0 || entry.item_size == parts[i].item_size);
        CHECK(entry.offset + entry.size <= rw_region_size(&first));
        CHECK(i != QUEUE || entry.item_type == rw_type_identity("com.example.Job/1"));
    }
    IS(rw_region_entry(&first, PARTS, &entry), RW_NO_SUCH_PART);
    char said[100];
    size_t length = 0;
    OK(rw_region_name(&first, said, sizeof said, &length));
    CHECK(strcmp(said, name) == 0 && length == strlen(name));
    IS(rw_region_name(&first, said, length, &length), RW_BUFFER_TOO_SMALL);
    OK(rw_region_detach(&third));
    IS(rw_region_detach(&third), RW_INVALID);
    rw_part other = {"ring", RW_KIND_RING, 9, JOB};
    IS(rw_region_open_or_create(&third, name, 0600, &other, 1, 4), RW_OTHER_CAPACITY);
    says("holds 8 items, not 9");
    /* By a descriptor. */
    CHECK(rw_region_fd(&first) > 2);
    OK(rw_region_from_fd(&third, rw_region_fd(&first)));
    CHECK(rw_region_participant(&third) == 3);
    OK(rw_region_detach(&third));
    IS(rw_region_from_fd(&third, 0x7fff), RW_NOT_FOUND);
    IS(rw_region_from_fd(&third, -1), RW_INVALID);
    OK(rw_region_remove(name));
    IS(rw_region_remove(name), RW_NOT_FOUND);
    OK(rw_region_detach(&second));
    OK(rw_region_detach(&first));
    OK(rw_region_anonymous(&first, parts, PARTS, 1));
    IS(rw_region_from_fd(&second, rw_region_fd(&first)), RW_EXHAUSTED);
    says("every place is taken");
    OK(rw_region_name(&first, said, sizeof said, &length));
    CHECK(length == 0);
    OK(rw_region_detach(&first));
    IS(rw_region_create(&first, name, 0644, parts, PARTS, 4), RW_UNEVEN_MODE);
    IS(rw_region_create(&first, "", 0600, parts, PARTS, 4), RW_BAD_NAME);
    IS(rw_region_create(&first, name, 0600, parts, PARTS, 0), RW_TOO_MANY);
    OK(rw_region_create(&first, name, 0660 | RW_ANY_OWNER, parts, PARTS, 4));
    IS(rw_region_open(&second, name, 0600, 0), RW_TOO_OPEN);
    OK(rw_region_open(&second, name, 0660, 0));
    OK(rw_region_detach(&first));
    OK(rw_region_detach(&second));
    IS(rw_region_open(&second, name, 0600, 0), RW_NOT_FOUND);
}

/* A layout that cannot be. */
static void layouts(void) {
    rw_region region;
    rw_part bad[] = {
        {"none", RW_KIND_RING, 0, JOB},
        {"huge", RW_KIND_RING, SIZE_MAX, JOB},
        {"odd", RW_KIND_RING, 4, 8, 3, NULL},
        {"kind", 99, 4, 8, 8, NULL},
        {"", RW_KIND_RING, 4, 8, 8, NULL},
        {"a name of more than thirty-one bytes", RW_KIND_RING, 4, 8, 8, NULL},
        {"started", RW_KIND_SEMAPHORE, SIZE_MAX, 0, 0, NULL},
        {"several", RW_KIND_MUTEX, 3, 8, 8, NULL},
        {"three", RW_KIND_ATOMICS, 3, 3, 1, NULL},
        {"latest", RW_KIND_LATEST, 5, 8, 8, NULL},
        {"rwlock", RW_KIND_RWLOCK, 0, 8, 8, NULL},
        {"again", RW_KIND_REENTRANT, 2, 8, 8, NULL},
        {"empty", RW_KIND_VALUES, 2, 0, 0, NULL},
        {NULL, RW_KIND_RING, 4, 8, 8, NULL},
    };
    const int codes[] = {RW_NO_SUCH_CAPACITY, RW_NO_SUCH_CAPACITY, RW_INVALID, RW_BAD_PART, RW_BAD_PART, RW_BAD_PART,
                         RW_NO_SUCH_CAPACITY, RW_NO_SUCH_CAPACITY, RW_NO_SUCH_CAPACITY, RW_NO_SUCH_CAPACITY,
                         RW_NO_SUCH_CAPACITY, RW_NO_SUCH_CAPACITY, RW_NO_SUCH_CAPACITY, RW_INVALID};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) IS(rw_region_anonymous(&region, &bad[i], 1, 2), codes[i]);
    rw_part twice[2];
    twice[0] = parts[0];
    twice[1] = parts[0];
    IS(rw_region_anonymous(&region, twice, 2, 2), RW_BAD_PART);
    says("same name");
    IS(rw_region_anonymous(&region, NULL, 1, 2), RW_INVALID);
    IS(rw_region_anonymous(NULL, parts, 1, 2), RW_INVALID);
    IS(rw_region_anonymous(&region, parts, SIZE_MAX, 2), RW_INVALID);
    OK(rw_region_anonymous(&region, NULL, 0, 2));
    CHECK(rw_region_length(&region) == 0);
    OK(rw_region_detach(&region));
    CHECK(rw_type_identity("u64") == 0x79fae712 && rw_type_identity(NULL) == 0 && rw_type_identity("") == 0);
}

/* Each part works, and is told from others. */
static void works(void) {
    rw_region region;
    OK(rw_region_anonymous(&region, parts, PARTS, 2));
    uint16_t me = rw_region_participant(&region);
    job it = {7, 7};
    size_t count = 0, number = 9;
    uint64_t missed = 0;
    void *place = NULL;

    rw_ring ring;
    rw_ring_producer producer;
    rw_ring_consumer consumer;
    OK(rw_region_ring(&region, &parts[RING], &ring));
    OK(rw_ring_take_producer(&ring, me, &producer));
    OK(rw_ring_take_consumer(&ring, me, &consumer));
    IS(rw_ring_pop(&consumer, &it, sizeof it, rw_after(RW_MILLISECOND)), RW_TIMED_OUT);
    OK(rw_ring_push(&producer, &it, sizeof it, LATE));
    OK(rw_ring_pop(&consumer, &it, sizeof it, LATE));
    OK(rw_ring_producer_release(&producer));
    OK(rw_ring_consumer_release(&consumer));

    rw_byte_ring bytes;
    rw_byte_producer writes;
    rw_byte_consumer reads;
    char text[20] = "";
    OK(rw_region_byte_ring(&region, &parts[BYTES], &bytes));
    OK(rw_byte_ring_take_producer(&bytes, me, &writes));
    OK(rw_byte_ring_take_consumer(&bytes, me, &reads));
    IS(rw_byte_ring_take_consumer(&bytes, me, &reads), RW_TAKEN);
    OK(rw_byte_write_all(&writes, "hello", 5, LATE, &count));
    OK(rw_byte_read(&reads, text, sizeof text, LATE, &count));
    CHECK(count == 5 && memcmp(text, "hello", 5) == 0);
    OK(rw_byte_producer_release(&writes));
    OK(rw_byte_consumer_release(&reads));

    rw_message_ring messages;
    rw_sender sender;
    rw_receiver receiver;
    OK(rw_region_message_ring(&region, &parts[MESSAGES], &messages));
    OK(rw_message_ring_take_sender(&messages, me, &sender));
    OK(rw_message_ring_take_receiver(&messages, me, &receiver));
    OK(rw_send(&sender, "hi", 2, LATE));
    OK(rw_recv(&receiver, text, sizeof text, LATE, &count));
    CHECK(count == 2 && memcmp(text, "hi", 2) == 0);
    OK(rw_sender_release(&sender));
    OK(rw_receiver_release(&receiver));

    rw_queue queue;
    rw_claim claim;
    OK(rw_region_queue(&region, &parts[QUEUE], &queue));
    OK(rw_queue_push(&queue, &it, sizeof it, LATE));
    OK(rw_queue_claim(&queue, LATE, &claim, &place));
    CHECK(((job *)place)->number == 7);
    OK(rw_claim_complete(&claim));

    rw_broadcast news;
    rw_writer writer;
    rw_reader reader;
    for (int kind = NEWS; kind <= LATEST; kind++) {
        OK(rw_region_broadcast(&region, &parts[kind], &news));
        OK(rw_broadcast_take_writer(&news, me, &writer));
        OK(rw_broadcast_reader(&news, &reader));
        OK(rw_writer_send(&writer, &it, sizeof it));
        OK(rw_reader_recv(&reader, &it, sizeof it, LATE, &missed));
        OK(rw_writer_release(&writer));
    }

    rw_mutex mutex, bare;
    rw_mutex_guard guard, other;
    OK(rw_region_mutex(&region, &parts[MUTEX], &mutex, &place));
    CHECK(place != NULL && (uintptr_t)place % 8 == 0);
    OK(rw_mutex_lock(&mutex, LATE, &guard));
    ((job *)place)->number++;
    IS(rw_mutex_lock(&mutex, rw_after(RW_MILLISECOND), &other), RW_TIMED_OUT);
    OK(rw_mutex_unlock(&guard));
    OK(rw_region_mutex(&region, &parts[BARE], &bare, &place));
    CHECK(place == NULL);
    OK(rw_mutex_try_lock(&bare, &guard));
    OK(rw_mutex_unlock(&guard));

    rw_rwlock rwlock;
    rw_read_guard reading;
    rw_write_guard writing;
    OK(rw_region_rwlock(&region, &parts[RWLOCK], &rwlock, &place));
    CHECK(place == NULL);
    OK(rw_rwlock_read(&rwlock, LATE, &reading));
    IS(rw_rwlock_try_write(&rwlock, &writing), RW_WOULD_BLOCK);
    OK(rw_rwlock_end_read(&reading));
    OK(rw_rwlock_write(&rwlock, LATE, &writing));
    OK(rw_rwlock_end_write(&writing));
    OK(rw_region_rwlock(&region, &parts[READ], &rwlock, &place));
    CHECK(place != NULL && (uintptr_t)place % 8 == 0);
    OK(rw_rwlock_write(&rwlock, LATE, &writing));
    CHECK(((job *)place)->number == 0 && ((job *)place)->copy == 0); /* its words are not those of the item */
    memset(place, 0xff, sizeof(job));
    OK(rw_rwlock_end_write(&writing));
    rw_read_guard others[3]; /* all slots lie behind the item */
    for (int i = 0; i < 3; i++) OK(rw_rwlock_try_read(&rwlock, &others[i]));
    IS(rw_rwlock_try_read(&rwlock, &reading), RW_WOULD_BLOCK);
    IS(rw_rwlock_write(&rwlock, rw_after(RW_MILLISECOND), &writing), RW_TIMED_OUT);
    CHECK(((job *)place)->number == UINT64_MAX && ((job *)place)->copy == UINT64_MAX);
    for (int i = 0; i < 3; i++) OK(rw_rwlock_end_read(&others[i]));
    OK(rw_rwlock_write(&rwlock, LATE, &writing));
    OK(rw_rwlock_end_write(&writing));
    rw_part small = parts[READ];
    small.item_size = 8;
    IS(rw_region_rwlock(&region, &small, &rwlock, &place), RW_OTHER_ITEM);
    small.item_size = 0;
    small.item_align = 16;
    IS(rw_region_rwlock(&region, &small, &rwlock, &place), RW_OTHER_ALIGNMENT);

    rw_semaphore semaphore;
    OK(rw_region_semaphore(&region, &parts[SEMAPHORE], &semaphore));
    IS(rw_semaphore_acquire(&semaphore, 0), RW_TIMED_OUT);
    OK(rw_semaphore_release(&semaphore, 1));
    OK(rw_semaphore_acquire(&semaphore, LATE));
    OK(rw_region_semaphore(&region, &parts[STARTED], &semaphore));
    CHECK(rw_semaphore_permits(&semaphore) == 3);
    OK(rw_semaphore_acquire(&semaphore, LATE));
    OK(rw_region_semaphore(&region, &parts[STARTED], &semaphore));
    CHECK(rw_semaphore_permits(&semaphore) == 2);
    rw_part fewer = parts[STARTED];
    fewer.capacity = 2;
    IS(rw_region_semaphore(&region, &fewer, &semaphore), RW_OTHER_CAPACITY);

    rw_bounded_semaphore bounded;
    OK(rw_region_bounded_semaphore(&region, &parts[BOUNDED], &bounded));
    OK(rw_bounded_semaphore_acquire(&bounded, LATE));
    CHECK(rw_bounded_semaphore_permits(&bounded) == 1);
    OK(rw_bounded_semaphore_release(&bounded));

    rw_event event;
    OK(rw_region_event(&region, &parts[EVENT], &event));
    OK(rw_event_set(&event));
    OK(rw_event_wait(&event, LATE));

    rw_barrier barrier;
    OK(rw_region_barrier(&region, &parts[BARRIER], &barrier));
    IS(rw_barrier_wait(&barrier, rw_after(RW_MILLISECOND), &number), RW_TIMED_OUT);

    rw_reentrant reentrant;
    rw_reentrant_guard once, twice;
    OK(rw_region_reentrant(&region, &parts[AGAIN], &reentrant, &place));
    CHECK(place != NULL && (uintptr_t)place % 8 == 0);
    OK(rw_reentrant_lock(&reentrant, LATE, &once));
    ((job *)place)->number = 1;
    OK(rw_reentrant_unlock(&once));
    OK(rw_reentrant_lock(&reentrant, LATE, &once)); /* its words are not those of the item */
    CHECK(((job *)place)->number == 1 && ((job *)place)->copy == 0);
    OK(rw_reentrant_unlock(&once));
    OK(rw_region_reentrant(&region, &parts[REENTRANT], &reentrant, &place));
    CHECK(place == NULL);
    OK(rw_reentrant_lock(&reentrant, LATE, &once));
    OK(rw_reentrant_try_lock(&reentrant, &twice));
    OK(rw_reentrant_unlock(&twice));
    OK(rw_reentrant_unlock(&once));

    rw_condition condition;
    OK(rw_region_condition(&region, &parts[CONDITION], &condition));
    OK(rw_mutex_lock(&mutex, LATE, &guard));
    IS(rw_condition_wait(&condition, &guard, rw_after(RW_MILLISECOND)), RW_TIMED_OUT);
    OK(rw_mutex_unlock(&guard));

    size_t size = 0;
    OK(rw_region_memory(&region, &parts[ATOMICS], &place, &size));
    CHECK(size == 4 * 8 && *(uint64_t *)place == 0);
    OK(rw_region_memory(&region, &parts[VALUES], &place, &size));
    CHECK(size == 3 * 4);

    /* By its name alone, and as something else. */
    rw_part any = {"queue", 0, 0, 0, 0, NULL};
    OK(rw_region_queue(&region, &any, &queue));
    IS(rw_region_ring(&region, &any, &ring), RW_OTHER_KIND);
    says("it is a queue with doorbells, not a ring");
    any.kind = RW_KIND_RING;
    IS(rw_region_queue(&region, &any, &queue), RW_INVALID);
    rw_part odd = parts[QUEUE];
    odd.item_size = 8;
    IS(rw_region_queue(&region, &odd, &queue), RW_OTHER_ITEM);
    odd = parts[QUEUE];
    odd.item_align = 16;
    IS(rw_region_queue(&region, &odd, &queue), RW_OTHER_ALIGNMENT);
    odd = parts[QUEUE];
    odd.item_type = "com.example.Job/2";
    IS(rw_region_queue(&region, &odd, &queue), RW_OTHER_TYPE);
    odd.item_type = "\xff";
    IS(rw_region_queue(&region, &odd, &queue), RW_BAD_NAME);
    odd = parts[QUEUE];
    odd.capacity = 9;
    IS(rw_region_queue(&region, &odd, &queue), RW_OTHER_CAPACITY);
    odd.name = "nothing";
    IS(rw_region_queue(&region, &odd, &queue), RW_NO_SUCH_PART);
    says("nothing");
    OK(rw_region_detach(&region));
}

/* Calls that do not wait tell the end at once: that the other half was closed. */
static void ends(void) {
    rw_region region;
    rw_byte_ring bytes;
    rw_byte_producer writes;
    rw_byte_consumer reads;
    rw_message_ring messages;
    rw_sender sender;
    rw_receiver receiver;
    char text[20];
    const void *place = NULL;
    size_t count = 0;
    OK(rw_region_anonymous(&region, parts, PARTS, 2));
    uint16_t me = rw_region_participant(&region);
    OK(rw_region_byte_ring(&region, &parts[BYTES], &bytes));
    OK(rw_byte_ring_take_producer(&bytes, me, &writes));
    OK(rw_byte_ring_take_consumer(&bytes, me, &reads));
    OK(rw_byte_try_write(&writes, "x", 1, &count));
    OK(rw_byte_producer_close(&writes));
    OK(rw_byte_try_peek(&reads, &place, &count));
    OK(rw_byte_consume(&reads, count));
    IS(rw_byte_try_peek(&reads, &place, &count), RW_END_OF_FILE);
    IS(rw_byte_try_read(&reads, text, sizeof text, &count), RW_END_OF_FILE);
    OK(rw_byte_ring_take_producer(&bytes, me, &writes));
    IS(rw_byte_try_read(&reads, text, sizeof text, &count), RW_WOULD_BLOCK);
    OK(rw_byte_consumer_close(&reads));
    IS(rw_byte_try_write(&writes, "x", 1, &count), RW_BROKEN_PIPE);
    OK(rw_byte_producer_close(&writes));
    OK(rw_region_message_ring(&region, &parts[MESSAGES], &messages));
    OK(rw_message_ring_take_sender(&messages, me, &sender));
    OK(rw_message_ring_take_receiver(&messages, me, &receiver));
    IS(rw_try_recv(&receiver, text, sizeof text, &count), RW_WOULD_BLOCK);
    OK(rw_try_send(&sender, "x", 1));
    OK(rw_sender_close(&sender));
    OK(rw_try_recv(&receiver, text, sizeof text, &count));
    IS(rw_try_recv(&receiver, text, sizeof text, &count), RW_END_OF_FILE);
    IS(rw_try_recv_peek(&receiver, &place, &count), RW_END_OF_FILE);
    OK(rw_message_ring_take_sender(&messages, me, &sender));
    OK(rw_receiver_close(&receiver));
    IS(rw_try_send(&sender, "x", 1), RW_BROKEN_PIPE);
    OK(rw_sender_close(&sender));
    OK(rw_region_detach(&region));
}

/* Null, and what was never made. */
static void refusals(void) {
    rw_region region, none;
    memset(&none, 0, sizeof none);
    OK(rw_region_anonymous(&region, parts, PARTS, 2));
    const rw_region *bad[] = {NULL, &none};
    size_t size = 0;
    void *place = NULL;
    char text[4];
    rw_entry entry;
    rw_part nameless = {NULL, 0, 0, 0, 0, NULL};
    for (int i = 0; i < 2; i++) {
        IS(rw_region_reap(bad[i], &size), RW_INVALID);
        IS(rw_region_participants(bad[i], NULL, 0, &size), RW_INVALID);
        IS(rw_region_entry(bad[i], 0, &entry), RW_INVALID);
        IS(rw_region_name(bad[i], text, 4, &size), RW_INVALID);
        CHECK(rw_region_fd(bad[i]) == -1 && rw_region_participant(bad[i]) == 0);
        CHECK(rw_region_size(bad[i]) == 0 && rw_region_length(bad[i]) == 0);
    }
    IS(rw_region_detach(NULL), RW_INVALID);
    IS(rw_region_detach(&none), RW_INVALID);
    IS(rw_region_participants(&region, NULL, 1, &size), RW_INVALID);
    OK(rw_region_participants(&region, NULL, 0, NULL));
    OK(rw_region_reap(&region, NULL));
    OK(rw_region_entry(&region, 0, NULL));
    IS(rw_region_remove(NULL), RW_INVALID);
    IS(rw_region_remove("\xff"), RW_BAD_NAME);
    IS(rw_region_open(&none, NULL, 0600, 0), RW_INVALID);
    IS(rw_region_open(NULL, name, 0600, 0), RW_INVALID);
    IS(rw_region_create(&none, NULL, 0600, parts, 1, 2), RW_INVALID);
    IS(rw_region_open_or_create(&none, NULL, 0600, parts, 1, 2), RW_INVALID);
    IS(rw_region_from_fd(NULL, 0), RW_INVALID);
    IS(rw_error_detail(NULL, 5, NULL), RW_INVALID);
    IS(rw_error_detail(text, 0, &size), RW_INVALID);

#define EACH(function, part, type)                                  \
    do {                                                            \
        type object;                                                \
        IS(function(NULL, &parts[part], &object), RW_INVALID);      \
        IS(function(&none, &parts[part], &object), RW_INVALID);     \
        IS(function(&region, NULL, &object), RW_INVALID);           \
        IS(function(&region, &nameless, &object), RW_INVALID);      \
        IS(function(&region, &parts[part], NULL), RW_INVALID);      \
    } while (0)
    EACH(rw_region_ring, RING, rw_ring);
    EACH(rw_region_byte_ring, BYTES, rw_byte_ring);
    EACH(rw_region_message_ring, MESSAGES, rw_message_ring);
    EACH(rw_region_queue, QUEUE, rw_queue);
    EACH(rw_region_broadcast, NEWS, rw_broadcast);
    EACH(rw_region_semaphore, SEMAPHORE, rw_semaphore);
    EACH(rw_region_bounded_semaphore, BOUNDED, rw_bounded_semaphore);
    EACH(rw_region_condition, CONDITION, rw_condition);
    EACH(rw_region_event, EVENT, rw_event);
    EACH(rw_region_barrier, BARRIER, rw_barrier);
    rw_mutex mutex;
    IS(rw_region_mutex(NULL, &parts[MUTEX], &mutex, &place), RW_INVALID);
    IS(rw_region_mutex(&region, NULL, &mutex, &place), RW_INVALID);
    IS(rw_region_mutex(&region, &parts[MUTEX], NULL, &place), RW_INVALID);
    OK(rw_region_mutex(&region, &parts[MUTEX], &mutex, NULL));
    rw_rwlock rwlock;
    IS(rw_region_rwlock(NULL, &parts[READ], &rwlock, &place), RW_INVALID);
    IS(rw_region_rwlock(&none, &parts[READ], &rwlock, &place), RW_INVALID);
    IS(rw_region_rwlock(&region, NULL, &rwlock, &place), RW_INVALID);
    IS(rw_region_rwlock(&region, &nameless, &rwlock, &place), RW_INVALID);
    IS(rw_region_rwlock(&region, &parts[READ], NULL, &place), RW_INVALID);
    OK(rw_region_rwlock(&region, &parts[READ], &rwlock, NULL));
    rw_reentrant reentrant;
    IS(rw_region_reentrant(NULL, &parts[AGAIN], &reentrant, &place), RW_INVALID);
    IS(rw_region_reentrant(&region, NULL, &reentrant, &place), RW_INVALID);
    IS(rw_region_reentrant(&region, &parts[AGAIN], NULL, &place), RW_INVALID);
    OK(rw_region_reentrant(&region, &parts[AGAIN], &reentrant, NULL));
    IS(rw_region_memory(NULL, &parts[VALUES], &place, &size), RW_INVALID);
    IS(rw_region_memory(&region, NULL, &place, &size), RW_INVALID);
    OK(rw_region_memory(&region, &parts[VALUES], NULL, NULL));
    OK(rw_region_detach(&region));
    for (int code = -1; code < 300; code++) CHECK(strlen(rw_error_text(code)) > 3);
    CHECK(strcmp(rw_error_text(RW_NO_SUCH_CAPACITY), rw_error_text(299)) != 0);
    CHECK(rw_after(UINT64_MAX) == RW_FOREVER - 1 && rw_now() <= rw_after(0));
}

/* A child takes what it can get of the region, and says so; the parent kills it and goes on. */
static void killed(void) {
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        rw_region region;
        OK(rw_region_open(&region, name, 0600, LATE));
        rw_queue queue;
        rw_claim claim;
        rw_mutex mutex;
        rw_mutex_guard guard;
        rw_rwlock rwlock;
        rw_write_guard writing;
        rw_bounded_semaphore bounded;
        rw_ring ring;
        rw_ring_producer producer;
        rw_event event;
        void *place = NULL;
        OK(rw_region_queue(&region, &parts[QUEUE], &queue));
        OK(rw_region_rwlock(&region, &parts[READ], &rwlock, &place));
        OK(rw_region_bounded_semaphore(&region, &parts[BOUNDED], &bounded));
        OK(rw_region_ring(&region, &parts[RING], &ring));
        OK(rw_region_event(&region, &parts[EVENT], &event));
        OK(rw_ring_take_producer(&ring, rw_region_participant(&region), &producer));
        OK(rw_bounded_semaphore_acquire(&bounded, LATE));
        OK(rw_bounded_semaphore_acquire(&bounded, LATE));
        OK(rw_rwlock_write(&rwlock, LATE, &writing));
        ((job *)place)->number = 2; /* half done */
        OK(rw_region_mutex(&region, &parts[MUTEX], &mutex, &place));
        OK(rw_mutex_lock(&mutex, LATE, &guard));
        ((job *)place)->number = 1; /* half done */
        OK(rw_queue_claim(&queue, LATE, &claim, &place));
        OK(rw_event_set(&event));
        for (;;) pause();
    }
    rw_region region;
    OK(rw_region_create(&region, name, 0600, parts, PARTS, 4));
    rw_queue queue;
    rw_event event;
    rw_mutex mutex;
    rw_mutex_guard guard;
    rw_claim claim;
    void *place = NULL, *item = NULL;
    job it = {42, 42};
    OK(rw_region_queue(&region, &parts[QUEUE], &queue));
    OK(rw_region_event(&region, &parts[EVENT], &event));
    OK(rw_region_mutex(&region, &parts[MUTEX], &mutex, &item));
    OK(rw_queue_push(&queue, &it, sizeof it, LATE));
    OK(rw_event_wait(&event, LATE));
    IS(rw_mutex_try_lock(&mutex, &guard), RW_WOULD_BLOCK);
    CHECK(kill(child, SIGKILL) == 0 && waitpid(child, NULL, 0) == child);
    /* Whoever waits learns of it. */
    IS(rw_mutex_lock(&mutex, LATE, &guard), RW_OWNER_DIED);
    CHECK(((job *)item)->number == 1 && ((job *)item)->copy == 0);
    ((job *)item)->copy = 1;
    OK(rw_mutex_make_consistent(&guard));
    OK(rw_mutex_unlock(&guard));
    OK(rw_mutex_lock(&mutex, LATE, &guard));
    OK(rw_mutex_unlock(&guard));
    OK(rw_queue_claim(&queue, LATE, &claim, &place));
    CHECK(((job *)place)->number == 42 && rw_claim_attempts(&claim) == 2);
    OK(rw_claim_complete(&claim));
    rw_rwlock rwlock;
    rw_write_guard writing;
    OK(rw_region_rwlock(&region, &parts[READ], &rwlock, &item));
    rw_read_guard reading;
    IS(rw_rwlock_read(&rwlock, LATE, &reading), RW_OWNER_DIED);
    OK(rw_rwlock_end_read(&reading));
    IS(rw_rwlock_write(&rwlock, LATE, &writing), RW_OWNER_DIED);
    CHECK(((job *)item)->number == 2 && ((job *)item)->copy == 0);
    ((job *)item)->copy = 2;
    OK(rw_rwlock_make_consistent(&writing));
    OK(rw_rwlock_end_write(&writing));
    OK(rw_rwlock_read(&rwlock, LATE, &reading));
    CHECK(((job *)item)->copy == 2);
    OK(rw_rwlock_end_read(&reading));
    rw_bounded_semaphore bounded;
    OK(rw_region_bounded_semaphore(&region, &parts[BOUNDED], &bounded));
    OK(rw_bounded_semaphore_acquire(&bounded, LATE));
    OK(rw_bounded_semaphore_acquire(&bounded, LATE));
    rw_ring ring;
    rw_ring_producer producer;
    OK(rw_region_ring(&region, &parts[RING], &ring));
    OK(rw_ring_take_producer(&ring, rw_region_participant(&region), &producer));
    OK(rw_region_detach(&region));
}

/* A half of a process that was killed is free at once, though nobody waits in the region. */
static void half_of_the_dead(void) {
    int ready[2];
    char byte;
    CHECK(pipe(ready) == 0);
    pid_t child = fork();
    if (child == 0) {
        rw_region region;
        rw_broadcast news;
        rw_writer writer;
        OK(rw_region_open(&region, name, 0600, LATE));
        OK(rw_region_broadcast(&region, &parts[NEWS], &news));
        OK(rw_broadcast_take_writer(&news, rw_region_participant(&region), &writer));
        CHECK(write(ready[1], "x", 1) == 1);
        for (;;) pause();
    }
    rw_region region;
    rw_broadcast news;
    rw_writer writer;
    OK(rw_region_create(&region, name, 0600, parts, PARTS, 4));
    OK(rw_region_broadcast(&region, &parts[NEWS], &news));
    CHECK(read(ready[0], &byte, 1) == 1);
    IS(rw_broadcast_take_writer(&news, rw_region_participant(&region), &writer), RW_TAKEN);
    CHECK(kill(child, SIGKILL) == 0 && waitpid(child, NULL, 0) == child);
    OK(rw_broadcast_take_writer(&news, rw_region_participant(&region), &writer));
    OK(rw_region_detach(&region));
    close(ready[0]);
    close(ready[1]);
}

/* Threads of one process: they are one participant, and exclude each other all the same. */

enum { THREADS = 4, ROUNDS = 2000 };

typedef struct { rw_mutex *mutex; uint64_t *sum; rw_queue *queue; } shared_by_threads;

static void *adds(void *given) {
    shared_by_threads *all = (shared_by_threads *)given;
    for (int i = 0; i < ROUNDS; i++) {
        rw_mutex_guard guard;
        job it = {1, 0};
        OK(rw_mutex_lock(all->mutex, LATE, &guard));
        ++*all->sum;
        OK(rw_mutex_unlock(&guard));
        OK(rw_queue_push(all->queue, &it, sizeof it, LATE));
        OK(rw_queue_pop(all->queue, &it, sizeof it, LATE));
    }
    return NULL;
}

static void threads(void) {
    rw_region region;
    rw_mutex mutex;
    rw_queue queue;
    void *item = NULL;
    OK(rw_region_anonymous(&region, parts, PARTS, 2));
    OK(rw_region_mutex(&region, &parts[MUTEX], &mutex, &item));
    OK(rw_region_queue(&region, &parts[QUEUE], &queue));
    shared_by_threads all = {&mutex, (uint64_t *)item, &queue};
    pthread_t thread[THREADS];
    for (int i = 0; i < THREADS; i++) CHECK(pthread_create(&thread[i], NULL, adds, &all) == 0);
    for (int i = 0; i < THREADS; i++) CHECK(pthread_join(thread[i], NULL) == 0);
    CHECK(*all.sum == THREADS * ROUNDS && rw_queue_length(&queue) == 0);
    OK(rw_region_detach(&region));
}

int main(void) {
    snprintf(name, sizeof name, "ringway-c-test-%ld", (long)getpid());
    life();
    layouts();
    works();
    ends();
    refusals();
    killed();
    half_of_the_dead();
    threads();
    printf("%lu checks passed\n", checks);
    return 0;
}
