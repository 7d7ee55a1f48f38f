/* Actors on several hosts, each program a root that is with one arbiter; tests/hosts.sh starts them, and pulls cables.
 *
 *     hosts ROLE NAME ARBITER LISTEN LOST_AFTER [OTHER]
 *
 * "arbiter" says who comes and goes; "guest" serves; "hello", "stay", "after", "think" and "bulk" call OTHER, and say what
 * came of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tractor.h>

enum { BULK = 12 * 1024 * 1024 };   /* more than two hosts' buffers hold */

static const char *other;

tr_fn(tr_str, hello)
{
    return tr_return_fmt("hello from %s", tr_current_actor()->name);
}

tr_fn(double, answer_after, (double, seconds))
{
    tr_try(tr_sleep(args->seconds));
    return 0;
}

/* Without a checkpoint: it neither reads nor answers meanwhile. */
tr_fn(void, think, (double, seconds))
{
    for (double until = tr_now() + args->seconds; tr_now() < until;)
        continue;
    return 0;
}

tr_fn(int64_t, swallow, (tr_bytes, much))
{
    *ret = (int64_t)args->much.size;
    return 0;
}

static int tell(const char *what)
{
    puts(what);
    fflush(stdout);
    return 0;
}

/* ---- who is there ---------------------------------------------------------------------------------------- */

static int tell_of_all(void *arg)
{
    (void)arg;
    tr_auto(stream) changes = NULL;
    tr_actor_event event;
    int rc;
    tr_try(tr_watch_actors(&changes, NULL));
    tell("open");
    while ((rc = tr_next_actor(changes, &event)) > 0)
        if (strcmp(event.actor.name, "caller") != 0 && strcmp(event.actor.name, "arbiter") != 0)
            tell(tr_format("%s %s", event.actor.name, event.joined ? "is there" : "is gone"));
    return rc;
}

static int serve(void *arg)
{
    (void)arg;
    tell("ready");
    return tr_sleep_forever();
}

/* ---- calling --------------------------------------------------------------------------------------------- */

static int call_hello(tr_portal *portal)
{
    tr_str line;
    tr_try(tr_call(portal, &line, hello));
    return tell(line);
}

/* A call for so long. */
static int call_after(tr_portal *portal, double seconds)
{
    tell("asked");
    double since = tr_now();
    int rc = tr_call(portal, NULL, answer_after, .seconds = seconds);
    if (rc == TR_EREMOTE && tr_error_is(tr_last_error(), "HostLost") && tr_error_is(tr_last_error(), "ActorDied"))
        return tell("lost");
    tr_try(rc);
    return tell(tr_now() - since < seconds + 10 ? "answered" : "answered late");
}

static int have_think(void *arg)
{
    return tr_call(arg, NULL, think, .seconds = 5);
}

static int call_think(tr_portal *portal)
{
    tr_try(have_think(portal));
    return tell("answered");
}

/* While it thinks, the bytes for it fill all that lies between. */
static int call_bulk(tr_portal *portal)
{
    tr_auto(nursery) n = tr_open_nursery();
    uint8_t *bytes = tr_alloc(BULK);
    int64_t size = 0;
    if (!bytes)
        return tr_raise("test.Failed", "no memory");
    tr_try(tr_start_soon(n, have_think, portal));
    tr_try(tr_sleep(0.2)); /* it has begun */
    tr_try(tr_call(portal, &size, swallow, .much = {bytes, BULK}));
    tell(size == BULK ? "answered" : "answered something else");
    return tr_join(n);
}

static int call_by(tr_portal *portal, const char *role)
{
    if (strcmp(role, "stay") == 0)
        return call_after(portal, 1000);
    if (strcmp(role, "after") == 0)
        return call_after(portal, 1);
    if (strcmp(role, "think") == 0)
        return call_think(portal);
    return strcmp(role, "bulk") == 0 ? call_bulk(portal) : call_hello(portal);
}

static int call_other(void *arg)
{
    tr_auto(portal) portal = NULL;
    tr_scope limit = tr_fail_after(30);
    tr_try(tr_within(&limit, tr_wait_for_actor(&portal, other)));
    return call_by(portal, arg);
}

int main(int argc, char **argv)
{
    if (argc < 6)
        return 2;
    char *role = argv[1];
    other = argc > 6 ? argv[6] : "";
    int (*fn)(void *) = strcmp(role, "arbiter") == 0 ? tell_of_all : strcmp(role, "guest") == 0 ? serve : call_other;
    const char *listen = argv[4];
    return tr_main(argc, argv, fn, role, .name = argv[2], .arbiter = argv[3], .listen = {&listen, listen[0] != '\0'},
                   .allow_remote = true, .lost_after = strtod(argv[5], NULL), .modules = tr_names(tr_this_module()),
                   .log = "error");
}
