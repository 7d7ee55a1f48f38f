/* Addresses: who listens where, and how others get there.
 *
 * Unix sockets live on one host: abstract names vanish with their listener, paths stay behind when it
 * is killed. A connection to one is there at once. Over TCP it takes the time of the way there and
 * back, and as long as the way is cut; a host's own address is 127.x or ::1, which no other host means, and everybody's
 * for it is its name. */
#include "kernel.h"

#include "base/numbers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const int64_t ASK_AGAIN_NS = 1000000000; /* while a way is cut */

/* ---- who listens ------------------------------------------------------------------------------------- */

static bool is_path(const struct sys_address *at)
{
    return at->family == SYS_UNIX && at->name[0] == '/';
}

static struct path *find_path(struct host *host, const char *name)
{
    list_each(at, &host->paths)
    {
        struct path *path = container_of(at, struct path, place);
        if (strcmp(path->name, name) == 0)
            return path;
    }
    return NULL;
}

static bool is_own(const char *name)
{
    return strncmp(name, "127.", 4) == 0 || strcmp(name, "::1") == 0;
}

static bool is_any(const char *name)
{
    return strcmp(name, "0.0.0.0") == 0 || strcmp(name, "::") == 0;
}

/* Whether one that listens at an address on its host is meant by another address of that host. */
static bool is_meant(const struct sys_address *at, const struct sys_address *to)
{
    return at->port == to->port && (is_any(at->name) || is_any(to->name) || is_own(at->name) == is_own(to->name));
}

static struct file *find_listener(struct host *host, const struct sys_address *to)
{
    list_each(at, &host->world->files)
    {
        struct file *file = container_of(at, struct file, place);
        if (file->kind != FILE_LISTENER || file->host != host || file->at.family != to->family)
            continue;
        if (to->family == SYS_TCP ? is_meant(&file->at, to) : strcmp(file->at.name, to->name) == 0)
            return file;
    }
    return NULL;
}

static struct host *find_host(struct host *from, const struct sys_address *to)
{
    if (to->family == SYS_UNIX || is_own(to->name) || is_any(to->name))
        return from;
    list_each(at, &from->world->hosts)
    {
        struct host *host = container_of(at, struct host, place);
        if (strcmp(host->name, to->name) == 0)
            return host;
    }
    return NULL;
}

/* ---- listening --------------------------------------------------------------------------------------- */

static int claim_path(struct process *process, const char *name, int *ret_lock)
{
    struct path *path = find_path(process->host, name);
    if (path && path->lock)
        return -EADDRINUSE;
    if (!path) {
        path = sim_new(sizeof *path);
        memcpy(path->name, name, strlen(name) + 1);
        list_push(&process->host->paths, &path->place);
    }
    struct file *lock = file_new(process, FILE_LOCK);
    memcpy(lock->at.name, name, strlen(name) + 1);
    path->lock = lock;
    *ret_lock = file_install(process, lock);
    return *ret_lock < 0 ? *ret_lock : 0;
}

void lock_closed(struct file *file)
{
    struct path *path = find_path(file->host, file->at.name);
    if (path && path->lock == file)
        path->lock = NULL;
}

void listener_closed(struct file *file)
{
    struct path *path = is_path(&file->at) ? find_path(file->host, file->at.name) : NULL;
    if (path && path->listener == file)
        path->listener = NULL;
    list_each(at, &file->waiting)
        file_let_go(container_of(at, struct file, turn));
}

int sim_listen(struct sys *sys, const struct sys_address *at, int *ret_fd, int *ret_lock)
{
    struct process *process = process_of(sys);
    if (sim_enter(process, "listen", at->port))
        return -EMFILE;
    struct sys_address real = *at;
    if (real.family == SYS_TCP && real.port == 0)
        real.port = ++process->host->last_port;
    *ret_lock = -1;
    if (find_host(process->host, at) != process->host)
        return -EADDRNOTAVAIL;
    int rc = is_path(&real) ? claim_path(process, real.name, ret_lock) : 0;
    if (rc < 0 || (!is_path(&real) && find_listener(process->host, &real)))
        return rc < 0 ? rc : -EADDRINUSE;
    struct file *file = file_new(process, FILE_LISTENER);
    file->at = real;
    int fd = file_install(process, file);
    if (fd < 0) {
        if (*ret_lock >= 0)
            file_close(process, *ret_lock);
        return fd;
    }
    if (is_path(&real))
        find_path(process->host, real.name)->listener = file;
    *ret_fd = fd;
    return 0;
}

static void remove_path(struct host *host, const char *name)
{
    struct path *path = find_path(host, name);
    if (!path)
        return;
    list_remove(&path->place);
    free(path);
}

void sim_unlisten(struct sys *sys, const struct sys_address *at, int lock)
{
    struct process *process = process_of(sys);
    if (lock < 0)
        return;
    remove_path(process->host, at->name);
    file_close(process, lock);
}

void net_free_host(struct host *host)
{
    list_each(at, &host->paths)
        free(container_of(at, struct path, place));
    free(host);
}

/* ---- connecting -------------------------------------------------------------------------------------- */

static void let_in(struct file *caller, struct file *listener)
{
    struct file *there = file_new(listener->holder, FILE_STREAM);
    there->at = caller->at.family == SYS_TCP ? caller->at : listener->at; /* where it was met */
    file_hold(there);
    socket_pair(caller, there, caller->host == there->host ? 0 : caller->world->weather.latency_ns);
    if (hosts_are_cut(caller->host, there->host)) {
        flow_cut(caller->out, true);
        flow_cut(there->out, true);
    }
    list_push(&listener->waiting, &there->turn);
    file_changed(listener);
}

static bool is_cut(const struct file *a, const struct process *b)
{
    if (hosts_are_cut(a->host, b->host))
        return true;
    list_each(at, &a->world->files)
    {
        const struct file *file = container_of(at, struct file, place);
        if (file->holder == a->holder && file->out && file->out->cut && file->peer && file->peer->holder == b)
            return true;
    }
    return false;
}

static void answered(struct event *event)
{
    struct file *caller = container_of(event, struct file, answer);
    struct host *host = find_host(caller->host, &caller->at);
    if (host && hosts_are_cut(caller->host, host)) {
        event_at(caller->world, event, caller->world->now_ns + ASK_AGAIN_NS);
        return;
    }
    struct file *listener = host ? find_listener(host, &caller->at) : NULL;
    if (listener && is_cut(caller, listener->holder)) {
        event_at(caller->world, event, caller->world->now_ns + ASK_AGAIN_NS);
        return;
    }
    caller->kind = FILE_STREAM;
    if (listener)
        let_in(caller, listener);
    else
        caller->error = host ? -ECONNREFUSED : -EHOSTUNREACH;
    file_changed(caller);
}

static int connect_here(struct file *file, const struct sys_address *to)
{
    struct file *listener = find_listener(file->host, to);
    if (!listener)
        return is_path(to) && !find_path(file->host, to->name) ? -ENOENT : -ECONNREFUSED;
    let_in(file, listener);
    return 0;
}

int sim_connect(struct sys *sys, const struct sys_address *to, int *ret_fd)
{
    struct process *process = process_of(sys);
    if (sim_enter(process, "connect", to->port))
        return -ECONNREFUSED;
    struct file *file = file_new(process, FILE_DIALING);
    file->at = *to;
    int fd = file_install(process, file), rc = 0;
    if (fd < 0)
        return fd;
    if (to->family == SYS_UNIX) {
        rc = connect_here(file, to);
    } else {
        file->answer.happen = answered;
        event_at(file->world, &file->answer,
                 file->world->now_ns + 1 + world_draw_ns(file->world, 2 * file->world->weather.latency_ns));
    }
    if (rc < 0) {
        file_close(process, fd);
        return rc;
    }
    *ret_fd = fd;
    return 0;
}

int sim_connected(struct sys *sys, int fd)
{
    struct process *process = process_of(sys);
    if (sim_enter(process, "connected", fd))
        return -ECONNREFUSED;
    struct file *file = file_of(process, fd);
    int error = file ? file->error : -EBADF;
    if (file)
        file->error = 0;
    return error;
}

int sim_accept(struct sys *sys, int fd, int *ret_fd)
{
    struct process *process = process_of(sys);
    if (sim_enter(process, "accept", fd))
        return -EMFILE;
    struct file *listener = file_of(process, fd);
    struct link *first = listener ? list_shift(&listener->waiting) : NULL;
    if (!first)
        return listener ? -EAGAIN : -EBADF;
    struct file *file = container_of(first, struct file, turn);
    file->holder = process;
    int got = file_install(process, file);
    if (got < 0) {
        list_push(listener->waiting.next, first); /* it waits on, before the others */
        return got;
    }
    file_let_go(file); /* the queue's */
    *ret_fd = got;
    return 0;
}

/* ---- cables ------------------------------------------------------------------------------------------ */

bool hosts_are_cut(const struct host *a, const struct host *b)
{
    list_each(at, &a->world->cuts)
    {
        const struct host_cut *between = container_of(at, struct host_cut, place);
        if ((between->a == a && between->b == b) || (between->a == b && between->b == a))
            return true;
    }
    return false;
}

/* What lies between two hosts, also what one end has closed already. */
static void cut_flows(const struct host *a, const struct host *b, bool cut)
{
    list_each(at, &a->world->files)
    {
        struct file *file = container_of(at, struct file, place);
        const struct host *other = file->peer ? file->peer->host : file->at_host;
        if ((file->host == a && other == b) || (file->host == b && other == a)) {
            if (file->out)
                flow_cut(file->out, cut);
            if (file->in)
                flow_cut(file->in, cut);
        }
    }
}

void world_cut_hosts(struct host *a, struct host *b)
{
    if (a == b || hosts_are_cut(a, b))
        return;
    struct host_cut *between = sim_new(sizeof *between);
    *between = (struct host_cut){.a = a, .b = b};
    list_push(&a->world->cuts, &between->place);
    cut_flows(a, b, true);
}

void world_heal_hosts(struct host *a, struct host *b)
{
    list_each(at, &a->world->cuts)
    {
        struct host_cut *between = container_of(at, struct host_cut, place);
        if ((between->a != a || between->b != b) && (between->a != b || between->b != a))
            continue;
        list_remove(&between->place);
        free(between);
        cut_flows(a, b, false);
        return;
    }
}

void net_free_cuts(struct world *world)
{
    struct link *at;
    while ((at = list_shift(&world->cuts)))
        free(container_of(at, struct host_cut, place));
}

/* ---- names ------------------------------------------------------------------------------------------- */

int sim_local_address(struct sys *sys, int fd, struct sys_address *ret)
{
    struct file *file = file_of(process_of(sys), fd);
    if (!file)
        return -EBADF;
    *ret = file->at;
    return 0;
}

int sim_peer_is_us(struct sys *sys, int fd)
{
    struct process *process = process_of(sys);
    struct file *file = file_of(process, fd);
    if (!file)
        return -EBADF;
    return !file->peer || file->peer->holder->user == process->user;
}

int sim_peer_is(struct sys *sys, int fd, int pid)
{
    struct file *file = file_of(process_of(sys), fd);
    if (!file)
        return -EBADF;
    return file->at.family == SYS_TCP || !file->peer || file->peer->holder->pid == pid;
}

void sim_patience(struct sys *sys, int fd, int64_t ns)
{
    struct file *file = file_of(process_of(sys), fd);
    if (file && file->out)
        flow_set_patience(file->out, ns);
}

int sim_is_stuck(struct sys *sys, int fd)
{
    struct file *file = file_of(process_of(sys), fd);
    if (!file || !file->out)
        return -EBADF;
    return !file->out->cut && !flow_writable(file->out);
}

int sim_listening(struct sys *sys, const char *prefix, sys_name_fn *each, void *arg)
{
    struct process *process = process_of(sys);
    if (sim_enter(process, "listening", 0))
        return -EMFILE;
    int rc = 0;
    list_each(at, &process->world->files)
    {
        struct file *file = container_of(at, struct file, place);
        if (rc >= 0 && file->kind == FILE_LISTENER && file->host == process->host && file->at.family == SYS_UNIX &&
            file->at.name[0] == '@' && strncmp(file->at.name, prefix, strlen(prefix)) == 0)
            rc = each(arg, file->at.name);
    }
    return rc < 0 ? rc : 0;
}

/* Hosts' names are as good as numbers here. */
int sim_numeric(struct sys *sys, const char *host, const char *service, struct sys_address *ret)
{
    struct process *process = process_of(sys);
    struct sys_address at = {.family = SYS_TCP};
    int port = 0;
    if (service && service[0] && !numbers_parse(service, &port, 1))
        return 0;
    if (strlen(host) >= sizeof at.name || port < 0 || port > UINT16_MAX)
        return 0;
    at.port = (uint16_t)port;
    memcpy(at.name, host, strlen(host) + 1);
    if (!find_host(process->host, &at))
        return 0;
    *ret = at;
    return 1;
}
