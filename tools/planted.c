/* Deliberate bugs, which `make lint` must find before it is believed: in each marked line clang-tidy has to report
 * the first, cppcheck the second. Compiled nowhere. */
#include "base/error.h"
#include "base/hooks.h"

#include <errno.h>

struct prop {
    int weight;
    struct prop *next;
};

int weigh(struct prop *prop);
int forget_to_check(void);
int look_at_what_is_gone(void);
int free_twice(bool both);
int lose(int weight);
int read_what_was_not_set(int weight);

int forget_to_check(void)
{
    struct prop *prop = mem_zalloc(sizeof *prop);
    if (!prop)
        prop->weight = 1; /* planted: core.NullDereference nullPointer */
    int weight = weigh(prop);
    mem_free(prop);
    return weight;
}

int look_at_what_is_gone(void)
{
    struct prop *prop = mem_alloc(sizeof *prop);
    if (!prop)
        return -ENOMEM;
    prop->weight = 1;
    mem_free(prop);
    int weight = prop->weight; /* planted: unix.Malloc deallocuse */
    return weight;
}

int free_twice(bool both)
{
    struct prop *prop = mem_alloc(sizeof *prop);
    mem_free(prop);
    if (both)
        mem_free(prop); /* planted: unix.Malloc doubleFree */
    return 0;
}

int lose(int weight)
{
    struct prop *prop = mem_zalloc(sizeof *prop);
    if (!prop)
        return -ENOMEM;
    prop->weight = weight;
    return weight; /* planted: unix.Malloc memleak */
}

static int look_up(int weight, int *ret_found)
{
    if (weight < 0)
        return raise_code(TR_EARGUMENT, "nothing weighs that little");
    *ret_found = weight;
    return 0;
}

int read_what_was_not_set(int weight)
{
    int found;
    if (look_up(weight, &found) < -EINVAL)
        return found; /* planted: core.uninitialized - */
    return 0;
}
