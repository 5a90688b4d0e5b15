/* ringway-core for C: rings, queues, locks, newest values, signals, links and channels between threads,
 * interrupts and processes, in memory of the caller.
 *
 * Written by std-shim/c/header from core/src; do not edit it.
 *
 * Every function checks what it can of its arguments: null, misaligned, out of range, an object that was
 * not made. It then returns RW_INVALID and does nothing. The caller guarantees what it cannot check:
 *
 * - a pointer to an object points to one of its type; a buffer has as many bytes as its size says;
 * - the memory of a structure, and the object of it, stay in their places for as long as anybody uses
 *   them; only this library writes there;
 * - a half, a reader, a guard, a loan and a claim are used by one thread at a time; all else by any;
 * - an object that was released, closed, committed or unlocked is none any more: it can be made anew.
 *
 * The last line of a function's comment says who may call it. "Any thread": also several at once, with
 * the same object. "One thread at a time": for each object whose pointer is not const. "Interrupts
 * too" holds for signal handlers as well: the function never waits, and no lock that the interrupted
 * code may hold makes it wait. No function allocates, panics, or touches errno.
 */

#ifndef RINGWAY_CORE_H
#define RINGWAY_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 The bytes that a condition takes in memory, aligned to 8.
 */
#define RW_CONDITION_SIZE 8

/*
 The bytes that a reentrant mutex takes in memory, aligned to 8.
 */
#define RW_REENTRANT_SIZE 24

/*
 The bytes that a mutex, a semaphore or an event takes in memory, aligned to 8.
 */
#define RW_LOCK_SIZE 8

/*
 The first word of a sender that was taken. Not for the caller.
 */
#define RW_SENDER_TAG 1920401442

/*
 The first word of a receiver that was taken. Not for the caller.
 */
#define RW_RECEIVER_TAG 1920401443

/*
 The capacity of a broadcast that is a newest value, as `Latest` in Rust.
 */
#define RW_LATEST 4

/*
 The words of an object that any thread may use.
 */
#define RW_HANDLE_WORDS 12

#if !defined(RW_BARE)
/*
 The words of an object for one thread: it has lines of the cache for itself, where there is one.
 */
#define RW_HALF_WORDS 104
#endif

#if (defined(RW_BARE) && defined(RW_SHARED_LAYOUT))
/*
 The words of an object for one thread, as large as on a hosted target.
 */
#define RW_HALF_WORDS 208
#endif

#if (defined(RW_BARE) && !defined(RW_SHARED_LAYOUT))
/*
 The words of an object for one thread.
 */
#define RW_HALF_WORDS 32
#endif

/*
 The first word of a producer that was taken. Not for the caller.
 */
#define RW_RING_PRODUCER_TAG 1920401410

/*
 The first word of a consumer that was taken. Not for the caller.
 */
#define RW_RING_CONSUMER_TAG 1920401411

/*
 A deadline that never comes.
 */
#define RW_FOREVER UINT64_MAX

/*
 Why a call failed, or `RW_OK`.
 */
enum rw_error
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /*
   It was done.
   */
  RW_OK = 0,
  /*
   It cannot be done at once, and this form of the call does not wait.
   */
  RW_WOULD_BLOCK = 1,
  /*
   The deadline passed first. Nothing was lost.
   */
  RW_TIMED_OUT = 2,
  /*
   Nobody reads what is sent here, or this side ended its own sending.
   */
  RW_BROKEN_PIPE = 3,
  /*
   The last writer is gone, and all that it wrote was read.
   */
  RW_END_OF_FILE = 4,
  /*
   A FIFO was opened for writing, and nobody has it open for reading.
   */
  RW_NO_READER = 5,
  /*
   Nobody listens there.
   */
  RW_REFUSED = 6,
  /*
   The connection was torn down; bytes under way are lost.
   */
  RW_RESET = 7,
  /*
   The end is not connected.
   */
  RW_NOT_CONNECTED = 8,
  /*
   The end is already connected, listening or under way.
   */
  RW_ALREADY_CONNECTED = 9,
  /*
   The end does not have this direction.
   */
  RW_WRONG_DIRECTION = 10,
  /*
   This side closed the end before.
   */
  RW_CLOSED = 11,
  /*
   The name or address is taken.
   */
  RW_ADDRESS_IN_USE = 12,
  /*
   Nothing has this name.
   */
  RW_NOT_FOUND = 13,
  /*
   The name is empty, or longer than names may be.
   */
  RW_BAD_NAME = 14,
  /*
   The message is larger than this channel can ever carry, or an item has another size.
   */
  RW_MESSAGE_TOO_LARGE = 15,
  /*
   The message is larger than the buffer given for it, or the memory is too small.
   */
  RW_BUFFER_TOO_SMALL = 16,
  /*
   No place is left, or no such structure is possible.
   */
  RW_EXHAUSTED = 17,
  /*
   Somebody else holds this half, and there is only one.
   */
  RW_TAKEN = 18,
  /*
   The peer wrote something invalid. This channel cannot be used any more.
   */
  RW_CORRUPT = 19,
  /*
   A holder died with the lock. The caller has the lock: it repairs what the lock protects.
   */
  RW_OWNER_DIED = 20,
  /*
   The barrier is broken: a party gave up, aborted, reset it, or died.
   */
  RW_BROKEN = 21,
  /*
   There is nothing to release.
   */
  RW_NOT_HELD = 22,
  /*
   A count would exceed its limit.
   */
  RW_OVERFLOW = 23,
  /*
   The table does not have this signal line.
   */
  RW_NO_SUCH_LINE = 24,
  /*
   The peer speaks another version of the protocol.
   */
  RW_INCOMPATIBLE = 25,
  /*
   An argument is null, out of range, or an object that was not made. Nothing was done.
   */
  RW_INVALID = 100,
  /*
   The call waits, and the program has not said how: see `rw_set_wait`. Nothing was done.
   */
  RW_NO_WAIT = 101,
  /*
   A reader was too slow: messages were overwritten before it read them. It goes on behind
   them.
   */
  RW_LAGGED = 102,
  /*
   An error that a later version knows.
   */
  RW_UNKNOWN = 103,
  /*
   The path or the descriptor is of another kind than this call needs.
   */
  RW_WRONG_FILE = 200,
  /*
   The region belongs neither to this user nor to root.
   */
  RW_OTHER_OWNER = 201,
  /*
   The region allows more users than the caller does.
   */
  RW_TOO_OPEN = 202,
  /*
   With this mode some user may read and not write, or the reverse.
   */
  RW_UNEVEN_MODE = 203,
  /*
   Nobody is attached to the region, and this process may neither remove nor reuse it.
   */
  RW_STALE = 204,
  /*
   This cannot be done with this signal.
   */
  RW_BAD_SIGNAL = 205,
  /*
   This cannot be done with this process.
   */
  RW_PROCESS = 206,
  /*
   Another error of the operating system: see `rw_error_errno`.
   */
  RW_SYSTEM = 207,
  /*
   It is no region.
   */
  RW_NO_REGION = 210,
  /*
   The region is not laid out yet.
   */
  RW_NOT_READY = 211,
  /*
   The region was laid out by another version.
   */
  RW_OTHER_VERSION = 212,
  /*
   The region states another size than its memory has.
   */
  RW_REGION_SIZE = 213,
  /*
   The header or the directory of the region was overwritten.
   */
  RW_REGION_CORRUPT = 214,
  /*
   The region has no part of this name.
   */
  RW_NO_SUCH_PART = 215,
  /*
   The part is of another kind.
   */
  RW_OTHER_KIND = 216,
  /*
   The part holds items of another size.
   */
  RW_OTHER_ITEM = 217,
  /*
   The part holds items of another alignment.
   */
  RW_OTHER_ALIGNMENT = 218,
  /*
   The part holds items of a type with another name.
   */
  RW_OTHER_TYPE = 219,
  /*
   The part holds another number of items.
   */
  RW_OTHER_CAPACITY = 220,
  /*
   The part has another size, and all else is the same.
   */
  RW_OTHER_SIZE = 221,
  /*
   A part has no name, or too long a name, or the name of another, or no such kind.
   */
  RW_BAD_PART = 222,
  /*
   There are more parts, or more places, than a region can have.
   */
  RW_TOO_MANY = 223,
  /*
   The region would be too large.
   */
  RW_TOO_LARGE = 224,
  /*
   There is no such part with this capacity and such items.
   */
  RW_NO_SUCH_CAPACITY = 225,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum rw_error rw_error;
#else
typedef int32_t rw_error;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/*
 What an end of a channel does.
 */
enum rw_phase
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /*
   New, and not connected.
   */
  RW_PHASE_NEW = 0,
  /*
   It accepts connections.
   */
  RW_PHASE_LISTENING = 1,
  /*
   It waits for the other end.
   */
  RW_PHASE_CONNECTING = 2,
  /*
   It has, or had, a peer: see its directions.
   */
  RW_PHASE_CONNECTED = 3,
  /*
   The connection was torn down, and bytes under way are lost.
   */
  RW_PHASE_TORN_DOWN = 4,
  /*
   This side closed it, or it is no end.
   */
  RW_PHASE_GONE = 5,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum rw_phase rw_phase;
#else
typedef uint32_t rw_phase;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/*
 One direction of a connected end.
 */
enum rw_direction
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /*
   The end does not have this direction.
   */
  RW_DIRECTION_ABSENT = 0,
  /*
   Bytes may flow.
   */
  RW_DIRECTION_OPEN = 1,
  /*
   This side ended it.
   */
  RW_DIRECTION_SHUT = 2,
  /*
   The peer ended it.
   */
  RW_DIRECTION_ENDED = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum rw_direction rw_direction;
#else
typedef uint32_t rw_direction;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/*
 The phase of a link.
 */
enum rw_link_phase
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /*
   It neither greets nor answers; or it is no link.
   */
  RW_LINK_IS_DOWN = 0,
  /*
   It greets until a peer answers.
   */
  RW_LINK_IS_CONNECTING = 1,
  /*
   Both sides are connected; ports work.
   */
  RW_LINK_IS_UP = 2,
  /*
   This side closed it. It sends the messages that it accepted, then tells the peer.
   */
  RW_LINK_IS_CLOSING = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum rw_link_phase rw_link_phase;
#else
typedef uint32_t rw_link_phase;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/*
 What happened to a link or to a port.
 */
enum rw_link_news
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /*
   A session ended; `detail` is a `rw_link_down`.
   */
  RW_LINK_DOWN = 0,
  /*
   A session with the peer began.
   */
  RW_LINK_UP = 1,
  /*
   The peer opened the port, and this side has not: open it, or reset it to refuse.
   */
  RW_PORT_WAITING = 2,
  /*
   Both sides have opened the port: it is connected.
   */
  RW_PORT_OPENED = 3,
  /*
   A message came. Receive until receiving would block.
   */
  RW_PORT_READABLE = 4,
  /*
   There is room again after a send returned `RW_WOULD_BLOCK`.
   */
  RW_PORT_WRITABLE = 5,
  /*
   The peer sends no more. Messages that have arrived can still be received.
   */
  RW_PORT_PEER_SHUT_SEND = 6,
  /*
   The peer reads no more.
   */
  RW_PORT_PEER_SHUT_RECV = 7,
  /*
   The port was torn down; `detail` is a `rw_link_reset`.
   */
  RW_PORT_RESET = 8,
  /*
   Both sides are done with the port: it can be opened again.
   */
  RW_PORT_FREE = 9,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum rw_link_news rw_link_news;
#else
typedef uint32_t rw_link_news;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/*
 Why a session ended, and what the link does then.
 */
enum rw_link_down
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /*
   This side closed the link, which stays down. The peer received everything, or this side did
   not wait for it.
   */
  RW_DOWN_CLOSED = 0,
  /*
   The peer closed the link, which stays down.
   */
  RW_DOWN_PEER_CLOSED = 1,
  /*
   The peer was silent. The link connects again.
   */
  RW_DOWN_PEER_GONE = 2,
  /*
   The peer restarted, or gave this session up. The link connects again.
   */
  RW_DOWN_PEER_RESTARTED = 3,
  /*
   The stream ended. The link stays down.
   */
  RW_DOWN_LINE_ENDED = 4,
  /*
   The peer speaks another version, which `value` is. The link stays down.
   */
  RW_DOWN_INCOMPATIBLE = 5,
  /*
   The peer sent what no peer sends. A serial link connects again; one on a reliable line stays
   down.
   */
  RW_DOWN_VIOLATION = 6,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum rw_link_down rw_link_down;
#else
typedef uint32_t rw_link_down;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/*
 Why a port was torn down.
 */
enum rw_link_reset
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /*
   The peer reset it, for the reason `value`.
   */
  RW_RESET_PEER = 0,
  /*
   The session ended.
   */
  RW_RESET_LINK_DOWN = 1,
  /*
   The peer has no such port.
   */
  RW_RESET_NO_SUCH_PORT = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum rw_link_reset rw_link_reset;
#else
typedef uint32_t rw_link_reset;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/*
 What a connection carries.
 */
enum rw_mem_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /*
   Bytes: a read gets what is there.
   */
  RW_MEM_STREAM = 0,
  /*
   Messages: a read gets what one write gave.
   */
  RW_MEM_PACKETS = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum rw_mem_kind rw_mem_kind;
#else
typedef uint32_t rw_mem_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/*
 The directions to end.
 */
enum rw_mem_shutdown
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /*
   This side reads no more.
   */
  RW_MEM_SHUT_READ = 0,
  /*
   This side sends no more.
   */
  RW_MEM_SHUT_WRITE = 1,
  /*
   Both.
   */
  RW_MEM_SHUT_BOTH = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum rw_mem_shutdown rw_mem_shutdown;
#else
typedef uint32_t rw_mem_shutdown;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/*
 A ring of bytes in memory of the caller. Any thread may use it; its halves are for one thread
 each.
 */
typedef struct {
  /*
   Not for the caller.
   */
  size_t opaque[RW_HANDLE_WORDS];
} rw_byte_ring;

/*
 The half of a byte ring that writes.
 */
typedef struct {
  /*
   Not for the caller.
   */
  size_t opaque[RW_HALF_WORDS];
} rw_byte_producer;

/*
 The half of a byte ring that reads.
 */
typedef struct {
  /*
   Not for the caller.
   */
  size_t opaque[RW_HALF_WORDS];
} rw_byte_consumer;

/*
 One end of a pipe, a FIFO or a connection, or a listener.
 */
typedef struct {
  /*
   Not for the caller.
   */
  size_t opaque[RW_HALF_WORDS];
} rw_mem_end;

/*
 The state of an end.
 */
typedef struct {
  /*
   What it does.
   */
  rw_phase phase;
  /*
   From this side to the peer, if it is connected.
   */
  rw_direction send;
  /*
   From the peer to this side, if it is connected.
   */
  rw_direction recv;
} rw_state;

/*
 The sizes of a channel or of a signal table: one of the constants of this header.
 */
typedef struct {
  /*
   Not for the caller.
   */
  const void *opaque[2];
} rw_sizes;

/*
 A table of named pipes in memory of the caller. Any thread may use it.
 */
typedef struct {
  /*
   Not for the caller.
   */
  size_t opaque[RW_HANDLE_WORDS];
} rw_mem_fifos;

/*
 A network in memory of the caller: addresses, listeners and connections. Any thread may use it.
 */
typedef struct {
  /*
   Not for the caller.
   */
  size_t opaque[RW_HANDLE_WORDS];
} rw_mem_network;

/*
 A pair of connected ends in memory of the caller. Any thread may use it.
 */
typedef struct {
  /*
   Not for the caller.
   */
  size_t opaque[RW_HANDLE_WORDS];
} rw_mem_pair;

/*
 A pipe in memory of the caller: one reader, any number of writers. Any thread may use it; its
 ends are for one thread each.
 */
typedef struct {
  /*
   Not for the caller.
   */
  size_t opaque[RW_HANDLE_WORDS];
} rw_mem_pipe;

/*
 A condition in memory of the caller, for waiters that hold a `rw_mutex`. Any thread may use it.
 */
typedef struct {
  /*
   Not for the caller.
   */
  size_t opaque[RW_HANDLE_WORDS];
} rw_condition;

/*
 A mutex that is held.
 */
typedef struct {
  /*
   Not for the caller.
   */
  size_t opaque[RW_HANDLE_WORDS];
} rw_mutex_guard;

/*
 A mutex in memory of the caller that its thread can take again, as one participant uses it. Any
 thread may use it. It stays in its place while somebody has it.
 */
typedef struct {
  /*
   Not for the caller.
   */
  size_t opaque[RW_HANDLE_WORDS];
} rw_reentrant;

/*
 One of the times that a thread took a `rw_reentrant`. It stays in its thread.
 */
typedef struct {
  /*
   Not for the caller.
   */
  size_t opaque[RW_HANDLE_WORDS];
} rw_reentrant_guard;

/*
 The sizes of a link. The two sides may have different sizes.
 */
typedef struct {
  /*
   The most bytes of a message: 24 to 2^24.
   */
  size_t max;
  /*
   The most frames that may be unacknowledged, or wait for the line: 1, 2, 4, 8, 16, 32 or 64.
   */
  size_t window;
  /*
   The number of ports: 1 to 255.
   */
  size_t ports;
  /*
   The most messages that a port holds: 1 to 255.
   */
  size_t credits;
} rw_link_sizes;

/*
 The identity and the timeouts of one side of a link. A tick is the unit of the program's clock.
 */
typedef struct {
  /*
   Tells this run of the program from earlier runs: a stored count of restarts, or a random
   number.
   */
  uint32_t generation;
  /*
   Ticks after which a serial link sends an unacknowledged frame again.
   */
  uint32_t retransmit;
  /*
   Ticks between two greetings while no peer answers.
   */
  uint32_t hello;
  /*
   Ticks of silence after which this side asks the peer whether it is there.
   */
  uint32_t keepalive;
  /*
   Ticks of silence after which the peer counts as gone.
   */
  uint32_t gone;
} rw_link_config;

/*
 One end of a link, in memory of the caller. One thread at a time uses it.
 */
typedef struct {
  /*
   Not for the caller.
   */
  size_t opaque[RW_HANDLE_WORDS];
} rw_link;

/*
 Something that happened to a link. It says "look again": what happened once may be told twice.
 */
typedef struct {
  /*
   What.
   */
  rw_link_news news;
  /*
   The port, if it is one's.
   */
  uint8_t port;
  /*
   A `rw_link_down` or a `rw_link_reset`; otherwise 0.
   */
  uint8_t detail;
  /*
   A version, or the peer's reason; otherwise 0.
   */
  uint8_t value;
} rw_link_event;

/*
 A mutex in memory of the caller, as one participant uses it. Any thread may use it. It stays in
 its place while somebody has it.
 */
typedef struct {
  /*
   Not for the caller.
   */
  size_t opaque[RW_HANDLE_WORDS];
} rw_mutex;

/*
 A lock for many readers or one writer, in memory of the caller, as one participant uses it. Any
 thread may use it. It stays in its place while somebody has it.
 */
typedef struct {
  /*
   Not for the caller.
   */
  size_t opaque[RW_HANDLE_WORDS];
} rw_rwlock;

/*
 A lock that is held for reading.
 */
typedef struct {
  /*
   Not for the caller.
   */
  size_t opaque[RW_HANDLE_WORDS];
} rw_read_guard;

/*
 A lock that is held for writing.
 */
typedef struct {
  /*
   Not for the caller.
   */
  size_t opaque[RW_HANDLE_WORDS];
} rw_write_guard;

/*
 A counting semaphore in memory of the caller. Any thread may use it.
 */
typedef struct {
  /*
   Not for the caller.
   */
  size_t opaque[RW_HANDLE_WORDS];
} rw_semaphore;

/*
 A semaphore that records who has its permits, as one participant uses it. Any thread may use it.
 */
typedef struct {
  /*
   Not for the caller.
   */
  size_t opaque[RW_HANDLE_WORDS];
} rw_bounded_semaphore;

/*
 A flag in memory of the caller. Any thread may use it.
 */
typedef struct {
  /*
   Not for the caller.
   */
  size_t opaque[RW_HANDLE_WORDS];
} rw_event;

/*
 A meeting point in memory of the caller, as one participant uses it. Any thread may use it.
 */
typedef struct {
  /*
   Not for the caller.
   */
  size_t opaque[RW_HANDLE_WORDS];
} rw_barrier;

/*
 A ring of messages in memory of the caller. Any thread may use it; its halves are for one thread
 each.
 */
typedef struct {
  /*
   Not for the caller.
   */
  size_t opaque[RW_HANDLE_WORDS];
} rw_message_ring;

#if !defined(RW_BARE)
/*
 What a half of a message ring knows, for the functions of this header that are inlined. Not for
 the caller.
 */
typedef struct {
  /*
   The first byte of the ring.
   */
  void *first;
  /*
   This side's position, which the other side loads.
   */
  uint32_t *word;
  /*
   A sender: who holds the other half. A receiver: the other side's position.
   */
  const uint32_t *peer;
  /*
   The doorbell on which the other side sleeps.
   */
  const uint32_t *bell;
  /*
   The position of the first byte.
   */
  uint32_t lap;
  /*
   Where this side stands.
   */
  uint32_t position;
  /*
   Where the bytes end that are known to be this side's.
   */
  uint32_t end;
  /*
   A sender: the longest message. A receiver: the last position before the ring's end.
   */
  uint32_t limit;
  /*
   Whether the inlined functions may look for more.
   */
  bool may_look;
} rw_message_window;
#endif

#if !defined(RW_BARE)
/*
 The half of a message ring that sends.
 */
typedef struct {
  /*
   Not for the caller.
   */
  size_t tag;
  /*
   Not for the caller.
   */
  rw_message_window window;
  /*
   Not for the caller.
   */
  size_t opaque[RW_HALF_WORDS];
} rw_sender;
#endif

#if defined(RW_BARE)
/*
 The half of a message ring that sends.
 */
typedef struct {
  /*
   Not for the caller.
   */
  size_t opaque[RW_HALF_WORDS];
} rw_sender;
#endif

#if !defined(RW_BARE)
/*
 The half of a message ring that receives.
 */
typedef struct {
  /*
   Not for the caller.
   */
  size_t tag;
  /*
   Not for the caller.
   */
  rw_message_window window;
  /*
   Not for the caller.
   */
  size_t opaque[RW_HALF_WORDS];
} rw_receiver;
#endif

#if defined(RW_BARE)
/*
 The half of a message ring that receives.
 */
typedef struct {
  /*
   Not for the caller.
   */
  size_t opaque[RW_HALF_WORDS];
} rw_receiver;
#endif

/*
 A broadcast in memory of the caller. Any thread may use it; its writer and its readers are for
 one thread each. With a capacity of `RW_LATEST` and `rw_reader_skip_to_newest` it is a newest
 value.
 */
typedef struct {
  /*
   Not for the caller.
   */
  size_t opaque[RW_HANDLE_WORDS];
} rw_broadcast;

/*
 The half of a broadcast that writes.
 */
typedef struct {
  /*
   Not for the caller.
   */
  size_t opaque[RW_HALF_WORDS];
} rw_writer;

/*
 A reader of a broadcast. There may be any number.
 */
typedef struct {
  /*
   Not for the caller.
   */
  size_t opaque[RW_HALF_WORDS];
} rw_reader;

/*
 A queue in memory of the caller, as one participant uses it. Any thread may use it. It stays in
 its place while a loan or a claim of it lives.
 */
typedef struct {
  /*
   Not for the caller.
   */
  size_t opaque[RW_HANDLE_WORDS];
} rw_queue;

/*
 A slot that is filled in place.
 */
typedef struct {
  /*
   Not for the caller.
   */
  size_t opaque[RW_HANDLE_WORDS];
} rw_loan;

/*
 An item that was claimed.
 */
typedef struct {
  /*
   Not for the caller.
   */
  size_t opaque[RW_HANDLE_WORDS];
} rw_claim;

/*
 A ring of items of one size, in memory of the caller. Any thread may use it; its halves are for
 one thread each.
 */
typedef struct {
  /*
   Not for the caller.
   */
  size_t opaque[RW_HANDLE_WORDS];
} rw_ring;

#if !defined(RW_BARE)
/*
 What a half knows, for the functions of this header that are inlined. Not for the caller.
 */
typedef struct {
  /*
   The first slot of the ring.
   */
  void *first;
  /*
   The size of an item.
   */
  size_t size;
  /*
   This side's position, which the other side loads.
   */
  uint32_t *word;
  /*
   The other side's position.
   */
  const uint32_t *peer;
  /*
   The doorbell on which the other side sleeps.
   */
  const uint32_t *bell;
  /*
   The number of slots.
   */
  uint32_t capacity;
  /*
   Where this side stands.
   */
  uint32_t position;
  /*
   Where the slots end that are known to be this side's.
   */
  uint32_t end;
  /*
   Whether the inlined functions may look for more.
   */
  bool may_look;
} rw_window;
#endif

#if !defined(RW_BARE)
/*
 The half of a ring that pushes.
 */
typedef struct {
  /*
   Not for the caller.
   */
  size_t tag;
  /*
   Not for the caller.
   */
  rw_window window;
  /*
   Not for the caller.
   */
  size_t opaque[RW_HALF_WORDS];
} rw_ring_producer;
#endif

#if defined(RW_BARE)
/*
 The half of a ring that pushes.
 */
typedef struct {
  /*
   Not for the caller.
   */
  size_t opaque[RW_HALF_WORDS];
} rw_ring_producer;
#endif

#if !defined(RW_BARE)
/*
 The half of a ring that pops.
 */
typedef struct {
  /*
   Not for the caller.
   */
  size_t tag;
  /*
   Not for the caller.
   */
  rw_window window;
  /*
   Not for the caller.
   */
  size_t opaque[RW_HALF_WORDS];
} rw_ring_consumer;
#endif

#if defined(RW_BARE)
/*
 The half of a ring that pops.
 */
typedef struct {
  /*
   Not for the caller.
   */
  size_t opaque[RW_HALF_WORDS];
} rw_ring_consumer;
#endif

/*
 A table of signal lines, in memory of the caller. Any thread and any interrupt may use it; its
 dispatcher is for one thread.
 */
typedef struct {
  /*
   Not for the caller.
   */
  size_t opaque[RW_HANDLE_WORDS];
} rw_signals;

/*
 A function for the deliveries of a line, and what it is called with. It stays in its place for
 as long as the program runs, once a line has it.
 */
typedef struct {
  /*
   Not for the caller.
   */
  size_t opaque[RW_HANDLE_WORDS];
} rw_handler;

/*
 What a queued raise carries. The program decides what it means.
 */
typedef struct {
  /*
   A number, or the bits of a pointer.
   */
  size_t value;
  /*
   The raiser: a process, a core, a task.
   */
  uint32_t sender;
  /*
   The user the raiser acts for.
   */
  uint32_t user;
  /*
   The reason.
   */
  int32_t code;
} rw_payload;

/*
 One delivery of a line.
 */
typedef struct {
  /*
   The number of raises in this delivery: at least 1, and 1 if there is a payload.
   */
  uint64_t count;
  /*
   The line.
   */
  uint32_t line;
  /*
   Whether there is a payload; if not, it is zeros.
   */
  bool has_payload;
  /*
   The payload.
   */
  rw_payload payload;
} rw_raised;

/*
 The right to dispatch. There is one for each table.
 */
typedef struct {
  /*
   Not for the caller.
   */
  size_t opaque[RW_HANDLE_WORDS];
} rw_dispatcher;

/*
 How this program sleeps and wakes.
 */
typedef struct {
  /*
   Sleeps while `*word == expected`, at most until `deadline`, in the program's own unit, or
   `RW_FOREVER`. It may return for no reason. Returns 0, or 1 if the deadline has passed.

   It returns at once if the word differs already, and must not sleep through a change that
   `wake` follows: `futex(2)` keeps that, and so does `wfe` with `sev`.
   */
  int32_t (*sleep)(const uint32_t *word, uint32_t expected, uint64_t deadline);
  /*
   Wakes at most `count` of those that sleep on the word. An interrupt may call it.
   */
  void (*wake)(const uint32_t *word, uint32_t count);
} rw_wait;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 The sizes of a table of 4 FIFOs of 256 bytes.
 */
extern const rw_sizes rw_mem_fifos_4_256;

/*
 The sizes of a table of 16 FIFOs of 4096 bytes.
 */
extern const rw_sizes rw_mem_fifos_16_4096;

/*
 The sizes of a network of 2 listeners and 4 connections, with 256 bytes each way.
 */
extern const rw_sizes rw_mem_network_4_256;

/*
 The sizes of a network of 8 listeners and 16 connections, with 4096 bytes each way.
 */
extern const rw_sizes rw_mem_network_16_4096;

/*
 The sizes of a pair with 64 bytes each way.
 */
extern const rw_sizes rw_mem_pair_64;

/*
 The sizes of a pair with 4096 bytes each way.
 */
extern const rw_sizes rw_mem_pair_4096;

/*
 The sizes of a pipe of 64 bytes.
 */
extern const rw_sizes rw_mem_pipe_64;

/*
 The sizes of a pipe of 256 bytes.
 */
extern const rw_sizes rw_mem_pipe_256;

/*
 The sizes of a pipe of 4096 bytes.
 */
extern const rw_sizes rw_mem_pipe_4096;

/*
 The sizes of a pipe of 65536 bytes.
 */
extern const rw_sizes rw_mem_pipe_65536;

/*
 Tells how much memory a ring of `capacity` bytes takes, and its alignment.

 `RW_EXHAUSTED` if there is no such ring.

 Any thread; interrupts too.
 */
rw_error rw_byte_ring_layout(size_t capacity, size_t *size, size_t *align);

/*
 Makes a ring in `memory`, which stays in its place and is used for nothing else.

 One thread, before anybody uses the memory; interrupts too.
 */
rw_error rw_byte_ring_init(rw_byte_ring *ring, void *memory, size_t memory_size, size_t capacity);

/*
 Finds a ring that was made in `memory`, by this program or another one, with the same capacity.

 One thread at a time; interrupts too.
 */
rw_error rw_byte_ring_attach(rw_byte_ring *ring, void *memory, size_t memory_size, size_t capacity);

/*
 Takes the half that writes, for a participant: a number from 1 on, or 0 if one program has the
 ring alone. `RW_TAKEN` if somebody has it.

 Any thread; interrupts too, signal handlers of Linux not.
 */
rw_error rw_byte_ring_take_producer(const rw_byte_ring *ring,
                                    uint16_t who,
                                    rw_byte_producer *producer);

/*
 Takes the half that reads, as `rw_byte_ring_take_producer`.

 Any thread; interrupts too, signal handlers of Linux not.
 */
rw_error rw_byte_ring_take_consumer(const rw_byte_ring *ring,
                                    uint16_t who,
                                    rw_byte_consumer *consumer);

/*
 Writes as many bytes as there is room for, at least one of them, and tells how many.
 `RW_WOULD_BLOCK` if there is no room, `RW_BROKEN_PIPE` if the other half was closed.

 One thread at a time; interrupts too.
 */
rw_error rw_byte_try_write(rw_byte_producer *producer,
                           const void *data,
                           size_t size,
                           size_t *written);

/*
 Writes at least one byte, and waits for room until `deadline`. Tells how many it wrote.

 One thread at a time; interrupts not: it waits.
 */
rw_error rw_byte_write(rw_byte_producer *producer,
                       const void *data,
                       size_t size,
                       uint64_t deadline,
                       size_t *written);

/*
 Writes all bytes, and waits for room until `deadline`. Tells how many it wrote, also on an
 error.

 One thread at a time; interrupts not: it waits.
 */
rw_error rw_byte_write_all(rw_byte_producer *producer,
                           const void *data,
                           size_t size,
                           uint64_t deadline,
                           size_t *written);

/*
 Reads what there is, at least a byte, and tells how many. `RW_WOULD_BLOCK` if there is none,
 `RW_END_OF_FILE` if the other half was closed and everything was read.

 One thread at a time; interrupts too.
 */
rw_error rw_byte_try_read(rw_byte_consumer *consumer, void *data, size_t size, size_t *read);

/*
 Reads at least a byte, for which it waits until `deadline`. Tells how many it read.

 One thread at a time; interrupts not: it waits.
 */
rw_error rw_byte_read(rw_byte_consumer *consumer,
                      void *data,
                      size_t size,
                      uint64_t deadline,
                      size_t *read);

/*
 Lends room for `size` bytes in place. Write there, and then call `rw_byte_commit`.

 `RW_WOULD_BLOCK` if there is not as much room in one piece.

 One thread at a time; interrupts too.
 */
rw_error rw_byte_try_reserve(rw_byte_producer *producer, size_t size, void **room);

/*
 Sends the first `used` of the `size` bytes that `rw_byte_try_reserve` lent last.

 One thread at a time; interrupts too.
 */
rw_error rw_byte_commit(rw_byte_producer *producer, size_t size, size_t used);

/*
 Lends the bytes that there are, in place and in one piece. Read them, and then call
 `rw_byte_consume`. `RW_WOULD_BLOCK` if there are none, `RW_END_OF_FILE` at the end.

 One thread at a time; interrupts too.
 */
rw_error rw_byte_try_peek(rw_byte_consumer *consumer, const void **data, size_t *size);

/*
 Ends the first `count` bytes: their room is free.

 One thread at a time; interrupts too.
 */
rw_error rw_byte_consume(rw_byte_consumer *consumer, size_t count);

/*
 Gives the half back: somebody else can take it.

 One thread at a time; interrupts too.
 */
rw_error rw_byte_producer_release(rw_byte_producer *producer);

/*
 Closes the half: the other side learns that nothing more comes.

 One thread at a time; interrupts too.
 */
rw_error rw_byte_producer_close(rw_byte_producer *producer);

/*
 Gives the half back: somebody else can take it.

 One thread at a time; interrupts too.
 */
rw_error rw_byte_consumer_release(rw_byte_consumer *consumer);

/*
 Closes the half: the other side learns that nobody reads.

 One thread at a time; interrupts too.
 */
rw_error rw_byte_consumer_close(rw_byte_consumer *consumer);

/*
 How many bytes there are; 0 for what is no ring.

 Any thread; interrupts too.
 */
size_t rw_byte_ring_length(const rw_byte_ring *ring);

/*
 Puts right what a participant held that does nothing any more: its process has ended, or its
 context was reset.

 Any thread; interrupts too.
 */
rw_error rw_byte_ring_recover(const rw_byte_ring *ring, uint16_t dead);

/*
 Accepts the connection that has waited longest. `RW_WOULD_BLOCK` if there is none,
 `RW_WRONG_DIRECTION` if this is no listener.

 One thread at a time; interrupts too.
 */
rw_error rw_mem_end_try_accept(rw_mem_end *listener, rw_mem_end *end);

/*
 Accepts a connection, for which it waits until `deadline`.

 One thread at a time; interrupts not: it waits.
 */
rw_error rw_mem_end_accept(rw_mem_end *listener, uint64_t deadline, rw_mem_end *end);

/*
 Reads what is there, at most `size` bytes, and tells how many; of packets, one message.

 `RW_WOULD_BLOCK` if nothing is there, `RW_END_OF_FILE` when the other side is gone and
 everything was read, `RW_RESET` if a listener closed before it accepted the connection,
 `RW_WRONG_DIRECTION` if this end only writes. `RW_BUFFER_TOO_SMALL` if a message is longer than
 `size`: it tells the length, and the message stays.

 One thread at a time; interrupts too.
 */
rw_error rw_mem_end_try_read(rw_mem_end *end, void *out, size_t size, size_t *count);

/*
 Reads as `rw_mem_end_try_read`, and waits for something to read until `deadline`.

 One thread at a time; interrupts not: it waits.
 */
rw_error rw_mem_end_read(rw_mem_end *end, void *out, size_t size, uint64_t deadline, size_t *count);

/*
 Writes as many bytes as there is room for, at least one, and tells how many; of packets, all as
 one message. An end of a pipe or a FIFO writes up to 4096 bytes, or what the pipe holds if that
 is less, all or none.

 `RW_WOULD_BLOCK` if there is no room or another writer writes, `RW_BROKEN_PIPE` if nobody reads,
 `RW_MESSAGE_TOO_LARGE` if there can be no room, `RW_WRONG_DIRECTION` if this end only reads.

 One thread at a time; interrupts too.
 */
rw_error rw_mem_end_try_write(rw_mem_end *end, const void *from, size_t size, size_t *count);

/*
 Writes as `rw_mem_end_try_write`, and waits for room until `deadline`.

 One thread at a time; interrupts not: it waits.
 */
rw_error rw_mem_end_write(rw_mem_end *end,
                          const void *from,
                          size_t size,
                          uint64_t deadline,
                          size_t *count);

/*
 Tells the state of an end.

 One thread at a time; interrupts too.
 */
rw_error rw_mem_end_state(rw_mem_end *end, rw_state *state);

/*
 Ends one direction of a connection or both, by a `rw_mem_shutdown`: the other side learns it,
 and reads what was sent before. `RW_WRONG_DIRECTION` if this is no end of a connection.

 One thread at a time; interrupts too.
 */
rw_error rw_mem_end_shutdown(rw_mem_end *end, uint32_t how);

/*
 Makes another end that writes to the same pipe, for another thread. `RW_WRONG_DIRECTION` if this
 is no end of a pipe or a FIFO that writes.

 One thread at a time; interrupts too.
 */
rw_error rw_mem_end_clone(rw_mem_end *end, rw_mem_end *another);

/*
 Closes an end; the other side learns it.

 One thread at a time; interrupts too.
 */
rw_error rw_mem_end_close(rw_mem_end *end);

/*
 Tells how much memory a table of FIFOs of these sizes takes (`rw_mem_fifos_4_256` or
 `rw_mem_fifos_16_4096`), and its alignment.

 Any thread; interrupts too.
 */
rw_error rw_mem_fifos_layout(const rw_sizes *sizes, size_t *size, size_t *align);

/*
 Makes a table of FIFOs in `memory`, which stays in its place and is used for nothing else.

 One thread, before anybody uses the memory; interrupts too.
 */
rw_error rw_mem_fifos_init(rw_mem_fifos *fifos,
                           void *memory,
                           size_t memory_size,
                           const rw_sizes *sizes);

/*
 Creates a FIFO under a name of 1 to 32 bytes. `RW_ADDRESS_IN_USE` if the name is taken,
 `RW_EXHAUSTED` if there is no place, `RW_WOULD_BLOCK` while another thread changes the table.

 Any thread; interrupts too.
 */
rw_error rw_mem_fifos_create(const rw_mem_fifos *fifos, const void *name, size_t name_size);

/*
 Removes a name; open ends stay open. `RW_NOT_FOUND` if there is none, `RW_WOULD_BLOCK` while
 another thread changes the table.

 Any thread; interrupts too.
 */
rw_error rw_mem_fifos_remove(const rw_mem_fifos *fifos, const void *name, size_t name_size);

/*
 Opens the end of a FIFO that reads, whether a writer is there or not. `RW_TAKEN` if there is a
 reader.

 Any thread; interrupts too.
 */
rw_error rw_mem_fifos_try_open_reader(const rw_mem_fifos *fifos,
                                      const void *name,
                                      size_t name_size,
                                      rw_mem_end *reader);

/*
 Opens the end of a FIFO that reads, and waits for a writer until `deadline`.

 Any thread; interrupts not: it waits.
 */
rw_error rw_mem_fifos_open_reader(const rw_mem_fifos *fifos,
                                  const void *name,
                                  size_t name_size,
                                  uint64_t deadline,
                                  rw_mem_end *reader);

/*
 Opens an end of a FIFO that writes. `RW_NO_READER` if there is no reader.

 Any thread; interrupts too.
 */
rw_error rw_mem_fifos_try_open_writer(const rw_mem_fifos *fifos,
                                      const void *name,
                                      size_t name_size,
                                      rw_mem_end *writer);

/*
 Opens an end of a FIFO that writes, and waits for a reader until `deadline`.

 Any thread; interrupts not: it waits.
 */
rw_error rw_mem_fifos_open_writer(const rw_mem_fifos *fifos,
                                  const void *name,
                                  size_t name_size,
                                  uint64_t deadline,
                                  rw_mem_end *writer);

/*
 Tells how much memory a network of these sizes takes (`rw_mem_network_4_256` or
 `rw_mem_network_16_4096`), and its alignment.

 Any thread; interrupts too.
 */
rw_error rw_mem_network_layout(const rw_sizes *sizes, size_t *size, size_t *align);

/*
 Makes a network in `memory`, which stays in its place and is used for nothing else.

 One thread, before anybody uses the memory; interrupts too.
 */
rw_error rw_mem_network_init(rw_mem_network *network,
                             void *memory,
                             size_t memory_size,
                             const rw_sizes *sizes);

/*
 Listens for connections of a `rw_mem_kind` under a name of 1 to 32 bytes. At most `backlog`
 connections wait to be accepted; 0 counts as 1.

 `RW_ADDRESS_IN_USE` if the name is taken, `RW_EXHAUSTED` if there is no place, `RW_WOULD_BLOCK`
 while another thread changes the network. `rw_mem_end_close` ends it, and tears down the
 connections that wait.

 Any thread; interrupts too.
 */
rw_error rw_mem_network_listen(const rw_mem_network *network,
                               uint32_t kind,
                               const void *name,
                               size_t name_size,
                               size_t backlog,
                               rw_mem_end *listener);

/*
 Connects to a listener. `RW_REFUSED` if nobody listens there for this kind, `RW_EXHAUSTED` if
 all connections are in use, `RW_WOULD_BLOCK` if the backlog is full.

 Any thread; interrupts too.
 */
rw_error rw_mem_network_try_connect(const rw_mem_network *network,
                                    uint32_t kind,
                                    const void *name,
                                    size_t name_size,
                                    rw_mem_end *end);

/*
 Connects to a listener, and waits for room in its backlog until `deadline`.

 Any thread; interrupts not: it waits.
 */
rw_error rw_mem_network_connect(const rw_mem_network *network,
                                uint32_t kind,
                                const void *name,
                                size_t name_size,
                                uint64_t deadline,
                                rw_mem_end *end);

/*
 Tells how much memory a pair of these sizes takes (`rw_mem_pair_64` or `rw_mem_pair_4096`), and
 its alignment.

 Any thread; interrupts too.
 */
rw_error rw_mem_pair_layout(const rw_sizes *sizes, size_t *size, size_t *align);

/*
 Makes a pair in `memory`, which stays in its place and is used for nothing else.

 One thread, before anybody uses the memory; interrupts too.
 */
rw_error rw_mem_pair_init(rw_mem_pair *pair,
                          void *memory,
                          size_t memory_size,
                          const rw_sizes *sizes);

/*
 Opens both ends of a pair, of a `rw_mem_kind`. `RW_TAKEN` while one of the last time is open.

 Any thread; interrupts too.
 */
rw_error rw_mem_pair_open(const rw_mem_pair *pair,
                          uint32_t kind,
                          rw_mem_end *here,
                          rw_mem_end *there);

/*
 Tells how much memory a pipe of these sizes takes (one of `rw_mem_pipe_64` to
 `rw_mem_pipe_65536`), and its alignment.

 Any thread; interrupts too.
 */
rw_error rw_mem_pipe_layout(const rw_sizes *sizes, size_t *size, size_t *align);

/*
 Makes a pipe in `memory`, which stays in its place and is used for nothing else.

 One thread, before anybody uses the memory; interrupts too.
 */
rw_error rw_mem_pipe_init(rw_mem_pipe *pipe,
                          void *memory,
                          size_t memory_size,
                          const rw_sizes *sizes);

/*
 Opens both ends. `RW_TAKEN` while one of the last time is open.

 Any thread; interrupts too.
 */
rw_error rw_mem_pipe_open(const rw_mem_pipe *pipe, rw_mem_end *reader, rw_mem_end *writer);

/*
 Makes a condition in `memory`, of `RW_CONDITION_SIZE` bytes.

 One thread, before anybody uses the memory; interrupts too.
 */
rw_error rw_condition_init(rw_condition *condition, void *memory, size_t memory_size);

/*
 Finds a condition that was made in `memory`, by this program or another one.

 One thread at a time; interrupts too.
 */
rw_error rw_condition_attach(rw_condition *condition, void *memory, size_t memory_size);

/*
 Wakes at most `count` waiters, `UINT32_MAX` for all, and tells how many it may have woken. The
 caller held the mutex when it changed what they wait for, and need not hold it now.

 Any thread; interrupts too.
 */
rw_error rw_condition_notify(const rw_condition *condition, uint32_t count, uint32_t *woken);

/*
 Unlocks the mutex of `guard`, waits for a notification until `deadline`, and locks the mutex
 again, whatever it returns but `RW_INVALID` and `RW_NO_WAIT`.

 It may return for no reason: look again at what you wait for. `RW_OWNER_DIED` as
 `rw_mutex_try_lock`. After the deadline it still waits for the mutex.

 Any thread; interrupts not: it waits.
 */
rw_error rw_condition_wait(const rw_condition *condition, rw_mutex_guard *guard, uint64_t deadline);

/*
 Says how this program tells its threads apart, for reentrant mutexes. Call it once, before
 anything else.

 `thread_id` returns the number of the calling thread, which is not 0. Threads, and an interrupt
 and what it interrupts, have different numbers while they use one mutex. With null, calls that
 lock a reentrant mutex return `RW_INVALID`.

 The library `ringway` for Linux knows its threads by itself, and needs no such call.

 One thread, before anything else; interrupts not.
 */
void rw_set_thread_id(uint32_t (*thread_id)(void));

/*
 Makes a reentrant mutex in `memory`, of `RW_REENTRANT_SIZE` bytes, for a participant: a number
 from 1 on, or 0 if one program has it alone.

 One thread, before anybody uses the memory; interrupts too.
 */
rw_error rw_reentrant_init(rw_reentrant *mutex, void *memory, size_t memory_size, uint16_t who);

/*
 Finds a reentrant mutex that was made in `memory`, by this program or another one.

 One thread at a time; interrupts too.
 */
rw_error rw_reentrant_attach(rw_reentrant *mutex, void *memory, size_t memory_size, uint16_t who);

/*
 Locks the mutex, if it is free or this thread has it. `RW_WOULD_BLOCK` if another has it,
 `RW_OVERFLOW` if this thread has it 65535 times, `RW_OWNER_DIED` as `rw_mutex_try_lock`. Needs
 `rw_set_thread_id`.

 Any thread; interrupts too.
 */
rw_error rw_reentrant_try_lock(const rw_reentrant *mutex, rw_reentrant_guard *guard);

/*
 Locks the mutex, for which it waits until `deadline` if another thread has it. See
 `rw_reentrant_try_lock`.

 Any thread; interrupts not: it waits.
 */
rw_error rw_reentrant_lock(const rw_reentrant *mutex, uint64_t deadline, rw_reentrant_guard *guard);

/*
 Says that what the mutex protects is whole again.

 One thread at a time; interrupts too.
 */
rw_error rw_reentrant_make_consistent(rw_reentrant_guard *guard);

/*
 Unlocks the mutex as often as it was locked with this guard: once. It is free when all guards
 are.

 One thread at a time; interrupts too.
 */
rw_error rw_reentrant_unlock(rw_reentrant_guard *guard);

/*
 Puts right what a participant held that does nothing any more: its process has ended, or its
 context was reset.

 Any thread; interrupts too.
 */
rw_error rw_reentrant_recover(void *memory, size_t memory_size, uint16_t dead);

/*
 What an error means, and what to do: a text that lives for ever.

 Any thread; interrupts too.
 */
const char *rw_error_text(int32_t error);

/*
 Tells how much memory a link over a line that may lose and change bytes takes, such as a UART,
 and its alignment. `RW_EXHAUSTED` if no link has these sizes.

 Any thread; interrupts too.
 */
rw_error rw_link_serial_layout(const rw_link_sizes *sizes, size_t *size, size_t *align);

/*
 Tells how much memory a link over a stream that keeps bytes complete and in order takes, such as
 a pipe or a socket, and its alignment. `RW_EXHAUSTED` if no link has these sizes.

 Any thread; interrupts too.
 */
rw_error rw_link_reliable_layout(const rw_link_sizes *sizes, size_t *size, size_t *align);

/*
 Tells the usual timeouts, for a clock that counts milliseconds.

 Any thread; interrupts too.
 */
rw_error rw_link_defaults(uint32_t generation, rw_link_config *config);

/*
 Makes a link over a line that may lose and change bytes, in `memory`, which stays in its place
 and is used for nothing else. It is down.

 `RW_EXHAUSTED` if no link has these sizes.

 One thread, before anybody uses the memory; interrupts too.
 */
rw_error rw_link_serial_init(rw_link *link,
                             void *memory,
                             size_t memory_size,
                             const rw_link_sizes *sizes,
                             const rw_link_config *config);

/*
 Makes a link over a stream that keeps bytes complete and in order, in `memory`, which stays in
 its place and is used for nothing else. It is down.

 `RW_EXHAUSTED` if no link has these sizes.

 One thread, before anybody uses the memory; interrupts too.
 */
rw_error rw_link_reliable_init(rw_link *link,
                               void *memory,
                               size_t memory_size,
                               const rw_link_sizes *sizes,
                               const rw_link_config *config);

/*
 Ends the use of the object; its memory is free. It tells the peer nothing: see `rw_link_close`.

 One thread at a time; interrupts too.
 */
rw_error rw_link_forget(rw_link *link);

/*
 The phase of a link.

 One thread at a time; interrupts too.
 */
rw_link_phase rw_link_phase_of(rw_link *link);

/*
 Begins to connect at the time `now`, and goes on until a peer answers. `RW_ALREADY_CONNECTED` if
 the link is not down.

 One thread at a time; interrupts too.
 */
rw_error rw_link_open(rw_link *link, uint64_t now);

/*
 Closes every port and then the link: it transmits what it accepted, and tells the peer.

 One thread at a time; interrupts too.
 */
rw_error rw_link_close(rw_link *link, uint64_t now);

/*
 Takes bytes that came from the line. Afterwards ask for bytes to transmit, for events, and for
 the timeout.

 One thread at a time; interrupts too.
 */
rw_error rw_link_handle_bytes(rw_link *link, uint64_t now, const void *came, size_t size);

/*
 Takes the news that the stream ended, or that another one replaces it. The link is down; open it
 again over the next stream.

 One thread at a time; interrupts too.
 */
rw_error rw_link_handle_end(rw_link *link, uint64_t now);

/*
 Does what is due at `now`. Call it when `rw_link_poll_timeout` says so; earlier is harmless.

 One thread at a time; interrupts too.
 */
rw_error rw_link_handle_timeout(rw_link *link, uint64_t now);

/*
 Puts the next bytes to transmit into `out`, and tells how many: 0 if there are none. `now` is
 the time at which the program passes them to the line.

 One thread at a time; interrupts too.
 */
rw_error rw_link_poll_transmit(rw_link *link, uint64_t now, void *out, size_t size, size_t *filled);

/*
 Tells the next event; each event once, then `RW_WOULD_BLOCK`.

 One thread at a time; interrupts too.
 */
rw_error rw_link_poll_event(rw_link *link, rw_link_event *event);

/*
 Tells the time at which to call `rw_link_handle_timeout`, which may be in the past; `RW_FOREVER`
 if no timer runs.

 One thread at a time; interrupts too.
 */
rw_error rw_link_poll_timeout(rw_link *link, uint64_t *due);

/*
 Tells the state of a port; `RW_PHASE_GONE` for a port that the link does not have.

 One thread at a time; interrupts too.
 */
rw_error rw_link_port_state(rw_link *link, uint8_t port, rw_state *state);

/*
 Opens a port: it is connected once the peer opens it, too. A port stays open across sessions.

 `RW_NOT_FOUND` if this side or the peer has no such port, `RW_ALREADY_CONNECTED` if it is open,
 `RW_WOULD_BLOCK` if the peer has not ended the port's last use.

 One thread at a time; interrupts too.
 */
rw_error rw_link_open_port(rw_link *link, uint8_t port);

/*
 Sends a message on a port: copies it for `rw_link_poll_transmit`.

 `RW_WOULD_BLOCK` if the peer or the line has no room, `RW_MESSAGE_TOO_LARGE` if it is longer
 than either side's largest, `RW_RESET` if the port was torn down or the session ended,
 `RW_NOT_FOUND`, `RW_BROKEN_PIPE`, `RW_NOT_CONNECTED`, `RW_CLOSED` by the port's state.

 One thread at a time; interrupts too.
 */
rw_error rw_link_try_send(rw_link *link, uint8_t port, const void *message, size_t size);

/*
 Moves the oldest message of a port into `message`, and tells its length. `RW_WOULD_BLOCK` if
 there is none, `RW_BUFFER_TOO_SMALL` if `size` is less than the length that it tells, and then
 the message stays; `RW_END_OF_FILE` and `RW_RESET` at the end.

 One thread at a time; interrupts too.
 */
rw_error rw_link_try_recv(rw_link *link, uint8_t port, void *message, size_t size, size_t *length);

/*
 Lends the oldest message of a port in place. Read it, and then call `rw_link_release`.

 One thread at a time; interrupts too.
 */
rw_error rw_link_peek(rw_link *link, uint8_t port, const void **message, size_t *length);

/*
 Drops the oldest message of a port, and lets the peer send another. Does nothing if there is
 none.

 One thread at a time; interrupts too.
 */
rw_error rw_link_release(rw_link *link, uint8_t port);

/*
 Ends sending on a port. Messages sent before still arrive.

 One thread at a time; interrupts too.
 */
rw_error rw_link_shut_send(rw_link *link, uint8_t port);

/*
 Ends receiving on a port. Messages that were not taken are dropped.

 One thread at a time; interrupts too.
 */
rw_error rw_link_shut_recv(rw_link *link, uint8_t port);

/*
 Ends both directions of a port. Messages sent before still arrive.

 One thread at a time; interrupts too.
 */
rw_error rw_link_close_port(rw_link *link, uint8_t port);

/*
 Tears a port down, and tells the peer `reason`; also refuses a port that the peer opened.

 One thread at a time; interrupts too.
 */
rw_error rw_link_reset_port(rw_link *link, uint8_t port, uint8_t reason);

/*
 Makes a mutex in `memory`, for a participant: a number from 1 on, or 0 if one program has it
 alone.

 One thread, before anybody uses the memory; interrupts too.
 */
rw_error rw_mutex_init(rw_mutex *mutex, void *memory, size_t memory_size, uint16_t who);

/*
 Finds a mutex that was made in `memory`, by this program or another one.

 One thread at a time; interrupts too.
 */
rw_error rw_mutex_attach(rw_mutex *mutex, void *memory, size_t memory_size, uint16_t who);

/*
 Locks the mutex, if it is free. `RW_WOULD_BLOCK` if it is not.

 `RW_OWNER_DIED`: the mutex is locked, and its last holder died with it. Repair what it protects,
 and call `rw_mutex_make_consistent`; otherwise the next holder is told, too.

 Any thread; interrupts too.
 */
rw_error rw_mutex_try_lock(const rw_mutex *mutex, rw_mutex_guard *guard);

/*
 Locks the mutex, for which it waits until `deadline`. See `rw_mutex_try_lock`.

 Any thread; interrupts not: it waits.
 */
rw_error rw_mutex_lock(const rw_mutex *mutex, uint64_t deadline, rw_mutex_guard *guard);

/*
 Says that what the mutex protects is whole again.

 One thread at a time; interrupts too.
 */
rw_error rw_mutex_make_consistent(rw_mutex_guard *guard);

/*
 Unlocks the mutex.

 One thread at a time; interrupts too.
 */
rw_error rw_mutex_unlock(rw_mutex_guard *guard);

/*
 Puts right what a participant held that does nothing any more: its process has ended, or its
 context was reset.

 Any thread; interrupts too.
 */
rw_error rw_mutex_recover(void *memory, size_t memory_size, uint16_t dead);

/*
 Tells how much memory a lock for at most `readers` readers at a time takes, and its alignment.

 Any thread; interrupts too.
 */
rw_error rw_rwlock_layout(size_t readers, size_t *size, size_t *align);

/*
 Makes a lock in `memory`, or finds the one there if `is_new` is false.

 One thread, before anybody uses the memory; interrupts too.
 */
rw_error rw_rwlock_init(rw_rwlock *lock,
                        void *memory,
                        size_t memory_size,
                        size_t readers,
                        uint16_t who,
                        bool is_new);

/*
 Locks for reading, if that can be done at once. `RW_OWNER_DIED` as `rw_rwlock_try_write`.

 Any thread; interrupts too.
 */
rw_error rw_rwlock_try_read(const rw_rwlock *lock, rw_read_guard *guard);

/*
 Locks for reading, for which it waits until `deadline`.

 Any thread; interrupts not: it waits.
 */
rw_error rw_rwlock_read(const rw_rwlock *lock, uint64_t deadline, rw_read_guard *guard);

/*
 Locks for writing, if that can be done at once.

 `RW_OWNER_DIED`: the lock is held, and a writer died with it. A writer repairs what it protects,
 and calls `rw_rwlock_make_consistent`.

 Any thread; interrupts too.
 */
rw_error rw_rwlock_try_write(const rw_rwlock *lock, rw_write_guard *guard);

/*
 Locks for writing, for which it waits until `deadline`.

 Any thread; interrupts not: it waits.
 */
rw_error rw_rwlock_write(const rw_rwlock *lock, uint64_t deadline, rw_write_guard *guard);

/*
 Says that what the lock protects is whole again.

 One thread at a time; interrupts too.
 */
rw_error rw_rwlock_make_consistent(rw_write_guard *guard);

/*
 Ends reading.

 One thread at a time; interrupts too.
 */
rw_error rw_rwlock_end_read(rw_read_guard *guard);

/*
 Ends writing.

 One thread at a time; interrupts too.
 */
rw_error rw_rwlock_end_write(rw_write_guard *guard);

/*
 Puts right what a participant held that does nothing any more: its process has ended, or its
 context was reset.

 Any thread; interrupts too.
 */
rw_error rw_rwlock_recover(void *memory, size_t memory_size, size_t readers, uint16_t dead);

/*
 Makes a semaphore with `permits` permits in `memory`, of `RW_LOCK_SIZE` bytes. `RW_EXHAUSTED`
 for more than 2147483647.

 One thread, before anybody uses the memory; interrupts too.
 */
rw_error rw_semaphore_init(rw_semaphore *semaphore,
                           void *memory,
                           size_t memory_size,
                           uint32_t permits);

/*
 Finds a semaphore that was made in `memory`, by this program or another one. `permits` is the
 number that it was made with.

 One thread at a time; interrupts too.
 */
rw_error rw_semaphore_attach(rw_semaphore *semaphore,
                             void *memory,
                             size_t memory_size,
                             uint32_t permits);

/*
 Takes a permit, if there is one. `RW_WOULD_BLOCK` if there is none.

 Any thread; interrupts too.
 */
rw_error rw_semaphore_try_acquire(const rw_semaphore *semaphore);

/*
 Takes a permit, for which it waits until `deadline`.

 Any thread; interrupts not: it waits.
 */
rw_error rw_semaphore_acquire(const rw_semaphore *semaphore, uint64_t deadline);

/*
 Adds permits, also those that others took. `RW_OVERFLOW` if there would be more than 2^31 - 1.

 Any thread; interrupts too.
 */
rw_error rw_semaphore_release(const rw_semaphore *semaphore, uint32_t permits);

/*
 How many permits there are; 0 for what is no semaphore.

 Any thread; interrupts too.
 */
uint32_t rw_semaphore_permits(const rw_semaphore *semaphore);

/*
 Tells how much memory a semaphore of `permits` permits takes that records their holders, and its
 alignment.

 Any thread; interrupts too.
 */
rw_error rw_bounded_semaphore_layout(size_t permits, size_t *size, size_t *align);

/*
 Makes a semaphore in `memory`, or finds the one there if `is_new` is false, for a participant.

 One thread, before anybody uses the memory; interrupts too.
 */
rw_error rw_bounded_semaphore_init(rw_bounded_semaphore *semaphore,
                                   void *memory,
                                   size_t memory_size,
                                   size_t permits,
                                   uint16_t who,
                                   bool is_new);

/*
 Takes a permit, if there is one.

 Any thread; interrupts too.
 */
rw_error rw_bounded_semaphore_try_acquire(const rw_bounded_semaphore *semaphore);

/*
 Takes a permit, for which it waits until `deadline`.

 Any thread; interrupts not: it waits.
 */
rw_error rw_bounded_semaphore_acquire(const rw_bounded_semaphore *semaphore, uint64_t deadline);

/*
 Gives back a permit of this participant. `RW_NOT_HELD` if it has none.

 Any thread; interrupts too.
 */
rw_error rw_bounded_semaphore_release(const rw_bounded_semaphore *semaphore);

/*
 How many permits are free; 0 for what is no semaphore.

 Any thread; interrupts too.
 */
size_t rw_bounded_semaphore_permits(const rw_bounded_semaphore *semaphore);

/*
 Gives back the permits of a participant that does nothing any more: its process has ended, or
 its context was reset.

 Any thread; interrupts too.
 */
rw_error rw_bounded_semaphore_recover(void *memory,
                                      size_t memory_size,
                                      size_t permits,
                                      uint16_t dead);

/*
 Makes a flag in `memory`, of `RW_LOCK_SIZE` bytes, which is not set.

 One thread, before anybody uses the memory; interrupts too.
 */
rw_error rw_event_init(rw_event *event, void *memory, size_t memory_size);

/*
 Finds a flag that was made in `memory`, by this program or another one.

 One thread at a time; interrupts too.
 */
rw_error rw_event_attach(rw_event *event, void *memory, size_t memory_size);

/*
 Sets the flag, and wakes all that wait for it. An interrupt may call it.

 Any thread; interrupts too.
 */
rw_error rw_event_set(const rw_event *event);

/*
 Clears the flag.

 Any thread; interrupts too.
 */
rw_error rw_event_clear(const rw_event *event);

/*
 Whether the flag is set; false for what is no flag.

 Any thread; interrupts too.
 */
bool rw_event_is_set(const rw_event *event);

/*
 Waits until the flag is set, at most until `deadline`.

 Any thread; interrupts not: it waits.
 */
rw_error rw_event_wait(const rw_event *event, uint64_t deadline);

/*
 Tells how much memory a barrier for `parties` parties takes, and its alignment.

 Any thread; interrupts too.
 */
rw_error rw_barrier_layout(size_t parties, size_t *size, size_t *align);

/*
 Makes a barrier in `memory`, or finds the one there if `is_new` is false, for a participant.

 One thread, before anybody uses the memory; interrupts too.
 */
rw_error rw_barrier_init(rw_barrier *barrier,
                         void *memory,
                         size_t memory_size,
                         size_t parties,
                         uint16_t who,
                         bool is_new);

/*
 Waits for all parties, at most until `deadline`, which breaks the barrier. `number` gets a
 number from 0 on that no other party gets.

 Any thread; interrupts not: it waits.
 */
rw_error rw_barrier_wait(const rw_barrier *barrier, uint64_t deadline, size_t *number);

/*
 Breaks the barrier.

 Any thread; interrupts too.
 */
rw_error rw_barrier_abort(const rw_barrier *barrier);

/*
 Makes the barrier whole.

 Any thread; interrupts too.
 */
rw_error rw_barrier_reset(const rw_barrier *barrier);

/*
 Breaks the barrier if a participant waits in it that does nothing any more: its process has
 ended, or its context was reset.

 Any thread; interrupts too.
 */
rw_error rw_barrier_recover(void *memory, size_t memory_size, size_t parties, uint16_t dead);

/*
 Tells how much memory a ring of `capacity` bytes takes, and its alignment.

 `RW_EXHAUSTED` if there is no such ring.

 Any thread; interrupts too.
 */
rw_error rw_message_ring_layout(size_t capacity, size_t *size, size_t *align);

/*
 Makes a ring in `memory`, which stays in its place and is used for nothing else.

 One thread, before anybody uses the memory; interrupts too.
 */
rw_error rw_message_ring_init(rw_message_ring *ring,
                              void *memory,
                              size_t memory_size,
                              size_t capacity);

/*
 Finds a ring that was made in `memory`, by this program or another one, with the same capacity.

 One thread at a time; interrupts too.
 */
rw_error rw_message_ring_attach(rw_message_ring *ring,
                                void *memory,
                                size_t memory_size,
                                size_t capacity);

/*
 Takes the half that sends, for a participant: a number from 1 on, or 0 if one program has the
 ring alone. `RW_TAKEN` if somebody has it.

 Any thread; interrupts too, signal handlers of Linux not.
 */
rw_error rw_message_ring_take_sender(const rw_message_ring *ring, uint16_t who, rw_sender *sender);

/*
 Takes the half that receives, as `rw_message_ring_take_sender`.

 Any thread; interrupts too, signal handlers of Linux not.
 */
rw_error rw_message_ring_take_receiver(const rw_message_ring *ring,
                                       uint16_t who,
                                       rw_receiver *receiver);

/*
 Sends a message. `RW_WOULD_BLOCK` if there is no room, `RW_MESSAGE_TOO_LARGE` if there can be
 none, `RW_BROKEN_PIPE` if the other half was closed.

 One thread at a time; interrupts too.
 */
rw_error rw_try_send(rw_sender *sender, const void *message, size_t size);

/*
 Sends a message, and waits for room until `deadline`.

 One thread at a time; interrupts not: it waits.
 */
rw_error rw_send(rw_sender *sender, const void *message, size_t size, uint64_t deadline);

/*
 Receives the oldest message, and tells its length. `RW_WOULD_BLOCK` if there is none,
 `RW_END_OF_FILE` at the end; `RW_BUFFER_TOO_SMALL` if `size` is less than the length that it
 tells, and then the message stays.

 One thread at a time; interrupts too.
 */
rw_error rw_try_recv(rw_receiver *receiver, void *message, size_t size, size_t *length);

/*
 Receives the oldest message, for which it waits until `deadline`.

 One thread at a time; interrupts not: it waits.
 */
rw_error rw_recv(rw_receiver *receiver,
                 void *message,
                 size_t size,
                 uint64_t deadline,
                 size_t *length);

/*
 Lends room for a message of at most `size` bytes in place. Write there, and then call
 `rw_send_commit`.

 One thread at a time; interrupts too.
 */
rw_error rw_try_send_reserve(rw_sender *sender, size_t size, void **room);

/*
 Sends the first `used` of the `size` bytes that `rw_try_send_reserve` lent last.

 One thread at a time; interrupts too.
 */
rw_error rw_send_commit(rw_sender *sender, size_t size, size_t used);

/*
 Lends the oldest message in place. Read it, and then call `rw_recv_release`.

 One thread at a time; interrupts too.
 */
rw_error rw_try_recv_peek(rw_receiver *receiver, const void **message, size_t *length);

/*
 Ends the oldest message: its room is free. `RW_WOULD_BLOCK` if there is none.

 One thread at a time; interrupts too.
 */
rw_error rw_recv_release(rw_receiver *receiver);

/*
 Wakes the receiver if it sleeps. Sending does so by itself; the inlined form of `rw_try_send`
 does it by this call.

 One thread at a time; interrupts too.
 */
rw_error rw_sender_wake(rw_sender *sender);

/*
 Wakes the sender if it sleeps. Receiving does so by itself; the inlined form of `rw_try_recv`
 does it by this call.

 One thread at a time; interrupts too.
 */
rw_error rw_receiver_wake(rw_receiver *receiver);

/*
 Gives the half back: somebody else can take it.

 One thread at a time; interrupts too.
 */
rw_error rw_sender_release(rw_sender *sender);

/*
 Closes the half: the other side learns that nothing more comes.

 One thread at a time; interrupts too.
 */
rw_error rw_sender_close(rw_sender *sender);

/*
 Gives the half back: somebody else can take it.

 One thread at a time; interrupts too.
 */
rw_error rw_receiver_release(rw_receiver *receiver);

/*
 Closes the half: the other side learns that nobody receives.

 One thread at a time; interrupts too.
 */
rw_error rw_receiver_close(rw_receiver *receiver);

/*
 Puts right what a participant held that does nothing any more: its process has ended, or its
 context was reset.

 Any thread; interrupts too.
 */
rw_error rw_message_ring_recover(const rw_message_ring *ring, uint16_t dead);

/*
 Tells how much memory a broadcast that keeps `capacity` messages takes, and its alignment.

 Any thread; interrupts too.
 */
rw_error rw_broadcast_layout(size_t capacity,
                             size_t item_size,
                             size_t item_align,
                             size_t *size,
                             size_t *align);

/*
 Makes a broadcast in `memory`, which stays in its place and is used for nothing else.

 One thread, before anybody uses the memory; interrupts too.
 */
rw_error rw_broadcast_init(rw_broadcast *broadcast,
                           void *memory,
                           size_t memory_size,
                           size_t capacity,
                           size_t item_size,
                           size_t item_align);

/*
 Finds a broadcast that was made in `memory`, by this program or another one, with the same
 numbers.

 One thread at a time; interrupts too.
 */
rw_error rw_broadcast_attach(rw_broadcast *broadcast,
                             void *memory,
                             size_t memory_size,
                             size_t capacity,
                             size_t item_size,
                             size_t item_align);

/*
 Takes the half that writes, for a participant: a number from 1 on, or 0 if one program has the
 broadcast alone. `RW_TAKEN` if somebody has it.

 Any thread; interrupts too, signal handlers of Linux not.
 */
rw_error rw_broadcast_take_writer(const rw_broadcast *broadcast, uint16_t who, rw_writer *writer);

/*
 Makes a reader, which begins at the oldest message that is still there.

 Any thread; interrupts too.
 */
rw_error rw_broadcast_reader(const rw_broadcast *broadcast, rw_reader *reader);

/*
 Sends a message of exactly the item's size to all readers. Never waits.

 One thread at a time; interrupts too.
 */
rw_error rw_writer_send(rw_writer *writer, const void *message, size_t size);

/*
 Gives the half back: somebody else can take it.

 One thread at a time; interrupts too.
 */
rw_error rw_writer_release(rw_writer *writer);

/*
 Closes the half: the readers learn that nothing more comes.

 One thread at a time; interrupts too.
 */
rw_error rw_writer_close(rw_writer *writer);

/*
 Copies the next message into `message`, which has exactly the item's size.

 `RW_WOULD_BLOCK` if there is none; `RW_LAGGED` if messages were overwritten before they were
 read, whose number `missed` gets; `RW_END_OF_FILE` when the writer is gone.

 One thread at a time; interrupts too.
 */
rw_error rw_reader_try_recv(rw_reader *reader, void *message, size_t size, uint64_t *missed);

/*
 Copies the next message, for which it waits until `deadline`.

 One thread at a time; interrupts not: it waits.
 */
rw_error rw_reader_recv(rw_reader *reader,
                        void *message,
                        size_t size,
                        uint64_t deadline,
                        uint64_t *missed);

/*
 Goes on at the newest message, and tells how many it skips.

 One thread at a time; interrupts too.
 */
rw_error rw_reader_skip_to_newest(rw_reader *reader, uint64_t *skipped);

/*
 Puts right what a participant held that does nothing any more: its process has ended, or its
 context was reset.

 Any thread; interrupts too.
 */
rw_error rw_broadcast_recover(const rw_broadcast *broadcast, uint16_t dead);

/*
 Tells how much memory a queue of `capacity` items takes, and its alignment.

 `RW_EXHAUSTED` if there is no such queue.

 Any thread; interrupts too.
 */
rw_error rw_queue_layout(size_t capacity,
                         size_t item_size,
                         size_t item_align,
                         size_t *size,
                         size_t *align);

/*
 Makes a queue in `memory`, which stays in its place and is used for nothing else, and a handle
 of it for a participant: a number from 1 on, or 0 if one program has the queue alone.

 One thread, before anybody uses the memory; interrupts too.
 */
rw_error rw_queue_init(rw_queue *queue,
                       void *memory,
                       size_t memory_size,
                       size_t capacity,
                       size_t item_size,
                       size_t item_align,
                       uint16_t who);

/*
 Finds a queue that was made in `memory`, by this program or another one, with the same numbers.

 One thread at a time; interrupts too.
 */
rw_error rw_queue_attach(rw_queue *queue,
                         void *memory,
                         size_t memory_size,
                         size_t capacity,
                         size_t item_size,
                         size_t item_align,
                         uint16_t who);

/*
 Pushes a copy of an item of exactly the queue's size. `RW_WOULD_BLOCK` if the queue is full,
 `RW_BROKEN_PIPE` if it is closed.

 Any thread; interrupts too.
 */
rw_error rw_queue_try_push(const rw_queue *queue, const void *item, size_t size);

/*
 Pushes a copy of an item, and waits for room until `deadline`.

 Any thread; interrupts not: it waits.
 */
rw_error rw_queue_push(const rw_queue *queue, const void *item, size_t size, uint64_t deadline);

/*
 Pops the oldest item into `item`, which has exactly the queue's size. `RW_WOULD_BLOCK` if there
 is none.

 Any thread; interrupts too.
 */
rw_error rw_queue_try_pop(const rw_queue *queue, void *item, size_t size);

/*
 Pops the oldest item, for which it waits until `deadline`.

 Any thread; interrupts not: it waits.
 */
rw_error rw_queue_pop(const rw_queue *queue, void *item, size_t size, uint64_t deadline);

/*
 Takes a free slot, to be filled in place: `room` gets its address. Then call `rw_loan_send`.

 Any thread; interrupts too.
 */
rw_error rw_queue_try_reserve(const rw_queue *queue, rw_loan *loan, void **room);

/*
 Takes a free slot, for which it waits until `deadline`.

 Any thread; interrupts not: it waits.
 */
rw_error rw_queue_reserve(const rw_queue *queue, uint64_t deadline, rw_loan *loan, void **room);

/*
 Sends what lies in the slot.

 One thread at a time; interrupts too.
 */
rw_error rw_loan_send(rw_loan *loan);

/*
 Gives the slot back, and sends nothing.

 One thread at a time; interrupts too.
 */
rw_error rw_loan_drop(rw_loan *loan);

/*
 Claims the oldest item in place: `item` gets its address. It leaves the queue by
 `rw_claim_complete`; if the participant dies before, another gets it.

 Any thread; interrupts too.
 */
rw_error rw_queue_try_claim(const rw_queue *queue, rw_claim *claim, void **item);

/*
 Claims the oldest item, for which it waits until `deadline`.

 Any thread; interrupts not: it waits.
 */
rw_error rw_queue_claim(const rw_queue *queue, uint64_t deadline, rw_claim *claim, void **item);

/*
 Completes a claim: the item was delivered, and its slot is free.

 One thread at a time; interrupts too.
 */
rw_error rw_claim_complete(rw_claim *claim);

/*
 Gives a claimed item back into the queue.

 One thread at a time; interrupts too.
 */
rw_error rw_claim_drop(rw_claim *claim);

/*
 How many times the item was claimed, with this claim; 0 for what is no claim.

 One thread at a time; interrupts too.
 */
uint32_t rw_claim_attempts(rw_claim *claim);

/*
 Ends the queue: nobody pushes any more, and what is there can be taken.

 Any thread; interrupts too.
 */
rw_error rw_queue_close(const rw_queue *queue);

/*
 How many items there are; 0 for what is no queue.

 Any thread; interrupts too.
 */
size_t rw_queue_length(const rw_queue *queue);

/*
 Puts right what a participant held that does nothing any more: its process has ended, or its
 context was reset. Tells how many slots it held.

 Any thread; interrupts too.
 */
rw_error rw_queue_recover(const rw_queue *queue, uint16_t dead, size_t *held);

/*
 Tells how much memory a ring of `capacity` items takes, and its alignment.

 `RW_EXHAUSTED` if there is no such ring.

 Any thread; interrupts too.
 */
rw_error rw_ring_layout(size_t capacity,
                        size_t item_size,
                        size_t item_align,
                        size_t *size,
                        size_t *align);

/*
 Makes a ring in `memory`, which stays in its place and is used for nothing else.

 One thread, before anybody uses the memory; interrupts too.
 */
rw_error rw_ring_init(rw_ring *ring,
                      void *memory,
                      size_t memory_size,
                      size_t capacity,
                      size_t item_size,
                      size_t item_align);

/*
 Finds a ring that was made in `memory`, by this program or another one, with the same numbers.

 One thread at a time; interrupts too.
 */
rw_error rw_ring_attach(rw_ring *ring,
                        void *memory,
                        size_t memory_size,
                        size_t capacity,
                        size_t item_size,
                        size_t item_align);

/*
 Takes the half that pushes, for a participant: a number from 1 on, or 0 if one program has the
 ring alone. `RW_TAKEN` if somebody has it.

 Any thread; interrupts too, signal handlers of Linux not.
 */
rw_error rw_ring_take_producer(const rw_ring *ring, uint16_t who, rw_ring_producer *producer);

/*
 Takes the half that pops, as `rw_ring_take_producer`.

 Any thread; interrupts too, signal handlers of Linux not.
 */
rw_error rw_ring_take_consumer(const rw_ring *ring, uint16_t who, rw_ring_consumer *consumer);

/*
 Pushes a copy of an item of exactly the ring's size. `RW_WOULD_BLOCK` if the ring is full,
 `RW_BROKEN_PIPE` if it is full and the other half was closed.

 One thread at a time; interrupts too.
 */
rw_error rw_ring_try_push(rw_ring_producer *producer, const void *item, size_t size);

/*
 Pushes a copy of an item, and waits for room until `deadline`.

 One thread at a time; interrupts not: it waits.
 */
rw_error rw_ring_push(rw_ring_producer *producer, const void *item, size_t size, uint64_t deadline);

/*
 Pops the oldest item into `item`, which has exactly the ring's size. `RW_WOULD_BLOCK` if there
 is none, `RW_END_OF_FILE` if the other half was closed and everything was popped.

 One thread at a time; interrupts too.
 */
rw_error rw_ring_try_pop(rw_ring_consumer *consumer, void *item, size_t size);

/*
 Pops the oldest item, and waits for one until `deadline`.

 One thread at a time; interrupts not: it waits.
 */
rw_error rw_ring_pop(rw_ring_consumer *consumer, void *item, size_t size, uint64_t deadline);

/*
 Wakes the consumer if it sleeps. Pushes do so by themselves; the inlined form of
 `rw_ring_try_push` does it by this call.

 One thread at a time; interrupts too.
 */
rw_error rw_ring_producer_wake(rw_ring_producer *producer);

/*
 Wakes the producer if it sleeps. Pops do so by themselves; the inlined form of
 `rw_ring_try_pop` does it by this call.

 One thread at a time; interrupts too.
 */
rw_error rw_ring_consumer_wake(rw_ring_consumer *consumer);

/*
 Gives the half back: somebody else can take it.

 One thread at a time; interrupts too.
 */
rw_error rw_ring_producer_release(rw_ring_producer *producer);

/*
 Closes the half: the other side learns that nothing more comes.

 One thread at a time; interrupts too.
 */
rw_error rw_ring_producer_close(rw_ring_producer *producer);

/*
 Gives the half back: somebody else can take it.

 One thread at a time; interrupts too.
 */
rw_error rw_ring_consumer_release(rw_ring_consumer *consumer);

/*
 Closes the half: the other side learns that nobody pops.

 One thread at a time; interrupts too.
 */
rw_error rw_ring_consumer_close(rw_ring_consumer *consumer);

/*
 How many items there are; 0 for what is no ring.

 Any thread; interrupts too.
 */
size_t rw_ring_length(const rw_ring *ring);

/*
 Puts right what a participant held that does nothing any more: its process has ended, or its
 context was reset.

 Any thread; interrupts too.
 */
rw_error rw_ring_recover(const rw_ring *ring, uint16_t dead);

/*
 Tells how much memory a table takes, and its alignment: `lines` lines (1 to 64), each with a
 queue of `depth` payloads (a power of two, or 0).

 `RW_EXHAUSTED` if there is no such table.

 Any thread; interrupts too.
 */
rw_error rw_signals_layout(size_t lines, size_t depth, size_t *size, size_t *align);

/*
 Makes a table in `memory`, which stays in its place and is used for nothing else.

 One thread, before anybody uses the memory; interrupts too.
 */
rw_error rw_signals_init(rw_signals *signals,
                         void *memory,
                         size_t memory_size,
                         size_t lines,
                         size_t depth);

/*
 Finds a table that this program made in `memory`, with the same numbers.

 One thread at a time; interrupts too.
 */
rw_error rw_signals_attach(rw_signals *signals,
                           void *memory,
                           size_t memory_size,
                           size_t lines,
                           size_t depth);

/*
 Makes a handler: a delivery calls `run(context, raised)` where the dispatcher dispatches.

 `run` may raise, mask, and change handlers. It returns to its caller, and does not use the
 dispatcher that called it: a call of that finds no dispatcher, `RW_INVALID`.

 One thread at a time; interrupts too.
 */
rw_error rw_handler_init(rw_handler *handler,
                         void (*run)(void *context, const rw_raised *raised),
                         void *context);

/*
 Sets the handler of a line; with null, the line has none, and keeps its raises. The handler
 before may still run for a delivery that was chosen before the change.

 Any thread; interrupts too.
 */
rw_error rw_signals_set_handler(const rw_signals *signals,
                                uint32_t line,
                                const rw_handler *handler);

/*
 Sets the priority of a line, 0 at first. The dispatcher delivers the highest priority first;
 lines of equal priority take turns.

 Any thread; interrupts too.
 */
rw_error rw_signals_set_priority(const rw_signals *signals, uint32_t line, uint8_t priority);

/*
 Raises a line, and wakes the dispatcher. Raises that were not delivered yet are counted.
 `RW_NO_SUCH_LINE` if the table has none of this number.

 Any thread; interrupts too.
 */
rw_error rw_signals_raise(const rw_signals *signals, uint32_t line);

/*
 Raises a line with a payload, which is queued. `RW_WOULD_BLOCK` if the line's queue is full, or
 the table has none.

 Any thread; interrupts too.
 */
rw_error rw_signals_raise_with(const rw_signals *signals, uint32_t line, const rw_payload *payload);

/*
 The lines that were raised and not yet delivered, masked ones too: bit `n` is line `n`. 0 for
 what is no table.

 Any thread; interrupts too.
 */
uint64_t rw_signals_pending(const rw_signals *signals);

/*
 Masks lines, bit `n` for line `n`: their handlers do not run, and their raises are kept. Tells
 the mask before.

 Any thread; interrupts too.
 */
rw_error rw_signals_mask(const rw_signals *signals, uint64_t lines, uint64_t *before);

/*
 Unmasks lines, and wakes the dispatcher. Tells the mask before.

 Any thread; interrupts too.
 */
rw_error rw_signals_unmask(const rw_signals *signals, uint64_t lines, uint64_t *before);

/*
 Masks exactly these lines. Tells the mask before.

 Any thread; interrupts too.
 */
rw_error rw_signals_set_mask(const rw_signals *signals, uint64_t lines, uint64_t *before);

/*
 Ends the current dispatcher: it delivers what was raised before, and then its waiting calls
 return `RW_CLOSED`. Tells whether there was one that was not ended yet.

 Any thread; interrupts too.
 */
rw_error rw_signals_end_dispatcher(const rw_signals *signals, bool *ended);

/*
 Takes the right to dispatch. `RW_TAKEN` if somebody has it.

 Any thread; interrupts too.
 */
rw_error rw_signals_take_dispatcher(const rw_signals *signals, rw_dispatcher *dispatcher);

/*
 Runs the handlers of the pending lines, the highest priority first, and tells the number of
 deliveries. It makes at most as many as the table can have pending at once.

 One thread at a time; interrupts too.
 */
rw_error rw_dispatcher_dispatch(rw_dispatcher *dispatcher, size_t *deliveries);

/*
 Runs the handler of the pending line with the highest priority, and tells what it delivered.
 `RW_WOULD_BLOCK` if no line is pending, unmasked and has a handler.

 One thread at a time; interrupts too.
 */
rw_error rw_dispatcher_dispatch_one(rw_dispatcher *dispatcher, rw_raised *raised);

/*
 Takes one delivery of any of these lines, masked or not, and runs no handler. `RW_WOULD_BLOCK`
 if none is pending.

 One thread at a time; interrupts too.
 */
rw_error rw_dispatcher_try_wait(rw_dispatcher *dispatcher, uint64_t lines, rw_raised *raised);

/*
 Sleeps until there is something to handle, and runs the handlers as `rw_dispatcher_dispatch`.
 `RW_CLOSED` if somebody ended this dispatcher.

 One thread at a time; interrupts not: it waits.
 */
rw_error rw_dispatcher_pause(rw_dispatcher *dispatcher, uint64_t deadline, size_t *deliveries);

/*
 Sleeps until one of these lines is raised, masked or not, and takes the delivery. It runs no
 handler. `RW_CLOSED` if somebody ended this dispatcher.

 One thread at a time; interrupts not: it waits.
 */
rw_error rw_dispatcher_wait(rw_dispatcher *dispatcher,
                            uint64_t lines,
                            uint64_t deadline,
                            rw_raised *raised);

/*
 Gives the right to dispatch back.

 One thread at a time; interrupts too.
 */
rw_error rw_dispatcher_release(rw_dispatcher *dispatcher);

/*
 Says how this program waits, for all structures. Call it once, before anything else.

 `wait` lives as long as the program. Without it, or with null, calls that wait return
 `RW_NO_WAIT`, and nobody is woken: the program looks by the `try` forms when it suits it.

 The library `ringway` for Linux waits by itself, and needs no such call: by `futex(2)`, and its
 deadlines are those of `rw_after`.

 One thread, before anything else; interrupts not.
 */
void rw_set_wait(const rw_wait *wait);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* RINGWAY_CORE_H */

#include "ringway_core_inline.h"
