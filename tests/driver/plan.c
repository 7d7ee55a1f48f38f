/* From a seed to a plan. Every draw is made whether or not its part is left out, so that leaving one
 * out changes nothing about the others. */
#include "play.h"

#include "random.h"

#include <stdio.h>
#include <string.h>

#define AS_TEXT(name, text) text,
const char *const op_names[] = {OPS(AS_TEXT)};
const char *const start_names[] = {STARTS(AS_TEXT)};
const char *const fault_names[] = {FAULTS(AS_TEXT)};
const char *const phase_names[] = {PHASES(AS_TEXT)};
const char *const outcome_names[] = {OUTCOMES(AS_TEXT)};

enum { DEPTH_MOST = 3 };

struct draft {
    struct play *play;
    uint64_t chance;
};

static uint64_t draw(struct draft *draft, uint64_t end)
{
    return random_below(&draft->chance, end);
}

static int next_part(struct draft *draft)
{
    return draft->play->part_count++;
}

/* Echoes and scenes are most of life. */
static enum op draw_op(struct draft *draft)
{
    static const enum op bright[] = {ECHO,      SLOW,           CROWD, BULK,     STREAM, LEFT,        FIND,
                                     MOVED,     SCENE,          SCENE, FLOW,     READERS, MAIN_STREAM, TALK,
                                     TALK_LEFT, TALK_CANCELLED, AHEAD, SHIELDED, SLEEP,  CANCEL_ACTOR};
    if (draft->play->sunny)
        return bright[draw(draft, sizeof bright / sizeof bright[0] - 1)];
    if (draw(draft, 3) == 0)
        return bright[draw(draft, sizeof bright / sizeof bright[0])];
    return (enum op)draw(draft, LARGE);
}

static enum op at_large(enum op op)
{
    switch (op) {
    case BULK: case CROWD: return LARGE;
    case STREAM: case READERS: return LARGE_STREAM;
    case TALK: case AHEAD: return LARGE_TALK;
    case LEFT: case TALK_LEFT: return LARGE_LEFT;
    default: return op;
    }
}

static void plan_step(struct draft *draft, struct step *step, enum op op, int actor_count)
{
    static const double times[] = {0, 0.001, 0.05, 0.5, 3};
    step->part = next_part(draft);
    step->op = play_carries_large(draft->play) ? at_large(op) : op;
    step->actor = (int)draw(draft, (uint64_t)actor_count);
    step->value = (int64_t)draw(draft, 1000);
    step->seconds = times[draw(draft, draft->play->sunny ? 4 : 5)];
    step->tolerant = draw(draft, 3) > 0;
}

static enum start draw_start(struct draft *draft)
{
    const struct play *play = draft->play;
    uint64_t other = draw(draft, 32);
    if (other == 0 && !play->sunny)
        return START_BY_UNPREPARED;
    return other < 8 && play->tree != START_BY_SPAWN ? START_BY_SPAWN_AMONG : play->tree;
}

static int plan_scene(struct draft *draft, int depth);

static void plan_actor(struct draft *draft, struct part_of_actor *actor, int depth)
{
    actor->part = next_part(draft);
    snprintf(actor->name, sizeof actor->name, "a%d", actor->part);
    actor->start = draw_start(draft);
    actor->has_main = draw(draft, 3) == 0;
    bool deeper = depth < DEPTH_MOST && draw(draft, 2) == 0;
    actor->scene = deeper || actor->has_main ? plan_scene(draft, depth) : -1;
    if (actor->scene < 0)
        actor->has_main = false;
}

/* A scene's number is known before those of its actors' scenes. */
static int plan_scene(struct draft *draft, int depth)
{
    struct play *play = draft->play;
    if (play->scene_count == SCENES_MOST)
        return -1;
    int number = play->scene_count++;
    struct scene *scene = &play->scenes[number];
    scene->actor_count = depth < DEPTH_MOST ? (int)draw(draft, ACTORS_MOST + (depth == 0)) : 0;
    if (depth == 0 && scene->actor_count == 0)
        scene->actor_count = 1;
    if (scene->actor_count > ACTORS_MOST)
        scene->actor_count = ACTORS_MOST;
    for (int i = 0; i < scene->actor_count; i++)
        plan_actor(draft, &scene->actors[i], depth + 1);
    scene->tidy = draw(draft, 4) > 0 || play->sunny;
    scene->step_count = (int)draw(draft, STEPS_MOST) + (depth == 0);
    for (int i = 0; i < scene->step_count; i++)
        plan_step(draft, &scene->steps[i], draw_op(draft), scene->actor_count);
    return number;
}

/* It starts nobody, and ends nobody. */
static void plan_visitor(struct draft *draft, struct visitor *visitor)
{
    static const enum op visits[] = {ECHO,  REFUSE, SLOW, LATE,   MOVED, STUBBORN, SPIN,
                                     CROWD, BULK,   LEFT, STREAM, BROKEN, GIVEN_UP, SLEEP, FIND,
                                     FLOW,  READERS, TALK, TALK_LEFT, TALK_CANCELLED, TALK_BROKEN, AHEAD, SHIELDED};
    visitor->part = next_part(draft);
    visitor->at_step = draw(draft, 100);
    visitor->step_count = 1 + (int)draw(draft, STEPS_MOST);
    for (int i = 0; i < visitor->step_count; i++)
        plan_step(draft, &visitor->steps[i], visits[draw(draft, sizeof visits / sizeof visits[0])],
                  draft->play->scenes[0].actor_count);
}

/* Early or late: half of them fall into the first hundred steps. */
static void plan_fault(struct draft *draft, struct fault *fault)
{
    static const double times[] = {0.0001, 0.01, 0.5, 2, 5};
    fault->part = next_part(draft);
    fault->kind = (enum fault_kind)draw(draft, FAULT_COUNT);
    fault->at_step = draw(draft, draw(draft, 2) ? 100 : 600);
    fault->victim = draw(draft, 1000);
    fault->seconds = times[draw(draft, 5)];
    fault->count = 1 + draw(draft, draw(draft, 2) ? 10 : 200);
}

const char *play_transport;

static void plan_weather(struct draft *draft, struct weather *weather)
{
    static const unsigned often[] = {0, 50, 300};
    static const size_t buffers[] = {512, 8192, 65536, 262144};
    static const int64_t deaths[] = {0, 100000, 5000000};
    weather->interrupt = often[draw(draft, 3)];
    weather->split = often[draw(draft, 3)];
    weather->buffer = buffers[draw(draft, 4)];
    weather->turn_ns = 1000 + (int64_t)draw(draft, 20000);
    weather->latency_ns = 200000;
    weather->start_ns = (int64_t)draw(draft, 3000000);
    weather->death_ns = deaths[draw(draft, 3)];
    uint64_t bonds = draw(draft, 4);
    weather->no_parent_signal = bonds == 0;
    weather->no_lifeline = bonds == 1;
}

void play_plan(struct play *play, uint64_t seed)
{
    static const enum start trees[] = {START_BY_SPAWN, START_BY_SPAWN, START_BY_FORKSERVER, START_BY_FORK};
    struct draft draft = {play, seed * 0x9e3779b97f4a7c15 + 1};
    play->seed = seed;
    play->sunny = draw(&draft, 8) == 0;
    plan_weather(&draft, &play->weather);
    play->tree = trees[draw(&draft, sizeof trees / sizeof trees[0])];
    (void)plan_scene(&draft, 0);
    if (draw(&draft, 4) == 0 && !play->sunny)
        play->visitor_count = 1 + (int)draw(&draft, VISITORS_MOST);
    for (int i = 0; i < play->visitor_count; i++)
        plan_visitor(&draft, &play->visitors[i]);
    play->fault_count = play->sunny ? 0 : (int)draw(&draft, FAULTS_MOST + 1);
    for (int i = 0; i < play->fault_count; i++)
        plan_fault(&draft, &play->faults[i]);
    const char *drawn = draw(&draft, 2) ? "shm" : NULL; /* last: the same play, whichever it is */
    play->weather.transport = play_transport ? play_transport : drawn;
}

/* ---- as text ---------------------------------------------------------------------------------------- */

static void print_steps(const struct play *play, const struct step *steps, int count, const struct scene *scene,
                        int indent, FILE *to)
{
    for (int i = 0; i < count; i++) {
        const struct step *step = &steps[i];
        bool with = scene && scene->actor_count > 0;
        if (!play->without[step->part])
            fprintf(to, "%*s[%d] %s%s%s, value %lld, %g s%s\n", indent, "", step->part, op_names[step->op],
                    with ? " with " : "", with ? scene->actors[step->actor].name : "", (long long)step->value,
                    step->seconds, step->tolerant ? ", come what may" : "");
    }
}

static void print_visitors(const struct play *play, FILE *to)
{
    for (int i = 0; i < play->visitor_count; i++) {
        const struct visitor *visitor = &play->visitors[i];
        if (play->without[visitor->part])
            continue;
        fprintf(to, "  [%d] a visitor, after %llu steps\n", visitor->part, (unsigned long long)visitor->at_step);
        print_steps(play, visitor->steps, visitor->step_count, &play->scenes[0], 6, to);
    }
}

static void print_scene(const struct play *play, int number, int indent, FILE *to)
{
    const struct scene *scene = &play->scenes[number];
    for (int i = 0; i < scene->actor_count; i++) {
        const struct part_of_actor *actor = &scene->actors[i];
        if (play->without[actor->part])
            continue;
        fprintf(to, "%*s[%d] actor %s by %s%s\n", indent, "", actor->part, actor->name,
                start_names[actor->start], actor->has_main ? ", started to play" : ", a daemon");
        if (actor->scene >= 0)
            print_scene(play, actor->scene, indent + 4, to);
    }
    print_steps(play, scene->steps, scene->step_count, scene, indent, to);
}

void play_print(const struct play *play, FILE *to)
{
    fprintf(to, "seed %llu%s: interrupt %u, split %u, buffer %zu, death within %lld ns%s%s\n",
            (unsigned long long)play->seed, play->sunny ? ", sunny" : "", play->weather.interrupt,
            play->weather.split, play->weather.buffer, (long long)play->weather.death_ns,
            play->weather.no_parent_signal ? ", lifelines only" : "",
            play->weather.no_lifeline ? ", no lifelines" : "");
    fprintf(to, "transport %s\n", play->weather.transport ? play->weather.transport : "auto");
    print_scene(play, 0, 2, to);
    print_visitors(play, to);
    for (int i = 0; i < play->fault_count; i++) {
        const struct fault *fault = &play->faults[i];
        if (!play->without[fault->part])
            fprintf(to, "  [%d] after %llu steps: %s, victim %llu, %g s, %llu\n", fault->part,
                    (unsigned long long)fault->at_step, fault_names[fault->kind],
                    (unsigned long long)fault->victim, fault->seconds, (unsigned long long)fault->count);
    }
}
