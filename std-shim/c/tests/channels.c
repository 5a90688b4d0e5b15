/* Pipes, FIFOs and sockets in memory, of every size: ends, ends of file, several writers, backlogs, threads that wait. */

#include "common.h"

static void *place(rw_error (*layout)(const rw_sizes *, size_t *, size_t *), const rw_sizes *sizes, size_t *size) {
    size_t align = 0;
    OK(layout(sizes, size, &align));
    return room(*size, align);
}

static rw_mem_end here, there, third;
static char text[256];
static size_t count;

static rw_state state_of(rw_mem_end *end) {
    rw_state found;
    OK(rw_mem_end_state(end, &found));
    return found;
}

/* Bytes go from one end to the other, and then the end of file. */
static void bytes_go(rw_mem_end *from, rw_mem_end *to) {
    IS(rw_mem_end_try_read(to, text, sizeof text, &count), RW_WOULD_BLOCK);
    IS(rw_mem_end_read(to, text, sizeof text, soon(5), &count), RW_TIMED_OUT);
    OK(rw_mem_end_try_write(from, "hello", 5, &count));
    CHECK(count == 5);
    OK(rw_mem_end_write(from, " you", 4, RW_FOREVER, &count));
    OK(rw_mem_end_try_read(to, text, sizeof text, &count));
    CHECK(count == 9 && memcmp(text, "hello you", 9) == 0);
}

static void pipes(void) {
    const rw_sizes *const all[] = {&rw_mem_pipe_64, &rw_mem_pipe_256, &rw_mem_pipe_4096, &rw_mem_pipe_65536};
    const size_t capacities[] = {64, 256, 4096, 65536};
    for (int i = 0; i < 4; i++) {
        size_t size = 0;
        void *memory = place(rw_mem_pipe_layout, all[i], &size);
        rw_mem_pipe pipe;
        IS(rw_mem_pipe_init(&pipe, memory, size - 1, all[i]), RW_INVALID);
        OK(rw_mem_pipe_init(&pipe, memory, size, all[i]));
        OK(rw_mem_pipe_open(&pipe, &here, &there));
        IS(rw_mem_pipe_open(&pipe, &third, &third), RW_TAKEN);
        CHECK(state_of(&here).recv == RW_DIRECTION_OPEN && state_of(&here).send == RW_DIRECTION_ABSENT);
        bytes_go(&there, &here);
        IS(rw_mem_end_try_write(&here, "x", 1, &count), RW_WRONG_DIRECTION);
        IS(rw_mem_end_try_read(&there, text, 1, &count), RW_WRONG_DIRECTION);
        IS(rw_mem_end_shutdown(&here, RW_MEM_SHUT_BOTH), RW_WRONG_DIRECTION);
        IS(rw_mem_end_try_accept(&here, &third), RW_WRONG_DIRECTION);
        IS(rw_mem_end_clone(&here, &third), RW_WRONG_DIRECTION);

        OK(rw_mem_end_clone(&there, &third));
        size_t all_of_it = 0;
        while (rw_mem_end_try_write(&third, text, 64, &count) == RW_OK) all_of_it += count;
        CHECK(all_of_it == capacities[i]);
        IS(rw_mem_end_write(&third, text, 1, soon(5), &count), RW_TIMED_OUT);
        while (rw_mem_end_try_read(&here, text, sizeof text, &count) == RW_OK) all_of_it -= count;
        CHECK(all_of_it == 0);
        OK(rw_mem_end_close(&there));
        IS(rw_mem_end_close(&there), RW_INVALID);
        IS(rw_mem_end_try_read(&here, text, 1, &count), RW_WOULD_BLOCK); /* there is another writer */
        OK(rw_mem_end_close(&third));
        IS(rw_mem_end_try_read(&here, text, 1, &count), RW_END_OF_FILE);
        OK(rw_mem_end_try_read(&here, text, 0, &count));
        OK(rw_mem_end_close(&here));

        OK(rw_mem_pipe_open(&pipe, &here, &there));
        OK(rw_mem_end_close(&here));
        IS(rw_mem_end_try_write(&there, "x", 1, &count), RW_BROKEN_PIPE);
        CHECK(state_of(&there).send == RW_DIRECTION_ENDED);
        OK(rw_mem_end_close(&there));
        free(memory);
    }
}

static rw_mem_fifos fifos;

static void *opens_the_reader(void *unused) {
    (void)unused;
    rw_mem_end reader;
    char byte;
    size_t came;
    OK(rw_mem_fifos_open_reader(&fifos, "late", 4, RW_FOREVER, &reader));
    OK(rw_mem_end_read(&reader, &byte, 1, RW_FOREVER, &came));
    CHECK(byte == '!');
    IS(rw_mem_end_read(&reader, &byte, 1, RW_FOREVER, &came), RW_END_OF_FILE);
    OK(rw_mem_end_close(&reader));
    return NULL;
}

static void named_pipes(void) {
    const rw_sizes *const all[] = {&rw_mem_fifos_4_256, &rw_mem_fifos_16_4096};
    const int names[] = {4, 16};
    for (int i = 0; i < 2; i++) {
        size_t size = 0;
        void *memory = place(rw_mem_fifos_layout, all[i], &size);
        IS(rw_mem_fifos_init(&fifos, memory, size - 1, all[i]), RW_INVALID);
        OK(rw_mem_fifos_init(&fifos, memory, size, all[i]));
        for (int n = 0; n < names[i]; n++) {
            char name = (char)('a' + n);
            OK(rw_mem_fifos_create(&fifos, &name, 1));
        }
        IS(rw_mem_fifos_create(&fifos, "one more", 8), RW_EXHAUSTED);
        IS(rw_mem_fifos_create(&fifos, "a", 1), RW_ADDRESS_IN_USE);
        IS(rw_mem_fifos_create(&fifos, "", 0), RW_BAD_NAME);
        IS(rw_mem_fifos_create(&fifos, "a name of thirty-three bytes, one more than may be", 33), RW_BAD_NAME);
        IS(rw_mem_fifos_try_open_writer(&fifos, "a", 1, &here), RW_NO_READER);
        IS(rw_mem_fifos_open_writer(&fifos, "a", 1, soon(5), &here), RW_TIMED_OUT);
        IS(rw_mem_fifos_open_reader(&fifos, "a", 1, soon(5), &here), RW_TIMED_OUT);
        OK(rw_mem_fifos_try_open_reader(&fifos, "a", 1, &here));
        IS(rw_mem_fifos_try_open_reader(&fifos, "a", 1, &third), RW_TAKEN);
        OK(rw_mem_fifos_try_open_writer(&fifos, "a", 1, &there));
        bytes_go(&there, &here);
        OK(rw_mem_fifos_remove(&fifos, "a", 1));
        IS(rw_mem_fifos_remove(&fifos, "a", 1), RW_NOT_FOUND);
        IS(rw_mem_fifos_try_open_reader(&fifos, "a", 1, &third), RW_NOT_FOUND);
        bytes_go(&there, &here); /* open ends stay open */
        OK(rw_mem_end_close(&here));
        OK(rw_mem_end_close(&there));

        OK(rw_mem_fifos_create(&fifos, "late", 4));
        pthread_t thread;
        CHECK(pthread_create(&thread, NULL, opens_the_reader, NULL) == 0);
        OK(rw_mem_fifos_open_writer(&fifos, "late", 4, RW_FOREVER, &there));
        OK(rw_mem_end_write(&there, "!", 1, RW_FOREVER, &count));
        OK(rw_mem_end_close(&there));
        CHECK(pthread_join(thread, NULL) == 0);
        free(memory);
    }
}

static void packets_go(rw_mem_end *from, rw_mem_end *to, size_t largest) {
    static char large[4096];
    OK(rw_mem_end_try_write(from, "one", 3, &count));
    OK(rw_mem_end_try_write(from, "", 0, &count));
    IS(rw_mem_end_try_write(from, large, largest + 1, &count), RW_MESSAGE_TOO_LARGE);
    IS(rw_mem_end_try_read(to, text, 2, &count), RW_BUFFER_TOO_SMALL);
    CHECK(count == 3);
    OK(rw_mem_end_try_read(to, text, sizeof text, &count));
    CHECK(count == 3 && memcmp(text, "one", 3) == 0);
    OK(rw_mem_end_read(to, text, sizeof text, RW_FOREVER, &count));
    CHECK(count == 0); /* an empty message */
    IS(rw_mem_end_try_read(to, text, sizeof text, &count), RW_WOULD_BLOCK);
    IS(rw_mem_end_read(to, text, sizeof text, soon(5), &count), RW_TIMED_OUT);
}

static void pairs(void) {
    const rw_sizes *const all[] = {&rw_mem_pair_64, &rw_mem_pair_4096};
    const size_t capacities[] = {64, 4096};
    for (int i = 0; i < 2; i++) {
        size_t size = 0;
        void *memory = place(rw_mem_pair_layout, all[i], &size);
        rw_mem_pair pair;
        IS(rw_mem_pair_init(&pair, memory, size - 1, all[i]), RW_INVALID);
        OK(rw_mem_pair_init(&pair, memory, size, all[i]));
        IS(rw_mem_pair_open(&pair, 2, &here, &there), RW_INVALID);
        OK(rw_mem_pair_open(&pair, RW_MEM_STREAM, &here, &there));
        IS(rw_mem_pair_open(&pair, RW_MEM_STREAM, &third, &third), RW_TAKEN);
        bytes_go(&here, &there);
        bytes_go(&there, &here);
        IS(rw_mem_end_shutdown(&here, 3), RW_INVALID);
        OK(rw_mem_end_shutdown(&here, RW_MEM_SHUT_WRITE));
        IS(rw_mem_end_try_read(&there, text, 1, &count), RW_END_OF_FILE);
        IS(rw_mem_end_try_write(&here, "x", 1, &count), RW_BROKEN_PIPE);
        OK(rw_mem_end_try_write(&there, "still", 5, &count));
        OK(rw_mem_end_shutdown(&here, RW_MEM_SHUT_READ));
        IS(rw_mem_end_try_write(&there, "x", 1, &count), RW_BROKEN_PIPE);
        OK(rw_mem_end_close(&here));
        OK(rw_mem_end_close(&there));

        OK(rw_mem_pair_open(&pair, RW_MEM_PACKETS, &here, &there));
        packets_go(&here, &there, capacities[i] - 4);
        packets_go(&there, &here, capacities[i] - 4);
        OK(rw_mem_end_shutdown(&here, RW_MEM_SHUT_BOTH));
        IS(rw_mem_end_try_read(&there, text, 1, &count), RW_END_OF_FILE);
        OK(rw_mem_end_close(&here));
        OK(rw_mem_end_close(&there));
        free(memory);
    }
}

static rw_mem_network network;

static void *serves(void *listener) {
    rw_mem_end served;
    char byte;
    size_t came;
    OK(rw_mem_end_accept((rw_mem_end *)listener, RW_FOREVER, &served));
    OK(rw_mem_end_read(&served, &byte, 1, RW_FOREVER, &came));
    byte++;
    OK(rw_mem_end_write(&served, &byte, 1, RW_FOREVER, &came));
    OK(rw_mem_end_close(&served));
    return NULL;
}

static void networks(void) {
    const rw_sizes *const all[] = {&rw_mem_network_4_256, &rw_mem_network_16_4096};
    const int listeners[] = {2, 8}, connections[] = {4, 16};
    for (int i = 0; i < 2; i++) {
        size_t size = 0;
        void *memory = place(rw_mem_network_layout, all[i], &size);
        rw_mem_end listener, packets, ends[16];
        IS(rw_mem_network_init(&network, memory, size - 1, all[i]), RW_INVALID);
        OK(rw_mem_network_init(&network, memory, size, all[i]));
        IS(rw_mem_network_try_connect(&network, RW_MEM_STREAM, "echo", 4, &here), RW_REFUSED);
        OK(rw_mem_network_listen(&network, RW_MEM_STREAM, "echo", 4, 1, &listener));
        IS(rw_mem_network_listen(&network, RW_MEM_PACKETS, "echo", 4, 1, &packets), RW_ADDRESS_IN_USE);
        IS(rw_mem_network_listen(&network, 7, "other", 5, 1, &packets), RW_INVALID);
        IS(rw_mem_network_try_connect(&network, RW_MEM_PACKETS, "echo", 4, &here), RW_REFUSED);
        CHECK(state_of(&listener).phase == RW_PHASE_LISTENING);
        IS(rw_mem_end_try_accept(&listener, &here), RW_WOULD_BLOCK);
        IS(rw_mem_end_accept(&listener, soon(5), &here), RW_TIMED_OUT);
        IS(rw_mem_end_try_read(&listener, text, 1, &count), RW_WRONG_DIRECTION);

        OK(rw_mem_network_try_connect(&network, RW_MEM_STREAM, "echo", 4, &here));
        IS(rw_mem_network_try_connect(&network, RW_MEM_STREAM, "echo", 4, &third), RW_WOULD_BLOCK);
        IS(rw_mem_network_connect(&network, RW_MEM_STREAM, "echo", 4, soon(5), &third), RW_TIMED_OUT);
        OK(rw_mem_end_try_accept(&listener, &there));
        bytes_go(&here, &there);
        OK(rw_mem_end_close(&here));
        OK(rw_mem_end_close(&there));

        pthread_t thread;
        CHECK(pthread_create(&thread, NULL, serves, &listener) == 0);
        OK(rw_mem_network_connect(&network, RW_MEM_STREAM, "echo", 4, RW_FOREVER, &here));
        OK(rw_mem_end_write(&here, "a", 1, RW_FOREVER, &count));
        OK(rw_mem_end_read(&here, text, 1, RW_FOREVER, &count));
        CHECK(text[0] == 'b');
        CHECK(pthread_join(thread, NULL) == 0);
        OK(rw_mem_end_close(&here));

        /* Connections that nobody accepted, when the listener goes. */
        OK(rw_mem_network_try_connect(&network, RW_MEM_STREAM, "echo", 4, &here));
        OK(rw_mem_end_close(&listener));
        IS(rw_mem_end_try_read(&here, text, 1, &count), RW_RESET);
        CHECK(state_of(&here).phase == RW_PHASE_TORN_DOWN);
        OK(rw_mem_end_close(&here));

        OK(rw_mem_network_listen(&network, RW_MEM_PACKETS, "packets", 7, 20, &packets));
        for (int n = 0; n < connections[i]; n++)
            OK(rw_mem_network_try_connect(&network, RW_MEM_PACKETS, "packets", 7, &ends[n]));
        IS(rw_mem_network_try_connect(&network, RW_MEM_PACKETS, "packets", 7, &third), RW_EXHAUSTED);
        OK(rw_mem_end_try_accept(&packets, &there));
        packets_go(&ends[0], &there, (i ? 4096 : 256) - 4);
        OK(rw_mem_end_close(&there));
        OK(rw_mem_end_close(&packets));
        for (int n = 0; n < connections[i]; n++) OK(rw_mem_end_close(&ends[n]));

        rw_mem_end many[8];
        for (int n = 0; n < listeners[i]; n++) {
            char name = (char)('0' + n);
            OK(rw_mem_network_listen(&network, RW_MEM_STREAM, &name, 1, 0, &many[n]));
        }
        IS(rw_mem_network_listen(&network, RW_MEM_STREAM, "x", 1, 0, &listener), RW_EXHAUSTED);
        for (int n = 0; n < listeners[i]; n++) OK(rw_mem_end_close(&many[n]));
        free(memory);
    }
}

/* Threads: two writers, whose records stay whole, and a reader. */

enum { RECORDS = 5000 };

static void *writes_records(void *end) {
    uint32_t record[8];
    for (uint32_t n = 0; n < RECORDS; n++) {
        for (int i = 0; i < 8; i++) record[i] = n;
        size_t done = 0;
        OK(rw_mem_end_write((rw_mem_end *)end, record, sizeof record, RW_FOREVER, &done));
        CHECK(done == sizeof record);
    }
    OK(rw_mem_end_close((rw_mem_end *)end));
    return NULL;
}

static void threads(void) {
    size_t size = 0;
    void *memory = place(rw_mem_pipe_layout, &rw_mem_pipe_256, &size);
    rw_mem_pipe pipe;
    pthread_t first, second;
    OK(rw_mem_pipe_init(&pipe, memory, size, &rw_mem_pipe_256));
    OK(rw_mem_pipe_open(&pipe, &here, &there));
    OK(rw_mem_end_clone(&there, &third));
    CHECK(pthread_create(&first, NULL, writes_records, &there) == 0);
    CHECK(pthread_create(&second, NULL, writes_records, &third) == 0);
    unsigned records = 0;
    uint32_t record[8];
    size_t have = 0;
    for (;;) {
        int error = rw_mem_end_read(&here, (char *)record + have, sizeof record - have, RW_FOREVER, &count);
        if (error == RW_END_OF_FILE) break;
        OK(error);
        have += count;
        if (have < sizeof record) continue;
        for (int i = 1; i < 8; i++) CHECK(record[i] == record[0]);
        have = 0;
        records++;
    }
    CHECK(records == 2 * RECORDS && have == 0);
    CHECK(pthread_join(first, NULL) == 0 && pthread_join(second, NULL) == 0);
    OK(rw_mem_end_close(&here));
    free(memory);
}

int main(void) {
    rw_set_wait(&waiting);
    IS(rw_mem_pipe_layout(&rw_mem_pair_64, NULL, NULL), RW_INVALID); /* sizes of another family */
    pipes();
    named_pipes();
    pairs();
    networks();
    threads();
    printf("%lu checks passed\n", checks);
    return 0;
}
