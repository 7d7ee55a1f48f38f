/* Before libFuzzer takes over: `<target> --seeds FOLDER` writes the inputs to begin with, and ends. They are
 * made from the protocol's tables, so that there is no heap of old bytes to keep up to date. */
#include "target.h"

#include "check.h"
#include "sys/sys.h"
#include "world.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* There is no other world here: nothing of the real one is linked. */
static int no_world(void)
{
    return -ENOSYS;
}

static const char *nothing(void)
{
    return NULL;
}

static const char *no_variable(const char *name)
{
    (void)name;
    return NULL;
}

const struct sys_maker sys_real = {no_world, nothing, no_variable, no_world};

static const char *folder;
static int count;

void seed_add(const void *bytes, size_t size)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/seed-%03d", folder, count++);
    FILE *file = fopen(path, "w");
    require(file && fwrite(bytes, 1, size, file) == size && fclose(file) == 0);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    if (*argc != 3 || strcmp((*argv)[1], "--seeds") != 0)
        return 0;
    folder = (*argv)[2];
    struct world *world = world_new();
    target_seeds();
    world_end(world);
    exit(0);
}
