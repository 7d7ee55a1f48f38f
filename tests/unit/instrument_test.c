/* Instruments. */
#include "support/tasks.h"

#include <stdio.h>

/* Writes down a letter for each moment: s(pawned) r(uns) b(locks) w(oken) e(xited). */
struct notes {
    tr_instrument instrument;
    const char *only;       /* the tasks of this name */
    char text[64];
    size_t size;
    char waits_for[32], at[128];
};

static void note(tr_instrument *instrument, tr_moment moment, const tr_task_view *task)
{
    struct notes *notes = (struct notes *)instrument;
    if (strcmp(task->name, notes->only) != 0 || notes->size + 1 >= sizeof notes->text)
        return;
    notes->text[notes->size++] = "srbwe"[moment];
    snprintf(notes->at, sizeof notes->at, "%s", task->at);
    if (moment == TR_BLOCKS)
        snprintf(notes->waits_for, sizeof notes->waits_for, "%s", task->waits_for);
}

static int wait_on(void *event)
{
    return tr_event_wait(event);
}

static int the_moments_of_a_task_are_told_in_order(void *arg)
{
    (void)arg;
    struct notes notes = {.instrument = {.tell = note}, .only = "wait_on"};
    tr_event event = {0};
    tr_try(tr_add_instrument(&notes.instrument));
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, wait_on, &event)); const int line = __LINE__;
    tr_try(tr_checkpoint());
    tr_event_set(&event);
    tr_try(tr_join(n));
    tr_remove_instrument(&notes.instrument);
    expect(strcmp(notes.text, "srbwre") == 0);
    expect(strcmp(notes.waits_for, "an event") == 0);
    char at[128];
    snprintf(at, sizeof at, "%s:%d", __FILE__, line);
    expect(strcmp(notes.at, at) == 0);
    return 0;
}

static int one_that_was_taken_out_is_told_nothing(void *arg)
{
    (void)arg;
    struct notes a = {.instrument = {.tell = note}, .only = "a_second"}, b = a;
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_add_instrument(&a.instrument));
    tr_try(tr_add_instrument(&b.instrument));
    tr_try(tr_start_soon(n, a_second, NULL));
    tr_try(tr_checkpoint());
    tr_remove_instrument(&a.instrument);
    tr_remove_instrument(&a.instrument);
    tr_try(tr_join(n));
    tr_remove_instrument(&b.instrument);
    expect(strcmp(a.text, "srb") == 0);
    expect(strcmp(b.text, "srbwre") == 0);
    return 0;
}

static void leave_when_told(tr_instrument *instrument, tr_moment moment, const tr_task_view *task)
{
    (void)moment;
    (void)task;
    tr_remove_instrument(instrument);
}

static int one_may_take_itself_out(void *arg)
{
    (void)arg;
    tr_instrument leaves = {.tell = leave_when_told};
    struct notes stays = {.instrument = {.tell = note}, .only = "a_second"};
    tr_try(tr_add_instrument(&leaves));
    tr_try(tr_add_instrument(&stays.instrument));
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, a_second, NULL));
    tr_try(tr_join(n));
    expect(strcmp(stays.text, "srbwre") == 0);
    tr_remove_instrument(&stays.instrument);
    return 0;
}

static int nonsense_is_refused(void *arg)
{
    (void)arg;
    tr_instrument none = {0}, one = {.tell = leave_when_told};
    expect(tr_add_instrument(NULL) == TR_EMISUSE);
    expect(tr_add_instrument(&none) == TR_EMISUSE);
    tr_try(tr_add_instrument(&one));
    expect(tr_add_instrument(&one) == TR_EMISUSE);
    tr_remove_instrument(&one);
    return 0;
}

static void outside_a_run_there_is_nothing_to_watch(void **state)
{
    (void)state;
    tr_instrument one = {.tell = leave_when_told};
    assert_int_equal(tr_add_instrument(&one), TR_ENORUNTIME);
    tr_remove_instrument(&one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENARIO(the_moments_of_a_task_are_told_in_order),
        SCENARIO(one_that_was_taken_out_is_told_nothing),
        SCENARIO(one_may_take_itself_out),
        SCENARIO(nonsense_is_refused),
        cmocka_unit_test(outside_a_run_there_is_nothing_to_watch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
