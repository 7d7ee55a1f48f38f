#include "board.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define AS_TEXT(name, text) text,
const char *const phase_names[] = {PHASES(AS_TEXT)};
const char *const weather_names[] = {WEATHERS(AS_TEXT)};

/* ---- of the observer ------------------------------------------------------------------------------ */

static void tell(const char *name, int fd)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/fd/%d", getpid(), fd);
    setenv(name, path, 1);
}

static struct board *map_board(int fd)
{
    struct board *board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return board != MAP_FAILED ? board : NULL;
}

struct board *board_make(int *ret_memory, int *ret_bell)
{
    int bell[2], memory = memfd_create("board", MFD_CLOEXEC);
    if (memory < 0 || ftruncate(memory, sizeof(struct board)) < 0 || pipe2(bell, O_CLOEXEC | O_NONBLOCK) < 0)
        return NULL;
    tell("CHAOS_BOARD", memory);
    tell("CHAOS_BELL", bell[1]); /* which stays open here: the pipe is there as long as we are */
    *ret_memory = memory;
    *ret_bell = bell[0];
    return map_board(memory);
}

struct place *board_find(struct board *board, int pid)
{
    unsigned taken = atomic_load(&board->taken);
    for (unsigned i = 0; i < taken && i < PLACES_MOST; i++)
        if (atomic_load(&board->places[i].pid) == pid)
            return &board->places[i];
    return NULL;
}

/* ---- of the tree ---------------------------------------------------------------------------------- */

static struct board *board;
static int bell = -1;

static int open_told(const char *name, int flags)
{
    const char *path = getenv(name);
    return path ? open(path, flags | O_CLOEXEC) : -1;
}

/* Made when it is first spoken of: a forked actor does not come through main, and its parent may know of it first.
 * Should both make one, the first counts. */
static struct place *place_of(int pid)
{
    struct place *found = board ? board_find(board, pid) : NULL;
    unsigned place = found || !board ? 0 : atomic_fetch_add(&board->taken, 1);
    if (found || !board || place >= PLACES_MOST)
        return found;
    atomic_store(&board->places[place].phase, HANDSHAKE);
    atomic_store(&board->places[place].pid, pid);
    atomic_fetch_add(&board->entered[HANDSHAKE], 1);
    board_ring();
    return board_find(board, pid);
}

struct board *board_join(void)
{
    int memory = open_told("CHAOS_BOARD", O_RDWR);
    board = memory >= 0 ? map_board(memory) : NULL;
    if (!board)
        return NULL;
    close(memory);
    bell = open_told("CHAOS_BELL", O_WRONLY | O_NONBLOCK);
    (void)place_of(getpid());
    return board;
}

struct board *board_own(void)
{
    return board;
}

struct place *board_own_place(void)
{
    return place_of(getpid());
}

void board_ring(void)
{
    if (bell >= 0 && write(bell, "!", 1) < 0)
        return; /* it is ringing already */
}

static void enter(struct place *place, enum phase phase)
{
    int was = place ? atomic_load(&place->phase) : EXITING;
    while (was != EXITING && was != (int)phase)
        if (atomic_compare_exchange_weak(&place->phase, &was, phase)) {
            atomic_fetch_add(&board->entered[phase], 1);
            board_ring();
            return;
        }
}

void board_enter(enum phase phase)
{
    enter(place_of(getpid()), phase);
}

enum phase board_phase(void)
{
    struct place *own = place_of(getpid());
    return own ? (enum phase)atomic_load(&own->phase) : IDLE;
}

/* Unless it is further already: the first call may be quicker than the news that it can be made. */
void board_is_up(int pid)
{
    int handshake = HANDSHAKE;
    struct place *place = place_of(pid);
    if (place && atomic_compare_exchange_strong(&place->phase, &handshake, IDLE)) {
        atomic_fetch_add(&board->entered[IDLE], 1);
        board_ring();
    }
}

void board_is_told_to_end(int pid)
{
    enter(place_of(pid), EXITING);
}

void board_will_start(void)
{
    if (!board)
        return;
    atomic_fetch_add(&board->entered[SPAWNING], 1);
    board_ring();
}

bool board_wrong(const char *format, ...)
{
    if (!board || atomic_fetch_add(&board->wrong, 1) > 0)
        return false;
    va_list args;
    va_start(args, format);
    vsnprintf(board->what_was_wrong, sizeof board->what_was_wrong, format, args);
    va_end(args);
    return false;
}
