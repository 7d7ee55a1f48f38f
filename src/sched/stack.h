/* Stacks of tasks. */
#ifndef SCHED_STACK_H
#define SCHED_STACK_H

#include <stdbool.h>
#include <stddef.h>

struct sched;

/* Sanitizers put red zones around every variable, and stacks must be larger for it. The first task runs
 * the program's main function, which may be old code with large variables; memory that is never touched
 * costs nothing. */
#if defined(__SANITIZE_ADDRESS__)
#define STACK_SCALE 4
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define STACK_SCALE 4
#endif
#endif
#ifndef STACK_SCALE
#define STACK_SCALE 1
#endif
enum { STACK_DEFAULT = 64 * 1024 * STACK_SCALE, STACK_FIRST_TASK = 1024 * 1024, STACK_MOST = 1 << 30 };

/* The lowest address of a stack whose size is a power of two; NULL when memory is out. Tells whether it has a
 * guard. */
void *stack_get(size_t size, bool *ret_guarded);
/* Whether one without a guard was too small: something lies below it, so many bytes deep. Every call leaves
 * something in its frame, and a page is as far as most frames go; while the task lives a few lines of the cache
 * must do, for that is asked at every switch. */
enum { STACK_LOOK = 256, STACK_LOOK_AT_END = 4096 };
bool stack_was_left(const void *low, size_t depth);
void stack_put(void *low, size_t size);

/* Gives back what is not used, but for a little, if it is more than that / everything, once all tasks are gone. */
bool stacks_are_too_many(const struct sched *sched);
void stacks_trim(struct sched *sched);
void stacks_free(struct sched *sched);

#endif
