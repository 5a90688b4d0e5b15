/* Links of every size: ports, credits, ends, restarts, a line that loses and flips bytes, and every event. */

#include "common.h"

typedef struct {
    rw_link_sizes sizes;
    bool is_serial;
} kind;

static const kind kinds[] = {
    {{64, 1, 2, 2}, true},   {{256, 4, 2, 4}, true},     {{1024, 8, 8, 8}, true},   {{77, 2, 3, 5}, true},
    {{256, 4, 2, 4}, false}, {{1024, 8, 200, 8}, false}, {{24, 64, 2, 255}, false},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

typedef struct {
    rw_link link;
    void *memory;
    unsigned events[16];
    rw_link_event last;
} side;

static void start(side *it, const kind *of, uint32_t generation) {
    size_t size = 0, align = 0;
    rw_link_config config;
    memset(it, 0, sizeof *it);
    OK((of->is_serial ? rw_link_serial_layout : rw_link_reliable_layout)(&of->sizes, &size, &align));
    OK(rw_link_defaults(generation, &config));
    CHECK(config.generation == generation && config.gone > config.keepalive);
    it->memory = room(size, align);
    rw_error (*init)(rw_link *, void *, size_t, const rw_link_sizes *, const rw_link_config *) =
        of->is_serial ? rw_link_serial_init : rw_link_reliable_init;
    IS(init(&it->link, it->memory, size - 1, &of->sizes, &config), RW_INVALID);
    OK(init(&it->link, it->memory, size, &of->sizes, &config));
}

static void end(side *it) {
    OK(rw_link_forget(&it->link));
    IS(rw_link_forget(&it->link), RW_INVALID);
    free(it->memory);
}

static void take_events(side *it) {
    while (rw_link_poll_event(&it->link, &it->last) == RW_OK) it->events[it->last.news]++;
}

/* What the line does to a byte. */
static uint32_t state = 1;
static unsigned badness;

static bool damage(uint8_t *byte) {
    if (badness == 0) return false;
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    if (state % badness == 0) *byte ^= 4;
    return state % badness == 1;
}

static size_t carry(side *from, side *to, uint64_t time) {
    uint8_t bytes[32];
    size_t count = 0, kept = 0;
    OK(rw_link_poll_transmit(&from->link, time, bytes, sizeof bytes, &count));
    for (size_t i = 0; i < count; i++) {
        uint8_t byte = bytes[i];
        if (!damage(&byte)) bytes[kept++] = byte;
    }
    OK(rw_link_handle_bytes(&to->link, time, bytes, kept));
    take_events(to);
    return count;
}

static void exchange(side *here, side *there, uint64_t time) {
    while (carry(here, there, time) + carry(there, here, time) > 0) {
    }
    take_events(here);
    take_events(there);
}

static rw_phase phase(side *it, uint8_t port) {
    rw_state found;
    OK(rw_link_port_state(&it->link, port, &found));
    return found.phase;
}

static void a_life(const kind *of) {
    side here, there;
    char large[1025] = {0};
    char text[1024];
    size_t length = 0;
    start(&here, of, 1);
    start(&there, of, 7);
    CHECK(rw_link_phase_of(&here.link) == RW_LINK_IS_DOWN);
    OK(rw_link_open(&here.link, 0));
    IS(rw_link_open(&here.link, 0), RW_ALREADY_CONNECTED);
    OK(rw_link_open(&there.link, 0));
    CHECK(rw_link_phase_of(&here.link) == RW_LINK_IS_CONNECTING);
    uint64_t due = 0;
    OK(rw_link_poll_timeout(&here.link, &due));
    CHECK(due != 0 && due != RW_FOREVER);
    exchange(&here, &there, 0);
    CHECK(rw_link_phase_of(&here.link) == RW_LINK_IS_UP && here.events[RW_LINK_UP] == 1);

    IS(rw_link_open_port(&here.link, (uint8_t)of->sizes.ports), RW_NOT_FOUND);
    IS(rw_link_try_send(&here.link, 0, "x", 1), RW_NOT_CONNECTED);
    CHECK(phase(&here, 0) == RW_PHASE_NEW && phase(&here, 200) == RW_PHASE_GONE);
    OK(rw_link_open_port(&here.link, 0));
    exchange(&here, &there, 1);
    CHECK(there.events[RW_PORT_WAITING] == 1 && phase(&here, 0) == RW_PHASE_CONNECTING);
    OK(rw_link_open_port(&there.link, 0));
    exchange(&here, &there, 2);
    CHECK(here.events[RW_PORT_OPENED] == 1 && phase(&here, 0) == RW_PHASE_CONNECTED);

    IS(rw_link_try_send(&here.link, 0, large, of->sizes.max + 1), RW_MESSAGE_TOO_LARGE);
    OK(rw_link_try_send(&here.link, 0, large, of->sizes.max));
    exchange(&here, &there, 3);
    OK(rw_link_try_recv(&there.link, 0, text, sizeof text, &length));
    CHECK(length == of->sizes.max && memcmp(text, large, length) == 0);
    IS(rw_link_try_recv(&there.link, 0, text, sizeof text, &length), RW_WOULD_BLOCK);

    exchange(&here, &there, 3); /* the credit goes first, where there is one frame at a time */
    OK(rw_link_try_send(&there.link, 0, "in place", 8));
    exchange(&here, &there, 4);
    CHECK(here.events[RW_PORT_READABLE] == 1);
    IS(rw_link_try_recv(&here.link, 0, text, 7, &length), RW_BUFFER_TOO_SMALL);
    const void *message = NULL;
    CHECK(length == 8);
    OK(rw_link_peek(&here.link, 0, &message, &length));
    CHECK(length == 8 && memcmp(message, "in place", 8) == 0);
    OK(rw_link_release(&here.link, 0));
    OK(rw_link_release(&here.link, 0)); /* there is none */
    IS(rw_link_peek(&here.link, 0, &message, &length), RW_WOULD_BLOCK);

    /* Until the peer has no room; then it makes room. */
    int sent = 0;
    exchange(&here, &there, 5);
    while (rw_link_try_send(&here.link, 0, "fills", 5) == RW_OK) {
        sent++;
        exchange(&here, &there, 5);
    }
    CHECK(sent >= 2 && (size_t)sent <= of->sizes.credits);
    for (int i = 0; i < sent; i++) OK(rw_link_try_recv(&there.link, 0, text, sizeof text, &length));
    exchange(&here, &there, 6);
    CHECK(here.events[RW_PORT_WRITABLE] == 1);

    OK(rw_link_shut_send(&here.link, 0));
    OK(rw_link_shut_recv(&here.link, 0));
    exchange(&here, &there, 7);
    CHECK(there.events[RW_PORT_PEER_SHUT_SEND] == 1 && there.events[RW_PORT_PEER_SHUT_RECV] == 1);
    IS(rw_link_try_recv(&there.link, 0, text, sizeof text, &length), RW_END_OF_FILE);
    IS(rw_link_try_send(&there.link, 0, "x", 1), RW_BROKEN_PIPE);
    OK(rw_link_close_port(&there.link, 0));
    exchange(&here, &there, 8);
    CHECK(here.events[RW_PORT_FREE] == 1);

    OK(rw_link_open_port(&here.link, 1));
    OK(rw_link_open_port(&there.link, 1));
    exchange(&here, &there, 9);
    OK(rw_link_reset_port(&here.link, 1, 33));
    memset(&there.last, 0, sizeof there.last);
    carry(&here, &there, 10);
    exchange(&here, &there, 10);
    CHECK(there.events[RW_PORT_RESET] == 1);

    /* The other side restarts, and connects anew. */
    end(&there);
    start(&there, of, 8);
    if (!of->is_serial) OK(rw_link_handle_end(&here.link, 11));
    take_events(&here);
    if (!of->is_serial) {
        CHECK(here.events[RW_LINK_DOWN] == 1 && here.last.detail == RW_DOWN_LINE_ENDED);
        OK(rw_link_open(&here.link, 11));
    }
    OK(rw_link_open(&there.link, 11));
    exchange(&here, &there, 11);
    CHECK(rw_link_phase_of(&here.link) == RW_LINK_IS_UP && here.events[RW_LINK_UP] == 2);

    OK(rw_link_close(&here.link, 12));
    exchange(&here, &there, 12);
    CHECK(there.last.news == RW_LINK_DOWN && there.last.detail == RW_DOWN_PEER_CLOSED);
    CHECK(here.last.news == RW_LINK_DOWN && here.last.detail == RW_DOWN_CLOSED);
    CHECK(rw_link_phase_of(&here.link) == RW_LINK_IS_DOWN);
    OK(rw_link_poll_timeout(&here.link, &due));
    end(&here);
    end(&there);
}

/* Messages arrive once each and in order, though the line is bad. */
static void a_bad_line(const kind *of) {
    enum { MESSAGES = 300 };
    side here, there;
    uint32_t sent = 0, received = 0;
    uint64_t time = 0;
    start(&here, of, 1);
    start(&there, of, 2);
    OK(rw_link_open(&here.link, 0));
    OK(rw_link_open(&there.link, 0));
    OK(rw_link_open_port(&here.link, 0));
    OK(rw_link_open_port(&there.link, 0));
    badness = 700;
    while (received < MESSAGES) {
        CHECK(time < 10000000);
        uint32_t message[4] = {sent, sent, ~sent, 0};
        if (sent < MESSAGES && rw_link_try_send(&here.link, 0, message, sizeof message) == RW_OK) sent++;
        carry(&here, &there, time);
        carry(&there, &here, time);
        size_t length = 0;
        while (rw_link_try_recv(&there.link, 0, message, sizeof message, &length) == RW_OK) {
            CHECK(length == sizeof message && message[0] == received && message[2] == ~received);
            received++;
        }
        uint64_t due = RW_FOREVER;
        side *sides[2] = {&here, &there};
        for (int i = 0; i < 2; i++) {
            OK(rw_link_poll_timeout(&sides[i]->link, &due));
            if (due <= time) OK(rw_link_handle_timeout(&sides[i]->link, time));
            take_events(sides[i]);
        }
        time++;
    }
    badness = 0;
    end(&here);
    end(&there);
}

/* No link has these sizes. */
static void no_such_sizes(void) {
    static uint64_t memory[8192];
    const rw_link_sizes wrong[] = {
        {23, 4, 2, 4},  {((size_t)1 << 24) + 1, 1, 1, 1}, {SIZE_MAX, 1, 1, 1}, {64, 0, 2, 4},   {64, 3, 2, 4},
        {64, 128, 2, 4}, {64, 4, 0, 4},                    {64, 4, 256, 4},     {64, 4, 2, 0},   {64, 4, 2, 256},
        {64, SIZE_MAX, 2, 4}, {64, 4, SIZE_MAX, 4},        {64, 4, 2, SIZE_MAX}, {(size_t)1 << 24, 64, 255, 255},
    };
    rw_link link;
    rw_link_config config;
    size_t size = 0, align = 0;
    OK(rw_link_defaults(1, &config));
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        IS(rw_link_serial_layout(&wrong[i], NULL, NULL), RW_EXHAUSTED);
        IS(rw_link_reliable_layout(&wrong[i], NULL, NULL), RW_EXHAUSTED);
        IS(rw_link_serial_init(&link, memory, sizeof memory, &wrong[i], &config), RW_EXHAUSTED);
        IS(rw_link_reliable_init(&link, memory, sizeof memory, &wrong[i], &config), RW_EXHAUSTED);
    }
    const rw_link_sizes largest = {(size_t)1 << 24, 8, 5, 8};
    OK(rw_link_serial_layout(&largest, &size, &align));
    CHECK(size > (size_t)49 << 24 && size < (size_t)50 << 24 && align == sizeof(void *));
}

int main(void) {
    for (int i = 0; i < KINDS; i++) {
        a_life(&kinds[i]);
        if (kinds[i].is_serial) a_bad_line(&kinds[i]);
    }
    no_such_sizes();
    printf("%lu checks passed\n", checks);
    return 0;
}
