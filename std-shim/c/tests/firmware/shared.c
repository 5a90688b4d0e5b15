/* Memory that a process on Linux maps at the same time: the process asks and this image answers, in values and in bytes, also
 * after a reset. The other side is tests/tests/tools_firmware_c.rs, which lays the region out and says where its parts are. */

#include "board.h"

/* Where the process puts the table below: the start of the memory that it maps. */
#define SHARED 0x80100000u
enum { FIRMWARE = 1, CAPACITY = 256, RECORD = 32, MAGIC = 0x72776331 };
/* The number of the question that ends the image. */
#define END UINT32_MAX

/* The offsets of the parts, which the process knows from the region's directory; and how often this image began. */
typedef struct {
    uint32_t magic, values_in, values_out, records_in, records_out, value_size, record_size, lives;
} table;

/* A value: the number of the question, two words, and the sum of all. */
typedef struct {
    uint32_t number, a, b, sum;
} value;

void tick(void) {}

static void *part(uint32_t offset) { return (char *)(uintptr_t)SHARED + offset; }

static rw_ring in, out;
static rw_byte_ring records_in, records_out;

/* Finds the four parts, and takes their halves; what an earlier life held is given back first. */
static bool attach(const volatile table *parts, rw_ring_consumer *questions, rw_ring_producer *answers,
                   rw_byte_consumer *rx, rw_byte_producer *tx) {
    return rw_ring_attach(&in, part(parts->values_in), parts->value_size, CAPACITY, 16, 4) == RW_OK &&
           rw_ring_attach(&out, part(parts->values_out), parts->value_size, CAPACITY, 16, 4) == RW_OK &&
           rw_byte_ring_attach(&records_in, part(parts->records_in), parts->record_size, CAPACITY * RECORD) == RW_OK &&
           rw_byte_ring_attach(&records_out, part(parts->records_out), parts->record_size, CAPACITY * RECORD) == RW_OK &&
           rw_ring_recover(&in, FIRMWARE) == RW_OK && rw_ring_recover(&out, FIRMWARE) == RW_OK &&
           rw_byte_ring_recover(&records_in, FIRMWARE) == RW_OK && rw_byte_ring_recover(&records_out, FIRMWARE) == RW_OK &&
           rw_ring_take_consumer(&in, FIRMWARE, questions) == RW_OK &&
           rw_ring_take_producer(&out, FIRMWARE, answers) == RW_OK &&
           rw_byte_ring_take_consumer(&records_in, FIRMWARE, rx) == RW_OK &&
           rw_byte_ring_take_producer(&records_out, FIRMWARE, tx) == RW_OK;
}

bool run(void) {
    volatile table *parts = (volatile table *)SHARED;
    rw_ring_consumer questions;
    rw_ring_producer answers;
    rw_byte_consumer rx;
    rw_byte_producer tx;
    /* The process says last that the table is there; both processors keep the order of stores and loads with fences. */
    while (parts->magic != MAGIC) {
    }
    __asm__ volatile("fence" ::: "memory");
    if (!attach(parts, &questions, &answers, &rx, &tx)) return false;
    uint32_t life = ++parts->lives;
    for (;;) {
        value it;
        if (rw_ring_try_pop(&questions, &it, sizeof it) == RW_OK) {
            if (it.number == END) return true;
            if (it.sum != it.number + it.a + it.b) return false;
            value answer = {it.number, it.a ^ it.b, life, it.number + (it.a ^ it.b) + life};
            while (rw_ring_try_push(&answers, &answer, sizeof answer) == RW_WOULD_BLOCK) {
            }
        }
        const void *record;
        void *room;
        size_t ready;
        if (rw_byte_try_peek(&rx, &record, &ready) != RW_OK || ready < RECORD) continue;
        if (rw_byte_try_reserve(&tx, RECORD, &room) != RW_OK) continue;
        for (int i = 0; i < RECORD; i++) ((uint8_t *)room)[i] = (uint8_t)~((const uint8_t *)record)[i];
        rw_byte_commit(&tx, RECORD, RECORD);
        rw_byte_consume(&rx, RECORD);
    }
}
