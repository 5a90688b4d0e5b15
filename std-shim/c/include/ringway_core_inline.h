/* The usual cases of the shortest functions, inlined in their callers. ringway_core.h includes this.
 *
 * A half begins with a window: where this side stands, and which slots or bytes are known to be its
 * own. While there are some, pushing and popping, sending and receiving are a copy and a store. So
 * they are if the other side has taken all that was pushed, has pushed one, or has sent one message.
 * All else (an argument that cannot be, a full or empty ring, the end of the memory, a half that was
 * closed, positions and lengths that cannot be) is the library's: the functions of the same names,
 * which first take over where the window stands, and then make it anew. So the window has one owner
 * at a time. docs/c-layout.md says what the two sides of a ring owe each other; the orders here are
 * the same, and so the models of the library's own code hold for it.
 *
 * Without GNU's atomics, on bare metal, under ThreadSanitizer (which knows neither the library's side
 * nor fences), and with RW_NO_INLINE, the names mean the library's functions.
 */

#ifndef RINGWAY_CORE_INLINE_H
#define RINGWAY_CORE_INLINE_H

#if defined(__SANITIZE_THREAD__)
#define RW_NO_INLINE
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RW_NO_INLINE
#endif
#endif

#if defined(__GNUC__) && !defined(RW_BARE) && !defined(RW_NO_INLINE)

#ifdef __cplusplus
extern "C" {
#endif

/* Whether there may be an object at this address. */
static inline bool rw_is_place(const void *object) {
    return object != NULL && (uintptr_t)object % sizeof(size_t) == 0;
}

/* The slot of a position, in the first lap of positions or in the second. */
static inline void *rw_window_slot(const rw_window *window, uint32_t position, size_t size) {
    uint32_t other_lap = position - window->capacity;
    return (char *)window->first + (other_lap < position ? other_lap : position) * size;
}

/* The position that is `by` slots further on, at most the capacity. */
static inline uint32_t rw_window_after(const rw_window *window, uint32_t position, uint32_t by) {
    uint32_t next = position + by, wrap = 2 * window->capacity;
    return __builtin_expect(next >= wrap, 0) ? next - wrap : next;
}

/* Whether the other side stands at a position. */
static inline bool rw_window_sees(const rw_window *window, uint32_t position) {
    /* Partner: the release store of this word by the other side, in rw_window_move or the library. */
    return window->may_look && __atomic_load_n(window->peer, __ATOMIC_ACQUIRE) == position;
}

/* Goes to a position: what lies before it is the other side's. True if that side may sleep. */
static inline bool rw_window_publish(uint32_t *word, const uint32_t *bell, uint32_t *kept, uint32_t position) {
    /* Partner: the other side's acquire load of this word. It then sees what was done before. */
    __atomic_store_n(word, position, __ATOMIC_RELEASE);
    /* Partner: the fence of a side that is about to sleep. Either it sees the position, or the load
     * below sees its bit. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    /* Behind the fence, which then has less to wait for. */
    *kept = position;
    return (__atomic_load_n(bell, __ATOMIC_RELAXED) & 1) != 0;
}

static inline bool rw_window_move(rw_window *window, uint32_t position) {
    return rw_window_publish(window->word, window->bell, &window->position, position);
}

static inline bool rw_message_window_move(rw_message_window *window, uint32_t position) {
    return rw_window_publish(window->word, window->bell, &window->position, position);
}

static inline rw_error rw_ring_try_push_inline(rw_ring_producer *producer, const void *item, size_t size) {
    if (rw_is_place(producer) && producer->tag == RW_RING_PRODUCER_TAG && item != NULL) {
        rw_window *window = &producer->window;
        uint32_t position = window->position, end = window->end;
        uint32_t next = rw_window_after(window, position, 1);
        /* A consumer that stands where this side does has taken all: every slot is free. */
        if (position == end && rw_window_sees(window, position))
            window->end = end = rw_window_after(window, position, window->capacity);
        if (window->size == size && position != end) {
            __builtin_memcpy(rw_window_slot(window, position, size), item, size);
            if (rw_window_move(window, next)) rw_ring_producer_wake(producer);
            return RW_OK;
        }
    }
    return rw_ring_try_push(producer, item, size);
}

static inline rw_error rw_ring_try_pop_inline(rw_ring_consumer *consumer, void *item, size_t size) {
    if (rw_is_place(consumer) && consumer->tag == RW_RING_CONSUMER_TAG && item != NULL) {
        rw_window *window = &consumer->window;
        uint32_t position = window->position, end = window->end;
        uint32_t next = rw_window_after(window, position, 1);
        if (position == end && rw_window_sees(window, next)) end = next;
        if (window->size == size && position != end) {
            __builtin_memcpy(item, rw_window_slot(window, position, size), size);
            bool may_sleep = rw_window_move(window, next);
            window->end = end;
            if (may_sleep) rw_ring_consumer_wake(consumer);
            return RW_OK;
        }
    }
    return rw_ring_try_pop(consumer, item, size);
}

static inline rw_error rw_try_send_inline(rw_sender *sender, const void *message, size_t size) {
    if (rw_is_place(sender) && sender->tag == RW_SENDER_TAG && message != NULL) {
        rw_message_window *window = &sender->window;
        uint32_t position = window->position;
        /* Partner: the release with which a receiver closes its half; 1 says so. */
        if (size <= window->limit && position + 4 + (uint32_t)size <= window->end
            && __atomic_load_n(window->peer, __ATOMIC_ACQUIRE) != 1) {
            char *at = (char *)window->first + (position - window->lap);
            uint32_t length = (uint32_t)size;
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
            length = __builtin_bswap32(length);
#endif
            __builtin_memcpy(at, &length, 4);
            __builtin_memcpy(at + 4, message, size);
            if (rw_message_window_move(window, position + 4 + (uint32_t)size)) rw_sender_wake(sender);
            return RW_OK;
        }
    }
    return rw_try_send(sender, message, size);
}

static inline rw_error rw_try_recv_inline(rw_receiver *receiver, void *message, size_t size, size_t *length) {
    if (rw_is_place(receiver) && receiver->tag == RW_RECEIVER_TAG && message != NULL) {
        rw_message_window *window = &receiver->window;
        uint32_t position = window->position, end = window->end;
        bool looks = position == end && window->may_look;
        if (looks) {
            /* Partner: the release store of this word by the sender, in rw_message_window_move or the
             * library. A position of another lap, or one that cannot be, is the library's. */
            uint32_t found = __atomic_load_n(window->peer, __ATOMIC_ACQUIRE);
            if (found > position && found <= window->limit) end = found;
        }
        if (end - position >= 4) {
            const char *at = (const char *)window->first + (position - window->lap);
            uint32_t count, known = end - position - 4;
            __builtin_memcpy(&count, at, 4);
            /* The other side may overwrite it at any time: what is checked below is what is used. */
            __asm__ volatile("" : "+r"(count));
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
            count = __builtin_bswap32(count);
#endif
            /* One message at a look. If there are more, the library looks: it then waits a moment. */
            if (count <= size && (looks ? count == known : count <= known)) {
                __builtin_memcpy(message, at + 4, count);
                bool may_sleep = rw_message_window_move(window, position + 4 + count);
                window->end = end;
                if (length != NULL) *length = count;
                if (may_sleep) rw_receiver_wake(receiver);
                return RW_OK;
            }
        }
    }
    return rw_try_recv(receiver, message, size, length);
}

#ifdef __cplusplus
}
#endif

#define rw_try_send(...) rw_try_send_inline(__VA_ARGS__)
#define rw_try_recv(...) rw_try_recv_inline(__VA_ARGS__)
#define rw_ring_try_push(...) rw_ring_try_push_inline(__VA_ARGS__)
#define rw_ring_try_pop(...) rw_ring_try_pop_inline(__VA_ARGS__)

#endif

#endif
