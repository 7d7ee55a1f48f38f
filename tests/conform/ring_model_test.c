/* Every interleaving of two ends of a small ring, and every time at which their stores may arrive.
 *
 * The code is that of src/transport/ring.c itself, with other steps below it: before each touch of shared memory its
 * fiber goes back to the explorer, which chooses who goes on. Bytes that are put lie in a buffer of their writer
 * first, and leave it in any order, as on a processor that keeps no order at all; an index that is stored in earnest
 * waits until the buffer is empty. A run is played anew from its beginning for each other choice at its end. Where a
 * state has been before, that is, both ends have read the same so far and all memory is the same, a run ends.
 *
 * Found must be: a byte that is not what was written, both asleep with something left to do, and a touch of what is
 * not the ring. In the second half the peer is hostile: no program, but chance itself at the other end of the memory. */
#include "sched/fiber.h"
#include "support/virtual.h"

#define TR_PLANTS
#include "base/plant.c" /* NOLINT(bugprone-suspicious-include): with plants */

#define TRANSPORT_RING_STEPS_H
#include <stddef.h>
#include <stdint.h>

typedef uint32_t ring_word;
static uint32_t ring_load(ring_word *from);
static void ring_store(ring_word *to, uint32_t value);
static void ring_store_late(ring_word *to, uint32_t value);
static uint32_t ring_exchange(ring_word *at, uint32_t value);
static void ring_put(uint8_t *to, const uint8_t *from, size_t size);
static void ring_get(uint8_t *to, const uint8_t *from, size_t size);

#include "transport/ring.c" /* NOLINT(bugprone-suspicious-include): on other steps */

enum { MOST_BYTES = 8, MOST_STORES = 16, MOST_CHOICES = 400, MOST_ASKED = 12, STACK = 64 * 1024 };
enum { WRITER, READER, ENDS };

/* ---- the machine ------------------------------------------------------------------------------------------------- */

/* A store that has not arrived. */
struct store {
    uint8_t *byte;              /* one of the two */
    ring_word *word;
    uint32_t value;
};

enum wants { WANTS_STEP, WANTS_EMPTY_BUFFER, WANTS_BELL, WANTS_NOTHING };

struct end {
    struct ring ring;
    struct fiber fiber;
    enum wants wants;
    uint64_t history;           /* a sum of all that it has done and read */
    struct store stores[MOST_STORES];
    int store_count;
    bool bell;
    uint32_t done;              /* bytes it has passed */
};

/* What is played. */
struct plan {
    uint32_t size, total, written, read; /* of the ring, and pieces */
    bool hostile[ENDS];         /* is no program */
};

static struct {
    struct plan plan;
    struct ring_control control;
    uint8_t bytes[MOST_BYTES];
    struct end ends[ENDS];
    struct end *running;
    struct fiber explorer;
    int strikes_left;           /* of the hostile end */
    const char *wrong;          /* NULL while nothing is */
} model;

static _Alignas(16) char stacks[ENDS][STACK];

static void note(uint64_t what)
{
    uint64_t *history = &model.running->history;
    *history = (*history ^ what) * 0x9e3779b97f4a7c15;
    *history ^= *history >> 29;
}

/* Back to the explorer, until it is this end's turn. */
static void step(enum wants wants)
{
    struct end *self = model.running;
    self->wants = wants;
    fiber_switch(&self->fiber, &model.explorer);
}

/* The run is over, with this. */
static void go_wrong(const char *how)
{
    if (!model.wrong)
        model.wrong = how;
    for (;;)
        step(WANTS_NOTHING);
}

static void keep_store(struct store store)
{
    if (model.running->store_count == MOST_STORES)
        go_wrong("too many stores for the model");
    model.running->stores[model.running->store_count++] = store;
}

static uint32_t ring_load(ring_word *from)
{
    step(WANTS_STEP);
    uint32_t value = *from;
    for (int i = 0; i < model.running->store_count; i++)
        if (model.running->stores[i].word == from)
            value = model.running->stores[i].value;
    note(value + 1);
    return value;
}

static void ring_store(ring_word *to, uint32_t value)
{
    step(WANTS_EMPTY_BUFFER);
    *to = value;
    note(2);
}

static void ring_store_late(ring_word *to, uint32_t value)
{
    step(WANTS_STEP);
    keep_store((struct store){.word = to, .value = value});
    note(3);
}

static uint32_t ring_exchange(ring_word *at, uint32_t value)
{
    step(WANTS_EMPTY_BUFFER);
    uint32_t before = *at;
    *at = value;
    note(before + 4);
    return before;
}

static void check_place(const uint8_t *place, size_t size)
{
    if (size > 0 && (place < model.bytes || place + size > model.bytes + model.plan.size))
        go_wrong("memory beside the ring is touched");
}

static void ring_put(uint8_t *to, const uint8_t *from, size_t size)
{
    check_place(to, size);
    for (size_t i = 0; i < size; i++) {
        step(WANTS_STEP);
        keep_store((struct store){.byte = to + i, .value = from[i]});
        note(5);
    }
}

static void ring_get(uint8_t *to, const uint8_t *from, size_t size)
{
    check_place(from, size);
    for (size_t i = 0; i < size; i++) {
        step(WANTS_STEP);
        to[i] = from[i];
        note(to[i] + 6u);
    }
}

/* ---- the programs ---------------------------------------------------------------------------------------------- */

static uint8_t byte_at(uint32_t i)
{
    return (uint8_t)(i + 1); /* not the zero that was there before */
}

static uint32_t next_piece(const struct end *end, uint32_t most)
{
    uint32_t left = model.plan.total - end->done;
    return left < most ? left : most;
}

static void ring_bell(struct end *of)
{
    step(WANTS_STEP);
    of->bell = true;
    note(7);
}

/* As wire.c does. */
static void wait_if_told(struct end *self, int sleeps)
{
    if (sleeps < 0)
        go_wrong(sleeps == -EPROTO ? "index" : "another error than that of an index");
    if (sleeps == 0)
        step(WANTS_BELL);
    self->bell &= sleeps != 0;
    note(8);
}

static void check_passed(long moved, uint32_t asked)
{
    if (moved == -EPROTO)
        go_wrong("index");
    if (moved < 0 || moved > (long)asked || moved > (long)model.plan.size)
        go_wrong("more was passed than there can be");
}

static void write_all(struct end *self)
{
    uint8_t bytes[MOST_ASKED];
    while (self->done < model.plan.total) {
        uint32_t size = next_piece(self, model.plan.written);
        for (uint32_t i = 0; i < size; i++)
            bytes[i] = byte_at(self->done + i);
        long moved = ring_write(&self->ring, bytes, size);
        check_passed(moved, size);
        self->done += (uint32_t)moved;
        if (moved == 0)
            wait_if_told(self, ring_writer_sleeps(&self->ring));
        else if (ring_wakes_reader(&self->ring))
            ring_bell(&model.ends[READER]);
    }
}

static void read_all(struct end *self)
{
    uint8_t bytes[MOST_ASKED];
    while (self->done < model.plan.total) {
        uint32_t size = next_piece(self, model.plan.read);
        long moved = ring_read(&self->ring, bytes, size);
        check_passed(moved, size);
        for (long i = 0; i < moved && !model.plan.hostile[WRITER]; i++)
            if (bytes[i] != byte_at(self->done + (uint32_t)i))
                go_wrong("a byte is not the one that was written");
        self->done += (uint32_t)moved;
        if (moved == 0)
            wait_if_told(self, ring_reader_sleeps(&self->ring));
        else if (ring_wakes_writer(&self->ring))
            ring_bell(&model.ends[WRITER]);
    }
}

static _Noreturn void *run_end(void *arg)
{
    struct end *self = arg;
    fiber_entered(&model.explorer);
    note(9); /* or it would be in the same state as before */
    if (self == &model.ends[WRITER])
        write_all(self);
    else
        read_all(self);
    for (;;)
        step(WANTS_NOTHING);
}

static void begin(const struct plan *plan)
{
    memset(&model, 0, sizeof model);
    model.plan = *plan;
    model.strikes_left = 2;
    for (int i = 0; i < ENDS; i++) {
        struct end *end = &model.ends[i];
        end->ring = (struct ring){.control = &model.control, .bytes = model.bytes, .size = plan->size};
        end->wants = plan->hostile[i] ? WANTS_NOTHING : WANTS_STEP;
        if (!plan->hostile[i])
            fiber_make(&end->fiber, stacks[i], STACK, run_end, end);
    }
}

static void finish(void)
{
    for (int i = 0; i < ENDS; i++)
        if (!model.plan.hostile[i])
            fiber_fini(&model.ends[i].fiber);
}

/* ---- what may happen next ----------------------------------------------------------------------------------------- */

struct action {
    struct end *end;            /* goes on; or, with a store, that arrives */
    int store;                  /* -1: none */
    ring_word *struck;          /* by a hostile end, with this; or NULL */
    uint32_t value;
};

enum { MOST_ACTIONS = 128 };

static bool may_go_on(const struct end *end)
{
    return end->wants == WANTS_STEP || (end->wants == WANTS_EMPTY_BUFFER && end->store_count == 0) ||
           (end->wants == WANTS_BELL && end->bell);
}

/* Stores to one place keep their order, and a late index stays behind the bytes before it. */
static bool may_arrive(const struct end *end, int which)
{
    for (int i = 0; i < which; i++)
        if (end->stores[which].word || end->stores[i].byte == end->stores[which].byte)
            return false;
    return true;
}

static int list_strikes(struct action *all, int count)
{
    static const uint32_t distances[] = {0, 1, 2, 3, 9, 0x80000000, UINT32_MAX};
    ring_word *words[] = {&model.control.written, &model.control.taken, &model.control.reader_sleeps,
                          &model.control.writer_sleeps};
    for (int word = 0; model.strikes_left > 0 && word < 4; word++)
        for (size_t i = 0; i < (word < 2 ? sizeof distances / sizeof *distances : 2); i++)
            if (*words[word] != distances[i])
                all[count++] = (struct action){NULL, -1, words[word], distances[i]};
    return count;
}

static int list_actions(struct action all[MOST_ACTIONS])
{
    int count = 0;
    for (int i = 0; i < ENDS; i++) {
        struct end *end = &model.ends[i];
        if (may_go_on(end))
            all[count++] = (struct action){end, -1, NULL, 0};
        for (int s = 0; s < end->store_count; s++)
            if (may_arrive(end, s))
                all[count++] = (struct action){end, s, NULL, 0};
    }
    bool any_hostile = model.plan.hostile[WRITER] || model.plan.hostile[READER];
    return any_hostile && count > 0 ? list_strikes(all, count) : count;
}

static void act(const struct action *action)
{
    if (action->struck) {
        *action->struck = action->value;
        model.strikes_left--;
    } else if (action->store >= 0) {
        struct end *end = action->end;
        const struct store *store = &end->stores[action->store];
        if (store->byte)
            *store->byte = (uint8_t)store->value;
        else
            *store->word = store->value;
        end->store_count--;
        memmove(&end->stores[action->store], &end->stores[action->store + 1],
                (size_t)(end->store_count - action->store) * sizeof *end->stores);
    } else {
        model.running = action->end;
        fiber_switch(&model.explorer, &action->end->fiber);
    }
}

/* ---- exploring ----------------------------------------------------------------------------------------------------- */

enum { SEEN_ROOM = 1 << 22 };

static struct {
    uint64_t *seen;             /* sums of states, hashed; 0: free */
    size_t states, runs;
    int chosen[MOST_CHOICES], of[MOST_CHOICES], depth;
} search;

static uint64_t mix(uint64_t sum, uint64_t with)
{
    sum = (sum ^ with) * 0xff51afd7ed558ccd;
    return sum ^ sum >> 32;
}

static uint64_t state(void)
{
    uint64_t sum = mix(1, model.control.written);
    sum = mix(sum, model.control.taken);
    sum = mix(sum, model.control.reader_sleeps * 2 + model.control.writer_sleeps);
    for (int i = 0; i < MOST_BYTES; i++)
        sum = mix(sum, model.bytes[i]);
    for (int i = 0; i < ENDS; i++) {
        const struct end *end = &model.ends[i];
        sum = mix(sum, end->history);
        sum = mix(sum, (uint64_t)end->wants * 2 + end->bell);
        for (int s = 0; s < end->store_count; s++)
            sum = mix(sum, end->stores[s].value << 8 | (uint64_t)(end->stores[s].byte - model.bytes));
    }
    return mix(sum, (uint64_t)model.strikes_left) | 1;
}

/* Whether it is new. */
static bool remember(uint64_t sum)
{
    size_t at = sum % SEEN_ROOM;
    while (search.seen[at] && search.seen[at] != sum)
        at = (at + 1) % SEEN_ROOM;
    if (search.seen[at])
        return false;
    search.seen[at] = sum;
    assert_true(++search.states < SEEN_ROOM / 2);
    return true;
}

/* Nobody can go on: that is right when all has been passed, and when a peer does what it likes. */
static void check_rest(void)
{
    for (int i = 0; i < ENDS; i++)
        if (!model.plan.hostile[i] && model.ends[i].wants != WANTS_NOTHING && !model.plan.hostile[!i])
            model.wrong = "asleep, and nobody rings the bell";
}

/* Along the choices so far, and then always the first. */
static void play_once(const struct plan *plan)
{
    begin(plan);
    search.runs++;
    for (int depth = 0;; depth++) {
        struct action all[MOST_ACTIONS];
        int count = model.wrong ? 0 : list_actions(all);
        if (count == 0) {
            if (!model.wrong)
                check_rest();
            break;
        }
        assert_true(depth < MOST_CHOICES);
        if (depth == search.depth) {
            if (!remember(state()))
                break;
            search.chosen[depth] = 0;
            search.of[depth] = count;
            search.depth++;
        }
        act(&all[search.chosen[depth]]);
    }
    finish();
}

static bool another_choice(void)
{
    while (search.depth > 0 && search.chosen[search.depth - 1] + 1 == search.of[search.depth - 1])
        search.depth--;
    if (search.depth == 0)
        return false;
    search.chosen[search.depth - 1]++;
    return true;
}

/* What can go wrong; NULL for nothing. A wrong index is what a hostile peer is found out by. */
static const char *explore(const struct plan *plan)
{
    bool hostile = plan->hostile[WRITER] || plan->hostile[READER];
    memset(search.seen, 0, SEEN_ROOM * sizeof *search.seen);
    search.depth = 0;
    search.states = 0;
    do {
        play_once(plan);
        if (model.wrong && !(hostile && strcmp(model.wrong, "index") == 0))
            return model.wrong;
    } while (another_choice());
    return NULL;
}

/* ---- the tests ------------------------------------------------------------------------------------------------------ */

static const struct plan plans[] = {
    {.size = 2, .total = 3, .written = 1, .read = 1}, {.size = 2, .total = 4, .written = 2, .read = 2},
    {.size = 2, .total = 4, .written = 3, .read = 1}, {.size = 2, .total = 4, .written = 1, .read = 3},
    {.size = 4, .total = 5, .written = 3, .read = 4}, {.size = 4, .total = 6, .written = 6, .read = 2},
};
static const struct plan hostile_plans[] = {
    {.size = 2, .total = 12, .written = 12, .read = 12, .hostile = {[WRITER] = true}},
    {.size = 2, .total = 12, .written = 12, .read = 12, .hostile = {[READER] = true}},
    {.size = 8, .total = 12, .written = 5, .read = 12, .hostile = {[WRITER] = true}},
    {.size = 8, .total = 12, .written = 5, .read = 12, .hostile = {[READER] = true}},
};

static const char *explore_all(const struct plan *all, size_t count)
{
    size_t states = 0, runs = search.runs;
    for (size_t i = 0; i < count; i++) {
        const char *wrong = explore(&all[i]);
        if (wrong)
            return wrong;
        states += search.states;
    }
    printf("%zu states, %zu runs\n", states, search.runs - runs);
    return NULL;
}

static const char *explore_everything(void)
{
    const char *wrong = explore_all(hostile_plans, sizeof hostile_plans / sizeof *hostile_plans);
    return wrong ? wrong : explore_all(plans, sizeof plans / sizeof *plans);
}

static int in_every_order_all_bytes_arrive_and_nobody_oversleeps(void *unused)
{
    (void)unused;
    const char *wrong = explore_all(plans, sizeof plans / sizeof *plans);
    return wrong ? tr_raise("test.Failed", "%s", wrong) : 0;
}

static int a_peer_that_scribbles_harms_nothing_but_its_bytes(void *unused)
{
    (void)unused;
    const char *wrong = explore_all(hostile_plans, sizeof hostile_plans / sizeof *hostile_plans);
    return wrong ? tr_raise("test.Failed", "%s", wrong) : 0;
}

static int every_planted_bug_is_found(void *unused)
{
    (void)unused;
#define RING_PLANT_TEXT_(name, text, often) [PLANT_##name - PLANT_END - 1] = (text),
    static const char *const names[] = {RING_PLANTS(RING_PLANT_TEXT_)};
    for (int plant = PLANT_END + 1; plant < PLANT_RING_END; plant++) {
        plant_choose((enum plant)plant);
        const char *wrong = explore_everything();
        plant_choose(PLANT_NONE);
        printf("%s: %s\n", names[plant - PLANT_END - 1], wrong ? wrong : "not found");
        expect(wrong != NULL);
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENARIO(in_every_order_all_bytes_arrive_and_nobody_oversleeps),
        SCENARIO(a_peer_that_scribbles_harms_nothing_but_its_bytes),
        SCENARIO(every_planted_bug_is_found),
    };
    search.seen = calloc(SEEN_ROOM, sizeof *search.seen);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(search.seen);
    return failed;
}
