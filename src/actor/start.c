/* What an actor is ordered with, and what comes of it: its options are looked at and kept here before there is anything
 * to end, then its keeper begins (keeper.c); what the function it was started for returns is read here, too.
 *
 * The keeper's struct belongs to the nursery, not to the task, since portal and result stay readable until the
 * nursery's block is left. */
#include "actor/keeper.h"

#include "actor/actor.h"
#include "actor/network.h"
#include "actor/statespace.h"
#include "actor/talk.h"
#include "base/error.h"
#include "base/log.h"

#include <errno.h>
#include <string.h>

/* The steps of the ladder where nothing else is said. */
static const double GRACE_S = 1, TERM_GRACE_S = 1;

/* Until an actor is up: long, since a debugger or valgrind may be in the way; its death is noticed at
 * once all the same. */
static const double START_TIMEOUT_S = 30;

/* ---- starting ------------------------------------------------------------------------------------------ */

static void release(struct guest *guest)
{
    struct keeper *keeper = container_of(guest, struct keeper, guest);
    if (keeper->portal.session)
        session_let_go(keeper->portal.session);
    if (keeper->session)
        session_unref(keeper->session);
    talk_unref(keeper->talk);
    buf_fini(&keeper->args);
    error_unref(keeper->error);
    struct arena memory = keeper->memory;
    arena_fini(&memory);
}

static int choose_level(struct keeper *keeper, const char *name)
{
    keeper->log_level = name && name[0] ? log_level_of(name) : -1;
    return keeper->log_level < 0 && name && name[0] ? log_refuse(keeper->name, name) : 0;
}

static int prepare(struct keeper *keeper, const tr_actor_options *options, const tr_fn_info *fn,
                   const void *args)
{
    char module[MODULE_ROOM];
    const char *own = fn ? function_module(fn, module) : NULL;
    tr_try(actor_copy_modules(&keeper->memory, &options->modules, own, &keeper->modules));
    tr_try(statespace_pack(&options->statespace, &keeper->memory, &keeper->statespace));
    tr_try(network_choose_child(options, &actor_self()->network, &keeper->memory, &keeper->network));
    keeper->name = arena_text(&keeper->memory, options->name);
    keeper->program = arena_text(&keeper->memory, options->program);
    if (!keeper->name || (options->program && !keeper->program))
        return error_raise_plain(-ENOMEM);
    tr_try(method_for_actor(options->start_method, actor_self()->method, &keeper->method));
    if (keeper->program)
        keeper->method = START_SPAWN; /* a copy of this one is none of another */
    tr_try(choose_level(keeper, options->log));
    keeper->start_timeout = options->start_timeout > 0 ? options->start_timeout : START_TIMEOUT_S;
    keeper->on_line = options->on_line;
    keeper->on_line_arg = options->on_line_arg;
    keeper->main = fn;
    if (!fn)
        return 0;
    if (fn->way == TR_WAY_STREAM)
        tr_try(talk_new(fn, NULL, &keeper->talk));
    keeper->result = arena_alloc(&keeper->memory, fn->out->size + 1);
    if (!keeper->result)
        return error_raise_plain(-ENOMEM);
    int rc = codec_encode_fields(&keeper->args, fn->args, args);
    return rc == -ENOMEM ? error_raise_plain(rc) : rc;
}

/* The first that says something. */
static double grace_of(double own, double of_nursery, double usual)
{
    return own > 0 ? own : of_nursery > 0 ? of_nursery : usual;
}

static void set_graces(struct keeper *keeper, const tr_actor_options *options, const tr_nursery_options *around)
{
    keeper->grace = grace_of(options->grace, around->grace, GRACE_S);
    keeper->term_grace = grace_of(options->term_grace, around->term_grace, TERM_GRACE_S);
}

static struct keeper *keeper_new(tr_nursery *nursery)
{
    struct arena memory = {0};
    struct keeper *keeper = arena_alloc(&memory, sizeof *keeper);
    if (!keeper) {
        error_raise_plain(-ENOMEM);
        return NULL;
    }
    keeper->memory = memory;
    keeper->guest.release = release;
    keeper_init(keeper);
    nursery_add_guest(nursery, &keeper->guest);
    return keeper;
}

static int check_time(const char *name, double seconds, const char *what)
{
    return seconds >= 0 ? 0 : raise_code(TR_EARGUMENT, "actor %s cannot have %g seconds to %s", name, seconds, what);
}

static int check(const tr_actor_options *options, const tr_nursery_options *around)
{
    if (!options)
        return raise_code(TR_EARGUMENT, "the options are NULL");
    tr_try(actor_check_name(options->name));
    if (!actor_self()->arbiter)
        return raise_code(TR_EMISUSE, "a visitor starts no actors: where should they be registered?");
    tr_try(check_time(options->name, options->start_timeout, "start"));
    tr_try(check_time(options->name, options->grace, "end"));
    tr_try(check_time(options->name, options->term_grace, "end"));
    tr_try(check_time(options->name, around->grace, "end"));
    tr_try(check_time(options->name, around->term_grace, "end"));
    for (size_t i = 0; i < options->modules.count; i++)
        if (!options->modules.items[i] || !options->modules.items[i][0])
            return raise_code(TR_EARGUMENT, "a module of actor %s without a name", options->name);
    return 0;
}

static int start(tr_nursery *nursery, tr_portal **ret_portal, const tr_actor_options *options,
                 const tr_fn_info *fn, const void *args)
{
    tr_try(actor_required());
    tr_try(nursery_usable(nursery));
    const tr_nursery_options *around = nursery_options(nursery);
    tr_try(check(options, around));
    struct keeper *keeper = keeper_new(nursery);
    if (!keeper)
        return -ENOMEM;
    set_graces(keeper, options, around);
    tr_try(prepare(keeper, options, fn, args));
    void *portal;
    tr_try(tr_start(nursery, keeper_keep, keeper, &portal, .name = keeper->name));
    if (ret_portal)
        *ret_portal = portal;
    return 0;
}

int tr_start_actor_(tr_nursery *nursery, tr_portal **ret_portal, const tr_actor_options *options)
{
    return start(nursery, ret_portal, options, NULL, NULL);
}

int tr_run_in_actor_(tr_nursery *nursery, tr_portal **ret_portal, const tr_actor_options *options,
                     const tr_fn_info *fn, const void *args)
{
    return start(nursery, ret_portal, options, fn, args);
}

/* ---- results ------------------------------------------------------------------------------------------- */

static int check_main(const tr_portal *portal, const tr_fn_info *fn)
{
    tr_try(portal_usable(portal));
    const struct keeper *keeper = portal->keeper;
    if (!keeper || !keeper->main)
        return raise_code(TR_EMISUSE, "actor %s was not started to run a function",
                          portal->session->peer.name);
    if (function_hash(keeper->main) != function_hash(fn) || strcmp(keeper->main->name, fn->name) != 0)
        return raise_code(TR_ESIGNATURE, "actor %s was started to run %s, not %s", keeper->name,
                          keeper->main->name, fn->name);
    return 0;
}

int tr_result_(tr_portal *portal, const tr_fn_info *fn, void *ret)
{
    tr_try(check_main(portal, fn));
    struct keeper *keeper = portal->keeper;
    tr_try(event_wait(&keeper->finished));
    if (keeper->error)
        return error_raise(error_ref(keeper->error));
    if (ret)
        memcpy(ret, keeper->result, fn->out->size);
    return 0;
}

int tr_result_stream_(tr_portal *portal, tr_stream **ret_stream, const tr_fn_info *fn)
{
    tr_try(check_main(portal, fn));
    struct keeper *keeper = portal->keeper;
    if (!keeper->talk || keeper->taken)
        return raise_code(TR_EMISUSE, "actor %s does not run a stream, or somebody has it", keeper->name);
    tr_try(event_wait(&keeper->talk->begun));
    if (!keeper->talk->call.session || keeper->talk->leaving)
        return raise_code(TR_ECLOSED, "the stream of actor %s is closed", keeper->name);
    tr_try(stream_new(talk_ref(keeper->talk), ret_stream));
    keeper->taken = true;
    return 0;
}
