/* Descriptors and what they stand for. An open file is shared by all descriptors, in one process or
 * several, that were made from it, and closed with the last; a socket's other end reads the end then,
 * or, if it had sent what was never read, an error. */
#include "kernel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct file *file_new(struct process *for_whom, enum file_kind kind)
{
    struct file *file = sim_new(sizeof *file);
    file->world = for_whom->world;
    file->host = for_whom->host;
    file->holder = for_whom;
    file->kind = kind;
    list_init(&file->watches);
    list_init(&file->waiting);
    list_init(&file->turn);
    list_push(&file->world->files, &file->place);
    return file;
}

void file_hold(struct file *file)
{
    file->holds++;
}

/* What was sent here and never read tells the sender so, if anything can. */
static void leave_peer(struct file *file)
{
    struct file *peer = file->peer;
    if (!peer)
        return;
    peer->peer = NULL;
    if (file->in && file->in->held > 0 && !(file->out && file->out->cut))
        peer->error = -ECONNRESET;
}

static void forget_watches(struct file *file)
{
    list_each(at, &file->watches)
    {
        struct sys_watch *watch = container_of(at, struct sys_watch, at_file);
        list_remove(at);
        watch->file = NULL; /* without a word: `armed` is what is believed */
    }
}

void file_let_go(struct file *file)
{
    if (--file->holds > 0)
        return;
    list_remove(&file->place);
    list_remove(&file->turn);
    forget_watches(file);
    event_cancel(file->world, &file->answer);
    leave_peer(file);
    if (file->out)
        flow_writer_gone(file->out);
    if (file->in)
        flow_reader_gone(file->in);
    if (file->kind == FILE_LISTENER)
        listener_closed(file);
    if (file->kind == FILE_LOCK)
        lock_closed(file);
    if (file->shared)
        shared_let_go(file->shared);
    free(file);
}

void file_changed(struct file *file)
{
    list_each(at, &file->watches)
        process_make_ready(container_of(at, struct sys_watch, at_file)->process);
}

/* Whoever reads or writes a broken one learns what is wrong. */
int file_ready(const struct file *file)
{
    int ready = 0;
    if (file->error)
        return SYS_READABLE | SYS_WRITABLE;
    if (file->kind == FILE_LISTENER)
        return list_empty(&file->waiting) ? 0 : SYS_READABLE;
    if (file->in && flow_readable(file->in))
        ready |= SYS_READABLE;
    if (file->out && flow_writable(file->out))
        ready |= SYS_WRITABLE;
    return ready;
}

void socket_pair(struct file *a, struct file *b, int64_t latency_ns)
{
    a->kind = b->kind = FILE_STREAM;
    a->peer = b;
    b->peer = a;
    a->at_host = b->host;
    b->at_host = a->host;
    flow_new(a, b, latency_ns);
    flow_new(b, a, latency_ns);
}

/* ---- descriptors ------------------------------------------------------------------------------------- */

static void more_room(struct process *process)
{
    size_t room = process->files_room ? 2 * process->files_room : 16;
    struct file **files = sim_new(room * sizeof(struct file *));
    for (size_t i = 0; i < process->files_room; i++)
        files[i] = process->files[i];
    free(process->files);
    process->files = files;
    process->files_room = room;
}

/* 0 to 2 are the standard streams, which this world has none of. */
int file_install(struct process *process, struct file *file)
{
    enum { FIRST = 3 };
    file_hold(file);
    for (size_t fd = FIRST; fd < process->files_most; fd++) {
        if (fd >= process->files_room)
            more_room(process);
        if (process->files[fd])
            continue;
        process->files[fd] = file;
        return (int)fd;
    }
    file_let_go(file);
    return -EMFILE;
}

struct file *file_of(struct process *process, int fd)
{
    return fd >= 0 && (size_t)fd < process->files_room ? process->files[fd] : NULL;
}

void file_close(struct process *process, int fd)
{
    struct file *file = file_of(process, fd);
    if (!file)
        return;
    process->files[fd] = NULL;
    file_let_go(file);
}

void files_close_all(struct process *process)
{
    for (size_t fd = 0; fd < process->files_room; fd++)
        if (process->files[fd])
            file_let_go(process->files[fd]);
    for (int i = 0; i < 3; i++)
        if (process->standard[i])
            file_let_go(process->standard[i]);
    memset(process->standard, 0, sizeof process->standard);
    free(process->files);
    process->files = NULL;
    process->files_room = 0;
}
