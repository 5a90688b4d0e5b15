/* Signal tables of every size: raises of threads and of a signal handler, handlers that do anything, masks,
 * priorities, payloads, and dispatchers that sleep and are ended. */

#include "common.h"

static const uint32_t lines[] = {1, 4, 8, 8, 20, 32, 32, 33, 64, 64};
static const uint32_t depths[] = {1, 4, 0, 8, 2, 0, 16, 1, 0, 16};
enum { SIZES = sizeof lines / sizeof lines[0] };
static const uint32_t no_lines[] = {0, 65, UINT32_MAX, 4, 4, 4}, no_depths[] = {4, 4, 4, 3, 12, UINT32_MAX};
enum { NO_SIZES = sizeof no_lines / sizeof no_lines[0] };

static rw_signals table;
static rw_dispatcher dispatcher;

static void *new_table(size_t of_lines, size_t depth) {
    size_t size = 0, align = 0;
    OK(rw_signals_layout(of_lines, depth, &size, &align));
    void *memory = room(size, align);
    IS(rw_signals_init(&table, memory, size - 1, of_lines, depth), RW_INVALID);
    OK(rw_signals_init(&table, memory, size, of_lines, depth));
    return memory;
}

static void no_tables(void) {
    static uint64_t memory[8];
    for (int i = 0; i < NO_SIZES; i++) {
        IS(rw_signals_layout(no_lines[i], no_depths[i], NULL, NULL), RW_EXHAUSTED);
        IS(rw_signals_init(&table, memory, sizeof memory, no_lines[i], no_depths[i]), RW_EXHAUSTED);
        IS(rw_signals_attach(&table, memory, sizeof memory, no_lines[i], no_depths[i]), RW_EXHAUSTED);
    }
}

/* Two objects for one table. */
static void attached(void) {
    size_t size = 0, align = 0;
    rw_signals second;
    rw_raised raised;
    OK(rw_signals_layout(5, 2, &size, &align));
    void *memory = room(size, align);
    OK(rw_signals_init(&table, memory, size, 5, 2));
    OK(rw_signals_attach(&second, memory, size, 5, 2));
    rw_payload payload = {7, 0, 0, 0};
    OK(rw_signals_raise_with(&second, 4, &payload));
    CHECK(rw_signals_pending(&table) == 1u << 4);
    OK(rw_signals_take_dispatcher(&table, &dispatcher));
    rw_dispatcher other;
    IS(rw_signals_take_dispatcher(&second, &other), RW_TAKEN);
    OK(rw_dispatcher_try_wait(&dispatcher, UINT64_MAX, &raised));
    CHECK(raised.line == 4 && raised.payload.value == 7);
    OK(rw_dispatcher_release(&dispatcher));
    free(memory);
}

/* What a handler got. */
typedef struct {
    uint64_t count, calls;
    uint32_t line;
    rw_raised last;
} seen;

static void notes(void *context, const rw_raised *raised) {
    seen *it = (seen *)context;
    it->count += raised->count;
    it->calls++;
    it->line = raised->line;
    it->last = *raised;
}

static void sizes_and_payloads(void) {
    for (int i = 0; i < SIZES; i++) {
        void *memory = new_table(lines[i], depths[i]);
        uint32_t last = lines[i] - 1;
        rw_handler handler;
        seen it = {0, 0, 0, {0, 0, false, {0, 0, 0, 0}}};
        OK(rw_handler_init(&handler, notes, &it));
        OK(rw_signals_set_handler(&table, last, &handler));
        IS(rw_signals_set_handler(&table, last + 1, &handler), RW_NO_SUCH_LINE);
        IS(rw_signals_raise(&table, last + 1), RW_NO_SUCH_LINE);
        OK(rw_signals_take_dispatcher(&table, &dispatcher));
        rw_dispatcher second;
        IS(rw_signals_take_dispatcher(&table, &second), RW_TAKEN);

        OK(rw_signals_raise(&table, last));
        OK(rw_signals_raise(&table, last));
        CHECK(rw_signals_pending(&table) == UINT64_C(1) << last);
        size_t deliveries = 0;
        OK(rw_dispatcher_dispatch(&dispatcher, &deliveries));
        CHECK(deliveries == 1 && it.count == 2 && it.line == last && !it.last.has_payload);

        rw_payload payload = {42, 7, 8, -9};
        for (uint32_t n = 0; n < depths[i]; n++) {
            payload.value = n;
            OK(rw_signals_raise_with(&table, last, &payload));
        }
        IS(rw_signals_raise_with(&table, last, &payload), RW_WOULD_BLOCK);
        for (uint32_t n = 0; n < depths[i]; n++) {
            rw_raised raised;
            OK(rw_dispatcher_dispatch_one(&dispatcher, &raised));
            CHECK(raised.has_payload && raised.payload.value == n && raised.payload.code == -9);
            CHECK(it.last.payload.value == n && it.last.payload.sender == 7 && it.last.payload.user == 8);
        }
        IS(rw_dispatcher_dispatch_one(&dispatcher, NULL), RW_WOULD_BLOCK);
        OK(rw_dispatcher_release(&dispatcher));
        IS(rw_dispatcher_release(&dispatcher), RW_INVALID);
        OK(rw_signals_take_dispatcher(&table, &second));
        OK(rw_dispatcher_release(&second));
        free(memory);
    }
}

/* A handler raises, masks, changes handlers, and tries to use the dispatcher that called it. */

static rw_handler first, after;
static seen order;

static void does_anything(void *context, const rw_raised *raised) {
    notes(context, raised);
    OK(rw_signals_raise(&table, 5));
    OK(rw_signals_mask(&table, 1u << 6, NULL));
    OK(rw_signals_set_handler(&table, raised->line, &after));
    OK(rw_signals_raise(&table, raised->line));
    size_t deliveries;
    IS(rw_dispatcher_dispatch(&dispatcher, &deliveries), RW_INVALID);
    IS(rw_dispatcher_release(&dispatcher), RW_INVALID);
}

static void handlers(void) {
    void *memory = new_table(8, 0);
    seen any = {0, 0, 0, {0, 0, false, {0, 0, 0, 0}}};
    OK(rw_handler_init(&first, does_anything, &any));
    OK(rw_handler_init(&after, notes, &order));
    OK(rw_signals_take_dispatcher(&table, &dispatcher));
    OK(rw_signals_set_handler(&table, 1, &first));
    OK(rw_signals_set_handler(&table, 5, &after));
    OK(rw_signals_set_handler(&table, 6, &after));
    OK(rw_signals_set_priority(&table, 1, 200));
    OK(rw_signals_raise(&table, 6));
    OK(rw_signals_raise(&table, 1));
    size_t deliveries = 0;
    OK(rw_dispatcher_dispatch(&dispatcher, &deliveries));
    CHECK(deliveries == 3 && any.calls == 1 && order.calls == 2);
    CHECK(rw_signals_pending(&table) == 1u << 6); /* masked */
    uint64_t before = 0;
    OK(rw_signals_unmask(&table, 1u << 6, &before));
    CHECK(before == 1u << 6);
    OK(rw_signals_set_handler(&table, 6, NULL));
    OK(rw_dispatcher_dispatch(&dispatcher, &deliveries));
    CHECK(deliveries == 0); /* it has no handler */
    OK(rw_signals_set_mask(&table, ~UINT64_C(0), &before));
    CHECK(before == 0);
    rw_raised raised;
    IS(rw_dispatcher_try_wait(&dispatcher, 1u << 5, &raised), RW_WOULD_BLOCK);
    OK(rw_dispatcher_try_wait(&dispatcher, 1u << 6 | 1u << 5, &raised));
    CHECK(raised.line == 6 && raised.count == 1);
    OK(rw_dispatcher_release(&dispatcher));
    free(memory);
}

/* Threads and a signal handler raise; main sleeps. */

enum { RAISERS = 3, RAISES = 20000 };

static void *raises(void *line) {
    for (int i = 0; i < RAISES; i++) OK(rw_signals_raise(&table, *(uint32_t *)line));
    return NULL;
}

static void on_alarm(int number) {
    (void)number;
    rw_signals_raise(&table, 7);
}

static void raisers(void) {
    void *memory = new_table(8, 8);
    pthread_t threads[RAISERS];
    uint32_t mine[RAISERS];
    rw_handler handler;
    seen all = {0, 0, 0, {0, 0, false, {0, 0, 0, 0}}};
    OK(rw_handler_init(&handler, notes, &all));
    for (uint32_t line = 0; line < 8; line++) OK(rw_signals_set_handler(&table, line, &handler));
    OK(rw_signals_take_dispatcher(&table, &dispatcher));
    IS(rw_dispatcher_pause(&dispatcher, soon(5), NULL), RW_TIMED_OUT);
    rw_raised raised;
    IS(rw_dispatcher_wait(&dispatcher, 1, soon(5), &raised), RW_TIMED_OUT);

    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_alarm;
    action.sa_flags = SA_RESTART;
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    for (uint32_t i = 0; i < RAISERS; i++) {
        mine[i] = i;
        CHECK(pthread_create(&threads[i], NULL, raises, &mine[i]) == 0);
    }
    while (all.count < RAISERS * RAISES) {
        OK(rw_dispatcher_pause(&dispatcher, RW_FOREVER, NULL));
        raise(SIGUSR1);
        OK(rw_dispatcher_wait(&dispatcher, 1u << 7, RW_FOREVER, &raised));
        CHECK(raised.line == 7 && raised.count >= 1);
    }
    CHECK(all.count == RAISERS * RAISES);
    for (int i = 0; i < RAISERS; i++) CHECK(pthread_join(threads[i], NULL) == 0);

    bool ended = false;
    OK(rw_signals_raise(&table, 3));
    OK(rw_signals_end_dispatcher(&table, &ended));
    CHECK(ended);
    OK(rw_dispatcher_pause(&dispatcher, RW_FOREVER, NULL)); /* what was raised before */
    IS(rw_dispatcher_pause(&dispatcher, RW_FOREVER, NULL), RW_CLOSED);
    IS(rw_dispatcher_wait(&dispatcher, 1, RW_FOREVER, &raised), RW_CLOSED);
    OK(rw_dispatcher_release(&dispatcher));
    OK(rw_signals_end_dispatcher(&table, &ended));
    CHECK(!ended);
    free(memory);
}

int main(void) {
    rw_set_wait(&waiting);
    no_tables();
    attached();
    sizes_and_payloads();
    handlers();
    raisers();
    printf("%lu checks passed\n", checks);
    return 0;
}
