/* What all boards do alike. */

#include "board.h"

extern uint32_t data_begin, data_end, data_load, bss_begin, bss_end;

void begin(void) {
    for (uint32_t *from = &data_load, *to = &data_begin; to < &data_end;) *to++ = *from++;
    for (uint32_t *to = &bss_begin; to < &bss_end;) *to++ = 0;
    end(run());
}

void report(const char *what, uint32_t number) {
    char digits[12];
    int at = 11;
    digits[at] = 0;
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    say(what);
    say(": ");
    say(digits + at);
    say("\n");
}

/* The library has no compare-and-swap on these chips: it asks for sections without interrupts. */

uint8_t _critical_section_1_0_acquire(void);
void _critical_section_1_0_release(uint8_t were_on);

uint8_t _critical_section_1_0_acquire(void) { return mask_interrupts(); }

void _critical_section_1_0_release(uint8_t were_on) { restore_interrupts(were_on); }

/* An interrupt that is pending ends the sleep even while interrupts are masked: what comes between the look at the word
 * and the sleep is not missed. */
static int32_t sleep_on(const uint32_t *word, uint32_t expected, uint64_t deadline) {
    (void)deadline;
    bool were_on = mask_interrupts();
    if (*(const volatile uint32_t *)word == expected) wait_for_interrupt();
    restore_interrupts(were_on);
    return 0;
}

/* Who sleeps was woken by the interrupt already. */
static void wake(const uint32_t *word, uint32_t count) {
    (void)word;
    (void)count;
}

const rw_wait by_interrupt = {sleep_on, wake};
