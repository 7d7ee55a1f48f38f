/* A host and its guests, with a fault proxy between them, from the host's beginning to its end: four rounds of guests,
 * of which the second and the third have bad luck; and whether the host is the same afterwards. */
#ifndef CHAOS_MEETING_H
#define CHAOS_MEETING_H

#include "observer.h"
#include "proxy.h"

enum luck { BAD_WEATHER, HOST_DIES, HOST_STOPS, GUESTS_DIE };

struct meeting {
    enum luck luck;
    enum weather weather;
    enum proxy_kind kind;
    uint64_t random;
    void (*only_waits)(void *arg);  /* called when the rest is mostly timeouts of the library's */
    void *arg;
};

/* What is wrong is on the observer's board afterwards. How often it struck. */
uint64_t meeting_hold(const struct meeting *meeting, struct observer *observer);

#endif
