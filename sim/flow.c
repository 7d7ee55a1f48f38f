/* Bytes on their way from a writer to a reader: a pipe, or one direction of a socket.
 *
 * What is written arrives in order; between processes of one host at once, as in a kernel, between
 * hosts after a time that is drawn. A cut keeps what is sent, and what has not arrived yet, until it
 * heals: to both ends it looks like silence. The end of writing travels like bytes do. A flow holds so
 * many bytes and no more, those on the way included. */
#include "kernel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const int64_t NEVER_NS = INT64_MAX;

static void arrived(struct event *event);
static void despaired(struct event *event);

struct flow *flow_new(struct file *writer, struct file *reader, int64_t latency_ns)
{
    struct flow *flow = sim_new(sizeof *flow);
    *flow = (struct flow){.world = writer->world, .writer = writer, .reader = reader};
    flow->latency_ns = latency_ns;
    flow->room = flow->world->weather.buffer;
    flow->last = &flow->first;
    flow->arrival.happen = arrived;
    flow->despair.happen = despaired;
    writer->out = flow;
    reader->in = flow;
    return flow;
}

/* ---- arriving --------------------------------------------------------------------------------------- */

/* When the first chunk that has not arrived will. */
static void expect(struct flow *flow)
{
    struct chunk *chunk = flow->first;
    while (chunk && chunk->arrives_ns <= flow->world->now_ns)
        chunk = chunk->next;
    if (chunk && chunk->arrives_ns != NEVER_NS)
        event_at(flow->world, &flow->arrival, chunk->arrives_ns);
    else
        event_cancel(flow->world, &flow->arrival);
}

static void arrived(struct event *event)
{
    struct flow *flow = container_of(event, struct flow, arrival);
    expect(flow);
    if (flow->reader)
        file_changed(flow->reader);
}

/* ---- giving up --------------------------------------------------------------------------------------- */

/* Linux counts from when it sends for the second time after the first silence, on a fast network. */
enum { SENDS_AGAIN_NS = 400 * 1000 * 1000 };

/* The writer's kernel has sent it again and again. */
static void despaired(struct event *event)
{
    struct flow *flow = container_of(event, struct flow, despair);
    if (!flow->writer)
        return;
    flow->writer->error = -ETIMEDOUT;
    file_changed(flow->writer);
}

/* Something was sent that cannot arrive just now. */
static void begin_to_wait(struct flow *flow)
{
    if (flow->cut && flow->patience_ns > 0 && !flow->despair.node.queued)
        event_at(flow->world, &flow->despair, flow->world->now_ns + SENDS_AGAIN_NS + flow->patience_ns);
}

static bool is_waiting(const struct flow *flow)
{
    const struct chunk *chunk = flow->first;
    while (chunk && chunk->arrives_ns != NEVER_NS)
        chunk = chunk->next;
    return chunk != NULL;
}

void flow_set_patience(struct flow *flow, int64_t ns)
{
    flow->patience_ns = ns;
    event_cancel(flow->world, &flow->despair);
    if (is_waiting(flow))
        begin_to_wait(flow);
}

static int64_t draw_arrival(struct flow *flow)
{
    if (flow->cut)
        return NEVER_NS;
    int64_t at = flow->world->now_ns;
    if (flow->latency_ns > 0)
        at += 1 + world_draw_ns(flow->world, flow->latency_ns);
    if (at < flow->latest_ns)
        at = flow->latest_ns;
    return flow->latest_ns = at;
}

static void send(struct flow *flow, const void *bytes, size_t size, struct file *passed)
{
    struct chunk *chunk = sim_new(sizeof *chunk + size);
    chunk->arrives_ns = draw_arrival(flow);
    chunk->size = size;
    chunk->passed = passed;
    if (size > 0)
        memcpy(chunk->bytes, bytes, size);
    *flow->last = chunk;
    flow->last = &chunk->next;
    flow->held += size;
    if (chunk->arrives_ns > flow->world->now_ns)
        expect(flow);
    else if (flow->reader)
        file_changed(flow->reader);
}

void flow_cut(struct flow *flow, bool cut)
{
    flow->cut = cut;
    for (struct chunk *chunk = flow->first; chunk; chunk = chunk->next)
        if (cut ? chunk->arrives_ns > flow->world->now_ns : chunk->arrives_ns == NEVER_NS)
            chunk->arrives_ns = draw_arrival(flow);
    expect(flow);
    event_cancel(flow->world, &flow->despair);
    if (is_waiting(flow))
        begin_to_wait(flow);
    if (!cut && flow->reader)
        file_changed(flow->reader);
}

/* ---- reading and writing ------------------------------------------------------------------------------ */

static bool is_here(const struct flow *flow)
{
    return flow->first && flow->first->arrives_ns <= flow->world->now_ns;
}

bool flow_readable(const struct flow *flow)
{
    return is_here(flow);
}

bool flow_writable(const struct flow *flow)
{
    return !flow->reader || flow->held < flow->room;
}

static size_t less(struct flow *flow, size_t size)
{
    struct world *world = flow->world;
    if (size > 1 && random_chance(&world->chance, world->weather.split))
        return 1 + (size_t)random_below(&world->chance, size - 1);
    return size;
}

static void take_first(struct flow *flow)
{
    struct chunk *chunk = flow->first;
    flow->first = chunk->next;
    if (!flow->first)
        flow->last = &flow->first;
    if (chunk->passed)
        file_let_go(chunk->passed);
    free(chunk);
}

/* Whether there was one. */
static bool take_passed(struct chunk *chunk, struct file **ret_passed)
{
    bool brought = chunk->passed != NULL;
    if (chunk->passed && ret_passed)
        *ret_passed = chunk->passed;
    else if (chunk->passed)
        file_let_go(chunk->passed);
    chunk->passed = NULL;
    return brought;
}

/* As Linux has it, a read goes on into bytes that bring a descriptor, and ends with those. The end of the flow stays
 * where it is: it is read again and again. */
ssize_t flow_read(struct flow *flow, void *ret_bytes, size_t size, struct file **ret_passed)
{
    if (!is_here(flow))
        return -EAGAIN;
    size_t most = less(flow, size), got = 0;
    bool brought = false;
    while (got < most && !brought && is_here(flow) && flow->first->size > 0) {
        struct chunk *chunk = flow->first;
        brought = take_passed(chunk, ret_passed);
        size_t part = chunk->size - chunk->taken < most - got ? chunk->size - chunk->taken : most - got;
        memcpy((char *)ret_bytes + got, chunk->bytes + chunk->taken, part);
        got += part;
        chunk->taken += part;
        if (chunk->taken == chunk->size)
            take_first(flow);
    }
    flow->held -= got;
    if (got > 0 && flow->writer)
        file_changed(flow->writer);
    return (ssize_t)got;
}

ssize_t flow_write(struct flow *flow, const void *bytes, size_t size, struct file *passed)
{
    begin_to_wait(flow);
    if (!flow->reader && flow->cut && !flow->ended)
        return (ssize_t)size; /* nobody can tell the writer that nobody is there */
    if (!flow->reader || flow->ended)
        return -EPIPE;
    if (flow->held >= flow->room)
        return -EAGAIN;
    size_t most = flow->room - flow->held;
    most = less(flow, size < most ? size : most);
    if (most > 0 && passed)
        file_hold(passed);
    if (most > 0)
        send(flow, bytes, most, passed);
    return (ssize_t)most;
}

/* ---- ends ------------------------------------------------------------------------------------------- */

void flow_end(struct flow *flow)
{
    if (flow->ended)
        return;
    flow->ended = true;
    if (flow->reader)
        send(flow, "", 0, NULL);
}

/* By the reader: what has arrived can still be read, and then the end; nothing more can be written. */
void flow_hang_up(struct flow *flow)
{
    while (flow->last != &flow->first) {
        struct chunk **at = &flow->first;
        while (&(*at)->next != flow->last)
            at = &(*at)->next;
        if ((*at)->arrives_ns <= flow->world->now_ns)
            break;
        flow->held -= (*at)->size;
        if ((*at)->passed)
            file_let_go((*at)->passed);
        free(*at);
        *at = NULL;
        flow->last = at;
    }
    event_cancel(flow->world, &flow->despair);
    flow->cut = flow->ended = false;
    flow->latency_ns = flow->latest_ns = 0;
    flow_end(flow);
    if (flow->writer)
        file_changed(flow->writer);
}

/* All that is under way is lost. */
void flow_drop(struct flow *flow)
{
    while (flow->first)
        take_first(flow);
    flow->held = 0;
    expect(flow);
}

static void free_if_alone(struct flow *flow)
{
    if (flow->writer || flow->reader)
        return;
    flow_drop(flow);
    event_cancel(flow->world, &flow->despair);
    free(flow);
}

void flow_writer_gone(struct flow *flow)
{
    flow_end(flow);
    event_cancel(flow->world, &flow->despair);
    flow->writer = NULL;
    if (flow->lifeline && flow->lifeline->state.at != PROCESS_DEAD)
        process_doom(flow->lifeline);
    free_if_alone(flow);
}

void flow_reader_gone(struct flow *flow)
{
    flow->reader = NULL;
    flow_drop(flow);
    if (flow->writer)
        file_changed(flow->writer);
    free_if_alone(flow);
}
