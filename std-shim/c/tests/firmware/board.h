/* What the images share: a board that starts, ticks, prints, sleeps and ends. Nothing of a C library, and no
 * operating system. An image is `run`, in the foreground, and `tick`, which the timer's interrupt calls. */

#ifndef BOARD_H
#define BOARD_H

#include "ringway_core.h"

/* Of the image. The board ends with exit status 0 if `run` returns true. */
bool run(void);
void tick(void);
/* A byte that the UART received: its interrupt calls this. Of the images that have a UART. */
void received(uint8_t byte);

/* Of the board. */
void start_timer(void);
void start_uart(void);
bool try_put(uint8_t byte);
/* Sleeps until an interrupt comes. */
void wait_for_interrupt(void);
/* Interrupts off; returns whether they were on. And as they were. */
bool mask_interrupts(void);
void restore_interrupts(bool were_on);
void say(const char *text);
void report(const char *what, uint32_t number);
void end(bool good) __attribute__((noreturn));

/* Of every board: copies and clears memory, runs the image, and ends. */
void begin(void) __attribute__((noreturn));
/* How a side sleeps: until an interrupt, unless the word changed before it slept. */
extern const rw_wait by_interrupt;

#endif
