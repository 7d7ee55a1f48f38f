/* Runs whose clock jumps and whose order a seed decides. All of it is done by the scheduler; here is the way
 * in. The world is the real one, but for its clock. */
#include "tractor/testing.h"

#include "base/error.h"
#include "sched/task.h"
#include "sys/sys.h"

static const double FAR = 1e9; /* 30 years: beyond that the arithmetic would go out of range */

static bool is_time(double seconds)
{
    return seconds >= 0 && seconds <= FAR;
}

static int check(int (*fn)(void *), const tr_virtual_options *options)
{
    if (!fn)
        return raise_code(TR_EARGUMENT, "tr_run_virtually needs a function");
    if (!is_time(options->threshold) || !is_time(options->start))
        return raise_code(TR_EARGUMENT, "a threshold of %g seconds, a start at %g", options->threshold,
                          options->start);
    return 0;
}

int tr_run_virtually_(int (*fn)(void *), void *arg, const tr_virtual_options *options)
{
    if (task_current())
        return raise_code(TR_EMISUSE, "tr_run_virtually inside a run");
    int rc = sys_new();
    if (rc < 0)
        return runtime ? error_raise_plain(rc) : rc;
    rc = check(fn, options);
    if (rc == 0) {
        struct sched_options how = {options->seed, true, (int64_t)(options->threshold * NS_PER_S)};
        sys_set_clock((int64_t)(options->start * NS_PER_S));
        rc = sched_run(fn, arg, &how);
    }
    sys_leave();
    return rc;
}
