/* Signals: the timer's interrupt raises, main dispatches, by priority and with masks. The same image in Rust is
 * tests/firmware/src/bin/signal.rs. */

#include "board.h"

enum { TICK = 0, SAMPLE = 1, DONE = 3 };
/* How many times the interrupt comes before it raises DONE. */
enum { TICKS = 400 };

static uint64_t memory[200];
static rw_signals signals;
static rw_dispatcher dispatcher;
static rw_handler handlers[3];
/* Touched by the interrupt. */
static volatile uint32_t came, queued, full;
/* Touched by the handlers. */
static uint32_t seen, samples, wrong, finished;

void tick(void) {
    if (came == TICKS) return;
    uint32_t now = came++;
    rw_signals_raise(&signals, TICK);
    if (now % 3 == 0) {
        rw_payload payload = {queued, 0, 0, 0};
        if (rw_signals_raise_with(&signals, SAMPLE, &payload) == RW_OK) {
            queued++;
        } else {
            full++;
        }
    }
    if (now == TICKS - 1) rw_signals_raise(&signals, DONE);
}

static void on_tick(void *context, const rw_raised *raised) {
    *(uint32_t *)context += (uint32_t)raised->count;
}

static void on_sample(void *context, const rw_raised *raised) {
    uint32_t *count = (uint32_t *)context;
    wrong += !raised->has_payload || raised->payload.value != *count;
    ++*count;
}

static void on_done(void *context, const rw_raised *raised) {
    (void)raised;
    ++*(uint32_t *)context;
}

bool run(void) {
    size_t deliveries = 9;
    rw_raised raised;
    rw_set_wait(&by_interrupt);
    bool set = rw_signals_init(&signals, memory, sizeof memory, 4, 4) == RW_OK &&
               rw_signals_take_dispatcher(&signals, &dispatcher) == RW_OK &&
               rw_handler_init(&handlers[0], on_tick, &seen) == RW_OK &&
               rw_handler_init(&handlers[1], on_sample, &samples) == RW_OK &&
               rw_handler_init(&handlers[2], on_done, &finished) == RW_OK &&
               rw_signals_set_handler(&signals, TICK, &handlers[0]) == RW_OK &&
               rw_signals_set_handler(&signals, SAMPLE, &handlers[1]) == RW_OK &&
               rw_signals_set_handler(&signals, DONE, &handlers[2]) == RW_OK &&
               rw_signals_set_priority(&signals, SAMPLE, 1) == RW_OK;
    report("no such line", rw_signals_raise(&signals, 4) == RW_NO_SUCH_LINE);

    /* Masked, the ticks are kept, and coalesce; the samples wait in their queue until it is full. */
    rw_signals_mask(&signals, 1 << TICK | 1 << SAMPLE, NULL);
    start_timer();
    while (full == 0) wait_for_interrupt();
    rw_dispatcher_dispatch(&dispatcher, &deliveries);
    report("delivered while masked", (uint32_t)deliveries);
    bool pending = rw_signals_pending(&signals) == (1 << TICK | 1 << SAMPLE);
    report("pending", pending);
    rw_signals_unmask(&signals, UINT64_MAX, NULL);
    raised.line = UINT32_MAX;
    rw_dispatcher_dispatch_one(&dispatcher, &raised);
    report("the first line delivered", raised.line);

    /* Sleeps until something is raised. */
    while (finished == 0) rw_dispatcher_pause(&dispatcher, RW_FOREVER, NULL);
    rw_dispatcher_dispatch(&dispatcher, NULL);
    report("ticks", seen);
    report("samples lost", queued - samples);
    report("samples out of order", wrong);
    report("left", (uint32_t)rw_signals_pending(&signals));
    return set && pending && queued == samples && seen == TICKS;
}
