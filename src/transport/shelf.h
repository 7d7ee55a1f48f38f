/* Large byte strings on their way between two processes of one host: they lie on a shelf, a piece of memory that one
 * side writes to and the other only reads (sys_share). What travels is where they lie.
 *
 * Each side has a shelf of its own for what it sends, and a view of the other's. A block on the shelf is owned, while
 * somebody here fills it or may send it; lent, from when it is put into a message until the peer gives it back; both;
 * or free. Nobody waits for room: what finds none travels in the message.
 *
 * The peer may be hostile. What it says of places is checked by both ends, and it cannot write here; but it may
 * write to its own shelf while that is read, so whoever must be able to rely on what he has checked copies first. */
#ifndef TRANSPORT_SHELF_H
#define TRANSPORT_SHELF_H

#include "base/far.h"

/* Room for what is under way; a page is there when something has lain on it. Blocks are whole pages, so the place of a
 * block is the number of its first. */
enum { SHELF_PAGE = 4096, SHELF_PAGES = 2048, SHELF_SIZE = SHELF_PAGE * SHELF_PAGES };

static inline size_t shelf_pages(size_t size)
{
    return size / SHELF_PAGE + (size % SHELF_PAGE != 0);
}

/* ---- who sends ---------------------------------------------------------------------------------------------- */

struct shelf;

/* Makes one, and a descriptor for the peer. A negative errno value, not raised: there is none. */
int shelf_make(struct shelf **ret_shelf, int *ret_fd);

/* The peer is gone, and whatever was lent is back. It stays for those who own something on it. */
void shelf_leave(struct shelf *shelf);

/* A block of at least so many bytes, which is owned; NULL when there is no room. / Which of them this is, and the
 * end of owning it, in the shape of an arena_end_fn. */
void *shelf_take(struct shelf *shelf, size_t size);
uint32_t shelf_place(const struct shelf *shelf, const void *block);
void shelf_disown(void *shelf, uint32_t place);

/* Lends bytes that are the beginning of an owned block which is not lent yet; else as many are copied to a free one.
 * False when there is no room. */
bool shelf_lend(struct shelf *shelf, const void *bytes, size_t size, uint32_t *ret_place);

/* From here on loans are noted / and are taken back as if they had not been: the message is not sent. */
void shelf_begin(struct shelf *shelf);
void shelf_undo(struct shelf *shelf);

/* The peer gives a block back. -EPROTO, not raised, for one that it does not have. */
int shelf_returned(struct shelf *shelf, uint32_t place);

/* Whether nothing is owned or lent. */
bool shelf_is_empty(const struct shelf *shelf);

/* ---- who receives ------------------------------------------------------------------------------------------- */

struct shelf_view;

/* Whatever is nobody's any more is to be given back. */
typedef void shelf_back_fn(void *arg, uint32_t place);

/* The descriptor stays the caller's. A negative errno value, not raised; -EPERM for memory that is not as it should
 * be. */
int shelf_view_new(int fd, shelf_back_fn *back, void *arg, struct shelf_view **ret_view);

/* Nothing is given back any more. It stays for those who hold something on it. */
void shelf_view_leave(struct shelf_view *view);

/* A message says that bytes lie there: they are held once. -EPROTO, not raised, if that cannot be: outside, or where
 * others lie that have not been given back. */
int shelf_view_arrived(struct shelf_view *view, uint32_t place, size_t size);

/* Once more, of what is held / once less; with the last it is given back. An arena_end_fn. */
void shelf_view_hold(struct shelf_view *view, uint32_t place);
void shelf_view_drop(void *view, uint32_t place);

bool shelf_view_is_empty(const struct shelf_view *view);

/* For the codec: borrowed bytes are held until the arena ends. */
struct far_source *shelf_view_source(struct shelf_view *view);

#endif
