/* What of the log belongs to the process and not to a world: its level, who takes the records, and who the process is.
 *
 * A thread of the program's own has no runtime and logs all the same, and it is not for each run to have another level.
 * So this is state of the process, and here because there is none above. One lock guards it. It is held while `take`
 * runs: so there is one call at a time, and tr_log_to can promise that the one before has ended. The console needs no
 * lock, since each line is one write.
 *
 * `take` may log, by what it calls. Then the lock, a recursive one, is this thread's already, and `taking` says so:
 * such lines are dropped, where they would go round in circles. Not by the thread: a simulator has many processes in
 * one, and each of them has a log_state of its own (log_exchange).
 *
 * Tools follow a log by taps. One that wants more than the process says opens the gate, tr_log_level_, an int apart,
 * which programs read inline; console and `take` have what the process says all the same. The level starts as the
 * environment says, before main. */
#include "base/log.h"

#include "base/hooks.h"
#include "sys/sys.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int tr_log_level_ = TR_LOG_WARNING;
const struct log_state log_at_birth = {.level = TR_LOG_WARNING};

static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static struct log_state state = {.level = TR_LOG_WARNING};
static char self_name[LOG_NAME_ROOM], self_uuid[LOG_UUID_ROOM];

/* An unknown name is not looked at before somebody can hear of it: tr_main, tr_console_log. */
__attribute__((constructor)) static void heed_environment(void)
{
    int level = log_level_of(getenv("TRACTOR_LOG"));
    if (level >= 0)
        tr_log_level_ = state.level = level;
}

static void set_gate(void)
{
    int lowest = state.level;
    for (const struct log_tap *tap = state.taps; tap; tap = tap->next)
        if (tap->level < lowest)
            lowest = tap->level;
    __atomic_store_n(&tr_log_level_, lowest, __ATOMIC_RELAXED);
}

void log_set_level(int level, bool chosen)
{
    pthread_mutex_lock(&lock);
    state.level = level;
    state.chosen = chosen;
    set_gate();
    pthread_mutex_unlock(&lock);
}

int log_level(void)
{
    pthread_mutex_lock(&lock);
    int level = state.level;
    pthread_mutex_unlock(&lock);
    return level;
}

bool log_level_is_chosen(void)
{
    pthread_mutex_lock(&lock);
    bool chosen = state.chosen;
    pthread_mutex_unlock(&lock);
    return chosen;
}

void tr_log_to(tr_log_fn *take, void *arg)
{
    pthread_mutex_lock(&lock);
    state.arg = arg;
    __atomic_store_n(&state.take, take, __ATOMIC_RELAXED);
    pthread_mutex_unlock(&lock);
}

int log_tap_add(struct log_tap *tap)
{
    int count = 0;
    pthread_mutex_lock(&lock);
    for (const struct log_tap *at = state.taps; at; at = at->next)
        count++;
    tap->next = state.taps;
    __atomic_store_n(&state.taps, tap, __ATOMIC_RELAXED);
    set_gate();
    pthread_mutex_unlock(&lock);
    return count;
}

void log_tap_remove(struct log_tap *tap)
{
    pthread_mutex_lock(&lock);
    struct log_tap **at = &state.taps;
    while (*at && *at != tap)
        at = &(*at)->next;
    if (*at)
        __atomic_store_n(at, tap->next, __ATOMIC_RELAXED);
    set_gate();
    pthread_mutex_unlock(&lock);
}

void log_between(void (*fn)(void *arg), void *arg)
{
    pthread_mutex_lock(&lock);
    fn(arg);
    pthread_mutex_unlock(&lock);
}

static void take_it(const tr_log_record *record)
{
    state.taking = true;
    state.take(record, state.arg);
    state.taking = false;
}

static bool hand_over(const tr_log_record *record)
{
    const int level = (int)record->level;
    if (state.taking)
        return true;
    for (const struct log_tap *tap = state.taps; tap; tap = tap->next)
        if (level >= tap->level)
            tap->take(record, tap->arg);
    if (level < state.level)
        return true;
    if (state.take)
        take_it(record);
    return state.take != NULL;
}

bool log_hand_over(const tr_log_record *record)
{
    if (!__atomic_load_n(&state.take, __ATOMIC_RELAXED) && !__atomic_load_n(&state.taps, __ATOMIC_RELAXED))
        return false;
    pthread_mutex_lock(&lock);
    bool taken = hand_over(record);
    pthread_mutex_unlock(&lock);
    return taken;
}

struct log_state log_exchange(struct log_state with)
{
    struct log_state before = state;
    state = with;
    set_gate();
    return before;
}

void log_set_self(const tr_actor *self)
{
    pthread_mutex_lock(&lock);
    snprintf(self_name, sizeof self_name, "%s", self->name);
    snprintf(self_uuid, sizeof self_uuid, "%s", self->uuid);
    pthread_mutex_unlock(&lock);
}

int log_copy_self(char ret_name[LOG_NAME_ROOM], char ret_uuid[LOG_UUID_ROOM])
{
    pthread_mutex_lock(&lock);
    snprintf(ret_name, LOG_NAME_ROOM, "%s", self_name);
    snprintf(ret_uuid, LOG_UUID_ROOM, "%s", self_uuid);
    pthread_mutex_unlock(&lock);
    return sys_real_pid();
}

/* ---- the hooks ------------------------------------------------------------------------------------------ */

void console_write(const char *text, size_t size)
{
    if (runtime)
        sys_print_error(text, size);
    else
        sys_real_print_error(text, size);
}

bool console_is_coloured(void)
{
    return runtime ? runtime->sys->ops->coloured(runtime->sys) : sys_real_coloured();
}

int64_t wall_clock(void)
{
    return runtime ? runtime->sys->ops->wall(runtime->sys) : sys_real_wall();
}

int process_number(void)
{
    return runtime && runtime->self.pid ? runtime->self.pid : sys_real_pid();
}

const char *environment_value(const char *name)
{
    return runtime && runtime->sys->ops->env ? sys_env(name) : sys_env_before(name);
}
