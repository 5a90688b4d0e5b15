/* ringway-core for C: rings, queues, locks and newest values between threads, interrupts and processes,
 * in memory of the caller.
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
 * A function that takes no deadline never waits, and an interrupt may call it. No function allocates,
 * panics, or touches errno.
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

#if defined(RW_BARE)
/*
 The words of an object for one thread.
 */
#define RW_HALF_WORDS 32
#endif

/*
 A deadline that never comes.
 */
#define RW_FOREVER UINT64_MAX

/*
 Why a call failed, or `RW_OK`.
 */
typedef enum {
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
} rw_error;

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

/*
 The half of a message ring that sends.
 */
typedef struct {
  /*
   Not for the caller.
   */
  size_t opaque[RW_HALF_WORDS];
} rw_sender;

/*
 The half of a message ring that receives.
 */
typedef struct {
  /*
   Not for the caller.
   */
  size_t opaque[RW_HALF_WORDS];
} rw_receiver;

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

/*
 The half of a ring that pushes.
 */
typedef struct {
  /*
   Not for the caller.
   */
  size_t opaque[RW_HALF_WORDS];
} rw_ring_producer;

/*
 The half of a ring that pops.
 */
typedef struct {
  /*
   Not for the caller.
   */
  size_t opaque[RW_HALF_WORDS];
} rw_ring_consumer;

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
 Tells how much memory a ring of `capacity` bytes takes, and its alignment.

 `RW_EXHAUSTED` if there is no such ring.
 */
rw_error rw_byte_ring_layout(size_t capacity, size_t *size, size_t *align);

/*
 Makes a ring in `memory`, which stays in its place and is used for nothing else.
 */
rw_error rw_byte_ring_init(rw_byte_ring *ring, void *memory, size_t memory_size, size_t capacity);

/*
 Finds a ring that was made in `memory`, by this program or another one, with the same capacity.
 */
rw_error rw_byte_ring_attach(rw_byte_ring *ring, void *memory, size_t memory_size, size_t capacity);

/*
 Takes the half that writes, for a participant: a number from 1 on, or 0 if one program has the
 ring alone. `RW_TAKEN` if somebody has it.
 */
rw_error rw_byte_ring_take_producer(const rw_byte_ring *ring,
                                    uint16_t who,
                                    rw_byte_producer *producer);

/*
 Takes the half that reads, as `rw_byte_ring_take_producer`.
 */
rw_error rw_byte_ring_take_consumer(const rw_byte_ring *ring,
                                    uint16_t who,
                                    rw_byte_consumer *consumer);

/*
 Writes as many bytes as there is room for, at least one of them, and tells how many.
 `RW_WOULD_BLOCK` if there is no room.
 */
rw_error rw_byte_try_write(rw_byte_producer *producer,
                           const void *data,
                           size_t size,
                           size_t *written);

/*
 Writes at least one byte, and waits for room until `deadline`. Tells how many it wrote.
 */
rw_error rw_byte_write(rw_byte_producer *producer,
                       const void *data,
                       size_t size,
                       uint64_t deadline,
                       size_t *written);

/*
 Writes all bytes, and waits for room until `deadline`. Tells how many it wrote, also on an
 error.
 */
rw_error rw_byte_write_all(rw_byte_producer *producer,
                           const void *data,
                           size_t size,
                           uint64_t deadline,
                           size_t *written);

/*
 Reads what there is, at least a byte, and tells how many. `RW_WOULD_BLOCK` if there is none,
 `RW_END_OF_FILE` if the other half was closed and everything was read.
 */
rw_error rw_byte_try_read(rw_byte_consumer *consumer, void *data, size_t size, size_t *read);

/*
 Reads at least a byte, for which it waits until `deadline`. Tells how many it read.
 */
rw_error rw_byte_read(rw_byte_consumer *consumer,
                      void *data,
                      size_t size,
                      uint64_t deadline,
                      size_t *read);

/*
 Lends room for `size` bytes in place. Write there, and then call `rw_byte_commit`.

 `RW_WOULD_BLOCK` if there is not as much room in one piece.
 */
rw_error rw_byte_try_reserve(rw_byte_producer *producer, size_t size, void **room);

/*
 Sends the first `used` of the `size` bytes that `rw_byte_try_reserve` lent last.
 */
rw_error rw_byte_commit(rw_byte_producer *producer, size_t size, size_t used);

/*
 Lends the bytes that there are, in place and in one piece. Read them, and then call
 `rw_byte_consume`. `RW_WOULD_BLOCK` if there are none, `RW_END_OF_FILE` at the end.
 */
rw_error rw_byte_try_peek(rw_byte_consumer *consumer, const void **data, size_t *size);

/*
 Ends the first `count` bytes: their room is free.
 */
rw_error rw_byte_consume(rw_byte_consumer *consumer, size_t count);

/*
 Gives the half back: somebody else can take it.
 */
rw_error rw_byte_producer_release(rw_byte_producer *producer);

/*
 Closes the half: the other side learns that nothing more comes.
 */
rw_error rw_byte_producer_close(rw_byte_producer *producer);

/*
 Gives the half back: somebody else can take it.
 */
rw_error rw_byte_consumer_release(rw_byte_consumer *consumer);

/*
 Closes the half: the other side learns that nobody reads.
 */
rw_error rw_byte_consumer_close(rw_byte_consumer *consumer);

/*
 How many bytes there are; 0 for what is no ring.
 */
size_t rw_byte_ring_length(const rw_byte_ring *ring);

/*
 Puts right what a participant held that does nothing any more: its process has ended, or its
 context was reset.
 */
rw_error rw_byte_ring_recover(const rw_byte_ring *ring, uint16_t dead);

/*
 Makes a condition in `memory`, of `RW_CONDITION_SIZE` bytes.
 */
rw_error rw_condition_init(rw_condition *condition, void *memory, size_t memory_size);

/*
 Finds a condition that was made in `memory`, by this program or another one.
 */
rw_error rw_condition_attach(rw_condition *condition, void *memory, size_t memory_size);

/*
 Wakes at most `count` waiters, `UINT32_MAX` for all, and tells how many it may have woken. The
 caller held the mutex when it changed what they wait for, and need not hold it now.
 */
rw_error rw_condition_notify(const rw_condition *condition, uint32_t count, uint32_t *woken);

/*
 Unlocks the mutex of `guard`, waits for a notification until `deadline`, and locks the mutex
 again, whatever it returns but `RW_INVALID` and `RW_NO_WAIT`.

 It may return for no reason: look again at what you wait for. `RW_OWNER_DIED` as
 `rw_mutex_try_lock`. After the deadline it still waits for the mutex.
 */
rw_error rw_condition_wait(const rw_condition *condition, rw_mutex_guard *guard, uint64_t deadline);

/*
 Says how this program tells its threads apart, for reentrant mutexes. Call it once, before
 anything else.

 `thread_id` returns the number of the calling thread, which is not 0. Threads, and an interrupt
 and what it interrupts, have different numbers while they use one mutex. With null, calls that
 lock a reentrant mutex return `RW_INVALID`.
 */
void rw_set_thread_id(uint32_t (*thread_id)(void));

/*
 Makes a reentrant mutex in `memory`, of `RW_REENTRANT_SIZE` bytes, for a participant: a number
 from 1 on, or 0 if one program has it alone.
 */
rw_error rw_reentrant_init(rw_reentrant *mutex, void *memory, size_t memory_size, uint16_t who);

/*
 Finds a reentrant mutex that was made in `memory`, by this program or another one.
 */
rw_error rw_reentrant_attach(rw_reentrant *mutex, void *memory, size_t memory_size, uint16_t who);

/*
 Locks the mutex, if it is free or this thread has it. `RW_WOULD_BLOCK` if another has it,
 `RW_OVERFLOW` if this thread has it 65535 times, `RW_OWNER_DIED` as `rw_mutex_try_lock`. Needs
 `rw_set_thread_id`.
 */
rw_error rw_reentrant_try_lock(const rw_reentrant *mutex, rw_reentrant_guard *guard);

/*
 Locks the mutex, for which it waits until `deadline` if another thread has it. See
 `rw_reentrant_try_lock`.
 */
rw_error rw_reentrant_lock(const rw_reentrant *mutex, uint64_t deadline, rw_reentrant_guard *guard);

/*
 Says that what the mutex protects is whole again.
 */
rw_error rw_reentrant_make_consistent(rw_reentrant_guard *guard);

/*
 Unlocks the mutex as often as it was locked with this guard: once. It is free when all guards
 are.
 */
rw_error rw_reentrant_unlock(rw_reentrant_guard *guard);

/*
 Puts right what a participant held that does nothing any more: its process has ended, or its
 context was reset.
 */
rw_error rw_reentrant_recover(void *memory, size_t memory_size, uint16_t dead);

/*
 What an error means, and what to do: a text that lives for ever.
 */
const char *rw_error_text(int32_t error);

/*
 Makes a mutex in `memory`, for a participant: a number from 1 on, or 0 if one program has it
 alone.
 */
rw_error rw_mutex_init(rw_mutex *mutex, void *memory, size_t memory_size, uint16_t who);

/*
 Finds a mutex that was made in `memory`, by this program or another one.
 */
rw_error rw_mutex_attach(rw_mutex *mutex, void *memory, size_t memory_size, uint16_t who);

/*
 Locks the mutex, if it is free. `RW_WOULD_BLOCK` if it is not.

 `RW_OWNER_DIED`: the mutex is locked, and its last holder died with it. Repair what it protects,
 and call `rw_mutex_make_consistent`; otherwise the next holder is told, too.
 */
rw_error rw_mutex_try_lock(const rw_mutex *mutex, rw_mutex_guard *guard);

/*
 Locks the mutex, for which it waits until `deadline`. See `rw_mutex_try_lock`.
 */
rw_error rw_mutex_lock(const rw_mutex *mutex, uint64_t deadline, rw_mutex_guard *guard);

/*
 Says that what the mutex protects is whole again.
 */
rw_error rw_mutex_make_consistent(rw_mutex_guard *guard);

/*
 Unlocks the mutex.
 */
rw_error rw_mutex_unlock(rw_mutex_guard *guard);

/*
 Puts right what a participant held that does nothing any more: its process has ended, or its
 context was reset.
 */
rw_error rw_mutex_recover(void *memory, size_t memory_size, uint16_t dead);

/*
 Tells how much memory a lock for at most `readers` readers at a time takes, and its alignment.
 */
rw_error rw_rwlock_layout(size_t readers, size_t *size, size_t *align);

/*
 Makes a lock in `memory`, or finds the one there if `is_new` is false.
 */
rw_error rw_rwlock_init(rw_rwlock *lock,
                        void *memory,
                        size_t memory_size,
                        size_t readers,
                        uint16_t who,
                        bool is_new);

/*
 Locks for reading, if that can be done at once. `RW_OWNER_DIED` as `rw_rwlock_try_write`.
 */
rw_error rw_rwlock_try_read(const rw_rwlock *lock, rw_read_guard *guard);

/*
 Locks for reading, for which it waits until `deadline`.
 */
rw_error rw_rwlock_read(const rw_rwlock *lock, uint64_t deadline, rw_read_guard *guard);

/*
 Locks for writing, if that can be done at once.

 `RW_OWNER_DIED`: the lock is held, and a writer died with it. A writer repairs what it protects,
 and calls `rw_rwlock_make_consistent`.
 */
rw_error rw_rwlock_try_write(const rw_rwlock *lock, rw_write_guard *guard);

/*
 Locks for writing, for which it waits until `deadline`.
 */
rw_error rw_rwlock_write(const rw_rwlock *lock, uint64_t deadline, rw_write_guard *guard);

/*
 Says that what the lock protects is whole again.
 */
rw_error rw_rwlock_make_consistent(rw_write_guard *guard);

/*
 Ends reading.
 */
rw_error rw_rwlock_end_read(rw_read_guard *guard);

/*
 Ends writing.
 */
rw_error rw_rwlock_end_write(rw_write_guard *guard);

/*
 Puts right what a participant held that does nothing any more: its process has ended, or its
 context was reset.
 */
rw_error rw_rwlock_recover(void *memory, size_t memory_size, size_t readers, uint16_t dead);

/*
 Makes a semaphore with `permits` permits in `memory`, of `RW_LOCK_SIZE` bytes.
 */
rw_error rw_semaphore_init(rw_semaphore *semaphore,
                           void *memory,
                           size_t memory_size,
                           uint32_t permits);

/*
 Finds a semaphore that was made in `memory`, by this program or another one.
 */
rw_error rw_semaphore_attach(rw_semaphore *semaphore, void *memory, size_t memory_size);

/*
 Takes a permit, if there is one. `RW_WOULD_BLOCK` if there is none.
 */
rw_error rw_semaphore_try_acquire(const rw_semaphore *semaphore);

/*
 Takes a permit, for which it waits until `deadline`.
 */
rw_error rw_semaphore_acquire(const rw_semaphore *semaphore, uint64_t deadline);

/*
 Adds permits, also those that others took. `RW_OVERFLOW` if there would be more than 2^31 - 1.
 */
rw_error rw_semaphore_release(const rw_semaphore *semaphore, uint32_t permits);

/*
 How many permits there are; 0 for what is no semaphore.
 */
uint32_t rw_semaphore_permits(const rw_semaphore *semaphore);

/*
 Tells how much memory a semaphore of `permits` permits takes that records their holders, and its
 alignment.
 */
rw_error rw_bounded_semaphore_layout(size_t permits, size_t *size, size_t *align);

/*
 Makes a semaphore in `memory`, or finds the one there if `is_new` is false, for a participant.
 */
rw_error rw_bounded_semaphore_init(rw_bounded_semaphore *semaphore,
                                   void *memory,
                                   size_t memory_size,
                                   size_t permits,
                                   uint16_t who,
                                   bool is_new);

/*
 Takes a permit, if there is one.
 */
rw_error rw_bounded_semaphore_try_acquire(const rw_bounded_semaphore *semaphore);

/*
 Takes a permit, for which it waits until `deadline`.
 */
rw_error rw_bounded_semaphore_acquire(const rw_bounded_semaphore *semaphore, uint64_t deadline);

/*
 Gives back a permit of this participant. `RW_NOT_HELD` if it has none.
 */
rw_error rw_bounded_semaphore_release(const rw_bounded_semaphore *semaphore);

/*
 How many permits are free; 0 for what is no semaphore.
 */
size_t rw_bounded_semaphore_permits(const rw_bounded_semaphore *semaphore);

/*
 Gives back the permits of a participant that does nothing any more: its process has ended, or
 its context was reset.
 */
rw_error rw_bounded_semaphore_recover(void *memory,
                                      size_t memory_size,
                                      size_t permits,
                                      uint16_t dead);

/*
 Makes a flag in `memory`, of `RW_LOCK_SIZE` bytes, which is not set.
 */
rw_error rw_event_init(rw_event *event, void *memory, size_t memory_size);

/*
 Finds a flag that was made in `memory`, by this program or another one.
 */
rw_error rw_event_attach(rw_event *event, void *memory, size_t memory_size);

/*
 Sets the flag, and wakes all that wait for it. An interrupt may call it.
 */
rw_error rw_event_set(const rw_event *event);

/*
 Clears the flag.
 */
rw_error rw_event_clear(const rw_event *event);

/*
 Whether the flag is set; false for what is no flag.
 */
bool rw_event_is_set(const rw_event *event);

/*
 Waits until the flag is set, at most until `deadline`.
 */
rw_error rw_event_wait(const rw_event *event, uint64_t deadline);

/*
 Tells how much memory a barrier for `parties` parties takes, and its alignment.
 */
rw_error rw_barrier_layout(size_t parties, size_t *size, size_t *align);

/*
 Makes a barrier in `memory`, or finds the one there if `is_new` is false, for a participant.
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
 */
rw_error rw_barrier_wait(const rw_barrier *barrier, uint64_t deadline, size_t *number);

/*
 Breaks the barrier.
 */
rw_error rw_barrier_abort(const rw_barrier *barrier);

/*
 Makes the barrier whole.
 */
rw_error rw_barrier_reset(const rw_barrier *barrier);

/*
 Breaks the barrier if a participant waits in it that does nothing any more: its process has
 ended, or its context was reset.
 */
rw_error rw_barrier_recover(void *memory, size_t memory_size, size_t parties, uint16_t dead);

/*
 Tells how much memory a ring of `capacity` bytes takes, and its alignment.

 `RW_EXHAUSTED` if there is no such ring.
 */
rw_error rw_message_ring_layout(size_t capacity, size_t *size, size_t *align);

/*
 Makes a ring in `memory`, which stays in its place and is used for nothing else.
 */
rw_error rw_message_ring_init(rw_message_ring *ring,
                              void *memory,
                              size_t memory_size,
                              size_t capacity);

/*
 Finds a ring that was made in `memory`, by this program or another one, with the same capacity.
 */
rw_error rw_message_ring_attach(rw_message_ring *ring,
                                void *memory,
                                size_t memory_size,
                                size_t capacity);

/*
 Takes the half that sends, for a participant: a number from 1 on, or 0 if one program has the
 ring alone. `RW_TAKEN` if somebody has it.
 */
rw_error rw_message_ring_take_sender(const rw_message_ring *ring, uint16_t who, rw_sender *sender);

/*
 Takes the half that receives, as `rw_message_ring_take_sender`.
 */
rw_error rw_message_ring_take_receiver(const rw_message_ring *ring,
                                       uint16_t who,
                                       rw_receiver *receiver);

/*
 Sends a message. `RW_WOULD_BLOCK` if there is no room, `RW_MESSAGE_TOO_LARGE` if there can be
 none, `RW_BROKEN_PIPE` if there is none and the other half was closed.
 */
rw_error rw_try_send(rw_sender *sender, const void *message, size_t size);

/*
 Sends a message, and waits for room until `deadline`.
 */
rw_error rw_send(rw_sender *sender, const void *message, size_t size, uint64_t deadline);

/*
 Receives the oldest message, and tells its length. `RW_WOULD_BLOCK` if there is none,
 `RW_END_OF_FILE` at the end; `RW_BUFFER_TOO_SMALL` if `size` is less than the length that it
 tells, and then the message stays.
 */
rw_error rw_try_recv(rw_receiver *receiver, void *message, size_t size, size_t *length);

/*
 Receives the oldest message, for which it waits until `deadline`.
 */
rw_error rw_recv(rw_receiver *receiver,
                 void *message,
                 size_t size,
                 uint64_t deadline,
                 size_t *length);

/*
 Lends room for a message of at most `size` bytes in place. Write there, and then call
 `rw_send_commit`.
 */
rw_error rw_try_send_reserve(rw_sender *sender, size_t size, void **room);

/*
 Sends the first `used` of the `size` bytes that `rw_try_send_reserve` lent last.
 */
rw_error rw_send_commit(rw_sender *sender, size_t size, size_t used);

/*
 Lends the oldest message in place. Read it, and then call `rw_recv_release`.
 */
rw_error rw_try_recv_peek(rw_receiver *receiver, const void **message, size_t *length);

/*
 Ends the oldest message: its room is free. `RW_WOULD_BLOCK` if there is none.
 */
rw_error rw_recv_release(rw_receiver *receiver);

/*
 Gives the half back: somebody else can take it.
 */
rw_error rw_sender_release(rw_sender *sender);

/*
 Closes the half: the other side learns that nothing more comes.
 */
rw_error rw_sender_close(rw_sender *sender);

/*
 Gives the half back: somebody else can take it.
 */
rw_error rw_receiver_release(rw_receiver *receiver);

/*
 Closes the half: the other side learns that nobody receives.
 */
rw_error rw_receiver_close(rw_receiver *receiver);

/*
 Puts right what a participant held that does nothing any more: its process has ended, or its
 context was reset.
 */
rw_error rw_message_ring_recover(const rw_message_ring *ring, uint16_t dead);

/*
 Tells how much memory a broadcast that keeps `capacity` messages takes, and its alignment.
 */
rw_error rw_broadcast_layout(size_t capacity,
                             size_t item_size,
                             size_t item_align,
                             size_t *size,
                             size_t *align);

/*
 Makes a broadcast in `memory`, which stays in its place and is used for nothing else.
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
 */
rw_error rw_broadcast_take_writer(const rw_broadcast *broadcast, uint16_t who, rw_writer *writer);

/*
 Makes a reader, which begins at the oldest message that is still there.
 */
rw_error rw_broadcast_reader(const rw_broadcast *broadcast, rw_reader *reader);

/*
 Sends a message of exactly the item's size to all readers. Never waits.
 */
rw_error rw_writer_send(rw_writer *writer, const void *message, size_t size);

/*
 Gives the half back: somebody else can take it.
 */
rw_error rw_writer_release(rw_writer *writer);

/*
 Closes the half: the readers learn that nothing more comes.
 */
rw_error rw_writer_close(rw_writer *writer);

/*
 Copies the next message into `message`, which has exactly the item's size.

 `RW_WOULD_BLOCK` if there is none; `RW_LAGGED` if messages were overwritten before they were
 read, whose number `missed` gets; `RW_END_OF_FILE` when the writer is gone.
 */
rw_error rw_reader_try_recv(rw_reader *reader, void *message, size_t size, uint64_t *missed);

/*
 Copies the next message, for which it waits until `deadline`.
 */
rw_error rw_reader_recv(rw_reader *reader,
                        void *message,
                        size_t size,
                        uint64_t deadline,
                        uint64_t *missed);

/*
 Goes on at the newest message, and tells how many it skips.
 */
rw_error rw_reader_skip_to_newest(rw_reader *reader, uint64_t *skipped);

/*
 Puts right what a participant held that does nothing any more: its process has ended, or its
 context was reset.
 */
rw_error rw_broadcast_recover(const rw_broadcast *broadcast, uint16_t dead);

/*
 Tells how much memory a queue of `capacity` items takes, and its alignment.

 `RW_EXHAUSTED` if there is no such queue.
 */
rw_error rw_queue_layout(size_t capacity,
                         size_t item_size,
                         size_t item_align,
                         size_t *size,
                         size_t *align);

/*
 Makes a queue in `memory`, which stays in its place and is used for nothing else, and a handle
 of it for a participant: a number from 1 on, or 0 if one program has the queue alone.
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
 */
rw_error rw_queue_try_push(const rw_queue *queue, const void *item, size_t size);

/*
 Pushes a copy of an item, and waits for room until `deadline`.
 */
rw_error rw_queue_push(const rw_queue *queue, const void *item, size_t size, uint64_t deadline);

/*
 Pops the oldest item into `item`, which has exactly the queue's size. `RW_WOULD_BLOCK` if there
 is none.
 */
rw_error rw_queue_try_pop(const rw_queue *queue, void *item, size_t size);

/*
 Pops the oldest item, for which it waits until `deadline`.
 */
rw_error rw_queue_pop(const rw_queue *queue, void *item, size_t size, uint64_t deadline);

/*
 Takes a free slot, to be filled in place: `room` gets its address. Then call `rw_loan_send`.
 */
rw_error rw_queue_try_reserve(const rw_queue *queue, rw_loan *loan, void **room);

/*
 Takes a free slot, for which it waits until `deadline`.
 */
rw_error rw_queue_reserve(const rw_queue *queue, uint64_t deadline, rw_loan *loan, void **room);

/*
 Sends what lies in the slot.
 */
rw_error rw_loan_send(rw_loan *loan);

/*
 Gives the slot back, and sends nothing.
 */
rw_error rw_loan_drop(rw_loan *loan);

/*
 Claims the oldest item in place: `item` gets its address. It leaves the queue by
 `rw_claim_complete`; if the participant dies before, another gets it.
 */
rw_error rw_queue_try_claim(const rw_queue *queue, rw_claim *claim, void **item);

/*
 Claims the oldest item, for which it waits until `deadline`.
 */
rw_error rw_queue_claim(const rw_queue *queue, uint64_t deadline, rw_claim *claim, void **item);

/*
 Completes a claim: the item was delivered, and its slot is free.
 */
rw_error rw_claim_complete(rw_claim *claim);

/*
 Gives a claimed item back into the queue.
 */
rw_error rw_claim_drop(rw_claim *claim);

/*
 How many times the item was claimed, with this claim; 0 for what is no claim.
 */
uint32_t rw_claim_attempts(rw_claim *claim);

/*
 Ends the queue: nobody pushes any more, and what is there can be taken.
 */
rw_error rw_queue_close(const rw_queue *queue);

/*
 How many items there are; 0 for what is no queue.
 */
size_t rw_queue_length(const rw_queue *queue);

/*
 Puts right what a participant held that does nothing any more: its process has ended, or its
 context was reset. Tells how many slots it held.
 */
rw_error rw_queue_recover(const rw_queue *queue, uint16_t dead, size_t *held);

/*
 Tells how much memory a ring of `capacity` items takes, and its alignment.

 `RW_EXHAUSTED` if there is no such ring.
 */
rw_error rw_ring_layout(size_t capacity,
                        size_t item_size,
                        size_t item_align,
                        size_t *size,
                        size_t *align);

/*
 Makes a ring in `memory`, which stays in its place and is used for nothing else.
 */
rw_error rw_ring_init(rw_ring *ring,
                      void *memory,
                      size_t memory_size,
                      size_t capacity,
                      size_t item_size,
                      size_t item_align);

/*
 Finds a ring that was made in `memory`, by this program or another one, with the same numbers.
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
 */
rw_error rw_ring_take_producer(const rw_ring *ring, uint16_t who, rw_ring_producer *producer);

/*
 Takes the half that pops, as `rw_ring_take_producer`.
 */
rw_error rw_ring_take_consumer(const rw_ring *ring, uint16_t who, rw_ring_consumer *consumer);

/*
 Pushes a copy of an item of exactly the ring's size. `RW_WOULD_BLOCK` if the ring is full,
 `RW_BROKEN_PIPE` if it is full and the other half was closed.
 */
rw_error rw_ring_try_push(rw_ring_producer *producer, const void *item, size_t size);

/*
 Pushes a copy of an item, and waits for room until `deadline`.
 */
rw_error rw_ring_push(rw_ring_producer *producer, const void *item, size_t size, uint64_t deadline);

/*
 Pops the oldest item into `item`, which has exactly the ring's size. `RW_WOULD_BLOCK` if there
 is none, `RW_END_OF_FILE` if the other half was closed and everything was popped.
 */
rw_error rw_ring_try_pop(rw_ring_consumer *consumer, void *item, size_t size);

/*
 Pops the oldest item, and waits for one until `deadline`.
 */
rw_error rw_ring_pop(rw_ring_consumer *consumer, void *item, size_t size, uint64_t deadline);

/*
 Gives the half back: somebody else can take it.
 */
rw_error rw_ring_producer_release(rw_ring_producer *producer);

/*
 Closes the half: the other side learns that nothing more comes.
 */
rw_error rw_ring_producer_close(rw_ring_producer *producer);

/*
 Gives the half back: somebody else can take it.
 */
rw_error rw_ring_consumer_release(rw_ring_consumer *consumer);

/*
 Closes the half: the other side learns that nobody pops.
 */
rw_error rw_ring_consumer_close(rw_ring_consumer *consumer);

/*
 How many items there are; 0 for what is no ring.
 */
size_t rw_ring_length(const rw_ring *ring);

/*
 Puts right what a participant held that does nothing any more: its process has ended, or its
 context was reset.
 */
rw_error rw_ring_recover(const rw_ring *ring, uint16_t dead);

/*
 Says how this program waits, for all structures. Call it once, before anything else.

 `wait` lives as long as the program. Without it, or with null, calls that wait return
 `RW_NO_WAIT`, and nobody is woken: the program looks by the `try` forms when it suits it.

 The library `ringway` for Linux waits by itself, and needs no such call: by `futex(2)`, and its
 deadlines are those of `rw_after`.
 */
void rw_set_wait(const rw_wait *wait);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* RINGWAY_CORE_H */
