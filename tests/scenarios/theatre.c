/* The words of scenarios in the fake world. */
#include "scenarios/theatre.h"

#include <stdlib.h>
#include <string.h>

static struct theatre theatre_here; /* one at a time, as worlds */

static struct theatre *theatre(void)
{
    return world_user();
}

/* ---- inside -------------------------------------------------------------------------------------- */

void say(const char *word)
{
    char *said = theatre()->said;
    size_t used = strlen(said);
    snprintf(said + used, sizeof theatre()->said - used, "%s\n", word);
}

int fail_of(int rc)
{
    if (rc < 0) {
        say(tr_error_report(tr_last_error()));
        say("failed");
    }
    return rc;
}

static int direct(void *arg)
{
    return theatre()->director(arg);
}

enum { MEMBERS_MOST = 8, SHAPE_ROOM = 1024 };

static void write_shape(const tr_error *error, char *ret_text);

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void write_members(const tr_error *group, char *ret_text)
{
    char shapes[MEMBERS_MOST][SHAPE_ROOM];
    size_t count = tr_error_members(group), used = 0;
    if (count > MEMBERS_MOST)
        count = MEMBERS_MOST;
    for (size_t i = 0; i < count; i++)
        write_shape(tr_error_member(group, i), shapes[i]);
    qsort(shapes, count, SHAPE_ROOM, by_text);
    for (size_t i = 0; i < count && used < SHAPE_ROOM; i++)
        used += (size_t)snprintf(ret_text + used, SHAPE_ROOM - used, "%s%s", i ? ", " : "[", shapes[i]);
    if (used < SHAPE_ROOM)
        snprintf(ret_text + used, SHAPE_ROOM - used, "]");
}

static void write_shape(const tr_error *error, char *ret_text)
{
    const char *actor = tr_error_actor(error)->name;
    if (tr_error_members(error) > 0) {
        write_members(error, ret_text);
    } else if (tr_error_code(error) == TR_EREMOTE && tr_error_cause(error)) {
        int used = snprintf(ret_text, SHAPE_ROOM, "%s > ", actor);
        char rest[SHAPE_ROOM];
        write_shape(tr_error_cause(error), rest);
        snprintf(ret_text + used, SHAPE_ROOM - (size_t)used, "%s", rest);
    } else {
        snprintf(ret_text, SHAPE_ROOM, "%s(%s)@%s", tr_error_type(error), tr_error_message(error), actor);
    }
}

static void note_outcome(struct theatre *theatre)
{
    snprintf(theatre->outcome, sizeof theatre->outcome, "%s", tr_error_report(tr_last_error()));
    write_shape(tr_last_error(), theatre->shape);
}

static int program(int argc, char **argv)
{
    bool is_root = !tr_is_child();
    const char *listen = theatre()->listen, *advertise = theatre()->advertise ? theatre()->advertise : "";
    tr_str stage = "stage"; /* others may come */
    char at[128];
    snprintf(at, sizeof at, "tcp://%s:0", process_host(process_here()));
    if (theatre()->on_network && !listen)
        listen = at;
    int rc = tr_main(argc, argv, direct, NULL, .arbiter = theatre()->arbiter, .log = theatre()->log,
                     .start_method = theatre()->start_method, .allow_remote = theatre()->on_network,
                     .listen = {&listen, listen != NULL}, .advertise = {&advertise, advertise[0] != '\0'},
                     .lost_after = theatre()->lost_after,
                     .modules = {&stage, theatre()->on_network}, .visitor = theatre()->visitors);
    if (is_root && process_here() == theatre()->root) {
        theatre()->ended = true;
        if (rc != 0)
            note_outcome(theatre());
    }
    return rc;
}

/* ---- outside ------------------------------------------------------------------------------------- */

struct theatre *raise_curtain(uint64_t seed, int (*director)(void *))
{
    struct theatre *theatre = &theatre_here;
    if (theatre->world)
        world_free(theatre->world); /* of a test that did not come to its end */
    *theatre = (struct theatre){.director = director, .log = "error"};
    theatre->world = world_new(seed);
    theatre->host = world_host(theatre->world, "alpha");
    world_set_user(theatre->world, theatre);
    theatre->root = another_root(theatre);
    return theatre;
}

struct process *another_root(struct theatre *theatre)
{
    return another_root_on(theatre, theatre->host);
}

struct process *another_root_on(struct theatre *theatre, struct host *host)
{
    return world_spawn(theatre->world, host, program);
}

void let_in(struct theatre *theatre, int (*director)(void *), const char *host)
{
    theatre->director = director;
    (void)another_root_on(theatre, host ? world_host(theatre->world, host) : theatre->host);
}

static bool was_said(void *arg)
{
    const struct theatre *theatre = arg;
    size_t size = strlen(theatre->awaited);
    for (const char *at = theatre->said; (at = strstr(at, theatre->awaited)); at += size)
        if (at[size] == '\n' && (at == theatre->said || at[-1] == '\n'))
            return true;
    return false;
}

void run_until_said(struct theatre *theatre, const char *word)
{
    theatre->awaited = word;
    if (!world_run_until(theatre->world, was_said, theatre, 60))
        fail_msg("\"%s\" was never said; but: %s", word, theatre->said);
}

void run_for(struct theatre *theatre, double seconds)
{
    (void)world_run(theatre->world, seconds);
}

static bool all_gone(void *arg)
{
    return world_living(((struct theatre *)arg)->world) == 0;
}

void run_to_the_end(struct theatre *theatre)
{
    if (!world_run_until(theatre->world, all_gone, theatre, 60))
        fail_msg("after a minute %zu processes live", world_living(theatre->world));
}

static struct process *find(struct theatre *theatre, const char *name)
{
    struct process *process = world_find(theatre->world, name);
    if (!process)
        fail_msg("there is no actor %s", name);
    return process;
}

void kill_actor(struct theatre *theatre, const char *name)
{
    world_kill(find(theatre, name), SIGKILL);
}

void stop_actor(struct theatre *theatre, const char *name)
{
    world_kill(find(theatre, name), SIGSTOP);
}

void wake_actor(struct theatre *theatre, const char *name)
{
    world_kill(find(theatre, name), SIGCONT);
}

void cut_actors(struct theatre *theatre, const char *a, const char *b)
{
    assert_true(world_cut(find(theatre, a), find(theatre, b)) > 0);
}

void heal_actors(struct theatre *theatre, const char *a, const char *b)
{
    assert_true(world_heal(find(theatre, a), find(theatre, b)) > 0);
}

void reset_actors(struct theatre *theatre, const char *a, const char *b)
{
    assert_true(world_reset(find(theatre, a), find(theatre, b)) > 0);
}

double seconds_now(const struct theatre *theatre)
{
    return (double)world_now_ns(theatre->world) / 1e9;
}

void expect_outcome(struct theatre *theatre, const char *type)
{
    run_to_the_end(theatre);
    if (!theatre->ended)
        fail_msg("the root died of signal %d, and has no outcome", process_signal(theatre->root));
    if (type ? !strstr(theatre->outcome, type) : theatre->outcome[0])
        fail_msg("the root ended with %s", theatre->outcome[0] ? theatre->outcome : "no error");
}

void expect_shape(struct theatre *theatre, const char *shape)
{
    run_to_the_end(theatre);
    assert_true(theatre->ended);
    assert_string_equal(theatre->shape, shape);
}

void expect_nothing_left(struct theatre *theatre)
{
    run_to_the_end(theatre);
    assert_int_equal(world_open_files(theatre->world), 0);
    assert_int_equal(world_paths(theatre->world), 0);
    assert_int_equal(world_leaks(theatre->world), 0);
    assert_int_equal(world_panics(theatre->world), 0);
    world_free(theatre->world);
    theatre->world = NULL;
}

void end_all(struct theatre *theatre)
{
    for (size_t i = 0; world_nth(theatre->world, i); i++)
        if (!process_parent(world_nth(theatre->world, i)))
            world_kill(world_nth(theatre->world, i), SIGTERM);
    expect_nothing_left(theatre);
}

/* ---- plays that check by themselves -------------------------------------------------------------------------- */

enum { SEEDS = 5 };

int with_donny(const char *module, int (*body)(tr_portal *donny))
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *donny;
    tr_try(tr_start_actor(n, &donny, "donny", .modules = tr_names(module)));
    tr_try(body(donny));
    tr_try(tr_cancel_actor(donny));
    return tr_join(n);
}

int be_open_with_donny(const char *module)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_actor(n, NULL, "donny", .modules = tr_names(module)));
    say("open");
    return tr_join(n);
}

void expect_success(int (*director)(void *), const char *said)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct theatre *theatre = raise_curtain(seed, director);
        expect_outcome(theatre, NULL);
        if (said)
            assert_string_equal(theatre->said, said);
        expect_nothing_left(theatre);
    }
}
