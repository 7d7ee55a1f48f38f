#include "conform/ways.h"

#include "base/hooks.h"
#include "sys/sys.h"
#include "transport/transport.h"
#include "world.h"

static int meet_in_a_pair(struct ends *ends)
{
    int fds[2], rc = sys_pair(fds);
    if (rc < 0)
        return tr_raise("test.NoPair", "%d", rc);
    rc = wire_open(&ends->a, fds[0]);
    if (rc < 0) {
        sys_close(&fds[1]);
        return rc;
    }
    return wire_open(&ends->b, fds[1]);
}

static int meet_at(const char *address, struct ends *ends)
{
    struct listener listener;
    struct sys_address *at, winner;
    int fd, rc;
    tr_try(transport_find(address, &at));
    rc = transport_listen_at(at, true, &listener);
    mem_free(at);
    tr_try(rc);
    rc = transport_meet(&listener.at, 1, &fd, &winner);
    if (rc >= 0)
        rc = wire_open(&ends->a, fd);
    if (rc >= 0)
        rc = transport_accept(&listener, &fd);
    if (rc >= 0)
        rc = wire_open(&ends->b, fd);
    transport_unlisten(&listener);
    return rc;
}

static int meet_over_tcp(struct ends *ends)
{
    return meet_at("tcp://127.0.0.1:0", ends);
}

static int must(int rc)
{
    return rc < 0 ? tr_raise("test.NoRings", "%d", rc) : 0;
}

/* What sessions say to each other by frames is known here. */
static int meet_by_rings(struct ends *ends)
{
    uint8_t offer;
    tr_try(meet_in_a_pair(ends));
    ends->b.looks = ends->b.may_accept = true;
    tr_try(must(wire_offer(&ends->a)));
    tr_try(wire_write(&ends->a, "o", 1));
    tr_try((int)wire_read(&ends->b, &offer, 1));
    tr_try(must(wire_accept(&ends->b)));
    tr_try(must(wire_write_by_rings(&ends->b)));
    tr_try(must(wire_read_by_rings(&ends->a)));
    tr_try(must(wire_write_by_rings(&ends->a)));
    return must(wire_read_by_rings(&ends->b));
}

const struct way ways[WAYS] = {
    {"uds", meet_in_a_pair},
    {"tcp", meet_over_tcp},
    {"shm", meet_by_rings},
};

/* ---- running -------------------------------------------------------------------------------------------------- */

struct run {
    const struct way *way;
    wire_scenario *scenario;
    bool in_earnest, apart, in_need;
};

/* Another one each time. */
static int wander(struct sys *sys)
{
    static int processor;
    (void)sys;
    return ++processor & 1023;
}

static void run_apart(void)
{
    static struct sys_ops ops;
    ops = *runtime->sys->ops;
    ops.processor = wander;
    runtime->sys->ops = &ops;
}

static int play(void *arg)
{
    const struct run *run = arg;
    if (run->apart)
        run_apart();
    struct ends ends = {.a = {.io = {.fd = -1}}, .b = {.io = {.fd = -1}}, .in_earnest = run->in_earnest};
    tr_scope limit = tr_fail_after(5); /* a listener in need waits for better times */
    int rc = tr_within(&limit, run->way->meet(&ends));
    if (rc >= 0)
        rc = run->scenario(&ends);
    wire_close(&ends.a);
    wire_close(&ends.b);
    return rc;
}

static void run_really(struct run *run)
{
    int before = open_descriptors();
    int rc = tr_run(play, run);
    if (rc < 0)
        print_error("%s\n", tr_error_report(tr_last_error()));
    assert_true(rc >= 0);
    sys_forsake(); /* which kept the error */
    assert_int_equal(open_descriptors(), before);
}

void in_the_real_world(const struct way *way, wire_scenario *scenario)
{
    run_really(&(struct run){.way = way, .scenario = scenario, .in_earnest = true});
}

void on_two_processors(const struct way *way, wire_scenario *scenario)
{
    run_really(&(struct run){.way = way, .scenario = scenario, .in_earnest = true, .apart = true});
}

/* ---- in the fake world ----------------------------------------------------------------------------------------- */

enum { PLAYED, FAILED, SPOILT };

static int program(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    int rc = tr_run(play, world_user());
    if (rc < 0 && !((struct run *)world_user())->in_need)
        print_error("%s\n", tr_error_report(tr_last_error()));
    return rc >= 0 ? PLAYED : tr_error_is(tr_last_error(), "test.Spoilt") ? SPOILT : FAILED;
}

static struct world *rough_world(uint64_t seed, struct run *run, struct process **ret_process)
{
    struct world *world = world_new(seed);
    world_weather(world)->split = 300;
    world_set_user(world, run);
    *ret_process = world_spawn(world, world_host(world, "alpha"), program);
    return world;
}

/* How it ended; nothing is left of it. */
static int end_of(struct world *world, const struct process *process)
{
    assert_true(world_run(world, 60));
    int status = process_status(process);
    assert_int_equal(world_open_files(world), 0);
    assert_int_equal(world_leaks(world), 0);
    assert_int_equal(world_panics(world), 0);
    world_free(world);
    return status;
}

void in_fake_worlds(const struct way *way, wire_scenario *scenario)
{
    struct run run = {.way = way, .scenario = scenario};
    for (uint64_t seed = 1; seed <= 30; seed++) {
        struct process *process;
        struct world *world = rough_world(seed, &run, &process);
        assert_int_equal(end_of(world, process), PLAYED);
    }
}

static bool passes(struct run *run, void (*harm)(struct process *, uint64_t, bool), uint64_t n, bool for_ever)
{
    struct process *process;
    struct world *world = rough_world(1, run, &process);
    harm(process, n, for_ever);
    while (process_alive(process) && world_step(world))
        continue;
    uint64_t failed = process_failed(process);
    int status = end_of(world, process);
    assert_true(status == PLAYED || status == FAILED);
    return failed == 0;
}

void in_need(const struct way *way, wire_scenario *scenario)
{
    struct run run = {.way = way, .scenario = scenario, .in_need = true};
    for (int for_ever = 0; for_ever <= 1; for_ever++) {
        for (uint64_t n = 1; !passes(&run, process_fail_memory, n, for_ever); n++)
            assert_true(n < 10000);
        for (uint64_t n = 1; !passes(&run, process_fail_calls, n, for_ever); n++)
            assert_true(n < 10000);
    }
}
