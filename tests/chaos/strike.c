#include "strike.h"

#include "play.h"
#include "random.h"

#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#define AS_TEXT(name, text, often) text,
const char *const strike_names[] = {STRIKES(AS_TEXT)};
#define AS_OFTEN(name, text, often) often,
static const unsigned often[] = {STRIKES(AS_OFTEN)};

/* ---- the plan --------------------------------------------------------------------------------------- */

/* Among a hundred seeds that follow each other each kind has its share exactly, evenly spread. */
static enum strike kind_of(uint64_t seed)
{
    uint64_t drawn = seed % 100 * 37 % 100, kind = 0;
    while (kind < STRIKE_COUNT - 1 && drawn >= often[kind])
        drawn -= often[kind++];
    return (enum strike)kind;
}

/* Each actor but the root comes through all phases once at least. */
struct strike_plan strike_draw(uint64_t seed, bool stop_newborn)
{
    struct strike_plan plan = {.random = seed, .stop_newborn = stop_newborn};
    uint64_t *random = &plan.random;
    plan.kind = kind_of(seed);
    plan.phase = (enum phase)random_below(random, PHASE_COUNT);
    plan.entered = 1 + (unsigned)random_below(random, TREE - 1);
    plan.delay_ns = random_chance(random, 300) ? 0 : (int64_t)random_below(random, 1500000);
    plan.gap_ns = random_chance(random, 500) ? 0 : (int64_t)random_below(random, 1000000);
    plan.pause_ns = (int64_t)random_below(random, 50000000);
    bool one = plan.kind == KILL_ONE || plan.kind == STOP_ONE;
    plan.count = plan.kind == KILL_ROOT ? 0 : one ? 1 : 1 + random_below(random, TREE - 1);
    return plan;
}

void strike_print(const struct strike_plan *plan, FILE *to)
{
    fprintf(to, "plan: %s, when \"%s\" was entered %u times and %.3f ms later, %llu victims %.3f ms apart\n",
            strike_names[plan->kind], phase_names[plan->phase], plan->entered, (double)plan->delay_ns / 1e6,
            (unsigned long long)plan->count, (double)plan->gap_ns / 1e6);
}

bool strike_stops(const struct strike_plan *plan)
{
    return plan->kind == STOP_ONE || plan->kind == STOP_SOME;
}

/* ---- the moment ------------------------------------------------------------------------------------- */

static bool has_come(struct observer *observer, void *arg)
{
    const struct strike_plan *plan = arg;
    return atomic_load(&observer->board->entered[plan->phase]) >= plan->entered;
}

/* ---- the victims ------------------------------------------------------------------------------------ */

static void swap(struct seen *a, struct seen *b)
{
    struct seen kept = *a;
    *a = *b;
    *b = kept;
}

/* In an order of the plan's choice, but first one that is in its phase. */
static void shuffle(struct strike_plan *plan, struct seen *seen, int count)
{
    for (int i = count - 1; i > 0; i--)
        swap(&seen[i], &seen[random_below(&plan->random, (uint64_t)i + 1)]);
    for (int i = 0; i < count; i++)
        if (seen[i].phase == plan->phase) {
            swap(&seen[0], &seen[i]);
            return;
        }
}

static bool anybody_in(enum phase phase, const struct seen *seen, int count)
{
    for (int i = 0; i < count; i++)
        if (seen[i].phase == phase)
            return true;
    return false;
}

static void add(struct strike_done *done, struct seen whom, bool killed)
{
    struct victim *victim = &done->victims[done->victim_count++];
    *victim = (struct victim){.pid = whom.pid, .killed = killed, .phase = whom.phase};
    observer_name(whom.pid, victim->name, sizeof victim->name);
    victim->serves = strcmp(victim->name, "tractor-server") == 0;
}

static bool kills_root(enum strike kind)
{
    return kind == KILL_ROOT || kind == KILL_ROOT_AND_SOME || kind == STOP_SOME_KILL_ROOT;
}

/* A root that is killed is so somewhere in between the others. */
static void choose(struct strike_plan *plan, struct seen *seen, int count, struct strike_done *done)
{
    bool kill = plan->kind <= KILL_ROOT_AND_SOME;
    struct seen root = seen[0], *others = seen + 1;
    int other_count = count - 1;
    if (plan->kind == PAUSE_SOME) {
        others = seen;
        other_count = count;
    }
    int wanted = plan->count < (uint64_t)other_count ? (int)plan->count : other_count;
    uint64_t place_of_root = kills_root(plan->kind) ? random_below(&plan->random, (uint64_t)wanted + 1) : SEEN_MOST;
    shuffle(plan, others, other_count);
    for (int i = 0; i <= wanted; i++) {
        if ((uint64_t)i == place_of_root)
            add(done, root, true);
        if (i < wanted)
            add(done, others[i], kill);
    }
}

static void stop(const struct strike_plan *plan, pid_t pid)
{
    (void)kill(pid, SIGSTOP);
    if (!plan->stop_newborn && observer_is_newborn(pid))
        (void)kill(pid, SIGCONT);
}

static void hit(const struct strike_plan *plan, struct observer *observer, struct strike_done *done,
                struct victim *victim)
{
    if (victim->killed && victim->pid == observer->root) {
        done->root_killed = true;
        done->root_killed_ns = now_ns();
    }
    if (victim->killed)
        victim->killed = kill(victim->pid, SIGKILL) == 0; /* unless it was faster */
    else
        stop(plan, victim->pid);
}

static void hit_all(const struct strike_plan *plan, struct observer *observer, struct strike_done *done)
{
    for (int i = 0; i < done->victim_count; i++) {
        if (i > 0 && plan->gap_ns > 0)
            (void)observer_wait(observer, NULL, NULL, now_ns() + plan->gap_ns);
        hit(plan, observer, done, &done->victims[i]);
    }
    if (plan->kind != PAUSE_SOME)
        return;
    (void)observer_wait(observer, NULL, NULL, now_ns() + plan->pause_ns);
    for (int i = 0; i < done->victim_count; i++)
        (void)kill(done->victims[i].pid, SIGCONT);
}

void strike(const struct strike_plan *plan, struct observer *observer, int64_t until_ns,
            struct strike_done *ret_done)
{
    struct strike_plan draft = *plan;
    struct seen seen[SEEN_MOST];
    *ret_done = (struct strike_done){.phase = plan->phase};
    if (!observer_wait(observer, has_come, &draft, until_ns))
        return;
    (void)observer_wait(observer, NULL, NULL, now_ns() + plan->delay_ns);
    int count = observer_look(observer, seen);
    if (count == 0 || seen[0].pid != observer->root)
        return; /* it is over */
    bool anybody = anybody_in(plan->phase, seen, count);
    choose(&draft, seen, count, ret_done);
    ret_done->struck = ret_done->victim_count > 0;
    if (!ret_done->struck)
        return;
    ret_done->phase = anybody ? plan->phase : ret_done->victims[0].phase;
    hit_all(plan, observer, ret_done);
}

/* ---- afterwards ------------------------------------------------------------------------------------- */

void strike_look_at_dead(struct strike_done *done, struct board *board)
{
    for (int i = 0; i < done->victim_count; i++) {
        struct place *place = board_find(board, done->victims[i].pid);
        if (place && done->victims[i].killed)
            done->victims[i].phase = (enum phase)atomic_load(&place->phase);
    }
}
