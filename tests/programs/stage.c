/* A tree for tests/cli.sh to look at: stage NAME [ADDRESS] has a root of that name, the actors NAME-donny and
 * NAME-gretchen and two that are called NAME-twin, says "ready" and where it listens, and goes on until it is told to
 * end, whoever of them ends. */
#include <stdio.h>
#include <string.h>
#include <tractor.h>

tr_struct(leg, (tr_str, venue), (double, price), (int64_t, qty, 1));
tr_list_of(leg);

/* What an order is worth. */
tr_fn(double, place_order, (tr_list_leg, legs), (bool, dry_run), (tr_str, note, "none"))
{
    *ret = args->dry_run || strcmp(args->note, "none") != 0 ? -1 : 0;
    for (size_t i = 0; i < args->legs.count; i++)
        *ret += args->legs.items[i].price * (double)args->legs.items[i].qty;
    return 0;
}

tr_fn(tr_str, say, (tr_str, words, "nothing"))
{
    *ret = args->words;
    return 0;
}

tr_fn(tr_value, echo, (tr_value, any))
{
    *ret = args->any;
    return 0;
}

tr_fn(void, fail)
{
    return tr_raise("stage.Bad", "the curtain is stuck");
}

tr_fn(void, fail_deeply)
{
    tr_ignore(tr_raise("errno.ENOENT", "no curtain at all"));
    return tr_raise_from(NULL, "stage.Bad", "the curtain does not fall");
}

tr_fn(void, wait_for_ever)
{
    return tr_sleep_forever();
}

tr_fn(void, speak, (uint32_t, lines))
{
    for (uint32_t i = 1; i <= args->lines; i++)
        tr_log_info("line %u", i);
    return 0;
}

tr_stream_fn(leg, legs_to, (int8_t, last, 2))
{
    for (int i = 1; i <= args->last; i++)
        tr_try(tr_yield(ctx, {.venue = "here", .qty = i}));
    return 0;
}

tr_stream_fn(uint64_t, large)
{
    return tr_yield(ctx, UINT64_MAX);
}

tr_context_fn(void, play, (tr_str, int64_t, int64_t))
{
    return tr_ctx_started(ctx, "ready");
}

struct part {
    const char *name;
    tr_portal *portal;
    tr_event up;
};

/* In a nursery of its own, which may fail. */
static int keep(void *arg)
{
    struct part *part = arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_actor(n, &part->portal, part->name, .modules = tr_names(tr_this_module())));
    tr_event_set(&part->up);
    return tr_join(n);
}

static int keep_whatever_comes(void *arg)
{
    tr_scope own = tr_cancel_scope();
    int rc = tr_within(&own, keep(arg));
    return rc == TR_ECANCELLED ? rc : 0;
}

static int run(void *arg)
{
    const char *name = arg;
    static const char *const parts[] = {"donny", "gretchen", "twin", "twin"};
    enum { PARTS = sizeof parts / sizeof *parts };
    struct part all[PARTS];
    tr_auto(nursery) n = tr_open_nursery();
    for (int i = 0; i < PARTS; i++) {
        all[i] = (struct part){.name = tr_format("%s-%s", name, parts[i])};
        tr_try(tr_start_soon(n, keep_whatever_comes, &all[i]));
        tr_try(tr_event_wait(&all[i].up));
    }
    printf("ready %s\n", tr_current_actor()->address);
    fflush(stdout);
    tr_try(tr_sleep_forever());
    return tr_join(n);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    return tr_main(argc, argv, run, argv[1], .name = argv[1], .modules = tr_names(tr_this_module()),
                   .arbiter = argc > 2 ? argv[2] : NULL);
}
