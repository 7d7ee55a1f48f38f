/* The ground floor against simple models of it. */
#include "support/virtual.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/heap.h"
#include "base/map.h"
#include "base/numbers.h"
#include "sys/sys.h"

#include <errno.h>
#include <stdlib.h>

static uint64_t random_below(uint64_t bound)
{
    uint64_t bits;
    (void)sys_random(&bits, sizeof bits);
    return bits % bound;
}

/* ---- the heap ------------------------------------------------------------------------------------------- */

enum { NODES = 64 };

static int64_t smallest_of(const struct heap_node *nodes)
{
    int64_t least = INT64_MAX;
    for (int i = 0; i < NODES; i++)
        if (nodes[i].queued && nodes[i].key < least)
            least = nodes[i].key;
    return least;
}

static int the_heap_always_knows_the_smallest(void *arg)
{
    (void)arg;
    struct heap heap = {NULL};
    struct heap_node nodes[NODES] = {{.key = 0}};
    for (int step = 0; step < 20000; step++) {
        struct heap_node *node = &nodes[random_below(NODES)];
        if (node->queued)
            heap_remove(&heap, node);
        else
            heap_insert(&heap, node, (int64_t)random_below(100) - 50);
        expect(heap.root ? heap.root->key == smallest_of(nodes) : smallest_of(nodes) == INT64_MAX);
    }
    heap_remove(&heap, &(struct heap_node){.key = 1}); /* not queued */
    int64_t before = INT64_MIN;
    while (heap.root) {
        struct heap_node *first = heap.root;
        expect(first->key >= before);
        before = first->key;
        heap_remove(&heap, first);
    }
    expect(smallest_of(nodes) == INT64_MAX);
    return 0;
}

/* ---- the map -------------------------------------------------------------------------------------------- */

static int the_map_finds_what_is_in_it_and_nothing_else(void *arg)
{
    (void)arg;
    enum { KEYS = 500 };
    struct map map = {0};
    bool there[KEYS + 1] = {false};
    static char values[KEYS + 1];
    size_t count = 0;
    for (int step = 0; step < 50000; step++) {
        uint64_t key = 1 + random_below(KEYS);
        if (there[key])
            map_remove(&map, key);
        else
            tr_try(map_put(&map, key, &values[key]));
        there[key] = !there[key];
        count += there[key] ? 1 : (size_t)-1;
        uint64_t other = 1 + random_below(KEYS);
        expect(map_get(&map, other) == (there[other] ? &values[other] : NULL));
        expect(map.count == count);
    }
    map_remove(&map, KEYS + 7); /* not there */
    map_fini(&map);
    expect(map_get(&map, 1) == NULL);
    return 0;
}

/* ---- the buffer ------------------------------------------------------------------------------------------- */

static int the_buffer_gives_back_what_was_put_in(void *arg)
{
    (void)arg;
    struct buf buf = {0};
    uint8_t next_in = 0, next_out = 0;
    for (int step = 0; step < 5000; step++) {
        uint8_t some[300];
        size_t size = random_below(sizeof some);
        for (size_t i = 0; i < size; i++)
            some[i] = next_in++;
        tr_try(buf_append(&buf, some, size));
        size_t out = random_below(buf.size + 1);
        for (size_t i = 0; i < out; i++)
            expect(buf.data[i] == next_out++);
        buf_drain(&buf, out);
    }
    expect(buf.room < 1024 * 1024); /* what was drained is used again */
    expect(buf_reserve(&buf, SIZE_MAX - 8) == -ENOMEM);
    buf_fini(&buf);
    expect(buf.size == 0 && buf_space(&buf) == 0);
    return 0;
}

/* ---- the arena ------------------------------------------------------------------------------------------- */

static int the_arena_gives_zeroed_aligned_memory_of_any_size(void *arg)
{
    (void)arg;
    struct arena arena = {0};
    for (size_t size = 0; size < 100000; size = size * 3 + 1) {
        unsigned char *memory = arena_alloc(&arena, size);
        expect(memory && (uintptr_t)memory % _Alignof(max_align_t) == 0);
        for (size_t i = 0; i < size; i++)
            expect(memory[i] == 0);
        memset(memory, 0xff, size);
    }
    expect(strcmp(arena_text(&arena, "text"), "text") == 0);
    expect(arena_text(&arena, NULL) == NULL);
    expect(arena_alloc(&arena, SIZE_MAX - 4) == NULL);
    arena_fini(&arena);
    return 0;
}

static void note_end(void *arg, uint32_t number)
{
    uint32_t *ends = arg;
    *ends = *ends * 10 + number;
}

static int the_arena_tells_of_its_end_the_last_asked_first(void *arg)
{
    (void)arg;
    struct arena arena = {0};
    uint32_t ends = 0;
    expect(arena_at_end(&arena, note_end, &ends, 1) == 0);
    expect(arena_at_end(&arena, note_end, &ends, 2) == 0);
    arena_clear(&arena, ARENA_LITTLE);
    expect(ends == 21);
    expect(arena_at_end(&arena, note_end, &ends, 3) == 0);
    arena_fini(&arena);
    expect(ends == 213);
    arena_fini(&arena);
    expect(ends == 213);
    return 0;
}

/* ---- errors ------------------------------------------------------------------------------------------------ */

static struct tr_error *an_error(const char *type)
{
    return error_new(TR_ERAISED, type, __FILE__, __LINE__, "of %s", type);
}

static struct tr_error *both(struct tr_error *a, struct tr_error *b)
{
    struct errors errors = {0};
    errors_add(&errors, a);
    errors_add(&errors, b);
    return errors_take(&errors);
}

static int of_several_errors_each_counts_once(void *arg)
{
    (void)arg;
    struct tr_error *a = an_error("A"), *b = an_error("B"), *c = an_error("C");
    struct errors errors = {0};
    errors_add(&errors, error_ref(a));
    errors_add(&errors, NULL);
    errors_add(&errors, error_ref(a));
    expect(errors.all == a);
    errors_add(&errors, error_ref(b));
    errors_add(&errors, error_ref(b));
    errors_add(&errors, c);
    struct tr_error *group = errors_take(&errors);
    expect(tr_error_code(group) == TR_EGROUP && tr_error_members(group) == 3 && !errors.all);
    expect(tr_error_member(group, 0) == a && tr_error_member(group, 1) == b && tr_error_member(group, 2) == c);
    error_unref(group);
    error_unref(a);
    error_unref(b);
    return 0;
}

static int a_group_is_one_of_several_errors(void *arg)
{
    (void)arg;
    struct tr_error *inner = both(an_error("A"), an_error("B"));
    struct tr_error *outer = both(inner, an_error("C"));
    expect(tr_error_members(outer) == 2 && tr_error_member(outer, 0) == inner);
    struct tr_error *widest = both(an_error("D"), outer);
    expect(tr_error_members(widest) == 2 && tr_error_member(widest, 1) == outer);
    expect(tr_error_is(widest, "A") && tr_error_is(widest, "C"));
    error_unref(widest);
    return 0;
}

static int an_error_counts_once_wherever_in_a_group_it_is(void *arg)
{
    (void)arg;
    struct tr_error *a = an_error("A"), *b = an_error("B"), *c = an_error("C");
    struct tr_error *group = both(both(error_ref(a), error_ref(b)), error_ref(c));
    struct errors errors = {0};
    errors_add(&errors, error_ref(group));
    errors_add(&errors, error_ref(a));
    expect(errors.all == group && !errors.several);
    errors_add(&errors, an_error("D"));
    errors_add(&errors, error_ref(b));
    struct tr_error *all = errors_take(&errors);
    expect(tr_error_members(all) == 2);
    error_unref(all);
    error_unref(group);
    error_unref(a);
    error_unref(b);
    error_unref(c);
    return 0;
}

static int a_group_takes_the_place_of_what_it_has_in_it(void *arg)
{
    (void)arg;
    struct tr_error *a = an_error("A"), *b = an_error("B"), *c = an_error("C"), *d = an_error("D");
    struct tr_error *group = both(both(error_ref(a), b), error_ref(c));
    struct errors errors = {0};
    errors_add(&errors, error_ref(a));
    errors_add(&errors, error_ref(c));
    errors_add(&errors, d);
    errors_add(&errors, error_ref(group));
    struct tr_error *all = errors_take(&errors);
    expect(tr_error_members(all) == 2 && tr_error_member(all, 0) == d && tr_error_member(all, 1) == group);
    error_unref(all);
    errors_add(&errors, a);
    errors_add(&errors, c);
    errors_add(&errors, error_ref(group));
    expect(errors.all == group && !errors.several);
    error_unref(errors_take(&errors));
    error_unref(group);
    return 0;
}

static int many_failures_make_one_group_in_no_time(void *arg)
{
    (void)arg;
    enum { FAILURES = 20000 }; /* whose square would take minutes */
    struct errors errors = {0};
    for (int i = 0; i < FAILURES; i++) {
        errors_add(&errors, i % 2 ? an_error("A") : both(an_error("B"), an_error("C")));
        errors_add(&errors, error_plain(TR_ECANCELLED));
    }
    struct tr_error *group = errors_take(&errors);
    expect(tr_error_members(group) == FAILURES + 1);
    bool found = false;
    group = error_without_cancelled(group, &found);
    expect(found && tr_error_members(group) == FAILURES);
    error_unref(group);
    return 0;
}

static int a_group_that_somebody_has_seen_stays_as_it_is(void *arg)
{
    (void)arg;
    struct tr_error *seen = both(an_error("A"), error_plain(TR_ECANCELLED));
    struct tr_error *more = both(error_ref(seen), an_error("B"));
    expect(tr_error_members(seen) == 2 && tr_error_members(more) == 2);
    bool found = false;
    struct tr_error *rest = error_without_cancelled(error_ref(seen), &found);
    expect(found && tr_error_members(seen) == 2 && strcmp(tr_error_type(rest), "A") == 0);
    error_unref(rest);
    error_unref(more);
    error_unref(seen);
    return 0;
}

/* Without a failure to tell of, which of them is kept when memory is out does not matter. */
static int gather_when_memory_is_out(void *arg)
{
    (void)arg;
    struct errors errors = {0};
    errors_add(&errors, error_plain(TR_ECANCELLED));
    errors_add(&errors, error_new(TR_ECANCELLED, "Cancelled", "", 0, "elsewhere"));
    errors_add(&errors, both(error_plain(TR_ECANCELLED), an_error("A")));
    errors_add(&errors, an_error("B"));
    struct tr_error *all = errors_take(&errors);
    bool telling = tr_error_is(all, "A") || tr_error_is(all, "B") || tr_error_is(all, "errno.ENOMEM");
    bool wrapped = all->code == TR_EGROUP && all->member_count < 2;
    error_unref(all);
    expect(telling && !wrapped);
    return 0;
}

static void when_memory_is_out_no_failure_is_dropped_for_a_cancellation(void **state)
{
    (void)state;
    run_short_of_memory(gather_when_memory_is_out);
}

/* As in a loop that tries again and again: the stack and the memory it takes to free must be bounded. */
static int a_chain_of_causes_keeps_its_two_ends(void *arg)
{
    (void)arg;
    tr_ignore(tr_raise("app.First", "the reason"));
    for (int i = 0; i < 100000; i++)
        tr_ignore(tr_raise_from(NULL, "app.Retry", "again %d", i));
    expect(tr_error_is(tr_last_error(), "app.First"));
    expect(strcmp(tr_error_message(tr_last_error()), "again 99999") == 0);
    int depth = 0;
    for (const tr_error *error = tr_last_error(); error; error = tr_error_cause(error))
        depth++;
    expect(depth <= 40);
    return 0;
}

/* Groups within causes within groups, as a loop makes that tries several things again and again. */
static int a_tree_of_groups_does_not_grow_without_end(void *arg)
{
    (void)arg;
    struct tr_error *newest = an_error("app.First");
    for (int i = 0; i < 20000; i++) {
        struct tr_error *retry = an_error("app.Retry");
        error_set_cause(retry, newest);
        newest = both(retry, an_error("app.Beside"));
    }
    expect(newest->depth <= 40);
    error_unref(newest);
    return 0;
}

/* As nurseries make that fail twice each, one in the other. */
static int groups_in_groups_are_dissolved_where_they_lie_too_deep(void *arg)
{
    (void)arg;
    enum { LEVELS = 200 };
    struct tr_error *all = an_error("app.First");
    for (int i = 0; i < LEVELS; i++)
        all = both(all, an_error("app.Beside"));
    expect(all->depth <= ERROR_DEEPEST + 1 && tr_error_is(all, "app.First"));
    size_t errors = 0;
    for (size_t i = 0; i < all->keys.room; i++)
        errors += all->keys.slots[i].key != 0;
    expect(errors > LEVELS);
    error_unref(all);
    return 0;
}

static int taking_cancelled_out_does_not_hide_how_deep_groups_lie(void *arg)
{
    (void)arg;
    struct tr_error *all = an_error("app.First");
    bool found = false;
    for (int i = 0; i < 200; i++) {
        struct errors errors = {.all = error_plain(TR_ECANCELLED)};
        errors_add(&errors, all);
        errors_add(&errors, an_error("app.Beside"));
        all = error_without_cancelled(errors_take(&errors), &found);
    }
    int levels = 0;
    for (const tr_error *error = all; tr_error_members(error); error = tr_error_member(error, 0))
        levels++;
    expect(found && levels <= ERROR_DEEPEST + 1 && all->depth <= ERROR_DEEPEST + 1);
    error_unref(all);
    return 0;
}

static int what_is_left_of_a_group_without_cancelled_keeps_its_shape(void *arg)
{
    (void)arg;
    struct tr_error *first = both(an_error("A"), error_plain(TR_ECANCELLED));
    struct tr_error *second = both(an_error("B"), an_error("C"));
    struct tr_error *group = both(both(first, second), error_plain(TR_ECANCELLED));
    error_set_cause(group, an_error("app.Why"));
    bool found = false;
    struct tr_error *rest = error_without_cancelled(group, &found);
    expect(found && tr_error_members(rest) == 2 && tr_error_member(rest, 1) == second);
    expect(strcmp(tr_error_type(tr_error_member(rest, 0)), "A") == 0);
    error_unref(rest);
    return 0;
}

static int every_kind_of_cancelled_is_taken_out(void *arg)
{
    (void)arg;
    struct tr_error *group = both(error_plain(TR_ECANCELLED), an_error("A"));
    for (int i = 0; i < 3; i++)
        group = both(group, error_new(TR_ECANCELLED, "Cancelled", "", 0, "elsewhere"));
    expect(strstr(tr_error_report(group), "elsewhere"));
    bool found = false;
    struct tr_error *rest = error_without_cancelled(group, &found);
    expect(found && strcmp(tr_error_type(rest), "A") == 0);
    expect(!strstr(tr_error_report(rest), "elsewhere"));
    error_unref(rest);
    return 0;
}

static int a_bare_group_code_is_an_error_like_others(void *arg)
{
    (void)arg;
    struct tr_error *group = both(error_plain(TR_EGROUP), an_error("A"));
    expect(tr_error_members(group) == 2);
    error_unref(group);
    return 0;
}

static int of_no_error_there_is_nothing_to_know(void *arg)
{
    (void)arg;
    expect(tr_error_code(NULL) == 0 && tr_error_type(NULL)[0] == 0);
    expect(tr_error_message(NULL)[0] == 0 && tr_error_report(NULL)[0] == 0);
    expect(tr_error_actor(NULL)->name[0] == 0 && tr_error_file(NULL)[0] == 0);
    expect(tr_error_line(NULL) == 0 && tr_error_id(NULL) == 0 && !tr_error_cause(NULL));
    expect(tr_error_members(NULL) == 0 && !tr_error_member(NULL, 0));
    expect(tr_error_frames(NULL) == 0 && !tr_error_frame(NULL, 0));
    expect(tr_error_signal(NULL) == 0 && tr_error_exit_status(NULL) == -1);
    expect(!tr_error_is(NULL, "A") && !tr_error_keep(NULL));
    tr_error_release(NULL);
    expect(tr_reraise(NULL) == TR_EMISUSE);
    expect(tr_raise(NULL, "no type") == TR_ERAISED && tr_error_is(tr_last_error(), "Error"));
    return 0;
}

/* Two boxes are one path; the path of a member begins at the actor that the group came from. */
static int a_report_has_one_path_numbers_and_causes(void *arg)
{
    (void)arg;
    const tr_actor town = {"town", "456789abcd", "", 9}, shop = {"shop", "0123456789", "", 7},
                   clerk = {"clerk", "abcdef0123", "", 8};
    struct tr_error *cause = error_new(TR_ERAISED, "Cause", "", 0, "why");
    struct tr_error *broken = error_new(TR_ERAISED, "Broken", "shop.c", 12, "what");
    error_set_cause(broken, cause);
    struct tr_error *inner = both(error_new(TR_ERAISED, "A", "", 0, "a"), error_new(TR_ERAISED, "B", "", 0, "b"));
    struct tr_error *outer = both(error_new(TR_ERAISED, "C", "", 0, "c"), error_box(broken, &clerk));
    struct tr_error *all = error_box(error_box(both(outer, error_box(inner, &clerk)), &shop), &town);
    const char *wanted = "RemoteActorError, path: root <- town (456789ab, pid 9) <- shop (01234567, pid 7)\n"
                         "  ErrorGroup: several errors at once\n"
                         "    1. ErrorGroup: several errors at once\n"
                         "      1.1. C: c\n"
                         "      1.2. RemoteActorError, path: shop <- clerk (abcdef01, pid 8)\n"
                         "        Broken: what\n"
                         "          at shop.c:12, in actor root (fedc, pid 6)\n"
                         "          caused by Cause: why\n"
                         "    2. RemoteActorError, path: shop <- clerk (abcdef01, pid 8)\n"
                         "      ErrorGroup: several errors at once\n"
                         "        2.1. A: a\n"
                         "        2.2. B: b\n";
    runtime->self = (tr_actor){"root", "fedc", "", 6};
    error_keep_actor(broken, &runtime->self);
    bool same = strcmp(tr_error_report(all), wanted) == 0;
    runtime->self = (tr_actor){"", "", "", 0};
    if (!same)
        print_error("%s", tr_error_report(all));
    error_unref(all);
    expect(same);
    return 0;
}

static int a_report_is_readable_at_any_depth_and_length(void *arg)
{
    (void)arg;
    struct tr_error *error = an_error("Innermost");
    for (int i = 0; i < 100; i++) {
        struct tr_error *outer = an_error("Outer");
        outer->cause = error;
        error = outer;
    }
    const char *report = tr_error_report(error);
    expect(strncmp(report, "Outer: of Outer", 15) == 0);
    expect(tr_error_is(error, "Innermost"));
    error_unref(error);
    return 0;
}

static int every_code_has_a_name_and_a_sentence(void *arg)
{
    (void)arg;
    expect(strcmp(tr_code_type(-ENOENT), "ENOENT") == 0);
    expect(strcmp(tr_code_type(TR_ECANCELLED), "Cancelled") == 0);
    expect(strcmp(tr_code_sentence(-ENOENT), strerrordesc_np(ENOENT)) == 0);
    expect(strcmp(tr_code_sentence(TR_ECANCELLED), tr_code_sentence(TR_ETIMEOUT)) != 0);
    for (int code = -1; code > -4200; code--) {
        const char *type = tr_code_type(code);
        expect(type && type[0] && tr_code_sentence(code)[0]);
        (void)error_raise_plain(code);
        expect(tr_error_message(tr_last_error())[0] && tr_error_code(tr_last_error()) == code);
    }
    return 0;
}

/* ---- numbers ------------------------------------------------------------------------------------------- */

static int numbers_are_read_whole_or_not_at_all(void *arg)
{
    (void)arg;
    int numbers[3] = {0};
    expect(numbers_parse("3,-1,2147483647", numbers, 3));
    expect(numbers[0] == 3 && numbers[1] == -1 && numbers[2] == 2147483647);
    expect(numbers_parse("-2147483648", numbers, 1) && numbers[0] == -2147483647 - 1);
    static const char *const others[] = {"",  "x",  "1,2", "1,2,3,4", "1,2,3 ", " 1,2,3", "1,,3", "1,2,+3", "1,2,-",
                                         "-", ",,", "1;2;3", "1,2,2147483648", "1,2,99999999999999999999"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        expect(!numbers_parse(others[i], numbers, 3));
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENARIO(the_heap_always_knows_the_smallest),
        SCENARIO(the_map_finds_what_is_in_it_and_nothing_else),
        SCENARIO(the_buffer_gives_back_what_was_put_in),
        SCENARIO(the_arena_gives_zeroed_aligned_memory_of_any_size),
        SCENARIO(the_arena_tells_of_its_end_the_last_asked_first),
        SCENARIO(of_several_errors_each_counts_once),
        SCENARIO(many_failures_make_one_group_in_no_time),
        SCENARIO(a_group_that_somebody_has_seen_stays_as_it_is),
        SCENARIO(a_group_is_one_of_several_errors),
        SCENARIO(an_error_counts_once_wherever_in_a_group_it_is),
        SCENARIO(a_group_takes_the_place_of_what_it_has_in_it),
        cmocka_unit_test(when_memory_is_out_no_failure_is_dropped_for_a_cancellation),
        SCENARIO(groups_in_groups_are_dissolved_where_they_lie_too_deep),
        SCENARIO(taking_cancelled_out_does_not_hide_how_deep_groups_lie),
        SCENARIO(what_is_left_of_a_group_without_cancelled_keeps_its_shape),
        SCENARIO(a_chain_of_causes_keeps_its_two_ends),
        SCENARIO(a_tree_of_groups_does_not_grow_without_end),
        SCENARIO(every_kind_of_cancelled_is_taken_out),
        SCENARIO(a_bare_group_code_is_an_error_like_others),
        SCENARIO(of_no_error_there_is_nothing_to_know),
        SCENARIO(a_report_has_one_path_numbers_and_causes),
        SCENARIO(a_report_is_readable_at_any_depth_and_length),
        SCENARIO(every_code_has_a_name_and_a_sentence),
        SCENARIO(numbers_are_read_whole_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
