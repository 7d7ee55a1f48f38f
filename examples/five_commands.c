/* five_commands.c: five commands at once, two seconds for each; what they print, and how they fail. */
#include <stdio.h>
#include <tractor.h>

struct job {
    tr_list_tr_str argv;
    char text[80];
};

static int run(struct job *job)
{
    tr_process_result result;
    tr_try(tr_run_process(&result, job->argv, .capture_stdout = true, .capture_stderr = true));
    /* The output is in the memory of this task, and gone with it: who reads later needs a copy. */
    snprintf(job->text, sizeof job->text, "%s", (const char *)result.out.data);
    return 0;
}

static int attempt(void *arg)
{
    struct job *job = arg;
    tr_scope limit = tr_move_on_after(2);
    int rc = tr_within(&limit, run(job));           /* when it is over the command has been ended and reaped */
    if (limit.cancelled_caught)
        snprintf(job->text, sizeof job->text, "too slow");
    else if (rc < 0 && rc != TR_ECANCELLED)         /* cancellation from outside is not ours to handle */
        snprintf(job->text, sizeof job->text, "%s", tr_error_message(tr_last_error()));
    return rc == TR_ECANCELLED ? rc : 0;            /* one that fails is not to end the others */
}

static int program(void *arg)
{
    (void)arg;
    struct job jobs[] = {
        {.argv = tr_argv("printf", "good morning")},
        {.argv = tr_argv("sh", "-c", "echo no coffee >&2; exit 3")},
        {.argv = tr_argv("no-such-program")},
        {.argv = tr_argv("sh", "-c", "kill -KILL $$")},
        {.argv = tr_argv("sleep", "1000")},
    };
    const size_t count = sizeof jobs / sizeof *jobs;
    tr_auto(nursery) n = tr_open_nursery();
    for (size_t i = 0; i < count; i++)
        tr_try(tr_start_soon(n, attempt, &jobs[i]));
    tr_try(tr_join(n));
    for (size_t i = 0; i < count; i++)
        printf("%s: %s\n", jobs[i].argv.items[0], jobs[i].text);
    return 0;
}

int main(void)
{
    int rc = tr_run(program, NULL);
    if (rc < 0)
        fputs(tr_error_report(tr_last_error()), stderr);
    return rc < 0;
}
