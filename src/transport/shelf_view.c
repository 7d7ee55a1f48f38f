/* The receiver's end. Bytes there are held by the message that they came with, while it is acted on or waits to be
 * read, and by each arena that something was decoded into; then they are given back. Places are believed only as far
 * as they lie in the memory and where nothing is held. */
#include "transport/shelf.h"

#include "base/hooks.h"
#include "base/list.h"
#include "base/panic.h"
#include "base/plant.h"
#include "sys/sys.h"

#include <errno.h>
#include <string.h>

struct held {
    uint32_t count;             /* how often; 0: nothing begins here */
    uint32_t size;
};

struct shelf_view {
    struct far_source source;
    void *memory;
    shelf_back_fn *back;        /* NULL once it was left */
    void *arg;
    struct held held[SHELF_PAGES];
    bool taken[SHELF_PAGES];    /* by something that is held */
    uint32_t count;             /* of places that are */
};

static const void *borrow(struct far_source *source, uint32_t place, size_t size, struct arena *memory, int *ret_rc)
{
    struct shelf_view *view = container_of(source, struct shelf_view, source);
    if (place >= SHELF_PAGES || view->held[place].count == 0 || view->held[place].size != size)
        return NULL;
    if (planted(EARLY_LOAN))
        return (char *)view->memory + (size_t)place * SHELF_PAGE;
    *ret_rc = arena_at_end(memory, shelf_view_drop, view, place);
    if (*ret_rc >= 0)
        shelf_view_hold(view, place);
    return (char *)view->memory + (size_t)place * SHELF_PAGE;
}

int shelf_view_new(int fd, shelf_back_fn *back, void *arg, struct shelf_view **ret_view)
{
    struct shelf_view *view = mem_zalloc(sizeof *view);
    int rc = view ? sys_share_in(SYS_ONE_WRITES, fd, SHELF_SIZE, &view->memory) : -ENOMEM;
    if (rc < 0) {
        mem_free(view);
        return rc;
    }
    view->source.borrow = borrow;
    view->back = back;
    view->arg = arg;
    *ret_view = view;
    return 0;
}

static void free_if_unused(struct shelf_view *view)
{
    if (view->back || view->count > 0)
        return;
    sys_unshare(view->memory, SHELF_SIZE);
    mem_free(view);
}

void shelf_view_leave(struct shelf_view *view)
{
    if (!view)
        return;
    view->back = NULL;
    free_if_unused(view);
}

bool shelf_view_is_empty(const struct shelf_view *view)
{
    return view->count == 0;
}

struct far_source *shelf_view_source(struct shelf_view *view)
{
    return &view->source;
}

int shelf_view_arrived(struct shelf_view *view, uint32_t place, size_t size)
{
    size_t pages = shelf_pages(size);
    if (size == 0 || place >= SHELF_PAGES || pages > SHELF_PAGES - place)
        return -EPROTO;
    if (memchr(&view->taken[place], true, pages))
        return -EPROTO;
    memset(&view->taken[place], true, pages);
    view->held[place] = (struct held){1, (uint32_t)size};
    view->count++;
    return 0;
}

void shelf_view_hold(struct shelf_view *view, uint32_t place)
{
    ensure(view->held[place].count > 0 && view->held[place].count < UINT32_MAX);
    view->held[place].count++;
}

void shelf_view_drop(void *arg, uint32_t place)
{
    struct shelf_view *view = arg;
    ensure(view->held[place].count > 0);
    if (--view->held[place].count > 0)
        return;
    memset(&view->taken[place], false, shelf_pages(view->held[place].size));
    view->count--;
    if (view->back && !planted(KEPT_LOAN))
        view->back(view->arg, place);
    free_if_unused(view);
}
