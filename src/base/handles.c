#include "base/handles.h"

#include "base/hooks.h"

#include <string.h>

static bool has_room(struct handles *handles)
{
    enum { FIRST_ROOM = 16, MOST = 1 << HANDLE_PLACE_BITS };
    if (handles->count < handles->room)
        return true;
    size_t room = handles->room ? handles->room * 2 : FIRST_ROOM;
    struct handle **all = room <= MOST ? mem_alloc(room * sizeof *all) : NULL;
    if (!all)
        return false;
    if (handles->count > 0)
        memcpy(all, handles->all, handles->count * sizeof *all);
    mem_free(handles->all);
    handles->all = all;
    handles->room = room;
    return true;
}

struct handle *handles_new_place(struct handles *handles, size_t size)
{
    struct handle *handle = has_room(handles) ? mem_alloc(size) : NULL;
    if (!handle)
        return NULL;
    *handle = (struct handle){.place = handles->count};
    handles->all[handles->count++] = handle;
    return handle;
}

void handles_put(struct handles *handles, struct handle *handle)
{
    handle->value = HANDLE_NONE;
    handle->next = handles->spare;
    handles->spare = handle;
}

void handles_fini(struct handles *handles)
{
    for (size_t i = 0; i < handles->count; i++)
        mem_free(handles->all[i]);
    mem_free(handles->all);
    *handles = (struct handles){0};
}
