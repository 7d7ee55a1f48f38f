/* Programs with bugs that no error code could repair. Each ends its process with a message that names what is
 * wrong and where; the script looks for it, with the line that is marked (x) in place of @x. Without an argument
 * it lists them. */
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <tractor.h>

static jmp_buf back;
static tr_nursery *shared;

__attribute__((noinline)) static int jump_out(void)
{
    longjmp(back, 1);
}

__attribute__((noinline)) static int jump_from_a_nursery(void)
{
    tr_auto(nursery) inner = tr_open_nursery(); /* (in) */
    return jump_out();
}

__attribute__((noinline)) static int jump_from_a_scope(void)
{
    tr_scope inner = tr_cancel_scope();
    return tr_within(&inner, jump_out()); /* (jumped-scope) */
}

__attribute__((noinline)) static int jump_from_both(void)
{
    tr_scope around = tr_cancel_scope();
    return tr_within(&around, jump_from_a_nursery());
}

__attribute__((noinline)) static int sleep_deeper(volatile int depth)
{
    return depth > 0 ? sleep_deeper(depth - 1) : tr_sleep(1);
}

/* "the block of the nursery opened at @in was left by longjmp or without tr_auto, into the nursery opened at @out-1" */
static int a_nursery_left_by_longjmp(void *arg)
{
    (void)arg;
    tr_auto(nursery) outer = tr_open_nursery(); /* (out-1) */
    if (setjmp(back) == 0)
        return jump_from_a_nursery();
    return tr_checkpoint();
}

/* "the block of the scope opened at @jumped-scope was left by longjmp, into the nursery opened at @out-2" */
static int a_scope_left_by_longjmp(void *arg)
{
    (void)arg;
    tr_auto(nursery) outer = tr_open_nursery(); /* (out-2) */
    if (setjmp(back) == 0)
        return jump_from_a_scope();
    return sleep_deeper(3);
}

/* "the block of the nursery opened at @in was left by longjmp or without tr_auto, into the nursery opened at @out-3" */
static int several_blocks_left_by_one_longjmp(void *arg)
{
    (void)arg;
    tr_auto(nursery) outer = tr_open_nursery(); /* (out-3) */
    if (setjmp(back) == 0)
        return jump_from_both();
    return sleep_deeper(3);
}

/* "the block of the nursery opened at @in was left by longjmp or without tr_auto, into the task opened at the start" */
static int another_block_entered_after_a_longjmp(void *arg)
{
    (void)arg;
    if (setjmp(back) == 0)
        return jump_from_a_nursery();
    tr_scope next = tr_cancel_scope();
    return tr_within(&next, 0);
}

/* "the nursery opened at @joined-inside is left while the scope inside it opened at @inside is still open" */
static int a_nursery_joined_inside_a_scope(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery(); /* (joined-inside) */
    tr_scope limit = tr_move_on_after(1);
    return tr_within(&limit, tr_join(n)); /* (inside) */
}

/* "the nursery opened at @first is left while the nursery inside it opened at @second is still open" */
static int nurseries_joined_in_the_wrong_order(void *arg)
{
    (void)arg;
    tr_auto(nursery) outer = tr_open_nursery(); /* (first) */
    tr_auto(nursery) inner = tr_open_nursery(); /* (second) */
    tr_try(tr_join(outer));
    return tr_join(inner);
}

static int join_it(void *arg)
{
    (void)arg;
    return tr_join(shared);
}

/* "task join_it joins the nursery opened at @shared by task main" */
static int a_nursery_joined_by_another_task(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = shared = tr_open_nursery(); /* (shared) */
    tr_try(tr_start_soon(n, join_it, NULL));
    return tr_join(n);
}

static int take_it_over(void *arg)
{
    tr_auto(nursery) n = arg;
    return n ? 0 : -1;
}

/* "task take_it_over leaves the block of the nursery opened at @taken by task main" */
static int a_nursery_taken_over_by_another_task(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery(); /* (taken) */
    tr_try(tr_start_soon(n, take_it_over, n));
    return tr_join(n);
}

/* "the task opened at the start is left while the nursery inside it opened at @no-auto is still open: its block" */
static int a_nursery_without_tr_auto_and_join(void *arg)
{
    (void)arg;
    tr_nursery *n = tr_open_nursery(); /* (no-auto) */
    return n ? 0 : -1;
}

static const struct {
    const char *name;
    int (*fn)(void *);
} bugs[] = {
    {"a_nursery_left_by_longjmp", a_nursery_left_by_longjmp},
    {"a_scope_left_by_longjmp", a_scope_left_by_longjmp},
    {"several_blocks_left_by_one_longjmp", several_blocks_left_by_one_longjmp},
    {"another_block_entered_after_a_longjmp", another_block_entered_after_a_longjmp},
    {"a_nursery_joined_inside_a_scope", a_nursery_joined_inside_a_scope},
    {"nurseries_joined_in_the_wrong_order", nurseries_joined_in_the_wrong_order},
    {"a_nursery_joined_by_another_task", a_nursery_joined_by_another_task},
    {"a_nursery_taken_over_by_another_task", a_nursery_taken_over_by_another_task},
    {"a_nursery_without_tr_auto_and_join", a_nursery_without_tr_auto_and_join},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; i < sizeof bugs / sizeof *bugs; i++)
        if (argc < 2)
            puts(bugs[i].name);
        else if (strcmp(argv[1], bugs[i].name) == 0)
            return tr_run(bugs[i].fn, NULL) < 0;
    return 0;
}
