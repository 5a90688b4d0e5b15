#ifndef LINUX_H
#define LINUX_H
/* What the tests of ringway for Linux share. */

#include "ringway.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAYBE __attribute__((unused)) static

MAYBE unsigned long checks;

#define CHECK(condition)                                                              \
    do {                                                                              \
        checks++;                                                                     \
        if (!(condition)) {                                                           \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);   \
            exit(1);                                                                  \
        }                                                                             \
    } while (0)

/* The call returns this code, and leaves errno as it was. */
#define IS(call, wanted)                                                              \
    do {                                                                              \
        errno = 4321;                                                                 \
        int code_ = (int)(call);                                                      \
        int errno_ = errno;                                                           \
        checks++;                                                                     \
        if (code_ != (int)(wanted) || errno_ != 4321) {                               \
            char text_[400] = "";                                                     \
            rw_error_detail(text_, sizeof text_, NULL);                               \
            fprintf(stderr, "%s:%d: %s: %s; last detail: %s; errno %d\n", __FILE__, __LINE__, #call, \
                    rw_error_text(code_), text_, errno_);                             \
            exit(1);                                                                  \
        }                                                                             \
    } while (0)

#define OK(call) IS(call, RW_OK)

/* Generous: only a test that fails waits so long. */
#define LATE rw_after(60 * RW_SECOND)

#endif
