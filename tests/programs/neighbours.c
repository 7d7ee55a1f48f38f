/* Programs that share an arbiter: "serve ADDRESS" becomes it and waits for a visitor; "visit ADDRESS" finds
 * it there, calls it, and lets it go; "crowd ADDRESS" says whether it is the arbiter, and stays until its
 * standard input ends. */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <tractor.h>
#include <unistd.h>

static tr_event visited;

tr_fn(tr_str, knock, (tr_str, who))
{
    tr_event_set(&visited);
    return tr_return_fmt("come in, %s", args->who);
}

static int serve(void *arg)
{
    (void)arg;
    puts("open");
    fflush(stdout);
    return tr_event_wait(&visited);
}

static int visit(void *arg)
{
    (void)arg;
    tr_auto(portal) host = NULL;
    tr_try(tr_wait_for_actor(&host, "host"));
    tr_str answer;
    tr_try(tr_call(host, &answer, knock, .who = tr_current_actor()->name));
    puts(answer);
    return 0;
}

static int stay(void *arg)
{
    (void)arg;
    tr_auto(portal) arbiter = NULL;
    tr_try(tr_get_arbiter(&arbiter));
    puts(tr_portal_actor(arbiter)->pid == getpid() ? "I am it" : "I am with it");
    fflush(stdout);
    struct pollfd end = {.fd = 0, .events = POLLIN};
    while (poll(&end, 1, 0) == 0) /* an arbiter must not block */
        tr_try(tr_sleep(0.01));
    return 0;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    bool host = strcmp(argv[1], "serve") == 0, crowd = strcmp(argv[1], "crowd") == 0;
    return tr_main(argc, argv, crowd ? stay : host ? serve : visit, NULL, .name = host ? "host" : "visitor",
                   .arbiter = argv[2], .modules = tr_names(tr_this_module()));
}
