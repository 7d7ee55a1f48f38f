/* What a task holds on to: frames of memory, innermost first. The outermost is made when it is first
 * needed and lasts as long as the task. The frame that was closed last is kept with some memory, so that a loop which
 * opens one each time around allocates nothing. */
#include "sched/sched.h"

#include "base/arena.h"
#include "base/hooks.h"
#include "sched/frame.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

struct tr_frame {
    struct tr_frame *outer;
    struct arena memory;
};

static struct tr_frame *push_frame(struct task *task)
{
    struct tr_frame *frame = task->spare ? task->spare : mem_zalloc(sizeof *frame);
    if (!frame)
        return NULL;
    task->spare = NULL;
    frame->outer = task->frame;
    task->frame = frame;
    return frame;
}

static void free_spare(struct task *task)
{
    if (!task->spare)
        return;
    arena_fini(&task->spare->memory);
    mem_free(task->spare);
    task->spare = NULL;
}

static void pop_frame(struct task *task)
{
    struct tr_frame *frame = task->frame;
    task->frame = frame->outer;
    arena_clear(&frame->memory, ARENA_LITTLE);
    free_spare(task);
    task->spare = frame;
}

__attribute__((noinline)) void frames_free(struct task *task) /* most tasks have none */
{
    while (task->frame)
        pop_frame(task);
    free_spare(task);
}

tr_frame *tr_open_frame(void)
{
    struct task *task = task_current();
    return task ? push_frame(task) : NULL;
}

void tr_frame_done_(tr_frame **held)
{
    struct tr_frame *frame = *held;
    if (!frame)
        return;
    *held = NULL;
    struct task *task = runtime->task;
    while (task->frame != frame) /* a frame inside that was never closed ends with this one */
        pop_frame(task);
    pop_frame(task);
}

struct arena *frame_memory(void)
{
    struct task *task = runtime->task;
    struct tr_frame *frame = task->frame ? task->frame : push_frame(task);
    return frame ? &frame->memory : NULL;
}

void *tr_alloc(size_t size)
{
    struct arena *memory = task_current() ? frame_memory() : NULL;
    return memory ? arena_alloc(memory, size) : NULL;
}

const char *tr_format(const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int size = vsnprintf(NULL, 0, format, args);
    char *text = size < 0 ? NULL : tr_alloc((size_t)size + 1);
    if (text)
        vsnprintf(text, (size_t)size + 1, format, again);
    va_end(again);
    va_end(args);
    return text;
}
