/* ringway for C on Linux: regions of shared memory whose parts are the structures of ringway_core.h.
 *
 * Written by std-shim/c/header from linux/src; do not edit it.
 *
 * What ringway_core.h says of its functions is said of these, too. Moreover:
 *
 * - Each function may be called by any thread, and by several at a time; not by a signal handler, but for
 *   those that say so.
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
 A lock for a number of readers, or one writer: `rw_rwlock`.
 */
#define RW_KIND_RWLOCK 9

/*
 A semaphore, without a permit at first: `rw_semaphore`.
 */
#define RW_KIND_SEMAPHORE 10

/*
 A semaphore of a number of permits, which come back when their holder dies:
 `rw_bounded_semaphore`.
 */
#define RW_KIND_BOUNDED_SEMAPHORE 11

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
 The nanoseconds of a millisecond.
 */
#define RW_MILLISECOND 1000000

/*
 The nanoseconds of a second.
 */
#define RW_SECOND 1000000000

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

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 What the last call of this header that failed in this thread has to say: what it tried, on what,
 why that failed, and what to do.

 Writes at most `size` bytes with the zero byte, and tells the length of the whole text, without
 it. The text is empty if the error code says all. `RW_INVALID` without a buffer.
 */
rw_error rw_error_detail(char *text, size_t size, size_t *length);

/*
 The errno of the last call of this header that failed in this thread, if it returned
 `RW_SYSTEM`; else 0.
 */
int32_t rw_error_errno(void);

/*
 The number that stands for the name of a type in the directory of a region: the 32-bit FNV-1a
 hash of its bytes, or 1 if that is 0. It is 0 for null and for an empty name.
 */
uint32_t rw_type_identity(const char *name);

/*
 Finds the ring of the name that `wanted` says, if it is as `wanted` says. Its halves are taken
 for `rw_region_participant`.
 */
rw_error rw_region_ring(const rw_region *region, const rw_part *wanted, rw_ring *ring);

/*
 Finds the byte ring of the name that `wanted` says.
 */
rw_error rw_region_byte_ring(const rw_region *region, const rw_part *wanted, rw_byte_ring *ring);

/*
 Finds the message ring of the name that `wanted` says.
 */
rw_error rw_region_message_ring(const rw_region *region,
                                const rw_part *wanted,
                                rw_message_ring *ring);

/*
 Finds the queue of the name that `wanted` says, if it is as `wanted` says. It acts for this
 process.
 */
rw_error rw_region_queue(const rw_region *region, const rw_part *wanted, rw_queue *queue);

/*
 Finds the broadcast or the newest value of the name that `wanted` says.
 */
rw_error rw_region_broadcast(const rw_region *region,
                             const rw_part *wanted,
                             rw_broadcast *broadcast);

/*
 Finds the lock for readers and writers of the name that `wanted` says. It acts for this process.
 In C it protects what lies elsewhere: `RW_OTHER_ITEM` if it has an item.
 */
rw_error rw_region_rwlock(const rw_region *region, const rw_part *wanted, rw_rwlock *lock);

/*
 Finds the semaphore of the name that `wanted` says. `RW_OTHER_CAPACITY` if a program laid it out
 with permits.
 */
rw_error rw_region_semaphore(const rw_region *region,
                             const rw_part *wanted,
                             rw_semaphore *semaphore);

/*
 Finds the semaphore of the name that `wanted` says, which records who has its permits. It acts
 for this process.
 */
rw_error rw_region_bounded_semaphore(const rw_region *region,
                                     const rw_part *wanted,
                                     rw_bounded_semaphore *semaphore);

/*
 Finds the flag of the name that `wanted` says.
 */
rw_error rw_region_event(const rw_region *region, const rw_part *wanted, rw_event *event);

/*
 Finds the barrier of the name that `wanted` says. It acts for this process.
 */
rw_error rw_region_barrier(const rw_region *region, const rw_part *wanted, rw_barrier *barrier);

/*
 Finds the mutex of the name that `wanted` says, if it is as `wanted` says. It acts for this
 process. `item` gets the address of the item that it protects, or null if it has none.
 */
rw_error rw_region_mutex(const rw_region *region,
                         const rw_part *wanted,
                         rw_mutex *mutex,
                         void **item);

/*
 Finds the atomic integers, or the values without a lock, of the name that `wanted` says: where
 they lie, and how many bytes they take. Each value begins on a boundary of 4 bytes.

 Several threads and processes access atomic integers by the atomics of C. Values may be torn.
 */
rw_error rw_region_memory(const rw_region *region,
                          const rw_part *wanted,
                          void **memory,
                          size_t *size);

/*
 Creates a region of this name in `/dev/shm`, with exactly the permissions `mode` (`0600`),
 `count` parts, and places for as many participants, and attaches to it.

 It replaces a region of this name that nobody is attached to any more. `RW_ADDRESS_IN_USE` if
 somebody is.
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
 */
rw_error rw_region_open(rw_region *region, const char *name, uint32_t mode, uint64_t deadline);

/*
 Creates a region without a name, and attaches to it. Others attach by its descriptor.
 */
rw_error rw_region_anonymous(rw_region *region,
                             const rw_part *parts,
                             size_t count,
                             uint16_t places);

/*
 Attaches to the region of a descriptor, which stays the caller's.

 Owner and permissions are not checked: the caller trusts the process that it has the descriptor
 from.
 */
rw_error rw_region_from_fd(rw_region *region, int32_t descriptor);

/*
 A descriptor for another process, which attaches by `rw_region_from_fd`. It is the region's, and
 must not be closed. -1 for what is no region.
 */
int32_t rw_region_fd(const rw_region *region);

/*
 Detaches from a region. Whatever this process still had of it is given back.

 If this process was the last, the region's name is removed. Nothing of the region may be used
 afterwards.
 */
rw_error rw_region_detach(rw_region *region);

/*
 Removes the name of a region. Attached processes go on with it, and nobody else finds it.
 */
rw_error rw_region_remove(const char *name);

/*
 This process's number in the region, from 1 on; 0 for what is no region.

 It is what the functions of `ringway_core.h` that take a part's half ask for.
 */
uint16_t rw_region_participant(const rw_region *region);

/*
 Tells who is attached and alive, this process among them: at most `room` of them in `list`, and
 all of them in `count`.
 */
rw_error rw_region_participants(const rw_region *region,
                                rw_participant *list,
                                size_t room,
                                size_t *count);

/*
 Recovers what dead participants held, and tells how many of them it found.

 Those who wait in the region do so by themselves, every 100 ms, and so does whoever takes a half
 that somebody has. Call it in a program that only polls.
 */
rw_error rw_region_reap(const rw_region *region, size_t *found);

/*
 The size of the region, in bytes; 0 for what is no region.
 */
size_t rw_region_size(const rw_region *region);

/*
 How many parts the region has; 0 for what is no region.
 */
size_t rw_region_length(const rw_region *region);

/*
 Tells what the part of this number is, from 0 on. `RW_NO_SUCH_PART` behind the last.
 */
rw_error rw_region_entry(const rw_region *region, size_t index, rw_entry *entry);

/*
 Tells the name of the region; an empty one if it has none. See `rw_error_detail` for the
 arguments.
 */
rw_error rw_region_name(const rw_region *region, char *name, size_t size, size_t *length);

/*
 The time now: nanoseconds of `CLOCK_MONOTONIC`, of which all deadlines are.
 */
uint64_t rw_now(void);

/*
 The deadline in so many nanoseconds: `rw_after(100 * RW_MILLISECOND)`.
 */
uint64_t rw_after(uint64_t nanoseconds);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* RINGWAY_H */
