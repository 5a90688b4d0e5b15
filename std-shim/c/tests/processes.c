/* Streams, connections, children and signals from C and from C++. The program starts itself again as the other side. */

#include "linux.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

static const char *program;
static char path[60];

static void start(rw_child *child, const char *mode, const char *argument, const int32_t *streams) {
    const char *arguments[] = {program, mode, argument, NULL};
    OK(rw_child_start(child, arguments, streams));
}

/* What the other side does; it returns what it exits with. */
static int other(const char *mode, const char *argument) {
    char text[100];
    size_t length = 0;
    rw_connection connection;
    if (strcmp(mode, "exit") == 0) return atoi(argument);
    if (strcmp(mode, "wait") == 0) for (;;) pause();
    if (strcmp(mode, "echo") == 0) {
        OK(rw_connection_open(&connection, argument, LATE));
        for (;;) {
            int code = rw_connection_recv(&connection, text, sizeof text, LATE, &length);
            if (code == RW_END_OF_FILE) break;
            OK(code);
            OK(rw_connection_send(&connection, text, length, NULL, 0, LATE));
        }
        OK(rw_connection_close(&connection));
        return 0;
    }
    if (strcmp(mode, "inherited") == 0) {
        OK(rw_connection_from_fd(&connection, atoi(argument)));
        int32_t descriptor = -1;
        size_t count = 0;
        OK(rw_connection_recv_descriptors(&connection, text, sizeof text, &descriptor, 1, LATE, &length, &count));
        CHECK(count == 1 && length == 6 && memcmp(text, "a pipe", 6) == 0);
        OK(rw_fd_write_all(descriptor, "through it", 10, LATE, &length));
        close(descriptor);
        OK(rw_connection_close(&connection));
        return 0;
    }
    if (strncmp(mode, "fifo", 4) == 0) {
        int32_t descriptor = -1;
        if (strcmp(mode, "fifo") == 0) {
            OK(rw_fifo_open_reader(argument, LATE, &descriptor));
            OK(rw_fd_read_all(descriptor, text, 5, LATE, &length));
            return 0;
        }
        OK(rw_fifo_open_writer(argument, LATE, &descriptor));
        OK(rw_fd_write_all(descriptor, "hello", 5, LATE, &length));
        for (;;) pause();
    }
    if (strcmp(mode, "parent") == 0) { /* starts a child of its own, says its number, and waits */
        rw_child child;
        start(&child, "wait", "", NULL);
        int32_t pid = rw_child_pid(&child);
        OK(rw_fd_write_all(1, &pid, sizeof pid, LATE, NULL));
        for (;;) pause();
    }
    return 99;
}

static void streams(void) {
    int ends[2];
    char text[20];
    size_t count = 9;
    CHECK(pipe(ends) == 0);
    IS(rw_fd_read(ends[0], text, sizeof text, 0, &count), RW_TIMED_OUT);
    IS(rw_fd_read(ends[0], text, sizeof text, rw_after(5 * RW_MILLISECOND), &count), RW_TIMED_OUT);
    OK(rw_fd_write(ends[1], "hello", 5, LATE, &count));
    CHECK(count == 5);
    OK(rw_fd_read(ends[0], text, sizeof text, LATE, &count));
    CHECK(count == 5 && memcmp(text, "hello", 5) == 0);
    OK(rw_fd_write_all(ends[1], "again", 5, LATE, &count));
    close(ends[1]);
    IS(rw_fd_read_all(ends[0], text, sizeof text, LATE, &count), RW_END_OF_FILE);
    CHECK(count == 5);
    IS(rw_fd_read(ends[0], text, sizeof text, LATE, &count), RW_END_OF_FILE);
    close(ends[0]);
    CHECK(pipe(ends) == 0);
    char *large = (char *)calloc(1, 1 << 20);
    IS(rw_fd_write_all(ends[1], large, 1 << 20, rw_after(5 * RW_MILLISECOND), &count), RW_TIMED_OUT);
    CHECK(count > 0 && count < 1 << 20);
    free(large);
    CHECK((fcntl(ends[1], F_GETFL) & O_NONBLOCK) == 0);
    close(ends[0]);
    IS(rw_fd_write(ends[1], "hello", 5, LATE, &count), RW_BROKEN_PIPE); /* and no SIGPIPE */
    IS(rw_fd_read(ends[1], text, 5, LATE, &count), RW_WRONG_DIRECTION);
    close(ends[1]);
    IS(rw_fd_read(-1, text, 5, 0, &count), RW_INVALID);
    IS(rw_fd_write(-1, text, 5, 0, &count), RW_INVALID);
    IS(rw_fd_read_all(-1, text, 5, 0, &count), RW_INVALID);
    IS(rw_fd_write_all(-1, text, 5, 0, &count), RW_INVALID);
    IS(rw_fd_read(0, NULL, 5, 0, &count), RW_INVALID);
    IS(rw_fd_write(0, NULL, 5, 0, &count), RW_INVALID);
    IS(rw_fd_read_all(0, NULL, 5, 0, &count), RW_INVALID);
    IS(rw_fd_write_all(0, NULL, 5, 0, &count), RW_INVALID);
}

/* Both ends in this process. */
static void connections(void) {
    rw_connection one, two;
    char text[100];
    size_t length = 0, count = 0;
    OK(rw_connection_pair(&one, &two));
    OK(rw_connection_send(&one, "hello", 5, NULL, 0, LATE));
    OK(rw_connection_send(&one, "", 0, NULL, 0, LATE));
    IS(rw_connection_recv(&two, text, 3, LATE, &length), RW_BUFFER_TOO_SMALL);
    CHECK(length == 5);
    OK(rw_connection_recv(&two, text, sizeof text, LATE, &length));
    CHECK(length == 5 && memcmp(text, "hello", 5) == 0);
    OK(rw_connection_recv(&two, text, sizeof text, LATE, &length));
    CHECK(length == 0);
    IS(rw_connection_recv(&two, text, sizeof text, 0, &length), RW_TIMED_OUT);
    int32_t process = 0;
    uint32_t user = 77;
    OK(rw_connection_peer(&two, &process, &user));
    CHECK(process == getpid() && user == getuid());
    int ends[2];
    CHECK(pipe(ends) == 0);
    const int32_t both[] = {ends[0], ends[1]};
    int32_t came[2];
    OK(rw_connection_send(&one, "two", 3, both, 2, LATE));
    IS(rw_connection_recv_descriptors(&two, text, sizeof text, came, 1, LATE, &length, &count), RW_EXHAUSTED);
    OK(rw_connection_recv_descriptors(&two, text, sizeof text, came, 2, LATE, &length, &count));
    CHECK(count == 2 && length == 3 && (fcntl(came[0], F_GETFD) & FD_CLOEXEC));
    OK(rw_fd_write_all(came[1], "x", 1, LATE, NULL));
    OK(rw_fd_read(ends[0], text, 1, LATE, &length));
    for (int i = 0; i < 2; i++) close(ends[i]), close(came[i]);
    OK(rw_connection_send(&one, "large", 5, NULL, 0, LATE));
    IS(rw_connection_recv_descriptors(&two, text, 2, came, 0, LATE, &length, &count), RW_MESSAGE_TOO_LARGE);
    OK(rw_connection_close(&one));
    IS(rw_connection_close(&one), RW_INVALID);
    IS(rw_connection_recv(&two, text, sizeof text, LATE, &length), RW_END_OF_FILE);
    IS(rw_connection_send(&two, "x", 1, NULL, 0, LATE), RW_BROKEN_PIPE);
    OK(rw_connection_close(&two));
}

/* Packets: whole messages of the kernel's, each read in one piece. */
static void packets(void) {
    rw_packets one, two, none;
    rw_listener listener, streams;
    rw_connection connection;
    int32_t descriptor = -1;
    char text[100], large[1 << 10];
    size_t length = 9;
    memset(&none, 0, sizeof none);
    memset(large, 0, sizeof large);
    OK(rw_packets_pair(&one, &two));
    OK(rw_packets_send(&one, "hello", 5, LATE));
    OK(rw_packets_send(&one, "", 0, LATE));
    IS(rw_packets_recv(&two, text, 3, LATE, &length), RW_BUFFER_TOO_SMALL);
    CHECK(length == 5 && memcmp(text, "hel", 3) == 0); /* and the rest is lost */
    OK(rw_packets_recv(&two, text, sizeof text, LATE, &length));
    CHECK(length == 0);
    IS(rw_packets_recv(&two, text, sizeof text, 0, &length), RW_TIMED_OUT);
    int code;
    do code = rw_packets_send(&one, large, sizeof large, rw_after(RW_MILLISECOND));
    while (code == RW_OK);
    IS(code, RW_TIMED_OUT);
    CHECK(rw_packets_fd(&one) > 2 && rw_packets_fd(&none) == -1 && rw_packets_fd(NULL) == -1);
    OK(rw_packets_close(&one));
    IS(rw_packets_close(&one), RW_INVALID);
    OK(rw_packets_recv(&two, large, sizeof large, LATE, &length));
    do code = rw_packets_recv(&two, large, sizeof large, LATE, &length);
    while (code == RW_OK);
    IS(code, RW_END_OF_FILE);
    IS(rw_packets_send(&two, "x", 1, LATE), RW_BROKEN_PIPE);
    OK(rw_packets_close(&two));

    IS(rw_packets_connect(&one, path, 0), RW_NOT_FOUND);
    OK(rw_listener_bind_packets(&listener, path));
    IS(rw_listener_accept_packets(&listener, rw_after(RW_MILLISECOND), &two), RW_TIMED_OUT);
    OK(rw_packets_connect(&one, path, LATE));
    OK(rw_listener_accept_packets(&listener, LATE, &two));
    OK(rw_packets_send(&one, "by path", 7, LATE));
    OK(rw_packets_recv(&two, text, sizeof text, LATE, &length));
    CHECK(length == 7);
    OK(rw_listener_address(&listener, text, sizeof text, &length));
    CHECK(strcmp(text, path) == 0 && length == strlen(path));
    IS(rw_listener_address(&listener, text, length, &length), RW_BUFFER_TOO_SMALL);
    IS(rw_listener_accept(&listener, 0, &connection), RW_WRONG_FILE);
    IS(rw_listener_accept_stream(&listener, 0, &descriptor), RW_WRONG_FILE);
    int number = fcntl(rw_packets_fd(&one), F_DUPFD_CLOEXEC, 20);
    OK(rw_packets_close(&one));
    OK(rw_packets_from_fd(&one, number));
    OK(rw_packets_send(&two, "back", 4, LATE));
    OK(rw_packets_recv(&one, text, sizeof text, LATE, &length));
    CHECK(length == 4);
    OK(rw_packets_close(&one));
    OK(rw_packets_close(&two));
    OK(rw_listener_close(&listener));
    CHECK(access(path, F_OK) == -1);
    OK(rw_listener_bind(&streams, "@ringway-c-streams"));
    IS(rw_listener_accept_packets(&streams, 0, &one), RW_WRONG_FILE);
    IS(rw_packets_connect(&one, "@ringway-c-streams", 0), RW_REFUSED);
    int ends[2];
    CHECK(pipe(ends) == 0);
    CHECK(rw_packets_from_fd(&one, ends[0]) != RW_OK && fcntl(ends[0], F_GETFD) != -1); /* still ours */
    close(ends[0]), close(ends[1]);
    OK(rw_listener_close(&streams));

    const rw_packets *bad[] = {NULL, &none};
    for (int i = 0; i < 2; i++) {
        IS(rw_packets_send(bad[i], "x", 1, 0), RW_INVALID);
        IS(rw_packets_recv(bad[i], text, 1, 0, &length), RW_INVALID);
    }
    OK(rw_packets_pair(&one, &two));
    IS(rw_packets_send(&one, NULL, 1, 0), RW_INVALID);
    IS(rw_packets_recv(&one, NULL, 1, 0, &length), RW_INVALID);
    OK(rw_packets_close(&one));
    OK(rw_packets_close(&two));
    IS(rw_packets_close(NULL), RW_INVALID);
    IS(rw_packets_pair(NULL, &two), RW_INVALID);
    IS(rw_packets_pair(&one, NULL), RW_INVALID);
    IS(rw_packets_connect(NULL, path, 0), RW_INVALID);
    IS(rw_packets_connect(&one, NULL, 0), RW_INVALID);
    IS(rw_packets_from_fd(NULL, 0), RW_INVALID);
    IS(rw_packets_from_fd(&one, -1), RW_INVALID);
    IS(rw_listener_bind_packets(NULL, path), RW_INVALID);
    IS(rw_listener_bind_packets(&listener, NULL), RW_INVALID);
    IS(rw_listener_accept_packets(NULL, 0, &one), RW_INVALID);
}

/* A stream's two ends, both of this process. */
static void talk(int32_t here, int32_t there) {
    char text[10];
    size_t count = 0;
    CHECK((fcntl(here, F_GETFD) & FD_CLOEXEC) && (fcntl(there, F_GETFD) & FD_CLOEXEC));
    OK(rw_fd_write_all(here, "there", 5, LATE, &count));
    OK(rw_fd_read_all(there, text, 5, LATE, &count));
    CHECK(memcmp(text, "there", 5) == 0);
    IS(rw_fd_read(there, text, 5, rw_after(RW_MILLISECOND), &count), RW_TIMED_OUT);
    close(here);
    IS(rw_fd_read(there, text, 5, LATE, &count), RW_END_OF_FILE);
    close(there);
}

/* Streams by path, by port, and FIFOs. */
static void streams_by_name(void) {
    rw_listener listener, none;
    rw_child child;
    rw_exit ended;
    int32_t here = -1, there = -1;
    char at[60];
    size_t length = 0;
    memset(&none, 0, sizeof none);
    IS(rw_unix_connect(path, 0, &here), RW_NOT_FOUND);
    OK(rw_listener_bind(&listener, path));
    IS(rw_listener_accept_stream(&listener, rw_after(RW_MILLISECOND), &there), RW_TIMED_OUT);
    OK(rw_unix_connect(path, LATE, &here));
    OK(rw_listener_accept_stream(&listener, LATE, &there));
    talk(here, there);
    OK(rw_listener_close(&listener));
    OK(rw_listener_bind_tcp(&listener, "127.0.0.1:0"));
    OK(rw_listener_address(&listener, at, sizeof at, &length));
    CHECK(strncmp(at, "127.0.0.1:", 10) == 0 && strcmp(at, "127.0.0.1:0") != 0);
    CHECK(rw_listener_fd(&listener) > 2);
    OK(rw_tcp_connect(at, LATE, &here));
    OK(rw_listener_accept_stream(&listener, LATE, &there));
    talk(here, there);
    OK(rw_listener_close(&listener));
    IS(rw_tcp_connect(at, LATE, &here), RW_REFUSED);
    IS(rw_tcp_connect("localhost:1", 0, &here), RW_BAD_NAME);
    IS(rw_listener_bind_tcp(&none, "127.0.0.1"), RW_BAD_NAME);

    IS(rw_fifo_open_reader(path, 0, &here), RW_NOT_FOUND);
    CHECK(mkfifo(path, 0600) == 0);
    IS(rw_fifo_open_reader(path, rw_after(RW_MILLISECOND), &here), RW_TIMED_OUT);
    IS(rw_fifo_open_writer(path, rw_after(RW_MILLISECOND), &here), RW_TIMED_OUT);
    start(&child, "fifo", path, NULL);
    OK(rw_fifo_open_writer(path, LATE, &here));
    CHECK(fcntl(here, F_GETFD) & FD_CLOEXEC);
    OK(rw_fd_write_all(here, "hello", 5, LATE, &length));
    OK(rw_child_wait(&child, LATE, &ended));
    CHECK(ended.code == 0);
    OK(rw_child_end(&child));
    IS(rw_fd_write(here, "x", 1, LATE, &length), RW_BROKEN_PIPE); /* the reader has ended */
    close(here);
    start(&child, "fifo writer", path, NULL);
    OK(rw_fifo_open_reader(path, LATE, &here));
    OK(rw_fd_read_all(here, at, 5, LATE, &length));
    OK(rw_child_signal(&child, SIGKILL));
    IS(rw_fd_read(here, at, 5, LATE, &length), RW_END_OF_FILE); /* its writer was killed */
    OK(rw_child_end(&child));
    close(here);
    unlink(path);
    IS(rw_fifo_open_reader("/dev/null", 0, &here), RW_WRONG_FILE);
    IS(rw_fifo_open_writer("/dev/null", 0, &here), RW_WRONG_FILE);

    const rw_listener *bad[] = {NULL, &none};
    for (int i = 0; i < 2; i++) {
        IS(rw_listener_accept_stream(bad[i], 0, &here), RW_INVALID);
        IS(rw_listener_address(bad[i], at, sizeof at, &length), RW_INVALID);
    }
    IS(rw_unix_connect(NULL, 0, &here), RW_INVALID);
    IS(rw_unix_connect(path, 0, NULL), RW_INVALID);
    IS(rw_tcp_connect(NULL, 0, &here), RW_INVALID);
    IS(rw_tcp_connect("127.0.0.1:1", 0, NULL), RW_INVALID);
    IS(rw_fifo_open_reader(NULL, 0, &here), RW_INVALID);
    IS(rw_fifo_open_reader(path, 0, NULL), RW_INVALID);
    IS(rw_fifo_open_writer(NULL, 0, &here), RW_INVALID);
    IS(rw_fifo_open_writer(path, 0, NULL), RW_INVALID);
    IS(rw_listener_bind_tcp(NULL, "127.0.0.1:0"), RW_INVALID);
    IS(rw_listener_bind_tcp(&listener, NULL), RW_INVALID);
}

/* The other end in a child, and refusals. */
static void connections_of_processes(void) {
    rw_connection one, two, none;
    rw_listener listener, no_listener;
    rw_child child;
    rw_exit ended;
    int ends[2];
    int32_t process = 0;
    uint32_t user = 77;
    char text[100];
    size_t length = 0, count = 0;
    memset(&none, 0, sizeof none);
    memset(&no_listener, 0, sizeof no_listener);
    IS(rw_connection_open(&one, path, 0), RW_NOT_FOUND);
    OK(rw_listener_bind(&listener, path));
    IS(rw_listener_bind(&no_listener, path), RW_ADDRESS_IN_USE);
    IS(rw_listener_accept(&listener, rw_after(RW_MILLISECOND), &one), RW_TIMED_OUT);
    CHECK(rw_listener_fd(&listener) > 2);
    start(&child, "echo", path, NULL);
    OK(rw_listener_accept(&listener, LATE, &one));
    OK(rw_connection_send(&one, "there and back", 14, NULL, 0, LATE));
    OK(rw_connection_recv(&one, text, sizeof text, LATE, &length));
    CHECK(length == 14);
    /* The peer's death is told. */
    OK(rw_child_signal(&child, SIGKILL));
    IS(rw_connection_recv(&one, text, sizeof text, LATE, &length), RW_END_OF_FILE);
    OK(rw_connection_close(&one));
    OK(rw_child_wait(&child, LATE, &ended));
    CHECK(ended.signal == SIGKILL && ended.code == -1);
    OK(rw_child_end(&child));
    start(&child, "echo", path, NULL);
    OK(rw_listener_accept(&listener, LATE, &one));
    OK(rw_connection_close(&one));
    OK(rw_child_wait(&child, LATE, &ended));
    CHECK(ended.signal == 0 && ended.code == 0);
    OK(rw_child_end(&child));
    OK(rw_listener_close(&listener));
    CHECK(access(path, F_OK) == -1);
    OK(rw_listener_bind(&listener, "@ringway-c-test"));
    OK(rw_connection_open(&one, "@ringway-c-test", LATE));
    OK(rw_connection_close(&one));
    OK(rw_listener_close(&listener));

    /* An end that a child inherits, and a descriptor through it. */
    OK(rw_connection_pair(&one, &two));
    int number = fcntl(rw_connection_fd(&two), F_DUPFD, 20); /* does not close on exec */
    char argument[20];
    snprintf(argument, sizeof argument, "%d", number);
    start(&child, "inherited", argument, NULL);
    close(number);
    OK(rw_connection_close(&two));
    CHECK(pipe(ends) == 0);
    const int32_t writer = ends[1];
    OK(rw_connection_send(&one, "a pipe", 6, &writer, 1, LATE));
    close(ends[1]);
    OK(rw_fd_read_all(ends[0], text, 10, LATE, &length));
    CHECK(memcmp(text, "through it", 10) == 0);
    close(ends[0]);
    OK(rw_child_wait(&child, LATE, &ended));
    CHECK(ended.code == 0);
    OK(rw_child_end(&child));
    OK(rw_connection_close(&one));

    const rw_connection *bad[] = {NULL, &none};
    for (int i = 0; i < 2; i++) {
        IS(rw_connection_send(bad[i], "x", 1, NULL, 0, 0), RW_INVALID);
        IS(rw_connection_recv(bad[i], text, 1, 0, &length), RW_INVALID);
        IS(rw_connection_recv_descriptors(bad[i], text, 1, NULL, 0, 0, &length, &count), RW_INVALID);
        IS(rw_connection_peer(bad[i], &process, &user), RW_INVALID);
        CHECK(rw_connection_fd(bad[i]) == -1);
    }
    OK(rw_connection_pair(&one, &two));
    IS(rw_connection_pair(NULL, &two), RW_INVALID);
    IS(rw_connection_pair(&one, NULL), RW_INVALID);
    IS(rw_connection_send(&one, NULL, 1, NULL, 0, 0), RW_INVALID);
    IS(rw_connection_send(&one, "x", 1, NULL, 1, 0), RW_INVALID);
    IS(rw_connection_send(&one, "x", 1, &writer, SIZE_MAX, 0), RW_INVALID);
    IS(rw_connection_recv(&one, NULL, 1, 0, &length), RW_INVALID);
    IS(rw_connection_recv_descriptors(&one, text, 1, NULL, 1, 0, &length, &count), RW_INVALID);
    IS(rw_connection_from_fd(NULL, 0), RW_INVALID);
    IS(rw_connection_from_fd(&none, -1), RW_INVALID);
    CHECK(pipe(ends) == 0);
    CHECK(rw_connection_from_fd(&none, ends[0]) != RW_OK && fcntl(ends[0], F_GETFD) != -1);
    close(ends[0]);
    close(ends[1]);
    IS(rw_connection_open(&none, NULL, 0), RW_INVALID);
    IS(rw_connection_open(NULL, path, 0), RW_INVALID);
    IS(rw_listener_bind(NULL, path), RW_INVALID);
    IS(rw_listener_bind(&no_listener, NULL), RW_INVALID);
    IS(rw_listener_accept(NULL, 0, &none), RW_INVALID);
    IS(rw_listener_close(NULL), RW_INVALID);
    CHECK(rw_listener_fd(NULL) == -1);
    OK(rw_connection_close(&one));
    OK(rw_connection_close(&two));
}

static void children(void) {
    rw_child child, none;
    rw_exit ended;
    int ends[2];
    char text[20];
    size_t length = 0;
    memset(&none, 0, sizeof none);
    start(&child, "exit", "7", NULL);
    OK(rw_child_wait(&child, LATE, &ended));
    CHECK(ended.code == 7 && ended.signal == 0);
    OK(rw_child_wait(&child, 0, &ended));
    OK(rw_child_signal(&child, SIGTERM)); /* it has ended: nothing is done */
    OK(rw_child_end(&child));
    IS(rw_child_end(&child), RW_INVALID);
    start(&child, "wait", "", NULL);
    IS(rw_child_wait(&child, 0, &ended), RW_TIMED_OUT);
    IS(rw_child_wait(&child, rw_after(5 * RW_MILLISECOND), &ended), RW_TIMED_OUT);
    struct pollfd ready = {rw_child_fd(&child), POLLIN, 0};
    CHECK(poll(&ready, 1, 0) == 0 && kill(rw_child_pid(&child), 0) == 0);
    OK(rw_child_signal(&child, SIGTERM));
    CHECK(poll(&ready, 1, 60000) == 1);
    OK(rw_child_wait(&child, LATE, &ended));
    CHECK(ended.signal == SIGTERM);
    OK(rw_child_end(&child));
    start(&child, "wait", "", NULL);
    int32_t pid = rw_child_pid(&child);
    OK(rw_child_end(&child));
    CHECK(kill(pid, 0) == -1);

    /* Its streams; a program by its name; one that is not there. */
    CHECK(pipe(ends) == 0);
    const int32_t streams[] = {-1, ends[1], -1};
    const char *echo[] = {"echo", "by name", NULL};
    OK(rw_child_start(&child, echo, streams));
    close(ends[1]);
    IS(rw_fd_read_all(ends[0], text, sizeof text, LATE, &length), RW_END_OF_FILE);
    CHECK(length == 8 && memcmp(text, "by name\n", 8) == 0);
    close(ends[0]);
    OK(rw_child_end(&child));
    const char *nothing[] = {"ringway-no-such-program", NULL};
    IS(rw_child_start(&child, nothing, NULL), RW_NOT_FOUND);
    rw_error_detail(text, sizeof text, &length);
    CHECK(strncmp(text, "cannot start", 12) == 0);

    /* A child that is killed takes its own child with it. */
    CHECK(pipe(ends) == 0);
    const int32_t says[] = {-1, ends[1], -1};
    start(&child, "parent", "", says);
    close(ends[1]);
    OK(rw_fd_read_all(ends[0], &pid, sizeof pid, LATE, &length));
    CHECK(kill(pid, 0) == 0);
    OK(rw_child_end(&child));
    /* The grandchild had the pipe, too: its end is the end of file. */
    IS(rw_fd_read(ends[0], text, 1, LATE, &length), RW_END_OF_FILE);
    close(ends[0]);

    const char *empty[] = {NULL};
    IS(rw_child_start(NULL, echo, NULL), RW_INVALID);
    IS(rw_child_start(&none, NULL, NULL), RW_INVALID);
    IS(rw_child_start(&none, empty, NULL), RW_INVALID);
    const rw_child *bad[] = {NULL, &none};
    for (int i = 0; i < 2; i++) {
        IS(rw_child_wait(bad[i], 0, &ended), RW_INVALID);
        IS(rw_child_signal(bad[i], SIGTERM), RW_INVALID);
        CHECK(rw_child_pid(bad[i]) == 0 && rw_child_fd(bad[i]) == -1);
    }
    IS(rw_child_end(NULL), RW_INVALID);
    IS(rw_child_end(&none), RW_INVALID);
    start(&child, "wait", "", NULL);
    IS(rw_child_signal(&child, 0), RW_BAD_SIGNAL);
    IS(rw_child_signal(&child, 1000), RW_BAD_SIGNAL);
    OK(rw_child_end(&child));
}

static void signals(void) {
    const int32_t mine[] = {SIGUSR1, SIGRTMIN};
    rw_received one;
    int32_t descriptor = -1;
    IS(rw_signal_wait(mine, 2, 0, &one), RW_BAD_SIGNAL); /* not blocked */
    IS(rw_signal_fd(mine, 2, &descriptor), RW_BAD_SIGNAL);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGRTMIN);
    CHECK(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
    IS(rw_signal_wait(mine, 2, rw_after(5 * RW_MILLISECOND), &one), RW_TIMED_OUT);
    union sigval value;
    memset(&value, 0, sizeof value);
    value.sival_int = 42;
    CHECK(sigqueue(getpid(), SIGRTMIN, value) == 0);
    OK(rw_signal_wait(mine, 2, LATE, &one));
    CHECK(one.signal == SIGRTMIN && one.process == getpid() && (int)one.value == 42 && one.user == getuid());
    OK(rw_signal_fd(mine, 2, &descriptor));
    IS(rw_signal_read(descriptor, 0, &one), RW_TIMED_OUT);
    CHECK(kill(getpid(), SIGUSR1) == 0);
    struct pollfd ready = {descriptor, POLLIN, 0};
    CHECK(poll(&ready, 1, 60000) == 1);
    OK(rw_signal_read(descriptor, LATE, &one));
    CHECK(one.signal == SIGUSR1);
    close(descriptor);
    const int32_t bad[] = {0, SIGKILL};
    IS(rw_signal_wait(NULL, 1, 0, &one), RW_INVALID);
    IS(rw_signal_wait(mine, 0, 0, &one), RW_INVALID);
    IS(rw_signal_wait(mine, SIZE_MAX, 0, &one), RW_INVALID);
    IS(rw_signal_wait(bad, 1, 0, &one), RW_BAD_SIGNAL);
    IS(rw_signal_wait(bad + 1, 1, 0, &one), RW_BAD_SIGNAL);
    IS(rw_signal_fd(NULL, 1, &descriptor), RW_INVALID);
    IS(rw_signal_fd(mine, 2, NULL), RW_INVALID);
    IS(rw_signal_read(-1, 0, &one), RW_INVALID);
}

int main(int count, char **arguments) {
    program = arguments[0];
    if (count == 3) return other(arguments[1], arguments[2]);
    snprintf(path, sizeof path, "/tmp/ringway-c-test-%ld", (long)getpid());
    streams();
    connections();
    packets();
    if (count == 1) { /* with an argument, no children: valgrind does not know pidfd_open */
        connections_of_processes();
        streams_by_name();
        children();
    }
    signals();
    printf("%lu checks passed\n", checks);
    return 0;
}
