/* A micro:bit, as QEMU has it: a Cortex-M0 (nRF51822) that ticks by SysTick. */

#include "board.h"

extern uint32_t stack_top;

bool mask_interrupts(void) {
    uint32_t masked;
    __asm__ volatile("mrs %0, primask\n cpsid i" : "=r"(masked)::"memory");
    return masked == 0;
}

void restore_interrupts(bool were_on) {
    if (were_on) __asm__ volatile("cpsie i" ::: "memory");
}

void wait_for_interrupt(void) { __asm__ volatile("wfi" ::: "memory"); }

static int semihosting(int operation, const void *argument) {
    register int r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

void say(const char *text) { semihosting(0x04, text); }

void end(bool good) {
    semihosting(0x18, good ? (const void *)0x20026 : (const void *)0x20023);
    for (;;) {
    }
}

static void stuck(void) {
    say("a fault\n");
    end(false);
}

/* One period is a millisecond of the 16 MHz clock. */
void start_timer(void) {
    volatile uint32_t *systick = (volatile uint32_t *)0xe000e010;
    systick[1] = 15999;
    systick[2] = 0;
    systick[0] = 7;
}

/* The UART: nRF51 Series Reference Manual, chapter 29. */

#define UART(offset) (*(volatile uint32_t *)(0x40002000 + (offset)))
enum { START_RECEIVING = 0, START_SENDING = 8, CAME = 0x108, SENT = 0x11c, INTERRUPTS = 0x304, ENABLE = 0x500 };
enum { RECEIVE = 0x518, SEND = 0x51c };

void start_uart(void) {
    UART(ENABLE) = 4;
    UART(START_SENDING) = 1;
    UART(START_RECEIVING) = 1;
    UART(INTERRUPTS) = 1 << 2;
    UART(SENT) = 1; /* the first byte can be sent at once */
    *(volatile uint32_t *)0xe000e100 = 1 << 2;
}

bool try_put(uint8_t byte) {
    if (UART(SENT) == 0) return false;
    UART(SENT) = 0;
    UART(SEND) = byte;
    return true;
}

#ifdef WITH_UART
static void uart(void) {
    while (UART(CAME) != 0) {
        UART(CAME) = 0;
        received((uint8_t)UART(RECEIVE));
    }
}
#else
#define uart stuck
#endif

__attribute__((section(".vectors"), used)) static void (*const vectors[19])(void) = {
    (void (*)(void))&stack_top, begin, stuck, stuck, 0, 0, 0, 0, 0, 0, 0, stuck, 0, 0, stuck, tick, stuck, stuck, uart};

void start(void);
void start(void) { begin(); }
