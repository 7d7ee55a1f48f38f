/* What the program and the library in it hold just now. Everything that they ask the C library for passes
 * through here: the program is linked with --wrap, libuv is told; the library's own hook for memory would
 * not do, for mailboxes, workers and worlds are made below it. */
#ifndef TESTS_STRESS_THREADS_HOLDINGS_H
#define TESTS_STRESS_THREADS_HOLDINGS_H

#include <pthread.h>
#include <stdbool.h>

struct holdings {
    long blocks, bytes;         /* of memory */
    long mapped;                /* bytes: stacks of tasks */
    int descriptors;
};

/* Before anything else is done. */
void holdings_begin(void);

/* Once every thread has ended, also those that nobody joins: that is waited for. */
struct holdings holdings_at_rest(void);

/* A thread of the test itself. */
void holdings_start_thread(pthread_t *ret_thread, void *(*fn)(void *), void *arg);

/* The next `count` threads that the library starts from this one are refused with EAGAIN / how many were. */
void holdings_refuse_threads(int count);
int holdings_refused(void);

#endif
