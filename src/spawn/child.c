/* A child process, on either side, from its start to what it died of.
 *
 * By "spawn" it is a fresh process of a program. That is the default because nothing of the parent's memory,
 * threads or descriptors can leak into it, and because its price does not grow with the parent. By the other
 * methods (method.c) it is a copy of a server, which has nothing of that either.
 *
 * What the child needs to know before it can speak the protocol, which are the descriptors it was given, the
 * parent's pid and the start method, is told by sys_spawn; everything else comes over the socket. */
#include "spawn/child.h"

#include "base/error.h"
#include "base/plant.h"
#include "base/log.h"
#include "base/numbers.h"
#include "spawn/exit.h"
#include "sys/crash.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- in the parent ------------------------------------------------------------------------------ */

static void exited(void *arg, struct sys_exit how)
{
    struct child *child = arg;
    child->how = how;
    tr_event_set(&child->exited);
    child->on_exit(child->on_exit_arg);
}

/* The child's ends; closed here once it has its copies. Then, where the tree has one, the way to its server. */
enum { CONTROL, LIFELINE, CRASH, ENDS, SERVER = ENDS };

static void close_all(int *control, int *lifeline, int *crash)
{
    sys_close(control);
    sys_close(lifeline);
    sys_close(crash);
}

static int make_ends(struct child *child, int ends[ENDS])
{
    int pair[2], line[2], words[2], rc = sys_pair(pair);
    if (rc < 0)
        return rc;
    child->control = pair[0];
    ends[CONTROL] = pair[1];
    rc = sys_pipe(line);
    if (rc < 0)
        return rc;
    ends[LIFELINE] = line[0];
    child->lifeline = line[1];
    rc = sys_pipe(words);
    if (rc < 0)
        return rc;
    child->crash = words[0];
    ends[CRASH] = words[1];
    return 0;
}

static int start_process(struct child *child, const int ends[ENDS], const struct child_plan *plan)
{
    int keep[ENDS + 2] = {ends[CONTROL], ends[LIFELINE], ends[CRASH]};
    size_t kept = ENDS;
    if (plan->of_tree == START_FORKSERVER)
        keep[kept++] = sys_server();
    if (planted(HELD_LIFELINE))
        keep[kept++] = child->lifeline;
    char birth[SYS_BIRTH_ROOM];
    snprintf(birth, sizeof birth, "%d,%d", sys_pid(NULL), (int)plan->of_tree);
    struct sys_spawn what = {.fork = plan->method != START_SPAWN,
                             .program = plan->program,
                             .argv = plan->argv,
                             .birth = birth,
                             .standard = {plan->standard[0], plan->standard[1], plan->standard[2]},
                             .keep = keep,
                             .keep_count = kept,
                             /* a spawned one arms it itself: it has to know its number */
                             .lifeline = plan->method == START_SPAWN ? -1 : ends[LIFELINE]};
    return sys_spawn(&what, exited, child, &child->process);
}

int child_start(struct child *child, const struct child_plan *plan, void (*on_exit)(void *arg), void *arg)
{
    *child = (struct child){
        .control = -1, .lifeline = -1, .crash = -1, .on_exit = on_exit, .on_exit_arg = arg};
    int ends[ENDS] = {-1, -1, -1};
    int rc = make_ends(child, ends);
    if (rc >= 0)
        rc = start_process(child, ends, plan);
    close_all(&ends[CONTROL], &ends[LIFELINE], &ends[CRASH]);
    if (rc >= 0)
        return 0;
    close_all(&child->control, &child->lifeline, &child->crash);
    return raise_code(TR_ESTART, "cannot start %s: %s", plan->program, tr_code_sentence(rc));
}

int child_pid(const struct child *child)
{
    return sys_pid(child->process);
}

int child_signal(struct child *child, int number)
{
    return child->process ? sys_signal(child->process, number) : -ESRCH;
}

void child_fini(struct child *child)
{
    if (child->process)
        sys_forget(child->process);
    child->process = NULL;
    error_unref(child->death);
    child->death = NULL;
    close_all(&child->control, &child->lifeline, &child->crash);
}

/* ---- how it ended ------------------------------------------------------------------------------- */

/* The next of the zero-terminated texts; NULL at their end. */
static const char *next_text(const char **at, const char *end)
{
    const char *text = *at, *zero = text < end ? memchr(text, '\0', (size_t)(end - text)) : NULL;
    if (!zero)
        return NULL;
    *at = zero + 1;
    return text;
}

static void keep_frames(struct tr_error *error, const char *at, const char *end)
{
    error->frames = arena_alloc(&error->memory, ERROR_FRAMES * sizeof *error->frames);
    const char *text;
    while (error->frames && error->frame_count < ERROR_FRAMES && (text = next_text(&at, end)))
        error->frames[error->frame_count++] = error_keep_text(error, text);
}

/* How much there is of them: they may come in pieces. */
static size_t read_last_words(struct child *child, char *ret_words, size_t room)
{
    size_t size = 0;
    for (ssize_t got; size < room && (got = sys_read(child->crash, ret_words + size, room - size)) > 0;)
        size += (size_t)got;
    return size;
}

/* The last words as an error; NULL when there were none, or none that make sense. */
static struct tr_error *last_words(struct child *child, const tr_actor *actor)
{
    char words[CRASH_ROOM];
    const char *at = words, *end = words + read_last_words(child, words, sizeof words), *texts[CRASH_TEXTS];
    for (size_t i = 0; i < CRASH_TEXTS; i++)
        if (!(texts[i] = next_text(&at, end)))
            return NULL;
    struct tr_error *error = error_blank(TR_ERAISED);
    if (!error)
        return NULL;
    error->type = error_keep_text(error, texts[CRASH_TYPE]);
    error->message = error_keep_text(error, texts[CRASH_MESSAGE]);
    error->file = error_keep_text(error, texts[CRASH_FILE]);
    (void)numbers_parse(texts[CRASH_LINE], &error->line, 1); /* it stays 0 if that makes no sense */
    error_keep_actor(error, actor);
    keep_frames(error, at, end);
    return error;
}

static struct tr_error *describe_death(struct child *child, const tr_actor *actor)
{
    char how[EXIT_TEXT_ROOM];
    struct tr_error *error = error_new(TR_EDIED, tr_code_type(TR_EDIED), "", 0, "process %d of actor %s %s",
                                       child_pid(child), actor->name, exit_text(child->how, how));
    if (error->code != TR_EDIED)
        return error; /* memory is out; that is the error then */
    error->signal = child->how.signal;
    error->exit_status = child->how.status;
    error->frame_count = 0; /* where we noticed it explains nothing */
    error_keep_actor(error, actor);
    error_set_cause(error, last_words(child, actor));
    return error;
}

struct tr_error *child_death(struct child *child, const tr_actor *actor)
{
    if (!child->death)
        child->death = describe_death(child, actor);
    return error_ref(child->death);
}

/* ---- in the child ------------------------------------------------------------------------------- */

bool birth_read(const char *text, struct birth_note *ret)
{
    int said[2];
    if (!numbers_parse(text, said, 2) || said[1] < START_SPAWN || said[1] > START_FORK)
        return false;
    *ret = (struct birth_note){said[0], (enum start_method)said[1]};
    return true;
}

int child_inherit(int *ret_control)
{
    const char *birth = sys_birth();
    struct birth_note note;
    if (!birth || !birth_read(birth, &note))
        return raise_code(TR_EMISUSE, "this process was not started as an actor");
    int rc = sys_die_with_parent(sys_inherited(LIFELINE), note.parent);
    if (rc < 0)
        return raise_code(rc, "cannot bind this process to its parent");
    for (size_t i = 0; i < ENDS; i++)
        sys_adopt(sys_inherited(i));
    if (note.method == START_FORKSERVER && !planted(LOST_SERVER))
        sys_use_server(sys_inherited(SERVER));
    sys_crash_to(sys_inherited(CRASH));
    *ret_control = sys_inherited(CONTROL);
    return 0;
}
