/* The same seed, the same run: every system call of every process, byte for byte. */
#define TR_MODULE "determinism"
#include "scenarios/theatre.h"
#include "support/hello.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int first_scene(void *arg)
{
    (void)arg;
    tr_auto(nursery) scene = tr_open_nursery();
    tr_portal *donny, *gretchen;
    tr_try(tr_run_in_actor(scene, &donny, "donny", say_hello, .other_actor = "gretchen"));
    tr_try(tr_run_in_actor(scene, &gretchen, "gretchen", say_hello, .other_actor = "donny"));
    tr_str line;
    tr_try(tr_result(gretchen, &line, say_hello));
    say(line);
    tr_try(tr_result(donny, &line, say_hello));
    say(line);
    return tr_join(scene);
}

static char *trace_of(uint64_t seed)
{
    char *text;
    size_t size;
    FILE *to = open_memstream(&text, &size);
    struct theatre *theatre = raise_curtain(seed, first_scene);
    world_trace(theatre->world, to);
    world_weather(theatre->world)->interrupt = 300;
    world_weather(theatre->world)->split = 300;
    expect_outcome(theatre, NULL);
    assert_string_equal(theatre->said, "Hi my name is donny\nHi my name is gretchen\n");
    expect_nothing_left(theatre);
    fclose(to);
    return text;
}

static void the_same_seed_gives_the_same_trace(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        char *once = trace_of(seed), *again = trace_of(seed);
        assert_true(strlen(once) > 1000);
        assert_string_equal(once, again);
        free(once);
        free(again);
    }
}

static void another_seed_gives_another(void **state)
{
    (void)state;
    char *one = trace_of(1), *other = trace_of(2);
    assert_string_not_equal(one, other);
    free(one);
    free(other);
}

static atomic_bool computing;

static void *compute(void *arg)
{
    volatile unsigned long *sum = arg;
    while (computing)
        *sum += 1;
    return NULL;
}

/* The machine's own time has no way in. */
static void also_when_the_other_core_is_busy(void **state)
{
    (void)state;
    pthread_t thread;
    unsigned long sum = 0;
    char *quiet = trace_of(3);
    computing = true;
    assert_int_equal(pthread_create(&thread, NULL, compute, &sum), 0);
    char *busy = trace_of(3);
    computing = false;
    pthread_join(thread, NULL);
    assert_string_equal(quiet, busy);
    free(quiet);
    free(busy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_gives_the_same_trace),
        cmocka_unit_test(another_seed_gives_another),
        cmocka_unit_test(also_when_the_other_core_is_busy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
