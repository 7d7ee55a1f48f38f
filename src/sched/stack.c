/* A mapping costs some microseconds and a reused stack nothing, so stacks of the default size go to a
 * list when their task ends. The list is bounded, lest one burst of tasks keep its memory for ever. */
#include "sched/stack.h"

#include "base/list.h"
#include "sched/sched.h"
#include "sys/sys.h"

enum { MOST_SPARE = 256 };

void *stack_get(size_t size)
{
    struct sched *sched = runtime->sched;
    struct link *spare = size == STACK_DEFAULT ? list_shift(&sched->spare_stacks) : NULL;
    if (spare) {
        sched->spare_count--;
        return (char *)(spare + 1) - STACK_DEFAULT;
    }
    void *low;
    return sys_stack_map(size, &low) < 0 ? NULL : low;
}

/* The link lies at the very top, in the page that the task's struct has touched anyway. */
void stack_put(void *low, size_t size)
{
    struct sched *sched = runtime->sched;
    if (size != STACK_DEFAULT || sched->spare_count >= MOST_SPARE) {
        sys_stack_unmap(low, size);
        return;
    }
    sched->spare_count++;
    list_push(&sched->spare_stacks, (struct link *)((char *)low + size) - 1);
}

void stacks_free(struct sched *sched)
{
    for (struct link *spare; (spare = list_shift(&sched->spare_stacks));)
        sys_stack_unmap((char *)(spare + 1) - STACK_DEFAULT, STACK_DEFAULT);
}
