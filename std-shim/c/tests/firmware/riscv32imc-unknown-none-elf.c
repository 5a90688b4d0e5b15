/* QEMU's `virt`: a RISC-V hart that ticks by the timer of its CLINT. */

#include "board.h"

/* The processor starts here, and jumps to `trap` for every interrupt. */
__asm__(".section .vectors, \"ax\"\n"
        ".global start\n"
        "start:\n"
        " la sp, stack_top\n"
        " la t0, trap\n"
        " csrw mtvec, t0\n"
        " call begin_with_interrupts\n");

bool mask_interrupts(void) {
    uint32_t before;
    __asm__ volatile("csrrci %0, mstatus, 8" : "=r"(before)::"memory");
    return (before & 8) != 0;
}

void restore_interrupts(bool were_on) {
    if (were_on) __asm__ volatile("csrsi mstatus, 8" ::: "memory");
}

__attribute__((used)) static void begin_with_interrupts(void) {
    restore_interrupts(true); /* none is enabled yet */
    begin();
}

void wait_for_interrupt(void) { __asm__ volatile("wfi" ::: "memory"); }

/* The emulator knows the call by these three instructions, on one page. */
__asm__(".section .text.semihosting, \"ax\"\n"
        ".option push\n"
        ".option norvc\n"
        ".balign 16\n"
        ".global semihosting\n"
        "semihosting:\n"
        " slli x0, x0, 0x1f\n"
        " ebreak\n"
        " srai x0, x0, 7\n"
        " ret\n"
        ".option pop\n");
int semihosting(int operation, const void *argument);

void say(const char *text) { semihosting(0x04, text); }

void end(bool good) {
    semihosting(0x18, good ? (const void *)0x20026 : (const void *)0x20023);
    for (;;) {
    }
}

#define WORD(address) (*(volatile uint32_t *)(address))
#define BYTE(address) (*(volatile uint8_t *)(address))

/* The hart's timer compare register and the time, each 64 bits in two halves; a millisecond of the 10 MHz clock. */
enum { MTIMECMP = 0x02004000, MTIME = 0x0200bff8, PERIOD = 10000 };

static void rearm_timer(void) {
    uint32_t high, low;
    do {
        high = WORD(MTIME + 4);
        low = WORD(MTIME);
    } while (high != WORD(MTIME + 4));
    uint64_t next = ((uint64_t)high << 32 | low) + PERIOD;
    WORD(MTIMECMP + 4) = UINT32_MAX; /* no tick comes from a time that is half written */
    WORD(MTIMECMP) = (uint32_t)next;
    WORD(MTIMECMP + 4) = (uint32_t)(next >> 32);
}

static void enable(uint32_t interrupts) { __asm__ volatile("csrs mie, %0" ::"r"(interrupts) : "memory"); }

void start_timer(void) {
    rearm_timer();
    enable(1 << 7);
}

/* The UART: an NS16550, whose interrupt comes through the PLIC. */

enum { DATA = 0x10000000, INTERRUPT_ENABLE = DATA + 1, FIFO_CONTROL = DATA + 2, LINE_CONTROL = DATA + 3 };
enum { LINE_STATUS = DATA + 5, READY = 1, EMPTY = 0x20, SOURCE = 10 };
enum { PRIORITY = 0x0c000000 + 4 * SOURCE, ENABLE = 0x0c002000, THRESHOLD = 0x0c200000, CLAIM = 0x0c200004 };

void start_uart(void) {
    BYTE(LINE_CONTROL) = 0x80;
    BYTE(DATA) = 1; /* 115200 baud */
    BYTE(INTERRUPT_ENABLE) = 0;
    BYTE(LINE_CONTROL) = 3;    /* eight bits, no parity */
    BYTE(FIFO_CONTROL) = 0xc1; /* an interrupt when 14 bytes are in the FIFO */
    BYTE(INTERRUPT_ENABLE) = 1;
    WORD(PRIORITY) = 1;
    WORD(ENABLE) = 1 << SOURCE;
    WORD(THRESHOLD) = 0;
    enable(1 << 11);
}

bool try_put(uint8_t byte) {
    if ((BYTE(LINE_STATUS) & EMPTY) == 0) return false;
    BYTE(DATA) = byte;
    return true;
}

__attribute__((interrupt, aligned(4), used)) static void trap(void) {
    uint32_t cause;
    __asm__ volatile("csrr %0, mcause" : "=r"(cause));
    if (cause == 0x80000007) {
        rearm_timer();
        tick();
#ifdef WITH_UART
    } else if (cause == 0x8000000b) {
        uint32_t source = WORD(CLAIM);
        while (BYTE(LINE_STATUS) & READY) received(BYTE(DATA));
        WORD(CLAIM) = source;
#endif
    } else {
        say("a fault\n");
        end(false);
    }
}
