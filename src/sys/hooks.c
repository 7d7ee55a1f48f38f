/* The hooks of the ground floor, answered by this thread's world; and the entering and leaving of
 * worlds. Memory has no other owner than the world it came from, so code that runs before there is
 * one (a constructor, a call outside tr_main) must not ask for any. */
#include "base/hooks.h"

#include "base/error.h"
#include "base/panic.h"
#include "sys/sys.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *mem_alloc(size_t size)
{
    return SYS_CALL_(resize, NULL, size ? size : 1);
}

void *mem_resize(void *memory, size_t size)
{
    return SYS_CALL_(resize, memory, size ? size : 1);
}

void mem_free(void *memory)
{
    if (memory)
        SYS_CALL_(resize, memory, 0);
}

size_t trace_capture(void **ret_addresses, size_t room)
{
    return SYS_CALL_(trace, ret_addresses, room);
}

void trace_locate(const void *address, char *ret_text, size_t room)
{
    SYS_CALL_(trace_locate, address, ret_text, room);
}

bool trace_show(const char *located, char *ret_text, size_t room)
{
    return SYS_CALL_(trace_show, located, ret_text, room);
}

void panic_at(const char *file, int line, const char *format, ...)
{
    char what[512], text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    const char *actor = runtime && runtime->self.name ? runtime->self.name : "";
    int size = snprintf(text, sizeof text, "libtractor: %s:%d: %s (task %s%s%s)\n", file, line, what,
                        runtime && runtime->front->name ? runtime->front->name : "none",
                        actor[0] ? ", actor " : "", actor);
    if (!runtime) {
        fputs(text, stderr);
        abort();
    }
    sys_print_error(text, (size_t)size < sizeof text ? (size_t)size : sizeof text - 1);
    if (runtime->sys->ops->last_words) /* worker threads have none */
        runtime->sys->ops->last_words(runtime->sys, "Panic", what, file, line);
    runtime->sys->ops->abort(runtime->sys);
}

/* A thread's last world goes with the thread, so that leak checkers have nothing to complain about. */
static void free_world(void *world)
{
    struct runtime *of_thread = world;
    if (of_thread->sched)
        return; /* the process exits from within a run */
    error_unref(of_thread->outside.error);
    of_thread->sys->ops->free(of_thread->sys);
    runtime = NULL;
}

static pthread_key_t at_thread_exit;

__attribute__((constructor)) static void prepare_thread_exit(void)
{
    if (pthread_key_create(&at_thread_exit, free_world) != 0)
        abort();
}

/* The main thread does not end by returning: its keys are not looked at. */
__attribute__((destructor)) static void free_last_world(void)
{
    if (runtime)
        free_world(runtime);
}

_Thread_local const struct sys_maker *sys_maker;

static const struct sys_maker *maker(void)
{
    return sys_maker ? sys_maker : &sys_real;
}

void sys_print_refusal(int rc)
{
    if (!sys_maker)
        fprintf(stderr, "libtractor: this process cannot be an actor: %s: %s\n", tr_code_type(rc),
                tr_code_sentence(rc));
}

int sys_new(void)
{
    return maker()->make();
}

const char *sys_birth(void)
{
    return maker()->birth();
}

const char *sys_env_before(const char *name)
{
    return maker()->env(name);
}

int sys_make_server(void)
{
    return maker()->make_server();
}

void sys_enter(struct sys *sys, const struct sys_ops *ops)
{
    struct job *job = runtime ? runtime->job : NULL;
    if (runtime)
        free_world(runtime);
    sys->ops = ops;
    runtime = &sys->runtime;
    *runtime = (struct runtime){.sys = sys, .job = job, .self = {"", "", "", 0}};
    runtime->front = &runtime->outside;
    (void)pthread_setspecific(at_thread_exit, runtime); /* at worst, a leak at the thread's end */
    (void)sys_random(&runtime->error_ids, sizeof runtime->error_ids);
    runtime->error_ids |= 1ULL << 63; /* never 0, even after many: 0 is the id of plain errors */
}

void sys_forsake(void)
{
    if (runtime)
        free_world(runtime);
    (void)pthread_setspecific(at_thread_exit, NULL);
}

void sys_leave(void)
{
    runtime->sys->ops->stop(runtime->sys);
}
