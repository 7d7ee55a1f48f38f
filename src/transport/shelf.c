/* The sender's end. Where blocks are is only known here, in a table with a row for each page; that of a block's first
 * page says how large it is. The lowest place that is free is taken, so that what comes and goes uses few pages, again
 * and again, and these stay in a processor's cache. */
#include "transport/shelf.h"

#include "base/copy.h"
#include "base/hooks.h"
#include "base/panic.h"
#include "base/plant.h"
#include "sys/sys.h"

#include <errno.h>

enum { NO_PLACE = SHELF_PAGES };

struct block {
    uint16_t pages;             /* of the block that begins here; 0: none does */
    bool owned, lent;
    uint32_t lent_before;       /* which one was, in the same message; or NO_PLACE */
};

struct shelf {
    char *memory;
    struct block blocks[SHELF_PAGES];
    uint32_t lent_last;         /* in this message; or NO_PLACE */
    uint32_t count;             /* of blocks */
    bool left;
};

int shelf_make(struct shelf **ret_shelf, int *ret_fd)
{
    void *memory;
    struct shelf *shelf = mem_zalloc(sizeof *shelf);
    int rc = shelf ? sys_share(SYS_ONE_WRITES, SHELF_SIZE, &memory, ret_fd) : -ENOMEM;
    if (rc < 0) {
        mem_free(shelf);
        return rc;
    }
    shelf->memory = memory;
    shelf->lent_last = NO_PLACE;
    *ret_shelf = shelf;
    return 0;
}

static void free_if_unused(struct shelf *shelf)
{
    if (!shelf->left || shelf->count > 0)
        return;
    sys_unshare(shelf->memory, SHELF_SIZE);
    mem_free(shelf);
}

bool shelf_is_empty(const struct shelf *shelf)
{
    return shelf->count == 0;
}

/* ---- blocks ------------------------------------------------------------------------------------------------- */

/* The lowest place with so many free pages from there on, or NO_PLACE. */
static uint32_t find_room(const struct shelf *shelf, size_t pages)
{
    size_t at = 0, found = 0;
    while (at < SHELF_PAGES && found < pages) {
        size_t taken = shelf->blocks[at].pages;
        found = taken ? 0 : found + 1;
        at += taken ? taken : 1;
    }
    return found < pages ? NO_PLACE : (uint32_t)(at - found);
}

static uint32_t add_block(struct shelf *shelf, size_t size)
{
    size_t pages = shelf_pages(size);
    uint32_t place = pages > 0 && pages <= SHELF_PAGES ? find_room(shelf, pages) : NO_PLACE;
    if (place == NO_PLACE)
        return place;
    shelf->blocks[place] = (struct block){.pages = (uint16_t)pages};
    shelf->count++;
    return place;
}

static void free_block(struct shelf *shelf, struct block *block)
{
    if (block->owned || block->lent)
        return;
    block->pages = 0;
    shelf->count--;
}

void *shelf_take(struct shelf *shelf, size_t size)
{
    uint32_t place = add_block(shelf, size);
    if (place == NO_PLACE)
        return NULL;
    shelf->blocks[place].owned = true;
    return shelf->memory + (size_t)place * SHELF_PAGE;
}

/* NO_PLACE for what is no beginning of a page here. */
uint32_t shelf_place(const struct shelf *shelf, const void *block)
{
    uintptr_t offset = (uintptr_t)block - (uintptr_t)shelf->memory; /* large for what lies below, too */
    return offset < SHELF_SIZE && offset % SHELF_PAGE == 0 ? (uint32_t)(offset / SHELF_PAGE) : NO_PLACE;
}

void shelf_disown(void *arg, uint32_t place)
{
    struct shelf *shelf = arg;
    struct block *block = &shelf->blocks[place];
    ensure(block->owned);
    block->owned = false;
    free_block(shelf, block);
    free_if_unused(shelf);
}

/* ---- loans -------------------------------------------------------------------------------------------------- */

static uint32_t place_of_own(const struct shelf *shelf, const void *bytes, size_t size)
{
    uint32_t place = shelf_place(shelf, bytes);
    if (place == NO_PLACE)
        return place;
    const struct block *block = &shelf->blocks[place];
    bool fits = size <= (size_t)block->pages * SHELF_PAGE;
    return fits && block->owned && (!block->lent || planted(DOUBLE_LOAN)) ? place : NO_PLACE;
}

static uint32_t place_of_copy(struct shelf *shelf, const void *bytes, size_t size)
{
    uint32_t place = add_block(shelf, size);
    if (place != NO_PLACE)
        copy_bytes(shelf->memory + (size_t)place * SHELF_PAGE, bytes, size);
    return place;
}

bool shelf_lend(struct shelf *shelf, const void *bytes, size_t size, uint32_t *ret_place)
{
    uint32_t place = place_of_own(shelf, bytes, size);
    if (place == NO_PLACE)
        place = place_of_copy(shelf, bytes, size);
    if (place == NO_PLACE)
        return false;
    shelf->blocks[place].lent = true;
    shelf->blocks[place].lent_before = shelf->lent_last;
    *ret_place = shelf->lent_last = place;
    return true;
}

static void call_back_in(struct shelf *shelf, uint32_t place)
{
    shelf->blocks[place].lent = false;
    free_block(shelf, &shelf->blocks[place]);
}

void shelf_begin(struct shelf *shelf)
{
    shelf->lent_last = NO_PLACE;
}

void shelf_undo(struct shelf *shelf)
{
    for (uint32_t place; (place = shelf->lent_last) != NO_PLACE;) {
        shelf->lent_last = shelf->blocks[place].lent_before;
        call_back_in(shelf, place);
    }
}

int shelf_returned(struct shelf *shelf, uint32_t place)
{
    if (place >= SHELF_PAGES || shelf->blocks[place].pages == 0 || !shelf->blocks[place].lent)
        return -EPROTO;
    call_back_in(shelf, place);
    return 0;
}

void shelf_leave(struct shelf *shelf)
{
    if (!shelf)
        return;
    for (uint32_t place = 0; place < SHELF_PAGES; place++)
        if (shelf->blocks[place].pages > 0 && shelf->blocks[place].lent)
            call_back_in(shelf, place);
    shelf->left = true;
    free_if_unused(shelf);
}
