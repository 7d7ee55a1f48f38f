/* What the processes of a play do: every one runs `act`. The functions are those of any program; but
 * each also writes down in the ledger what it saw, which an observer outside of all processes could not
 * know. */
#define TR_MODULE "act"
#include "act.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { BULK_BYTES = 100000 };

static const double ROOT_LIMIT_S = 20, CALL_LIMIT_S = 0.2, STUBBORN_S = 4, PAUSE_S = 2, GIVE_UP_S = 0.05;

struct play *play_here(void)
{
    return world_user();
}

/* ---- the functions that are called -------------------------------------------------------------------- */

void note_executed(int64_t token)
{
    play_here()->calls[token].executed++;
}

/* NULL: the root, or a visitor. */
static struct part_of_actor *own_part(void)
{
    struct play *play = play_here();
    for (int s = 0; s < play->scene_count; s++)
        for (int i = 0; i < play->scenes[s].actor_count; i++)
            if (strcmp(play->scenes[s].actors[i].name, tr_current_actor()->name) == 0)
                return &play->scenes[s].actors[i];
    return NULL;
}

/* It begins with the actor's number, and keeps what is added. */
static int add_to_statespace(void)
{
    struct part_of_actor *own = own_part();
    int64_t *sum;
    if (!own)
        return 0;
    tr_try(tr_get_statespace(&sum, int64_t));
    if (*sum != own->part + own->noted)
        violated(play_here(), "the statespace of actor %s is %lld after %d additions", own->name, (long long)*sum,
                 own->noted);
    ++*sum;
    own->noted++;
    return 0;
}

tr_fn(int64_t, echo, (int64_t, token), (int64_t, value), (double, seconds))
{
    note_executed(args->token);
    tr_try(add_to_statespace());
    tr_try(tr_sleep(args->seconds));
    *ret = args->value + 1;
    return 0;
}

tr_fn(int64_t, refuse, (int64_t, token))
{
    note_executed(args->token);
    return tr_raise("driver.Refused", "on purpose");
}

tr_fn(int64_t, be_stubborn, (int64_t, token), (int64_t, value))
{
    note_executed(args->token);
    tr_scope shield = tr_shield();
    tr_try(tr_within(&shield, tr_sleep(STUBBORN_S)));
    *ret = args->value + 1;
    return 0;
}

tr_fn(int64_t, spin, (int64_t, token), (int64_t, value), (double, seconds))
{
    note_executed(args->token);
    process_spin(args->seconds);
    *ret = args->value + 1;
    return 0;
}

tr_fn(int64_t, end_here, (int64_t, token), (int64_t, signal))
{
    note_executed(args->token);
    if (args->signal)
        process_die_now((int)args->signal);
    process_exit_now(3);
}

/* Its answer is sent before it ends, whatever else it is told meanwhile. The caller, if it does not
 * look just then, finds both at once, the answer and the end. */
tr_fn(int64_t, ask_for_own_end, (int64_t, token), (int64_t, value))
{
    note_executed(args->token);
    struct play *play = play_here();
    if (args->value % 2 == 0 && play->calls[args->token].caller != process_here())
        play_pause(play, play->calls[args->token].caller, PAUSE_S);
    tr_auto(portal) own = NULL;
    if (tr_find_actor(&own, tr_current_actor()->name) > 0)
        tr_ignore(tr_cancel_actor(own));
    *ret = args->value + 1;
    return 0;
}

tr_fn(tr_bytes, carry, (int64_t, token), (tr_bytes, load))
{
    note_executed(args->token);
    *ret = args->load;
    return 0;
}

static int play_scene(int number);

tr_fn(int64_t, perform, (int64_t, token), (int64_t, scene))
{
    if (args->token >= 0)
        note_executed(args->token);
    tr_try(play_scene((int)args->scene));
    *ret = args->scene + 1;
    return 0;
}

/* ---- calls -------------------------------------------------------------------------------------------- */

static bool died(void)
{
    return tr_error_is(tr_last_error(), "ActorDied");
}

static enum outcome outcome_of(int rc)
{
    if (rc >= 0)
        return OUTCOME_VALUE;
    if (rc == TR_ECANCELLED)
        return OUTCOME_CANCELLED;
    return died() ? OUTCOME_DIED : OUTCOME_ERROR;
}

struct call_record *record_call(enum op op, const tr_portal *portal, int64_t *ret_token)
{
    struct play *play = play_here();
    if (play->call_count == CALLS_MOST)
        abort();
    *ret_token = play->call_count;
    struct call_record *call = &play->calls[play->call_count++];
    double now = tr_now(), deadline = tr_effective_deadline();
    *call = (struct call_record){.op = op,
                                 .caller = process_here(),
                                 .callee = portal ? world_process(play->world, tr_portal_actor(portal)->pid) : NULL,
                                 .begun_ns = world_now_ns(play->world),
                                 .deadline = deadline > now ? deadline : now, /* long ago if cancelled */
                                 .outcome = OUTCOME_NONE};
    return call;
}

int settle_call(struct call_record *call, int rc, bool right)
{
    call->outcomes++;
    call->ended_ns = world_now_ns(play_here()->world);
    call->outcome = outcome_of(rc);
    call->wrong = rc >= 0 && !right;
    return rc;
}

static int call_number(tr_portal *portal, const struct step *step)
{
    int64_t token, got = -1;
    struct call_record *call = record_call(step->op, portal, &token);
    int rc = -1;
    switch (step->op) {
    case REFUSE: rc = tr_call(portal, &got, refuse, .token = token); break;
    case STUBBORN: rc = tr_call(portal, &got, be_stubborn, .token = token, .value = step->value); break;
    case SPIN:
        play_here()->patience_ns += (int64_t)(step->seconds * 1e9);
        rc = tr_call(portal, &got, spin, .token = token, .value = step->value, .seconds = step->seconds);
        break;
    case LAST:
        rc = tr_call(portal, &got, ask_for_own_end, .token = token, .value = step->value);
        break;
    case EXIT: rc = tr_call(portal, &got, end_here, .token = token); break;
    case SEGV: rc = tr_call(portal, &got, end_here, .token = token, .signal = SIGSEGV); break;
    default:
        rc = tr_call(portal, &got, echo, .token = token, .value = step->value,
                     .seconds = step->op == ECHO || step->op == FIND ? 0 : step->seconds);
    }
    return settle_call(call, rc, got == step->value + 1);
}

static int call_in_time(tr_portal *portal, const struct step *step)
{
    tr_scope limit = tr_move_on_after(CALL_LIMIT_S);
    return tr_within(&limit, call_number(portal, step));
}

/* A call that needs more time than it has, and is given it while it runs. */
struct put_off {
    tr_portal *portal;
    const struct step *step;
    tr_scope limit;
    struct call_record *call;
};

static int put_off(void *arg)
{
    struct put_off *off = arg;
    tr_try(tr_sleep(CALL_LIMIT_S / 2));
    off->call->deadline = tr_now() + 1;
    return tr_scope_set_deadline(&off->limit, off->call->deadline);
}

static int call_slowly(struct put_off *off)
{
    int64_t token, got = -1;
    off->call = record_call(MOVED, off->portal, &token);
    int rc = tr_call(off->portal, &got, echo, .token = token, .value = off->step->value, .seconds = 2 * CALL_LIMIT_S);
    return settle_call(off->call, rc, got == off->step->value + 1);
}

static int call_and_put_off(struct put_off *off)
{
    tr_auto(nursery) nursery = tr_open_nursery();
    if (!nursery)
        return tr_error_code(tr_last_error());
    tr_try(tr_start_soon(nursery, put_off, off));
    int rc = tr_within(&off->limit, call_slowly(off));
    tr_cancel(nursery);
    return tr_join_with(nursery, rc);
}

static int call_moved(tr_portal *portal, const struct step *step)
{
    struct put_off off = {.portal = portal, .step = step, .limit = tr_move_on_after(CALL_LIMIT_S)};
    return call_and_put_off(&off);
}

static int call_bulk(tr_portal *portal)
{
    int64_t token;
    tr_auto(frame) frame = tr_open_frame();
    char *load = tr_alloc(BULK_BYTES);
    if (!load)
        return tr_raise("driver.NoMemory", "for the load");
    for (int i = 0; i < BULK_BYTES; i++)
        load[i] = (char)(i * 7 + i / 256);
    struct call_record *call = record_call(BULK, portal, &token);
    tr_bytes sent = {load, BULK_BYTES}, got = {0};
    int rc = tr_call(portal, &got, carry, .token = token, .load = sent);
    return settle_call(call, rc, rc >= 0 && got.size == sent.size && memcmp(got.data, load, got.size) == 0);
}

struct errand {
    tr_portal *portal;
    const struct step *step;
};

static int run_errand(void *arg)
{
    const struct errand *errand = arg;
    return call_number(errand->portal, errand->step);
}

static int call_crowd(tr_portal *portal, const struct step *step)
{
    struct errand errand = {portal, step};
    tr_auto(nursery) crowd = tr_open_nursery();
    if (!crowd)
        return tr_error_code(tr_last_error());
    for (int i = 0; i < 3; i++)
        tr_try(tr_start_soon(crowd, run_errand, &errand));
    return tr_join(crowd);
}

static int give_up(struct errand *errand)
{
    tr_auto(nursery) nursery = tr_open_nursery();
    if (!nursery)
        return tr_error_code(tr_last_error());
    tr_try(tr_start_soon(nursery, run_errand, errand));
    tr_try(tr_sleep(GIVE_UP_S));
    tr_cancel(nursery);
    return tr_join(nursery);
}

static int call_somehow(tr_portal *portal, const struct step *step)
{
    switch (step->op) {
    case LATE: case STUBBORN: return call_in_time(portal, step);
    case MOVED: return call_moved(portal, step);
    case GIVEN_UP: return give_up(&(struct errand){portal, step});
    case CROWD: return call_crowd(portal, step);
    case BULK: return call_bulk(portal);
    case STREAM: case LEFT: case BROKEN: case FLOW: case READERS: return call_stream_op(portal, step);
    case TALK: case TALK_LEFT: case TALK_CANCELLED: case TALK_BROKEN: case AHEAD: case SHIELDED:
        return call_talk(portal, step);
    case LARGE_STREAM: case LARGE_TALK: case LARGE_LEFT: return call_large_talk(portal, step);
    default: return call_number(portal, step);
    }
}

/* ---- scenes ------------------------------------------------------------------------------------------- */

struct stage {
    struct scene *scene;
    tr_nursery *nursery;
    tr_portal *portals[ACTORS_MOST];
    struct kept kept;
};

/* Of a scene that is played here, or by somebody below who shares the streams. */
static int hear(const tr_line *line, void *arg)
{
    (void)arg;
    int number = atoi(line->text);
    if (line->stream != 1 || !line->begins || !line->ends || number >= play_here()->scene_count)
        return tr_raise("driver.Wrong", "a line of nobody: %s", line->text);
    play_here()->scenes[number].heard++;
    return tr_checkpoint();
}

/* NULL: as the tree does it. */
static const char *method_of(enum start start)
{
    switch (start) {
    case START_BY_SPAWN_AMONG: return start_names[START_BY_SPAWN];
    case START_BY_UNPREPARED:
        return start_names[play_here()->tree == START_BY_FORK ? START_BY_FORKSERVER : START_BY_FORK];
    default: return NULL;
    }
}

static int start_actor(struct stage *stage, int i)
{
    struct part_of_actor *actor = &stage->scene->actors[i];
    const char *method = method_of(actor->start);
    int64_t number = actor->part;
    int rc;
    tr_line_fn *on_line = i % 2 == 0 ? hear : NULL;
    if (on_line && actor->scene >= 0)
        play_here()->scenes[actor->scene].captured = true;
    if (actor->has_main)
        rc = tr_run_in_actor_with(stage->nursery, &stage->portals[i],
                                  tr_options(actor->name, .on_line = on_line, .start_method = method,
                                             .statespace = tr_statespace(int64_t, &number)),
                                  perform, .token = -1, .scene = actor->scene);
    else
        rc = tr_start_actor(stage->nursery, &stage->portals[i], actor->name, .modules = tr_names("act"),
                            .on_line = on_line, .start_method = method,
                            .statespace = tr_statespace(int64_t, &number));
    actor->up = rc >= 0;
    if (play_here()->counts)
        play_here()->counts->starts[actor->start][outcome_of(rc)]++;
    if (rc >= 0 && actor->start == START_BY_UNPREPARED)
        violated(play_here(), "actor %s was started by what its tree has not prepared for", actor->name);
    return rc;
}

static int find_and_call(const char *name, const struct step *step)
{
    tr_auto(portal) found = NULL;
    int rc = tr_find_actor(&found, name);
    return rc > 0 ? call_number(found, step) : rc;
}

static int have_performed(tr_portal *portal, const struct part_of_actor *actor)
{
    int64_t token, got = -1;
    if (actor->has_main || actor->scene < 0 || play_here()->scenes[actor->scene].played)
        return 0;
    struct call_record *call = record_call(SCENE, portal, &token);
    int rc = tr_call(portal, &got, perform, .token = token, .scene = actor->scene);
    return settle_call(call, rc, got == actor->scene + 1);
}

/* A step without an actor in it: only the body's own. */
static int take_own_step(struct stage *stage, const struct step *step)
{
    switch (step->op) {
    case SLEEP: return tr_sleep(step->seconds);
    case RAISE: return tr_raise("driver.Refused", "by a scene");
    case CANCEL:
        stage->scene->cancelled = true;
        tr_cancel(stage->nursery);
        return tr_checkpoint();
    default: return 0;
    }
}

static int take_step(struct stage *stage, const struct step *step)
{
    struct scene *scene = stage->scene;
    tr_portal *portal = scene->actor_count ? stage->portals[step->actor] : NULL;
    struct part_of_actor *actor = scene->actor_count ? &scene->actors[step->actor] : NULL;
    if (!portal)
        return take_own_step(stage, step);
    switch (step->op) {
    case LAST:
        actor->asked = true;
        return call_number(portal, step);
    case FIND: return find_and_call(actor->name, step);
    case SCENE: return have_performed(portal, actor);
    case MAIN_STREAM: return call_main_stream(step);
    case LARGE: return call_large(&stage->kept, portal, step);
    case CANCEL_ACTOR:
        actor->asked = true;
        return tr_cancel_actor(portal);
    case SLEEP: case RAISE: case LEAVE: case CANCEL: return take_own_step(stage, step);
    default: return call_somehow(portal, step);
    }
}

static void count_op(enum op op, int rc)
{
    struct counts *counts = play_here()->counts;
    if (counts)
        counts->ops[op][outcome_of(rc)]++;
}

/* Daemons live until they are asked to end. */
static int end_daemons(struct stage *stage)
{
    struct scene *scene = stage->scene;
    for (int i = 0; i < scene->actor_count && scene->tidy; i++) {
        if (!stage->portals[i] || scene->actors[i].has_main)
            continue;
        scene->actors[i].asked = true;
        tr_try(tr_cancel_actor(stage->portals[i]));
    }
    return 0;
}

/* Or, sometimes, not before all actors have ended. */
static int give_all_back(struct stage *stage)
{
    if (stage->scene->step_count % 3 == 0)
        return 0;
    let_go_of_kept(&stage->kept);
    for (int i = 0; i < stage->scene->actor_count; i++)
        if (stage->portals[i])
            tr_try(expect_all_back(&stage->kept, stage->portals[i]));
    return 0;
}

static int play_body(struct stage *stage)
{
    struct scene *scene = stage->scene;
    const bool *without = play_here()->without;
    for (int i = 0; i < scene->actor_count; i++)
        if (!without[scene->actors[i].part])
            tr_try(start_actor(stage, i));
    for (int i = 0; i < scene->step_count; i++) {
        const struct step *step = &scene->steps[i];
        if (without[step->part])
            continue;
        int rc = take_step(stage, step);
        count_op(step->op, rc);
        look_at_kept(&stage->kept);
        if (step->op == LEAVE)
            scene->left = true;
        if (scene->left || (rc < 0 && (!step->tolerant || rc == TR_ECANCELLED)))
            return rc < 0 ? rc : 0;
    }
    tr_try(give_all_back(stage));
    return end_daemons(stage);
}

/* Who was started to play is asked to end by the join, or by leaving. */
static void ask_who_is_left(struct scene *scene)
{
    for (int i = 0; i < scene->actor_count; i++)
        if (scene->actors[i].told && process_alive(scene->actors[i].told))
            scene->actors[i].asked = true;
}

static int play_inside(struct stage *stage)
{
    tr_auto(nursery) nursery = tr_open_nursery();
    if (!nursery)
        return tr_error_code(tr_last_error());
    stage->nursery = stage->scene->nursery = nursery;
    stage->scene->in_body = true;
    int rc = stage->scene->body_rc = play_body(stage);
    stage->scene->in_body = false;
    ask_who_is_left(stage->scene);
    return stage->scene->left ? rc : tr_join_with(nursery, rc);
}

static int run_hook(void *arg)
{
    struct scene *scene = arg;
    scene->hooks_run++;
    if (scene->captured) { /* its last words */
        char line[16];
        snprintf(line, sizeof line, "%d\n", (int)(scene - play_here()->scenes));
        process_print(1, line);
        scene->printed++;
    }
    return 0;
}

static int play_scene(int number)
{
    struct scene *scene = &play_here()->scenes[number];
    scene->hooks_added += tr_at_end(run_hook, scene) >= 0;
    struct stage stage = {.scene = scene};
    scene->played++;
    scene->player = process_here();
    tr_scope whole = tr_cancel_scope(); /* where what goes wrong in leaving early comes out */
    int rc = tr_within(&whole, play_inside(&stage));
    let_go_of_kept(&stage.kept);
    scene->rc = rc;
    scene->ended = true;
    play_check_scene(play_here(), scene);
    return rc;
}

/* ---- the root ----------------------------------------------------------------------------------------- */

static int direct(void *arg)
{
    (void)arg;
    tr_scope limit = tr_move_on_after(ROOT_LIMIT_S);
    int rc = tr_within(&limit, play_scene(0));
    play_here()->out_of_time = limit.cancelled_caught;
    return rc;
}

/* Of the root and its visitors. */
static const char *shared_arbiter(const struct play *play)
{
    return play_is_abroad(play) ? "tcp://alpha:1616" : "tcp://127.0.0.1:1616";
}

/* Where those on a host can be reached by the others. */
struct reach {
    char text[32];
    tr_str address;
    tr_list_tr_str listen;
};

static void reach_from_abroad(struct reach *reach, const struct play *play)
{
    snprintf(reach->text, sizeof reach->text, "tcp://%s:0", process_host(process_here()));
    reach->address = reach->text;
    reach->listen = (tr_list_tr_str){&reach->address, play_is_abroad(play)};
}

int act(int argc, char **argv)
{
    bool is_root = !tr_is_child();
    struct play *play = play_here();
    struct reach reach;
    reach_from_abroad(&reach, play);
    int rc = tr_main(argc, argv, direct, NULL, .name = "root", .log = "error",
                     .modules = tr_names("act"), .arbiter = play->visitor_count ? shared_arbiter(play) : NULL,
                     .listen = reach.listen, .allow_remote = play_is_abroad(play), .lost_after = play_lost_after(play),
                     .start_method = start_names[play->tree]);
    if (is_root) {
        play->root_ended = true;
        play->root_rc = rc;
    }
    return rc;
}

/* ---- visitors --------------------------------------------------------------------------------------------- */

static int take_step_of_visit(struct kept *kept, tr_portal *host, const struct step *step)
{
    switch (step->op) {
    case LARGE: return call_large(kept, host, step);
    case SLEEP: return tr_sleep(step->seconds);
    case FIND: return find_and_call(play_here()->scenes[0].actors[step->actor].name, step);
    default: return call_somehow(host, step);
    }
}

static int take_steps_of_visit(struct kept *kept, tr_portal *host, const struct visitor *visitor)
{
    for (int i = 0; i < visitor->step_count; i++) {
        const struct step *step = &visitor->steps[i];
        if (play_here()->without[step->part])
            continue;
        int rc = take_step_of_visit(kept, host, step);
        count_op(step->op, rc);
        look_at_kept(kept);
        if (play_here()->counts && step->op != SLEEP)
            play_here()->counts->visits[outcome_of(rc)]++;
        if (rc < 0 && (!step->tolerant || rc == TR_ECANCELLED))
            return rc;
    }
    return 0;
}

static int visit(const struct visitor *visitor)
{
    tr_auto(portal) host = NULL;
    struct kept kept = {0};
    tr_try(tr_get_arbiter(&host));
    int rc = take_steps_of_visit(&kept, host, visitor);
    let_go_of_kept(&kept);
    return rc;
}

static int be_visitor(void *arg)
{
    tr_scope limit = tr_move_on_after(ROOT_LIMIT_S);
    return tr_within(&limit, visit(arg));
}

/* Should nobody listen any more, or not yet, it is the arbiter, and calls itself. */
int act_as_visitor(int argc, char **argv)
{
    struct play *play = play_here();
    int i = 0;
    while (play->visitors[i].process != process_here())
        i++;
    struct reach reach;
    reach_from_abroad(&reach, play);
    return tr_main(argc, argv, be_visitor, &play->visitors[i], .name = i ? "second visitor" : "visitor", .log = "error",
                   .modules = tr_names("act"), .arbiter = shared_arbiter(play), .listen = reach.listen,
                   .allow_remote = play_is_abroad(play), .lost_after = play_lost_after(play));
}
