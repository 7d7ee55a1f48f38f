/* daemon.c: an actor that only serves, until Ctrl-C or SIGTERM, and programs that find it by its name.
 *
 *     daemon serve &
 *     daemon ask 20 22
 *
 * Both may be told of another arbiter than the usual one by TRACTOR_ARBITER=unix:@stage. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tractor.h>

tr_fn(int64_t, add, (int64_t, a), (int64_t, b))
{
    *ret = args->a + args->b;
    return 0;
}

static int say_good_bye(void *arg)
{
    (void)arg;
    puts("good-bye");
    return 0;
}

static int begin(void *arg)
{
    (void)arg;
    const tr_actor *self = tr_current_actor();
    printf("%s listens at %s\n", self->name, self->address);
    fflush(stdout);
    return tr_at_end(say_good_bye, NULL);
}

static int ask(void *arg)
{
    char **numbers = arg;
    tr_auto(portal) daemon = NULL;
    tr_try(tr_find_actor(&daemon, "daemon"));
    if (!daemon)
        return puts("nobody serves here"), 1;
    int64_t sum;
    tr_try(tr_call(daemon, &sum, add, .a = strtoll(numbers[0], NULL, 10), .b = strtoll(numbers[1], NULL, 10)));
    printf("%s says %lld\n", tr_portal_actor(daemon)->name, (long long)sum);
    return 0;
}

int main(int argc, char **argv)
{
    const char *arbiter = getenv("TRACTOR_ARBITER") ? NULL : "tcp://127.0.0.1:1616";
    if (argc == 2 && strcmp(argv[1], "serve") == 0)
        return tr_run_daemon(argc, argv, begin, NULL, .name = "daemon", .arbiter = arbiter,
                             .modules = tr_names(tr_this_module()));
    if (argc == 4 && strcmp(argv[1], "ask") == 0)
        return tr_main(argc, argv, ask, argv + 2, .name = "client", .arbiter = arbiter);
    return fprintf(stderr, "usage: daemon serve | daemon ask NUMBER NUMBER\n"), 2;
}
