/* Ends of a transport, for the conformance suite (tests/src/conformance/c.rs), which drives them:
 *
 *     end KIND NAME WRITERS LIFE RX TX [RX TX] DESCRIPTOR…
 *
 * RX and TX are sockets, each for a half; with a second pair, both ends are here. NAME and the
 * descriptors are what the kind needs. After MORE, who connects to the abstract name WRITERS is one
 * more writer. LIFE is a pipe whose writer the other side has: when that is gone, this process ends
 * at once, as if it were killed. */

#include "linux.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <sys/socket.h>

/* What is asked for, and what is answered; the bytes follow. */
typedef struct { uint32_t what, form; uint64_t wait, size; } request;
typedef struct { int32_t code; uint32_t unused; uint64_t size; } reply;

enum { READ = 1, WRITE, SHUT, CLOSE, MORE };
enum { PLAIN, TRY, UNTIL };
enum { TRANSFERS = 1000 };

/* An item of rings and queues: the largest message that goes through them. */
typedef struct { uint32_t size; unsigned char bytes[TRANSFERS]; } item;

static const rw_part there_bytes = {"there", RW_KIND_BYTE_RING, 0, 0, 0, NULL};
static const rw_part back_bytes = {"back", RW_KIND_BYTE_RING, 0, 0, 0, NULL};
static const rw_part there_messages = {"there", RW_KIND_MESSAGE_RING, 0, 0, 0, NULL};
static const rw_part back_messages = {"back", RW_KIND_MESSAGE_RING, 0, 0, 0, NULL};
static const rw_part there_items = {"there", RW_KIND_RING, 0, sizeof(item), 4, NULL};
static const rw_part back_items = {"back", RW_KIND_RING, 0, sizeof(item), 4, NULL};
static const rw_part there_jobs = {"there", RW_KIND_QUEUE, 0, sizeof(item), 4, NULL};
static const rw_part back_jobs = {"back", RW_KIND_QUEUE, 0, sizeof(item), 4, NULL};
static const rw_part memory_part = {"memory", RW_KIND_ATOMICS, 0, 8, 8, NULL};

typedef struct side side;

/* A half. */
typedef struct {
    int control;
    side *of;
    rw_mem_end end; /* a writer's own */
} half;

/* What the kind can do. */
typedef struct {
    int (*read)(side *it, void *data, size_t size, uint32_t form, uint64_t deadline, size_t *count);
    int (*write)(half *mine, const void *data, size_t size, uint32_t form, uint64_t deadline, size_t *count);
    void (*close_read)(side *it);
    void (*close_write)(half *mine, bool is_last);
    int (*descriptor)(side *it, bool writes);
} kind;

/* One end, and what it is of its kind. */
struct side {
    const kind *way;
    int halves, writers; /* by atomics */
    half first_writer;
    int from, to;
    bool is_socket;
    rw_byte_producer byte_producer;
    rw_byte_consumer byte_consumer;
    rw_sender sender;
    rw_receiver receiver;
    rw_ring_producer ring_producer;
    rw_ring_consumer ring_consumer;
    rw_queue in_queue, out_queue;
    rw_connection in, out;
    rw_packets packets;
    rw_mem_end mem_in; /* and a stream's end */
    rw_link link;
    pthread_mutex_t turn; /* a link has one user at a time */
    bool has_ended; /* the link's stream */
    unsigned char left[4096]; /* what the link transmits, and the stream has not taken */
    size_t left_begin, left_end;
    half *next; /* for the next writer that connects */
};

static side sides[2];
static rw_region region;
static pthread_mutex_t ending = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ended = PTHREAD_COND_INITIALIZER;
static int serving;

/* A deadline that has passed makes a call look once; what does not wait says so. */
static int tried(int code, uint32_t form) { return form == TRY && code == RW_TIMED_OUT ? RW_WOULD_BLOCK : code; }

static bool is_last_half(side *it) { return __atomic_sub_fetch(&it->halves, 1, __ATOMIC_SEQ_CST) == 0; }

/* Byte rings. */

static int bytes_read(side *it, void *data, size_t size, uint32_t form, uint64_t deadline, size_t *count) {
    if (form == TRY) return rw_byte_try_read(&it->byte_consumer, data, size, count);
    return rw_byte_read(&it->byte_consumer, data, size, deadline, count);
}

static int bytes_write(half *mine, const void *data, size_t size, uint32_t form, uint64_t deadline, size_t *count) {
    if (form == TRY) return rw_byte_try_write(&mine->of->byte_producer, data, size, count);
    int code = rw_byte_write_all(&mine->of->byte_producer, data, size, deadline, count);
    return *count > 0 ? RW_OK : code;
}

static void bytes_close_read(side *it) { OK(rw_byte_consumer_close(&it->byte_consumer)); }
static void bytes_close_write(half *mine, bool is_last) {
    if (is_last) OK(rw_byte_producer_close(&mine->of->byte_producer));
}

/* Message rings. */

static int messages_read(side *it, void *data, size_t size, uint32_t form, uint64_t deadline, size_t *count) {
    return form == TRY ? rw_try_recv(&it->receiver, data, size, count) : rw_recv(&it->receiver, data, size, deadline, count);
}

static int messages_write(half *mine, const void *data, size_t size, uint32_t form, uint64_t deadline, size_t *count) {
    *count = size;
    return form == TRY ? rw_try_send(&mine->of->sender, data, size) : rw_send(&mine->of->sender, data, size, deadline);
}

static void messages_close_read(side *it) { OK(rw_receiver_close(&it->receiver)); }
static void messages_close_write(half *mine, bool is_last) {
    if (is_last) OK(rw_sender_close(&mine->of->sender));
}

/* Rings and queues: each item is a message. */

static int unpacked(const item *from, int code, void *data, size_t size, size_t *count) {
    if (code != RW_OK) return code;
    CHECK(from->size <= size); /* these move, and the suite has room for them */
    memcpy(data, from->bytes, *count = from->size);
    return RW_OK;
}

static void pack(item *to, const void *data, size_t size) {
    CHECK(size <= TRANSFERS);
    memset(to, 0, sizeof *to);
    to->size = (uint32_t)size;
    memcpy(to->bytes, data, size);
}

static int items_read(side *it, void *data, size_t size, uint32_t form, uint64_t deadline, size_t *count) {
    item one;
    int code = form == TRY ? rw_ring_try_pop(&it->ring_consumer, &one, sizeof one)
                           : rw_ring_pop(&it->ring_consumer, &one, sizeof one, deadline);
    return unpacked(&one, code, data, size, count);
}

static int items_write(half *mine, const void *data, size_t size, uint32_t form, uint64_t deadline, size_t *count) {
    item one;
    pack(&one, data, *count = size);
    /* The form that does not wait looks for the other half in a full ring only. */
    return tried(rw_ring_push(&mine->of->ring_producer, &one, sizeof one, deadline), form);
}

static void items_close_read(side *it) { OK(rw_ring_consumer_close(&it->ring_consumer)); }
static void items_close_write(half *mine, bool is_last) {
    if (is_last) OK(rw_ring_producer_close(&mine->of->ring_producer));
}

static int jobs_read(side *it, void *data, size_t size, uint32_t form, uint64_t deadline, size_t *count) {
    item one;
    int code = form == TRY ? rw_queue_try_pop(&it->in_queue, &one, sizeof one)
                           : rw_queue_pop(&it->in_queue, &one, sizeof one, deadline);
    return unpacked(&one, code, data, size, count);
}

static int jobs_write(half *mine, const void *data, size_t size, uint32_t form, uint64_t deadline, size_t *count) {
    item one;
    pack(&one, data, *count = size);
    return form == TRY ? rw_queue_try_push(&mine->of->out_queue, &one, sizeof one)
                       : rw_queue_push(&mine->of->out_queue, &one, sizeof one, deadline);
}

/* A queue tells nobody of an end. */
static void jobs_close_read(side *it) { (void)it; }
static void jobs_close_write(half *mine, bool is_last) { (void)mine, (void)is_last; }

/* Descriptors: pipes, FIFOs and stream sockets. */

static int stream_read(side *it, void *data, size_t size, uint32_t form, uint64_t deadline, size_t *count) {
    return tried(rw_fd_read(it->from, data, size, deadline, count), form);
}

static int stream_write(half *mine, const void *data, size_t size, uint32_t form, uint64_t deadline, size_t *count) {
    return tried(rw_fd_write(mine->of->to, data, size, deadline, count), form);
}

/* A socket is one descriptor: the last half closes it. */
static void stream_close_read(side *it) {
    if (is_last_half(it) || !it->is_socket) close(it->from);
}
static void stream_close_write(half *mine, bool is_last) {
    side *it = mine->of;
    if (it->is_socket ? is_last_half(it) : is_last) close(it->to);
}
static int stream_descriptor(side *it, bool writes) { return writes ? it->to : it->from; }

/* Connections and packets. */

static int connection_read(side *it, void *data, size_t size, uint32_t form, uint64_t deadline, size_t *count) {
    return tried(rw_connection_recv(&it->in, data, size, deadline, count), form);
}

static int connection_write(half *mine, const void *data, size_t size, uint32_t form, uint64_t deadline, size_t *count) {
    side *it = mine->of;
    *count = size;
    return tried(rw_connection_send(it->is_socket ? &it->in : &it->out, data, size, NULL, 0, deadline), form);
}

static void connection_close_read(side *it) {
    if (is_last_half(it) || !it->is_socket) OK(rw_connection_close(&it->in));
}
static void connection_close_write(half *mine, bool is_last) {
    side *it = mine->of;
    if (it->is_socket ? is_last_half(it) : is_last) OK(rw_connection_close(it->is_socket ? &it->in : &it->out));
}

static int packets_read(side *it, void *data, size_t size, uint32_t form, uint64_t deadline, size_t *count) {
    return tried(rw_packets_recv(&it->packets, data, size, deadline, count), form);
}

static int packets_write(half *mine, const void *data, size_t size, uint32_t form, uint64_t deadline, size_t *count) {
    *count = size;
    return tried(rw_packets_send(&mine->of->packets, data, size, deadline), form);
}

static void packets_close_read(side *it) {
    if (is_last_half(it)) OK(rw_packets_close(&it->packets));
}
static void packets_close_write(half *mine, bool is_last) {
    (void)is_last;
    packets_close_read(mine->of);
}
static int packets_descriptor(side *it, bool writes) { return (void)writes, rw_packets_fd(&it->packets); }

/* Pipes, FIFOs and sockets in memory. A writer of a pipe has an end of its own; a socket's halves
 * share one. */

static int mem_read(side *it, void *data, size_t size, uint32_t form, uint64_t deadline, size_t *count) {
    return form == TRY ? rw_mem_end_try_read(&it->mem_in, data, size, count)
                       : rw_mem_end_read(&it->mem_in, data, size, deadline, count);
}

static int mem_write(half *mine, const void *data, size_t size, uint32_t form, uint64_t deadline, size_t *count) {
    rw_mem_end *end = mine->of->is_socket ? &mine->of->mem_in : &mine->end;
    return form == TRY ? rw_mem_end_try_write(end, data, size, count) : rw_mem_end_write(end, data, size, deadline, count);
}

static void mem_close_read(side *it) {
    if (is_last_half(it) || !it->is_socket) OK(rw_mem_end_close(&it->mem_in));
}
static void mem_close_write(half *mine, bool is_last) {
    (void)is_last;
    if (mine->of->is_socket) mem_close_read(mine->of);
    else OK(rw_mem_end_close(&mine->end));
}

/* A link: the library moves no byte of it, so this does, whenever a half is used. */

enum { LINK_MAX = 1024, LINK_CREDITS = 8, PIECES = 16, LAST_PIECES = PIECES + 2 * LINK_CREDITS };

static uint64_t ticks(void) { return rw_now() / RW_MILLISECOND; }

static void link_end(side *it) {
    OK(rw_link_handle_end(&it->link, ticks()));
    it->has_ended = true;
    it->left_begin = it->left_end = 0;
}

/* Takes what came, and does what is due. */
static void link_look(side *it, int pieces) {
    unsigned char piece[4096];
    uint64_t due = 0;
    for (; pieces > 0 && !it->has_ended; pieces--) {
        size_t count = 0;
        int code = rw_fd_read(it->from, piece, sizeof piece, 0, &count);
        if (code == RW_TIMED_OUT) break;
        CHECK(code == RW_OK || code == RW_END_OF_FILE || code == RW_RESET);
        if (code == RW_OK) OK(rw_link_handle_bytes(&it->link, ticks(), piece, count));
        else link_end(it);
    }
    OK(rw_link_poll_timeout(&it->link, &due));
    if (due <= ticks()) OK(rw_link_handle_timeout(&it->link, ticks()));
}

/* Transmits while the stream has room. */
static void link_transmit(side *it) {
    while (!it->has_ended) {
        size_t count = 0;
        if (it->left_begin == it->left_end) {
            it->left_begin = 0;
            OK(rw_link_poll_transmit(&it->link, ticks(), it->left, sizeof it->left, &it->left_end));
            if (it->left_end == 0) return;
        }
        int code = rw_fd_write(it->to, it->left + it->left_begin, it->left_end - it->left_begin, 0, &count);
        if (code == RW_TIMED_OUT) return;
        CHECK(code == RW_OK || code == RW_BROKEN_PIPE || code == RW_RESET);
        it->left_begin += count;
        if (code == RW_OK) continue;
        /* What the other side sent before it left can still be received. */
        it->left_begin = it->left_end = 0;
        link_look(it, LAST_PIECES);
        if (!it->has_ended) link_end(it);
    }
}

static void link_turn(side *it) {
    link_look(it, PIECES);
    link_transmit(it);
}

/* Whether to try again, after a while. */
static bool link_waits(int *code, uint32_t form, uint64_t deadline) {
    if (*code != RW_WOULD_BLOCK || form == TRY) return false;
    if (rw_now() >= deadline) *code = RW_TIMED_OUT;
    else usleep(200);
    return *code == RW_WOULD_BLOCK;
}

static int link_read(side *it, void *data, size_t size, uint32_t form, uint64_t deadline, size_t *count) {
    int code;
    do {
        pthread_mutex_lock(&it->turn);
        code = rw_link_try_recv(&it->link, 0, data, size, count);
        if (code == RW_WOULD_BLOCK) {
            link_turn(it);
            code = rw_link_try_recv(&it->link, 0, data, size, count);
        }
        link_transmit(it);
        pthread_mutex_unlock(&it->turn);
    } while (link_waits(&code, form, deadline));
    return code;
}

static int link_write(half *mine, const void *data, size_t size, uint32_t form, uint64_t deadline, size_t *count) {
    side *it = mine->of;
    int code;
    *count = size;
    do {
        pthread_mutex_lock(&it->turn);
        link_turn(it);
        code = rw_link_try_send(&it->link, 0, data, size);
        link_transmit(it);
        pthread_mutex_unlock(&it->turn);
    } while (link_waits(&code, form, deadline));
    return code;
}

/* Ends a direction; a session that has ended has none. */
static void link_shut(side *it, bool writes) {
    pthread_mutex_lock(&it->turn);
    int code = writes ? rw_link_shut_send(&it->link, 0) : rw_link_shut_recv(&it->link, 0);
    CHECK(code == RW_OK || code == RW_CLOSED || code == RW_NOT_CONNECTED);
    link_transmit(it);
    pthread_mutex_unlock(&it->turn);
}

/* The end of a half is told before the stream's end. */
static void link_close(side *it) {
    if (!is_last_half(it)) return;
    OK(rw_link_forget(&it->link));
    close(it->from);
    if (!it->is_socket) close(it->to);
}
static void link_close_read(side *it) {
    link_shut(it, false);
    link_close(it);
}
static void link_close_write(half *mine, bool is_last) {
    if (is_last) link_shut(mine->of, true);
    link_close(mine->of);
}

/* Connects the only port, as the other side does. */
static void link_connect(side *it) {
    static uint64_t memory[1 << 13];
    const rw_link_sizes sizes = {LINK_MAX, 4, 1, LINK_CREDITS};
    size_t size = 0, align = 0;
    rw_link_config config;
    rw_state state;
    OK(rw_link_reliable_layout(&sizes, &size, &align));
    CHECK(size <= sizeof memory && align <= sizeof memory[0]);
    OK(rw_link_defaults(2, &config));
    config.gone = 0; /* a session must not end because a thread waits for its turn */
    config.retransmit = 500;
    OK(rw_link_reliable_init(&it->link, memory, size, &sizes, &config));
    OK(rw_link_open(&it->link, ticks()));
    OK(rw_link_open_port(&it->link, 0));
    CHECK(pthread_mutex_init(&it->turn, NULL) == 0);
    uint64_t late = LATE;
    do {
        CHECK(rw_now() < late);
        usleep(200);
        link_turn(it);
        OK(rw_link_port_state(&it->link, 0, &state));
    } while (state.phase != RW_PHASE_CONNECTED);
}

static const kind bytes = {bytes_read, bytes_write, bytes_close_read, bytes_close_write, NULL};
static const kind messages = {messages_read, messages_write, messages_close_read, messages_close_write, NULL};
static const kind items = {items_read, items_write, items_close_read, items_close_write, NULL};
static const kind jobs = {jobs_read, jobs_write, jobs_close_read, jobs_close_write, NULL};
static const kind stream = {stream_read, stream_write, stream_close_read, stream_close_write, stream_descriptor};
static const kind connection = {connection_read, connection_write, connection_close_read, connection_close_write, NULL};
static const kind packets = {packets_read, packets_write, packets_close_read, packets_close_write, packets_descriptor};
static const kind linked = {link_read, link_write, link_close_read, link_close_write, NULL};
static const kind in_memory = {mem_read, mem_write, mem_close_read, mem_close_write, NULL};

static void answer(int control, int code, const void *data, size_t size) {
    reply said;
    memset(&said, 0, sizeof said);
    said.code = code;
    said.size = size;
    OK(rw_fd_write_all(control, &said, sizeof said, RW_FOREVER, NULL));
    if (data) OK(rw_fd_write_all(control, data, size, RW_FOREVER, NULL));
}

/* Does what is asked for through the socket of a half, until it is closed. */
static void *serve(void *given) {
    half *mine = (half *)given;
    side *it = mine->of;
    bool is_open = true;
    while (is_open) {
        request asked;
        size_t count = 0;
        OK(rw_fd_read_all(mine->control, &asked, sizeof asked, RW_FOREVER, NULL));
        uint64_t deadline = asked.form == PLAIN ? RW_FOREVER : asked.form == TRY ? 0 : rw_after(asked.wait);
        char *data = (char *)malloc(asked.size + 1);
        CHECK(data != NULL);
        switch (asked.what) {
        case READ: {
            int code = it->way->read(it, data, asked.size, asked.form, deadline, &count);
            answer(mine->control, code, code == RW_OK ? data : NULL, count);
            break;
        }
        case WRITE: {
            OK(rw_fd_read_all(mine->control, data, asked.size, RW_FOREVER, NULL));
            int code = it->way->write(mine, data, asked.size, asked.form, deadline, &count);
            answer(mine->control, code, NULL, count);
            break;
        }
        case SHUT:
            if (it->way == &in_memory) {
                OK(rw_mem_end_shutdown(&it->mem_in, asked.form ? RW_MEM_SHUT_WRITE : RW_MEM_SHUT_READ));
            } else if (it->way == &linked) {
                link_shut(it, asked.form);
            } else {
                CHECK(shutdown(it->way->descriptor(it, asked.form), asked.form ? SHUT_WR : SHUT_RD) == 0);
            }
            answer(mine->control, RW_OK, NULL, 0);
            break;
        case MORE:
            it->next = (half *)calloc(1, sizeof *it->next);
            CHECK(it->next != NULL);
            it->next->of = it;
            if (it->way == &in_memory) OK(rw_mem_end_clone(&mine->end, &it->next->end));
            answer(mine->control, RW_OK, NULL, 0);
            break;
        default:
            if (asked.form) it->way->close_write(mine, __atomic_sub_fetch(&it->writers, 1, __ATOMIC_SEQ_CST) == 0);
            else it->way->close_read(it);
            answer(mine->control, RW_OK, NULL, 0);
            is_open = false;
        }
        free(data);
    }
    pthread_mutex_lock(&ending);
    serving--;
    pthread_cond_signal(&ended);
    pthread_mutex_unlock(&ending);
    return NULL;
}

static void start(half *mine) {
    pthread_t thread;
    pthread_mutex_lock(&ending);
    serving++;
    pthread_mutex_unlock(&ending);
    CHECK(pthread_create(&thread, NULL, serve, mine) == 0 && pthread_detach(thread) == 0);
}

/* One more writer of an end for each that connects, and says of which. */
static void *adds_writers(void *given) {
    for (;;) {
        int32_t control = -1;
        uint32_t which = 9;
        OK(rw_listener_accept_stream((rw_listener *)given, RW_FOREVER, &control));
        OK(rw_fd_read_all(control, &which, sizeof which, LATE, NULL));
        CHECK(which < 2);
        side *it = &sides[which];
        half *more = it->next;
        more->control = control;
        __atomic_add_fetch(&it->halves, 1, __ATOMIC_SEQ_CST);
        __atomic_add_fetch(&it->writers, 1, __ATOMIC_SEQ_CST);
        start(more); /* first: this process ends when nobody is served */
        answer(control, RW_OK, NULL, 0);
    }
    return NULL;
}

static void *watch(void *given) {
    char byte;
    while (read(*(int *)given, &byte, 1) < 0) {}
    _exit(9);
    return NULL;
}

static bool is(const char *name, const char *wanted) { return strcmp(name, wanted) == 0; }

/* The structure of this layout in the memory of a region, from the beginning on. */
static void *placed(void *memory, size_t room, size_t align, size_t size) {
    char *at = (char *)memory;
    at += (align - (uintptr_t)at % align) % align;
    CHECK(size + align <= room);
    return at;
}

/* Two ends of a pipe or a pair in memory: both are of this process. */
static void open_both(const char *name) {
    static uint64_t space[2][1 << 11];
    size_t size = 0, align = 0;
    for (int i = 0; i < 2; i++) sides[i].way = &in_memory;
    if (is(name, "mem_pipe")) {
        static rw_mem_pipe pipes[2];
        for (int i = 0; i < 2; i++) {
            OK(rw_mem_pipe_layout(&rw_mem_pipe_4096, &size, &align));
            void *at = placed(space[i], sizeof space[i], align, size);
            OK(rw_mem_pipe_init(&pipes[i], at, size, &rw_mem_pipe_4096));
            OK(rw_mem_pipe_open(&pipes[i], &sides[i].mem_in, &sides[1 - i].first_writer.end));
        }
        return;
    }
    static rw_mem_pair pair;
    OK(rw_mem_pair_layout(&rw_mem_pair_4096, &size, &align));
    OK(rw_mem_pair_init(&pair, placed(space[0], sizeof space[0], align, size), size, &rw_mem_pair_4096));
    rw_mem_kind what = is(name, "mem_packets_pair") ? RW_MEM_PACKETS : RW_MEM_STREAM;
    OK(rw_mem_pair_open(&pair, what, &sides[0].mem_in, &sides[1].mem_in));
    sides[0].is_socket = sides[1].is_socket = true;
}

/* An end of a FIFO or a connection in memory that a process in Rust has, too. This process makes the
 * structure there. */
static void open_shared(const char *name, int control) {
    side *it = &sides[0];
    void *memory = NULL;
    size_t room = 0, size = 0, align = 0;
    OK(rw_region_memory(&region, &memory_part, &memory, &room));
    it->way = &in_memory;
    if (is(name, "mem_fifo")) {
        static rw_mem_fifos fifos;
        OK(rw_mem_fifos_layout(&rw_mem_fifos_16_4096, &size, &align));
        OK(rw_mem_fifos_init(&fifos, placed(memory, room, align, size), size, &rw_mem_fifos_16_4096));
        OK(rw_mem_fifos_create(&fifos, "there", 5));
        OK(rw_mem_fifos_create(&fifos, "back", 4));
        answer(control, RW_OK, NULL, 0);
        OK(rw_mem_fifos_open_reader(&fifos, "there", 5, LATE, &it->mem_in));
        OK(rw_mem_fifos_open_writer(&fifos, "back", 4, LATE, &it->first_writer.end));
        return;
    }
    static rw_mem_network network;
    static rw_mem_end listener;
    rw_mem_kind what = is(name, "mem_packets") ? RW_MEM_PACKETS : RW_MEM_STREAM;
    it->is_socket = true;
    OK(rw_mem_network_layout(&rw_mem_network_16_4096, &size, &align));
    OK(rw_mem_network_init(&network, placed(memory, room, align, size), size, &rw_mem_network_16_4096));
    OK(rw_mem_network_listen(&network, what, "port", 4, 1, &listener));
    answer(control, RW_OK, NULL, 0);
    OK(rw_mem_end_accept(&listener, LATE, &it->mem_in));
    OK(rw_mem_end_close(&listener));
}

/* The end of a region's two parts. */
static void open_parts(const char *name) {
    side *it = &sides[0];
    uint16_t me = rw_region_participant(&region);
    if (is(name, "bytes")) {
        static rw_byte_ring there, back;
        it->way = &bytes;
        OK(rw_region_byte_ring(&region, &there_bytes, &there));
        OK(rw_region_byte_ring(&region, &back_bytes, &back));
        OK(rw_byte_ring_take_consumer(&there, me, &it->byte_consumer));
        OK(rw_byte_ring_take_producer(&back, me, &it->byte_producer));
    } else if (is(name, "messages")) {
        static rw_message_ring there, back;
        it->way = &messages;
        OK(rw_region_message_ring(&region, &there_messages, &there));
        OK(rw_region_message_ring(&region, &back_messages, &back));
        OK(rw_message_ring_take_receiver(&there, me, &it->receiver));
        OK(rw_message_ring_take_sender(&back, me, &it->sender));
    } else if (is(name, "items")) {
        static rw_ring there, back;
        it->way = &items;
        OK(rw_region_ring(&region, &there_items, &there));
        OK(rw_region_ring(&region, &back_items, &back));
        OK(rw_ring_take_consumer(&there, me, &it->ring_consumer));
        OK(rw_ring_take_producer(&back, me, &it->ring_producer));
    } else {
        CHECK(is(name, "jobs"));
        it->way = &jobs;
        OK(rw_region_queue(&region, &there_jobs, &it->in_queue));
        OK(rw_region_queue(&region, &back_jobs, &it->out_queue));
    }
}

/* The end of a kind of the system: by name, or of descriptors. */
static void open_system(const char *name, const char *at, const int *numbers, int count) {
    side *it = &sides[0];
    it->is_socket = true;
    it->way = &stream;
    if (is(name, "stream")) {
        it->is_socket = count == 1;
        it->from = numbers[0];
        it->to = it->is_socket ? it->from : numbers[1];
    } else if (is(name, "link")) {
        it->way = &linked;
        it->is_socket = count == 1;
        it->from = numbers[0];
        it->to = it->is_socket ? it->from : numbers[1];
        link_connect(it);
    } else if (is(name, "unix") || is(name, "tcp")) {
        int on = 1, is_tcp = is(name, "tcp");
        if (is_tcp) OK(rw_tcp_connect(at, LATE, &it->from));
        else OK(rw_unix_connect(at, LATE, &it->from));
        CHECK(!is_tcp || setsockopt(it->from, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0);
        it->to = it->from;
    } else if (is(name, "fifo")) {
        char path[200];
        it->is_socket = false;
        snprintf(path, sizeof path, "%s.there", at);
        OK(rw_fifo_open_reader(path, LATE, &it->from));
        snprintf(path, sizeof path, "%s.back", at);
        OK(rw_fifo_open_writer(path, LATE, &it->to));
    } else if (is(name, "packets")) {
        it->way = &packets;
        if (count > 0) OK(rw_packets_from_fd(&it->packets, numbers[0]));
        else OK(rw_packets_connect(&it->packets, at, LATE));
    } else {
        CHECK(is(name, "connection"));
        it->way = &connection;
        it->is_socket = count == 1;
        OK(rw_connection_from_fd(&it->in, numbers[0]));
        if (!it->is_socket) OK(rw_connection_from_fd(&it->out, numbers[1]));
    }
}

int main(int count, char **arguments) {
    static int numbers[10];
    static half readers[2];
    static rw_listener listener;
    pthread_t watching, adding;
    CHECK(count >= 7 && count <= 10);
    const char *name = arguments[1], *at = arguments[2];
    for (int i = 4; i < count; i++) numbers[i - 4] = atoi(arguments[i]);
    CHECK(pthread_create(&watching, NULL, watch, &numbers[0]) == 0);
    bool has_both = is(name, "mem_pipe") || is(name, "mem_stream_pair") || is(name, "mem_packets_pair");
    int used = has_both ? 5 : 3, left = count - 4 - used;
    bool in_region = is(name, "bytes") || is(name, "messages") || is(name, "items") || is(name, "jobs");
    bool is_shared = !has_both && strncmp(name, "mem_", 4) == 0;
    for (int i = 0; i <= has_both; i++) {
        readers[i].control = numbers[2 * i + 1];
        readers[i].of = sides[i].first_writer.of = &sides[i];
        sides[i].first_writer.control = numbers[2 * i + 2];
        sides[i].halves = 2;
        sides[i].writers = 1;
    }
    if (in_region || is_shared) {
        OK(rw_region_from_fd(&region, numbers[used]));
        close(numbers[used]);
    }
    OK(rw_listener_bind(&listener, arguments[3]));
    if (has_both) open_both(name);
    else if (is_shared) open_shared(name, numbers[1]);
    else if (in_region) open_parts(name);
    else open_system(name, at, numbers + used, left);
    answer(numbers[1], RW_OK, NULL, 0);
    CHECK(pthread_create(&adding, NULL, adds_writers, &listener) == 0);
    for (int i = 0; i <= has_both; i++) start(&readers[i]), start(&sides[i].first_writer);
    pthread_mutex_lock(&ending);
    while (serving > 0) pthread_cond_wait(&ended, &ending);
    pthread_mutex_unlock(&ending);
    if (in_region || is_shared) OK(rw_region_detach(&region));
    return 0;
}
