/* One end of a transport, for the conformance suite (tests/src/conformance/c.rs), which drives it:
 *
 *     end KIND LIFE RX TX DESCRIPTOR…
 *
 * RX and TX are sockets, each for a half; the descriptors are what the kind needs. LIFE is a pipe whose writer the other
 * side has: when that is gone, this process ends at once, as if it were killed. */

#include "linux.h"

#include <sys/socket.h>

/* What is asked for, and what is answered; the bytes follow. */
typedef struct { uint32_t what, form; uint64_t wait, size; } request;
typedef struct { int32_t code; uint32_t unused; uint64_t size; } reply;

enum { READ = 1, WRITE, SHUT, CLOSE };
enum { PLAIN, TRY, UNTIL };

static const rw_part there_bytes = {"there", RW_KIND_BYTE_RING, 0, 0, 0, NULL};
static const rw_part back_bytes = {"back", RW_KIND_BYTE_RING, 0, 0, 0, NULL};
static const rw_part there_messages = {"there", RW_KIND_MESSAGE_RING, 0, 0, 0, NULL};
static const rw_part back_messages = {"back", RW_KIND_MESSAGE_RING, 0, 0, 0, NULL};

static rw_region region;
static rw_byte_producer producer;
static rw_byte_consumer consumer;
static rw_sender sender;
static rw_receiver receiver;
static rw_connection in, out;
static int from = -1, to = -1;
static int is_socket;
static int halves = 2;

/* What the kind can do. */
typedef struct {
    int (*read)(void *data, size_t size, uint32_t form, uint64_t deadline, size_t *count);
    int (*write)(const void *data, size_t size, uint32_t form, uint64_t deadline, size_t *count);
    void (*close_read)(void);
    void (*close_write)(void);
} kind;

static const kind *way;

/* A deadline that has passed makes a call look once; what does not wait says so. */
static int tried(int code, uint32_t form) { return form == TRY && code == RW_TIMED_OUT ? RW_WOULD_BLOCK : code; }

static int bytes_read(void *data, size_t size, uint32_t form, uint64_t deadline, size_t *count) {
    if (form == TRY) return rw_byte_try_read(&consumer, data, size, count);
    return rw_byte_read(&consumer, data, size, deadline, count);
}

static int bytes_write(const void *data, size_t size, uint32_t form, uint64_t deadline, size_t *count) {
    if (form == TRY) return rw_byte_try_write(&producer, data, size, count);
    int code = rw_byte_write_all(&producer, data, size, deadline, count);
    return *count > 0 ? RW_OK : code;
}

static void bytes_close_read(void) { OK(rw_byte_consumer_close(&consumer)); }
static void bytes_close_write(void) { OK(rw_byte_producer_close(&producer)); }

static int messages_read(void *data, size_t size, uint32_t form, uint64_t deadline, size_t *count) {
    return form == TRY ? rw_try_recv(&receiver, data, size, count) : rw_recv(&receiver, data, size, deadline, count);
}

static int messages_write(const void *data, size_t size, uint32_t form, uint64_t deadline, size_t *count) {
    *count = size;
    return form == TRY ? rw_try_send(&sender, data, size) : rw_send(&sender, data, size, deadline);
}

static void messages_close_read(void) { OK(rw_receiver_close(&receiver)); }
static void messages_close_write(void) { OK(rw_sender_close(&sender)); }

static int stream_read(void *data, size_t size, uint32_t form, uint64_t deadline, size_t *count) {
    return tried(rw_fd_read(from, data, size, deadline, count), form);
}

static int stream_write(const void *data, size_t size, uint32_t form, uint64_t deadline, size_t *count) {
    return tried(rw_fd_write(to, data, size, deadline, count), form);
}

/* A socket is one descriptor: the last half closes it. */
static void stream_close(int *which) {
    if (!is_socket || __atomic_sub_fetch(&halves, 1, __ATOMIC_SEQ_CST) == 0) close(*which);
}
static void stream_close_read(void) { stream_close(&from); }
static void stream_close_write(void) { stream_close(&to); }

static int connection_read(void *data, size_t size, uint32_t form, uint64_t deadline, size_t *count) {
    return tried(rw_connection_recv(&in, data, size, deadline, count), form);
}

static int connection_write(const void *data, size_t size, uint32_t form, uint64_t deadline, size_t *count) {
    *count = size;
    return tried(rw_connection_send(is_socket ? &in : &out, data, size, NULL, 0, deadline), form);
}

static void connection_close_read(void) {
    if (!is_socket || __atomic_sub_fetch(&halves, 1, __ATOMIC_SEQ_CST) == 0) OK(rw_connection_close(&in));
}
static void connection_close_write(void) {
    if (!is_socket) OK(rw_connection_close(&out));
    else if (__atomic_sub_fetch(&halves, 1, __ATOMIC_SEQ_CST) == 0) OK(rw_connection_close(&in));
}

static const kind bytes = {bytes_read, bytes_write, bytes_close_read, bytes_close_write};
static const kind messages = {messages_read, messages_write, messages_close_read, messages_close_write};
static const kind stream = {stream_read, stream_write, stream_close_read, stream_close_write};
static const kind connection = {connection_read, connection_write, connection_close_read, connection_close_write};

static void answer(int control, int code, const void *data, size_t size) {
    reply said;
    memset(&said, 0, sizeof said);
    said.code = code;
    said.size = size;
    OK(rw_fd_write_all(control, &said, sizeof said, RW_FOREVER, NULL));
    if (data) OK(rw_fd_write_all(control, data, size, RW_FOREVER, NULL));
}

/* Does what is asked for through the socket, until the half is closed. */
static void *serve(void *given) {
    int control = *(int *)given;
    for (;;) {
        request asked;
        size_t count = 0;
        OK(rw_fd_read_all(control, &asked, sizeof asked, RW_FOREVER, NULL));
        uint64_t deadline = asked.form == PLAIN ? RW_FOREVER : asked.form == TRY ? 0 : rw_after(asked.wait);
        char *data = (char *)malloc(asked.size + 1);
        CHECK(data != NULL);
        switch (asked.what) {
        case READ: {
            int code = way->read(data, asked.size, asked.form, deadline, &count);
            answer(control, code, code == RW_OK ? data : NULL, count);
            break;
        }
        case WRITE: {
            OK(rw_fd_read_all(control, data, asked.size, RW_FOREVER, NULL));
            int code = way->write(data, asked.size, asked.form, deadline, &count);
            answer(control, code, NULL, count);
            break;
        }
        case SHUT:
            CHECK(shutdown(asked.form ? to : from, asked.form ? SHUT_WR : SHUT_RD) == 0);
            answer(control, RW_OK, NULL, 0);
            break;
        default:
            if (asked.form) way->close_write();
            else way->close_read();
            answer(control, RW_OK, NULL, 0);
            free(data);
            return NULL;
        }
        free(data);
    }
}

static void *watch(void *given) {
    char byte;
    while (read(*(int *)given, &byte, 1) < 0) {}
    _exit(9);
    return NULL;
}

int main(int count, char **arguments) {
    int numbers[6] = {-1, -1, -1, -1, -1, -1};
    CHECK(count >= 6 && count <= 7);
    for (int i = 2; i < count; i++) numbers[i - 2] = atoi(arguments[i]);
    pthread_t watching, reading, writing;
    CHECK(pthread_create(&watching, NULL, watch, &numbers[0]) == 0);
    const char *name = arguments[1];
    if (strcmp(name, "bytes") == 0 || strcmp(name, "messages") == 0) {
        OK(rw_region_from_fd(&region, numbers[3]));
        close(numbers[3]);
        uint16_t me = rw_region_participant(&region);
        if (strcmp(name, "bytes") == 0) {
            static rw_byte_ring there, back;
            way = &bytes;
            OK(rw_region_byte_ring(&region, &there_bytes, &there));
            OK(rw_region_byte_ring(&region, &back_bytes, &back));
            OK(rw_byte_ring_take_consumer(&there, me, &consumer));
            OK(rw_byte_ring_take_producer(&back, me, &producer));
        } else {
            static rw_message_ring there, back;
            way = &messages;
            OK(rw_region_message_ring(&region, &there_messages, &there));
            OK(rw_region_message_ring(&region, &back_messages, &back));
            OK(rw_message_ring_take_receiver(&there, me, &receiver));
            OK(rw_message_ring_take_sender(&back, me, &sender));
        }
    } else if (strcmp(name, "stream") == 0) {
        way = &stream;
        is_socket = count == 6;
        from = numbers[3];
        to = is_socket ? from : numbers[4];
    } else {
        CHECK(strcmp(name, "connection") == 0);
        way = &connection;
        is_socket = count == 6;
        OK(rw_connection_from_fd(&in, numbers[3]));
        if (!is_socket) OK(rw_connection_from_fd(&out, numbers[4]));
    }
    answer(numbers[1], RW_OK, NULL, 0);
    CHECK(pthread_create(&reading, NULL, serve, &numbers[1]) == 0);
    CHECK(pthread_create(&writing, NULL, serve, &numbers[2]) == 0);
    CHECK(pthread_join(reading, NULL) == 0 && pthread_join(writing, NULL) == 0);
    if (way == &bytes || way == &messages) OK(rw_region_detach(&region));
    return 0;
}
