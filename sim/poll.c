/* Waiting for the world. A poll reports what there is to report: descriptors that are ready, children
 * that have ended, signals that were caught; in an order that is drawn. When there is nothing it waits.
 * A poll that only looks lets the others run first, or a process that looks in a loop would be alone. */
#include "kernel.h"

#include <errno.h>
#include <stdlib.h>

int sim_watch(struct sys *sys, int fd, sys_ready_fn *ready, void *arg, struct sys_watch **ret)
{
    struct process *process = process_of(sys);
    if (sim_enter(process, "watch", fd))
        return -ENOMEM;
    struct sys_watch *watch = sim_new(sizeof *watch);
    *watch = (struct sys_watch){.process = process, .fd = fd, .ready = ready, .arg = arg};
    list_init(&watch->at_file);
    list_push(&process->watches, &watch->place);
    *ret = watch;
    return 0;
}

static void forget(struct sys_watch *watch)
{
    list_remove(&watch->at_file);
    watch->file = NULL;
    watch->armed = 0;
}

/* Only now is it asked what file it is for. */
static int tell_kernel(struct sys_watch *watch, int events)
{
    struct file *file = file_of(watch->process, watch->fd);
    if (!file)
        return -EBADF;
    forget(watch);
    watch->armed = events;
    watch->file = file;
    list_push(&file->watches, &watch->at_file);
    return 0;
}

/* As in src/sys/real_poll.c the kernel hears only of what it does not report already, so that here as well nobody
 * notices what became of a descriptor meanwhile. */
int sim_watch_for(struct sys *sys, struct sys_watch *watch, int events)
{
    (void)sys;
    bool told = events & SYS_LASTING ? !(events & ~watch->armed) : !events || events == watch->armed;
    int rc = told ? 0 : tell_kernel(watch, events);
    if (rc >= 0)
        watch->wanted = events;
    return rc;
}

void sim_unwatch(struct sys *sys, struct sys_watch *watch)
{
    (void)sys;
    list_remove(&watch->at_file);
    list_remove(&watch->place);
    free(watch);
}

void poll_forget_watches(struct process *process)
{
    list_each(at, &process->watches)
        sim_unwatch(NULL, container_of(at, struct sys_watch, place));
}

/* ---- reporting ------------------------------------------------------------------------------------- */

static int news_of(const struct sys_watch *watch)
{
    return watch->file ? file_ready(watch->file) & watch->armed : 0;
}

/* What lasts and nobody wants to know of is not to be reported again. */
static void tell(struct sys_watch *watch, int news)
{
    bool lasts = watch->armed & SYS_LASTING;
    if (!lasts)
        forget(watch);
    if (watch->wanted & news) {
        watch->wanted = 0;
        watch->ready(watch->arg, news);
    } else if (lasts && (!watch->wanted || tell_kernel(watch, watch->wanted) < 0)) {
        forget(watch);
    }
}

/* Those with news, in an order that is drawn, at the front of the list. */
static size_t gather(struct process *process)
{
    size_t count = 0;
    list_each(at, &process->watches)
    {
        struct sys_watch *watch = container_of(at, struct sys_watch, place);
        watch->due = news_of(watch) != 0;
        if (!watch->due)
            continue;
        count++;
        list_remove(at);
        if (random_chance(&process->world->chance, 500) || list_empty(&process->watches))
            list_push(process->watches.next, at);
        else
            list_push(process->watches.next->next, at);
    }
    return count;
}

/* One that is reported may undo others: they are looked for anew each time. */
static bool report_one(struct process *process)
{
    list_each(at, &process->watches)
    {
        struct sys_watch *watch = container_of(at, struct sys_watch, place);
        if (!watch->due)
            continue;
        watch->due = false;
        int news = news_of(watch);
        if (!news)
            continue;
        tell(watch, news);
        return true;
    }
    return false;
}

static bool report_descriptors(struct process *process)
{
    if (gather(process) == 0)
        return false;
    while (report_one(process))
        continue;
    return true;
}

static bool report_exits(struct process *process)
{
    struct link *first = list_shift(&process->news);
    if (!first)
        return false;
    struct sys_process *child = container_of(first, struct sys_process, place);
    list_push(&process->children, first);
    child->told = true;
    child->exited(child->arg, child->how);
    return true;
}

static bool report_signals(struct process *process)
{
    bool any = false;
    list_each(at, &process->catches)
    {
        struct sys_catch *it = container_of(at, struct sys_catch, place);
        if (it->pending == 0)
            continue;
        it->pending = 0;
        it->caught(it->arg);
        any = true;
    }
    if (process->end.untold) {
        process->end.untold = false;
        process->end.told(process->end.arg, process->end.came);
        any = true;
    }
    return any;
}

static bool report(struct process *process)
{
    bool exits_first = random_chance(&process->world->chance, 500);
    bool any = exits_first && report_exits(process);
    any |= report_descriptors(process);
    any |= report_signals(process);
    if (!exits_first)
        any |= report_exits(process);
    return any;
}

bool sim_poll(struct sys *sys, int64_t timeout_ns)
{
    struct process *process = process_of(sys);
    struct world *world = process->world;
    int64_t until = timeout_ns < 0 ? INT64_MAX : world->now_ns + timeout_ns;
    sim_enter(process, "poll", timeout_ns);
    if (timeout_ns == 0) {
        process_give_way(process);
        (void)report(process);
        return true;
    }
    while (!report(process)) {
        if (world->now_ns >= until)
            return true;
        process_wait(process, until);
    }
    return false;
}

/* ---- signals ---------------------------------------------------------------------------------------- */

int sim_catch_signal(struct sys *sys, int number, sys_caught_fn *caught, void *arg, struct sys_catch **ret)
{
    struct sys_catch *it = sim_new(sizeof *it);
    *it = (struct sys_catch){.number = number, .caught = caught, .arg = arg};
    list_push(&process_of(sys)->catches, &it->place);
    *ret = it;
    return 0;
}

int sim_let_signal_go(struct sys *sys, struct sys_catch *it)
{
    (void)sys;
    int missed = it->pending > 0;
    list_remove(&it->place);
    free(it);
    return missed;
}

int sim_heed_end(struct sys *sys, bool is_root, sys_asked_fn *told, void *arg)
{
    struct process *process = process_of(sys);
    if (sim_enter(process, "heed", is_root))
        return -EMFILE;
    process->end.told = told;
    process->end.arg = arg;
    process->end.is_root = is_root;
    return 0;
}

int sim_unheed_end(struct sys *sys)
{
    struct process *process = process_of(sys);
    process->end.told = NULL;
    process->end.untold = false;
    return process->end.dies_of = process->end.came;
}

int sim_at_exit(struct sys *sys, void (*fn)(void *arg), void *arg)
{
    struct process *process = process_of(sys);
    process->at_exit = fn;
    process->at_exit_arg = arg;
    return 0;
}
