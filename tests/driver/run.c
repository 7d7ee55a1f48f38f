/* One play from beginning to end. */
#include "play.h"

#include "base/plant.h"

#include <string.h>

/* Longer than the root's limit and all that may be asked of those who do not heed it. */
static const double ALL_S = 120;

static bool is_over(const struct play *play)
{
    return world_living(play->world) == 0;
}

static void let_visitors_come(struct play *play)
{
    for (int i = 0; i < play->visitor_count; i++) {
        struct visitor *visitor = &play->visitors[i];
        if (play->without[visitor->part] || visitor->process || world_steps(play->world) != visitor->at_step)
            continue;
        visitor->process = world_spawn(play->world, play->abroad[i] ? play->abroad[i] : play->host, act_as_visitor);
    }
}

static void run_world(struct play *play)
{
    int64_t end = world_now_ns(play->world) + (int64_t)(ALL_S * 1e9);
    while (!play->violation[0]) {
        let_visitors_come(play);
        play_faults(play);
        if (!world_step(play->world))
            break;
        if (world_steps(play->world) % 64 == 0 && is_over(play))
            break;
        if (world_now_ns(play->world) > end)
            violated(play, "it is not over after %g s", ALL_S);
    }
}

static void count(struct play *play)
{
    struct counts *counts = play->counts;
    if (!counts)
        return;
    counts->seeds++;
    counts->steps += play->steps;
    counts->violations += play->violation[0] != '\0';
    while (world_nth(play->world, counts->processes))
        break;
}

bool play_run(struct play *play, FILE *trace)
{
#ifdef TR_PLANTS
    plant_choose((enum plant)play->plant);
#endif
    play->world = world_new(play->seed);
    *world_weather(play->world) = play->weather;
    world_set_user(play->world, play);
    world_trace(play->world, trace);
    play->host = world_host(play->world, "alpha");
    if (play_is_abroad(play)) {
        play->abroad[0] = world_host(play->world, "beta");
        play->abroad[1] = world_host(play->world, "gamma");
    }
    play->root = world_spawn(play->world, play->host, act);
    run_world(play);
    if (!play->violation[0])
        play_check(play);
    play->steps = world_steps(play->world);
    play->hash = world_hash(play->world);
    count(play);
    if (play->violation[0] && trace)
        fprintf(trace, "%s\n", process_said(play->root));
    world_free(play->world);
    play_forget_faults(play);
    return !play->violation[0];
}
