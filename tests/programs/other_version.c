/* What contract.c calls: a program of another age. */
#define TR_MODULE "contract"
#include "support/inherited.h"

#include <stdlib.h>
#include <string.h>
#include <tractor.h>
#include <unistd.h>

tr_fn(int64_t, price, (tr_str, venue), (int32_t, qty))
{
    return 0;
}

tr_stream_fn(int64_t, now_a_stream)
{
    return 0;
}

tr_fn(int64_t, now_a_function)
{
    return 0;
}

static int no_root(void *arg)
{
    (void)arg;
    return 3;
}

/* Whether a program that this one started now would get more descriptors than this one's parent got. */
static int inherits_anything(void)
{
    const char *before = getenv("INHERITED");
    return !before || inherited() > atoi(before);
}

int main(int argc, char **argv)
{
    const char *how = getenv("OTHER_VERSION");
    if (how && strcmp(how, "exits") == 0)
        return 9;
    if (how && strcmp(how, "hangs") == 0)
        pause();
    if (how && strcmp(how, "looks") == 0 && inherits_anything())
        return 8;
    return tr_main(argc, argv, no_root, NULL);
}
