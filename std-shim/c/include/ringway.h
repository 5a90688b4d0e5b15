/* ringway for C on Linux: regions of shared memory whose parts are the structures of ringway_core.h.
 *
 * Written by std-shim/c/header from linux/src; do not edit it.
 *
 * What ringway_core.h says of its functions is said of these, too. Moreover:
 *
 * - Interrupts are signal handlers here. A function that may be called by any thread may be called by
 *   several at a time.
 * - A failed call leaves a text for its thread: rw_error_detail. errno stays as it was.
 * - Deadlines are times of rw_now: rw_after(20 * RW_MILLISECOND), or RW_FOREVER. One that has passed makes a
 *   call look once more and return.
 * - The functions of ringway_core.h wait by futex(2) here. Whoever waits in a region looks every 100 ms after
 *   participants that were killed, and recovers what they held: their halves are free, their claims go to
 *   others, and the next holder of their lock gets RW_OWNER_DIED.
 * - A process is one participant of each region, whatever its number of threads.
 */

#ifndef RINGWAY_H
#define RINGWAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "ringway_core.h"

/*
 The nanoseconds of a millisecond.
 */
#define RW_MILLISECOND UINT64_C(1000000)

/*
 The nanoseconds of a second.
 */
#define RW_SECOND UINT64_C(1000000000)

/*
 The most descriptors that go with one message.
 */
#define RW_MAX_DESCRIPTORS 253

/*
 A ring of items: `rw_ring`.
 */
#define RW_KIND_RING 1

/*
 A ring of bytes: `rw_byte_ring`. The capacity is in bytes.
 */
#define RW_KIND_BYTE_RING 2

/*
 A queue: `rw_queue`.
 */
#define RW_KIND_QUEUE 3

/*
 A ring of messages: `rw_message_ring`. The capacity is in bytes.
 */
#define RW_KIND_MESSAGE_RING 4

/*
 A broadcast: `rw_broadcast`.
 */
#define RW_KIND_BROADCAST 5

/*
 A newest value: `rw_broadcast`. Its capacity is left 0, or is `RW_LATEST`.
 */
#define RW_KIND_LATEST 6

/*
 A mutex, and the item that it protects, if it has one: `rw_mutex`.
 */
#define RW_KIND_MUTEX 7

/*
 A mutex that its thread can take again, and the item that it protects, if it has one:
 `rw_reentrant`.
 */
#define RW_KIND_REENTRANT 8

/*
 A lock for a number of readers, or one writer, and the item that it protects, if it has one:
 `rw_rwlock`. The capacity is the number of readers.
 */
#define RW_KIND_RWLOCK 9

/*
 A semaphore: `rw_semaphore`. The capacity is the number of its permits at first.
 */
#define RW_KIND_SEMAPHORE 10

/*
 A semaphore of a number of permits, which come back when their holder dies:
 `rw_bounded_semaphore`.
 */
#define RW_KIND_BOUNDED_SEMAPHORE 11

/*
 A condition: `rw_condition`. It goes with a mutex.
 */
#define RW_KIND_CONDITION 12

/*
 A flag: `rw_event`.
 */
#define RW_KIND_EVENT 13

/*
 A meeting point of a number of parties: `rw_barrier`.
 */
#define RW_KIND_BARRIER 14

/*
 Atomic integers of 1, 2, 4 or 8 bytes: `rw_region_memory`.
 */
#define RW_KIND_ATOMICS 15

/*
 Values without a lock, each of which begins on 4 bytes: `rw_region_memory`.
 */
#define RW_KIND_VALUES 16

/*
 A mode that allows regions of every owner: `0660 | RW_ANY_OWNER`.
 */
#define RW_ANY_OWNER 65536

/*
 The length of the longest name of a part, with the zero byte at its end.
 */
#define RW_PART_NAME_SIZE 32

/*
 A child of this process. Any thread may use it.
 */
typedef struct {
  /*
   Not for the caller.
   */
  size_t opaque[RW_HANDLE_WORDS];
} rw_child;

/*
 How a process ended.
 */
typedef struct {
  /*
   What it exited with; -1 if a signal ended it.
   */
  int32_t code;
  /*
   The signal that ended it, or 0.
   */
  int32_t signal;
} rw_exit;

/*
 One end of a connection. Any thread may use it: messages of several do not mix. It is one
 process's at a time.
 */
typedef struct {
  /*
   Not for the caller.
   */
  size_t opaque[RW_HANDLE_WORDS];
} rw_connection;

/*
 One end of a connection of packets (`SOCK_SEQPACKET`). Any thread may use it: messages of
 several do not mix. It is one process's at a time.
 */
typedef struct {
  /*
   Not for the caller.
   */
  size_t opaque[RW_HANDLE_WORDS];
} rw_packets;

/*
 Shared memory that this process is attached to. Any thread may use it.

 What was taken from it is released before `rw_region_detach`: objects of its parts, halves,
 guards, claims and pointers. A copy of this process by `fork` is not attached, and must attach
 anew; every access that it makes to what it inherited is a `SIGSEGV`.
 */
typedef struct {
  /*
   Not for the caller.
   */
  size_t opaque[RW_HANDLE_WORDS];
} rw_region;

/*
 A part of a region: as it is to be laid out, or as it is expected to be.

 Where a part is looked for, 0 and null mean: whatever it is.
 */
typedef struct {
  /*
   The name of the part in its region, of 1 to 31 bytes.
   */
  const char *name;
  /*
   What it is: `RW_KIND_RING` and so on.
   */
  uint32_t kind;
  /*
   The number of items that it holds; bytes, readers, permits or parties, as the kind says.
   */
  size_t capacity;
  /*
   The size of an item, in bytes: `sizeof(struct sample)`.
   */
  size_t item_size;
  /*
   The alignment of an item, in bytes: `_Alignof(struct sample)`.
   */
  size_t item_align;
  /*
   The name of the items' type, by which all programs know it, in any language:
   "com.example.Sample/1". A number has its name in Rust: "u64", "f32". Null if it is not
   stated: then only size and alignment are compared.
   */
  const char *item_type;
} rw_part;

/*
 Where connections are made. Any thread may use it.
 */
typedef struct {
  /*
   Not for the caller.
   */
  size_t opaque[RW_HANDLE_WORDS];
} rw_listener;

/*
 A participant of a region that lives.
 */
typedef struct {
  /*
   The number of the participant.
   */
  uint16_t number;
  /*
   The generation of its attachment: each has another one.
   */
  uint32_t generation;
  /*
   The process's number.
   */
  uint32_t process;
} rw_participant;

/*
 A part as the directory of its region says.
 */
typedef struct {
  /*
   The name of the part.
   */
  char name[RW_PART_NAME_SIZE];
  /*
   What it is; 0 for what this library does not know.
   */
  uint32_t kind;
  /*
   The number of items that it holds.
   */
  size_t capacity;
  /*
   The size of an item, in bytes.
   */
  size_t item_size;
  /*
   The alignment of an item, in bytes; 8 for all that are less.
   */
  size_t item_align;
  /*
   The identity of the items' type; 0 if it is not stated.
   */
  uint32_t item_type;
  /*
   Where it begins, from the beginning of the region.
   */
  size_t offset;
  /*
   Its size, in bytes.
   */
  size_t size;
} rw_entry;

/*
 A signal that was taken.
 */
typedef struct {
  /*
   Its number.
   */
  int32_t signal;
  /*
   The process that sent it, or the child that it tells of; 0 if it is not known.
   */
  int32_t process;
  /*
   The real user of that process.
   */
  uint32_t user;
  /*
   The value that came with it, as `sigqueue(3)` has it; 0 if there was none.
   */
  size_t value;
} rw_received;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 Starts another program: the first of the arguments, which end with null, is its path, or its
 name in `PATH`.

 `streams` is null, or three descriptors for its standard input, output and error; -1 stands for
 this process's own. It inherits these, what does not close on exec, and the environment.

 The child is killed when this process ends, however that ends. `RW_NOT_FOUND` if there is no
 such program.

 Any thread; interrupts not.
 */
rw_error rw_child_start(rw_child *child, const char *const *arguments, const int32_t *streams);

/*
 Waits for the end of the child until `deadline`, and tells how it ended.

 `RW_PROCESS` if somebody else has waited for it.

 Any thread; interrupts not.
 */
rw_error rw_child_wait(const rw_child *child, uint64_t deadline, rw_exit *exit);

/*
 Sends the child a signal; does nothing if it has ended.

 Any thread; interrupts not.
 */
rw_error rw_child_signal(const rw_child *child, int32_t signal);

/*
 The child's number; 0 for what is no child.

 Any thread; interrupts too.
 */
int32_t rw_child_pid(const rw_child *child);

/*
 The child's pidfd, which is readable when it has ended: for `poll`. -1 for what is no child.

 Any thread; interrupts too.
 */
int32_t rw_child_fd(const rw_child *child);

/*
 Kills the child if it runs, and waits for its end. The object is none any more.

 Any thread; interrupts not.
 */
rw_error rw_child_end(rw_child *child);

/*
 Makes the two ends of a connection.

 Any thread; interrupts not.
 */
rw_error rw_connection_pair(rw_connection *one, rw_connection *other);

/*
 Connects to a listener, at most until `deadline`. `RW_NOT_FOUND` or `RW_REFUSED` if nobody
 listens there.

 Any thread; interrupts not.
 */
rw_error rw_connection_open(rw_connection *connection, const char *path, uint64_t deadline);

/*
 Takes a descriptor of a connected Unix stream socket, such as a child inherited. It is the
 connection's from now on. If it is none, it stays the caller's.

 Any thread; interrupts not.
 */
rw_error rw_connection_from_fd(rw_connection *connection, int32_t descriptor);

/*
 The connection's descriptor, for `poll` and to be inherited. -1 for what is no connection.

 Any thread; interrupts too.
 */
int32_t rw_connection_fd(const rw_connection *connection);

/*
 Closes the end. The other is told: `RW_END_OF_FILE` after the last message.

 Any thread; interrupts not.
 */
rw_error rw_connection_close(rw_connection *connection);

/*
 Tells which process made the connection or connected to it, and its user.

 Any thread; interrupts not.
 */
rw_error rw_connection_peer(const rw_connection *connection, int32_t *process, uint32_t *user);

/*
 Sends a message, and the descriptors of the list with it, which stay the caller's. Waits for
 room until `deadline`.

 `RW_BROKEN_PIPE` or `RW_RESET` if the other side is gone: also if it was killed. After
 `RW_TIMED_OUT` send the same message again: a part of it may be under way.

 Any thread; interrupts not.
 */
rw_error rw_connection_send(const rw_connection *connection,
                            const void *message,
                            size_t size,
                            const int32_t *descriptors,
                            size_t count,
                            uint64_t deadline);

/*
 Receives a message, for which it waits until `deadline`, and tells its length.

 `RW_END_OF_FILE` if the other side is gone and everything was received: also if it was killed;
 `RW_RESET` if that was in the middle of a message. `RW_BUFFER_TOO_SMALL` if `size` is less than
 the length that it tells, and then the message stays. Descriptors that come with it are closed.

 Any thread; interrupts not.
 */
rw_error rw_connection_recv(const rw_connection *connection,
                            void *message,
                            size_t size,
                            uint64_t deadline,
                            size_t *length);

/*
 Receives a message, and at most `room` descriptors with it, which are the caller's then, and
 close on exec. Tells its length and their number.

 As `rw_connection_recv`, but for a message that is larger than `size`: it is lost, with its
 descriptors (`RW_MESSAGE_TOO_LARGE`). `RW_EXHAUSTED` if more descriptors came than `room`, and
 then the message stays.

 Any thread; interrupts not.
 */
rw_error rw_connection_recv_descriptors(const rw_connection *connection,
                                        void *message,
                                        size_t size,
                                        int32_t *descriptors,
                                        size_t room,
                                        uint64_t deadline,
                                        size_t *length,
                                        size_t *count);

/*
 What the last call of this header that failed in this thread has to say: what it tried, on what,
 why that failed, and what to do.

 Writes at most `size` bytes with the zero byte, and tells the length of the whole text, without
 it. The text is empty if the error code says all. `RW_INVALID` without a buffer.

 Any thread; interrupts not.
 */
rw_error rw_error_detail(char *text, size_t size, size_t *length);

/*
 The errno of the last call of this header that failed in this thread, if it returned
 `RW_SYSTEM`; else 0.

 Any thread; interrupts too.
 */
int32_t rw_error_errno(void);

/*
 The number that stands for the name of a type in the directory of a region: the 32-bit FNV-1a
 hash of its bytes, or 1 if that is 0. It is 0 for null and for an empty name.

 Any thread; interrupts too.
 */
uint32_t rw_type_identity(const char *name);

/*
 Makes the two ends of a connection of packets.

 Any thread; interrupts not.
 */
rw_error rw_packets_pair(rw_packets *one, rw_packets *other);

/*
 Connects to a listener of packets, at most until `deadline`. `RW_NOT_FOUND` or `RW_REFUSED` if
 nobody listens there.

 Any thread; interrupts not.
 */
rw_error rw_packets_connect(rw_packets *packets, const char *path, uint64_t deadline);

/*
 Takes a descriptor of a connected socket of packets, such as a child inherited. It is the
 object's from now on. If it is none, it stays the caller's.

 Any thread; interrupts not.
 */
rw_error rw_packets_from_fd(rw_packets *packets, int32_t descriptor);

/*
 The descriptor of the end, for `poll`, `shutdown` and to be inherited. -1 for what is no end.

 Any thread; interrupts too.
 */
int32_t rw_packets_fd(const rw_packets *packets);

/*
 Closes the end. The other is told: `RW_END_OF_FILE` after the last message.

 Any thread; interrupts not.
 */
rw_error rw_packets_close(rw_packets *packets);

/*
 Sends a message as a whole, which may be empty. Waits for room until `deadline`.

 `RW_BROKEN_PIPE` or `RW_RESET` if the other side is gone: also if it was killed.
 `RW_MESSAGE_TOO_LARGE` if the socket's buffer could never take it.

 Any thread; interrupts not.
 */
rw_error rw_packets_send(const rw_packets *packets,
                         const void *message,
                         size_t size,
                         uint64_t deadline);

/*
 Receives a message, for which it waits until `deadline`, and tells its length.

 `RW_END_OF_FILE` if the other side is gone and everything was received: also if it was killed.
 `RW_BUFFER_TOO_SMALL` if `size` is less than the length that it tells: then the buffer has the
 beginning of the message, and the rest is lost.

 Any thread; interrupts not.
 */
rw_error rw_packets_recv(const rw_packets *packets,
                         void *message,
                         size_t size,
                         uint64_t deadline,
                         size_t *length);

/*
 Finds the ring of the name that `wanted` says, if it is as `wanted` says. Its halves are taken
 for `rw_region_participant`.

 Any thread; interrupts not.
 */
rw_error rw_region_ring(const rw_region *region, const rw_part *wanted, rw_ring *ring);

/*
 Finds the byte ring of the name that `wanted` says.

 Any thread; interrupts not.
 */
rw_error rw_region_byte_ring(const rw_region *region, const rw_part *wanted, rw_byte_ring *ring);

/*
 Finds the message ring of the name that `wanted` says.

 Any thread; interrupts not.
 */
rw_error rw_region_message_ring(const rw_region *region,
                                const rw_part *wanted,
                                rw_message_ring *ring);

/*
 Finds the queue of the name that `wanted` says, if it is as `wanted` says. It acts for this
 process.

 Any thread; interrupts not.
 */
rw_error rw_region_queue(const rw_region *region, const rw_part *wanted, rw_queue *queue);

/*
 Finds the broadcast or the newest value of the name that `wanted` says.

 Any thread; interrupts not.
 */
rw_error rw_region_broadcast(const rw_region *region,
                             const rw_part *wanted,
                             rw_broadcast *broadcast);

/*
 Finds the lock for readers and writers of the name that `wanted` says, if it is as `wanted`
 says. It acts for this process. `item` gets the address of the item that it protects, or null if
 it has none.

 Any thread; interrupts not.
 */
rw_error rw_region_rwlock(const rw_region *region,
                          const rw_part *wanted,
                          rw_rwlock *lock,
                          void **item);

/*
 Finds the semaphore of the name that `wanted` says.

 Any thread; interrupts not.
 */
rw_error rw_region_semaphore(const rw_region *region,
                             const rw_part *wanted,
                             rw_semaphore *semaphore);

/*
 Finds the semaphore of the name that `wanted` says, which records who has its permits. It acts
 for this process.

 Any thread; interrupts not.
 */
rw_error rw_region_bounded_semaphore(const rw_region *region,
                                     const rw_part *wanted,
                                     rw_bounded_semaphore *semaphore);

/*
 Finds the flag of the name that `wanted` says.

 Any thread; interrupts not.
 */
rw_error rw_region_event(const rw_region *region, const rw_part *wanted, rw_event *event);

/*
 Finds the barrier of the name that `wanted` says. It acts for this process.

 Any thread; interrupts not.
 */
rw_error rw_region_barrier(const rw_region *region, const rw_part *wanted, rw_barrier *barrier);

/*
 Finds the mutex of the name that `wanted` says, which its thread can take again. It acts for
 this process. `item` gets the address of the item that it protects, or null if it has none.

 Any thread; interrupts not.
 */
rw_error rw_region_reentrant(const rw_region *region,
                             const rw_part *wanted,
                             rw_reentrant *mutex,
                             void **item);

/*
 Finds the condition of the name that `wanted` says.

 Any thread; interrupts not.
 */
rw_error rw_region_condition(const rw_region *region,
                             const rw_part *wanted,
                             rw_condition *condition);

/*
 Finds the mutex of the name that `wanted` says, if it is as `wanted` says. It acts for this
 process. `item` gets the address of the item that it protects, or null if it has none.

 Any thread; interrupts not.
 */
rw_error rw_region_mutex(const rw_region *region,
                         const rw_part *wanted,
                         rw_mutex *mutex,
                         void **item);

/*
 Finds the atomic integers, or the values without a lock, of the name that `wanted` says: where
 they lie, and how many bytes they take. Each value begins on a boundary of 4 bytes.

 Several threads and processes access atomic integers by the atomics of C. Values may be torn.

 Any thread; interrupts not.
 */
rw_error rw_region_memory(const rw_region *region,
                          const rw_part *wanted,
                          void **memory,
                          size_t *size);

/*
 Listens at the path of a socket file that there is not yet, or at an abstract name: "@name".

 Any thread; interrupts not.
 */
rw_error rw_listener_bind(rw_listener *listener, const char *path);

/*
 Listens for connections of packets, at a path or an abstract name: `rw_listener_accept_packets`.

 Any thread; interrupts not.
 */
rw_error rw_listener_bind_packets(rw_listener *listener, const char *path);

/*
 Listens at an address and a port: "127.0.0.1:5000", "[::1]:5000". With the port 0 the system
 chooses one, which `rw_listener_address` tells.

 Any thread; interrupts not.
 */
rw_error rw_listener_bind_tcp(rw_listener *listener, const char *at);

/*
 Accepts the next connection of whole messages of any size, for which it waits until `deadline`.
 The other side called `rw_connection_open`. `RW_WRONG_FILE` for a listener of another kind than
 `rw_listener_bind` makes.

 Any thread; interrupts not.
 */
rw_error rw_listener_accept(const rw_listener *listener,
                            uint64_t deadline,
                            rw_connection *connection);

/*
 Accepts the next stream, for which it waits until `deadline`: a descriptor for `rw_fd_read` and
 `rw_fd_write`. It is the caller's, and closes on exec. `RW_WRONG_FILE` for a listener of
 packets.

 Any thread; interrupts not.
 */
rw_error rw_listener_accept_stream(const rw_listener *listener,
                                   uint64_t deadline,
                                   int32_t *descriptor);

/*
 Accepts the next connection of packets, for which it waits until `deadline`. `RW_WRONG_FILE` for
 a listener of streams.

 Any thread; interrupts not.
 */
rw_error rw_listener_accept_packets(const rw_listener *listener,
                                    uint64_t deadline,
                                    rw_packets *packets);

/*
 Tells where the listener listens, as the functions that connect take it. See `rw_error_detail`
 for the arguments.

 Any thread; interrupts not.
 */
rw_error rw_listener_address(const rw_listener *listener,
                             char *address,
                             size_t size,
                             size_t *length);

/*
 The listener's descriptor, for `poll`. -1 for what is no listener.

 Any thread; interrupts too.
 */
int32_t rw_listener_fd(const rw_listener *listener);

/*
 Ends listening, and removes the socket file.

 Any thread; interrupts not.
 */
rw_error rw_listener_close(rw_listener *listener);

/*
 Connects a stream to a listener's path or abstract name, at most until `deadline`: a descriptor
 for `rw_fd_read` and `rw_fd_write`. It is the caller's, and closes on exec.

 `RW_NOT_FOUND` or `RW_REFUSED` if nobody listens there.

 Any thread; interrupts not.
 */
rw_error rw_unix_connect(const char *path, uint64_t deadline, int32_t *descriptor);

/*
 Connects a stream to an address and a port, at most until `deadline`, as `rw_unix_connect`:
 "127.0.0.1:5000", "[::1]:5000". `RW_BAD_NAME` for what is no address, such as a host's name:
 `getaddrinfo(3)` looks that up, and has no deadline.

 Any thread; interrupts not.
 */
rw_error rw_tcp_connect(const char *to, uint64_t deadline, int32_t *descriptor);

/*
 Opens a FIFO for reading, and waits until somebody has it open for writing, at most until
 `deadline`: a descriptor for `rw_fd_read`. It is the caller's, and closes on exec.

 `mkfifo(3)` makes FIFOs. `RW_NOT_FOUND` if there is no such file, `RW_WRONG_FILE` if it is none.
 Afterwards `RW_END_OF_FILE` of `rw_fd_read` tells that the last writer is gone, also if it was
 killed.

 Any thread; interrupts not.
 */
rw_error rw_fifo_open_reader(const char *path, uint64_t deadline, int32_t *descriptor);

/*
 Opens a FIFO for writing, as `rw_fifo_open_reader`, and waits for a reader. `RW_BROKEN_PIPE` of
 `rw_fd_write` tells that the last reader is gone, also if it was killed.

 Any thread; interrupts not.
 */
rw_error rw_fifo_open_writer(const char *path, uint64_t deadline, int32_t *descriptor);

/*
 Creates a region of this name in `/dev/shm`, with exactly the permissions `mode` (`0600`),
 `count` parts, and places for as many participants, and attaches to it.

 It replaces a region of this name that nobody is attached to any more. `RW_ADDRESS_IN_USE` if
 somebody is.

 Any thread; interrupts not.
 */
rw_error rw_region_create(rw_region *region,
                          const char *name,
                          uint32_t mode,
                          const rw_part *parts,
                          size_t count,
                          uint16_t places);

/*
 Attaches to the region of this name, or creates it.

 A region that there is must have all of the parts, each as it is described here. It may have
 more of them, and another number of places.

 Any thread; interrupts not.
 */
rw_error rw_region_open_or_create(rw_region *region,
                                  const char *name,
                                  uint32_t mode,
                                  const rw_part *parts,
                                  size_t count,
                                  uint16_t places);

/*
 Attaches to the region of this name, whose permissions are no more than `mode`, and waits until
 there is one, at most until `deadline`. With the deadline 0 it does not wait.

 `RW_NOT_FOUND` if there is none by then, or nobody is attached to it any more.

 Any thread; interrupts not.
 */
rw_error rw_region_open(rw_region *region, const char *name, uint32_t mode, uint64_t deadline);

/*
 Creates a region without a name, and attaches to it. Others attach by its descriptor.

 Any thread; interrupts not.
 */
rw_error rw_region_anonymous(rw_region *region,
                             const rw_part *parts,
                             size_t count,
                             uint16_t places);

/*
 Attaches to the region of a descriptor, which stays the caller's.

 Owner and permissions are not checked: the caller trusts the process that it has the descriptor
 from.

 Any thread; interrupts not.
 */
rw_error rw_region_from_fd(rw_region *region, int32_t descriptor);

/*
 A descriptor for another process, which attaches by `rw_region_from_fd`. It is the region's, and
 must not be closed. -1 for what is no region.

 Any thread; interrupts too.
 */
int32_t rw_region_fd(const rw_region *region);

/*
 Detaches from a region. Whatever this process still had of it is given back.

 If this process was the last, the region's name is removed. Nothing of the region may be used
 afterwards.

 Any thread; interrupts not.
 */
rw_error rw_region_detach(rw_region *region);

/*
 Removes the name of a region. Attached processes go on with it, and nobody else finds it.

 Any thread; interrupts not.
 */
rw_error rw_region_remove(const char *name);

/*
 This process's number in the region, from 1 on; 0 for what is no region.

 It is what the functions of `ringway_core.h` that take a part's half ask for.

 Any thread; interrupts too.
 */
uint16_t rw_region_participant(const rw_region *region);

/*
 Tells who is attached and alive, this process among them: at most `room` of them in `list`, and
 all of them in `count`.

 Any thread; interrupts not.
 */
rw_error rw_region_participants(const rw_region *region,
                                rw_participant *list,
                                size_t room,
                                size_t *count);

/*
 Recovers what dead participants held, and tells how many of them it found.

 Those who wait in the region do so by themselves, every 100 ms, and so does whoever takes a half
 that somebody has. Call it in a program that only polls.

 Any thread; interrupts not.
 */
rw_error rw_region_reap(const rw_region *region, size_t *found);

/*
 The size of the region, in bytes; 0 for what is no region.

 Any thread; interrupts too.
 */
size_t rw_region_size(const rw_region *region);

/*
 How many parts the region has; 0 for what is no region.

 Any thread; interrupts not.
 */
size_t rw_region_length(const rw_region *region);

/*
 Tells what the part of this number is, from 0 on. `RW_NO_SUCH_PART` behind the last.

 Any thread; interrupts not.
 */
rw_error rw_region_entry(const rw_region *region, size_t index, rw_entry *entry);

/*
 Tells the name of the region; an empty one if it has none. See `rw_error_detail` for the
 arguments.

 Any thread; interrupts not.
 */
rw_error rw_region_name(const rw_region *region, char *text, size_t size, size_t *length);

/*
 Takes one of these signals, for which it waits until `deadline`. Other signals do not end it.

 Every thread of the process blocks them (`pthread_sigmask`): `RW_BAD_SIGNAL` if this one does
 not.

 Any thread; interrupts not.
 */
rw_error rw_signal_wait(const int32_t *signals,
                        size_t count,
                        uint64_t deadline,
                        rw_received *received);

/*
 Makes a descriptor of these signals, which is readable when one of them has come: for `poll`,
 and `rw_signal_read`. It is the caller's, and closes on exec.

 Every thread of the process blocks them (`pthread_sigmask`): `RW_BAD_SIGNAL` if this one does
 not.

 Any thread; interrupts not.
 */
rw_error rw_signal_fd(const int32_t *signals, size_t count, int32_t *descriptor);

/*
 Takes a signal of a descriptor of `rw_signal_fd`, for which it waits until `deadline`.

 Any thread; interrupts not.
 */
rw_error rw_signal_read(int32_t descriptor, uint64_t deadline, rw_received *received);

/*
 Reads at least a byte from a descriptor of any kind, and waits for it until `deadline`. Tells
 how many bytes it read.

 `RW_END_OF_FILE` if nobody writes there any more: also after the death of the last writer.
 The descriptor's mode does not matter, and stays as it is.

 Any thread; interrupts not.
 */
rw_error rw_fd_read(int32_t descriptor, void *data, size_t size, uint64_t deadline, size_t *read);

/*
 Writes at least a byte to a descriptor of any kind, and waits for room until `deadline`. Tells
 how many bytes it wrote.

 `RW_BROKEN_PIPE` if nobody reads there any more. There is no `SIGPIPE`.

 Any thread; interrupts not.
 */
rw_error rw_fd_write(int32_t descriptor,
                     const void *data,
                     size_t size,
                     uint64_t deadline,
                     size_t *written);

/*
 Writes all bytes, and waits for room until `deadline`. Tells how many it wrote, also if it
 fails.

 Any thread; interrupts not.
 */
rw_error rw_fd_write_all(int32_t descriptor,
                         const void *data,
                         size_t size,
                         uint64_t deadline,
                         size_t *written);

/*
 Reads as many bytes as there is room for, and waits for them until `deadline`. Tells how many it
 read, also if it fails: `RW_END_OF_FILE` may come after some.

 Any thread; interrupts not.
 */
rw_error rw_fd_read_all(int32_t descriptor,
                        void *data,
                        size_t size,
                        uint64_t deadline,
                        size_t *read);

/*
 The time now: nanoseconds of `CLOCK_MONOTONIC`, of which all deadlines are.

 Any thread; interrupts too.
 */
uint64_t rw_now(void);

/*
 The deadline in this many nanoseconds: `rw_after(100 * RW_MILLISECOND)`.

 Any thread; interrupts too.
 */
uint64_t rw_after(uint64_t nanoseconds);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* RINGWAY_H */
