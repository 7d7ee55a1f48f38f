/* Shelves for large byte strings: both ends in one process, on real memory. */
#include "support/real.h"

#include "base/list.h"
#include "sys/sys.h"
#include "transport/shelf.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

enum { SOME = 100 * 1000, SOME_PAGES = 25 };

/* A shelf, its view, memory for what is read there, and which places were given back last. */
struct both {
    struct shelf *shelf;
    struct shelf_view *view;
    struct arena memory;
    uint32_t back, times;
    bool deaf;
};

static const char elsewhere[SOME] = {'y', 'z'};

static void given_back(void *arg, uint32_t place)
{
    struct both *both = arg;
    both->back = place;
    both->times++;
    if (!both->deaf)
        assert_int_equal(shelf_returned(both->shelf, place), 0);
}

typedef int scenario_fn(struct both *both);

static int with_both(scenario_fn *scenario)
{
    struct both both = {.back = SHELF_PAGES};
    int fd;
    expect(shelf_make(&both.shelf, &fd) == 0);
    expect(shelf_view_new(fd, given_back, &both, &both.view) == 0);
    sys_close(&fd);
    tr_try(scenario(&both));
    arena_fini(&both.memory);
    shelf_view_leave(both.view);
    shelf_leave(both.shelf);
    return 0;
}

#define WITH_BOTH(scenario)                                                                        \
    static int with_both_##scenario(void *arg)                                                     \
    {                                                                                              \
        (void)arg;                                                                                 \
        return with_both(scenario);                                                                \
    }
#define IN_EARNEST_WITH_BOTH(name)                                                                 \
    {#name, run_in_earnest, NULL, NULL, &(struct virtual_scenario){with_both_##name}}

static const void *seen(struct both *both, uint32_t place, size_t size)
{
    struct far_source *source = shelf_view_source(both->view);
    int rc = 0;
    const void *at = source->borrow(source, place, size, &both->memory, &rc);
    return rc < 0 ? NULL : at;
}

static int what_is_filled_here_is_read_there(struct both *both)
{
    uint32_t place;
    char *block = shelf_take(both->shelf, SOME);
    expect(block);
    memset(block, 'x', SOME);
    shelf_begin(both->shelf);
    expect(shelf_lend(both->shelf, block, SOME - 1, &place) && place == shelf_place(both->shelf, block));
    expect(shelf_view_arrived(both->view, place, SOME - 1) == 0);
    const char *there = seen(both, place, SOME - 1);
    expect(there && there != block && memcmp(there, block, SOME - 1) == 0);
    shelf_view_drop(both->view, place);
    expect(both->times == 0 && !shelf_view_is_empty(both->view));
    arena_fini(&both->memory);
    expect(both->times == 1 && both->back == place && shelf_view_is_empty(both->view));
    expect(!shelf_is_empty(both->shelf)); /* it is still owned */
    shelf_disown(both->shelf, place);
    expect(shelf_is_empty(both->shelf));
    return 0;
}
WITH_BOTH(what_is_filled_here_is_read_there)

static int what_lies_elsewhere_is_copied_there(struct both *both)
{
    uint32_t first, second, third;
    char *block = shelf_take(both->shelf, SOME);
    shelf_begin(both->shelf);
    expect(shelf_lend(both->shelf, elsewhere, SOME, &first) && first == SOME_PAGES);
    expect(shelf_lend(both->shelf, block, SOME, &second) && second == 0);
    expect(shelf_lend(both->shelf, block, SOME, &third) && third == 2 * SOME_PAGES); /* it is lent already */
    expect(shelf_view_arrived(both->view, first, SOME) == 0);
    const void *there = seen(both, first, SOME);
    expect(there && memcmp(there, elsewhere, SOME) == 0);
    shelf_view_drop(both->view, first);
    arena_fini(&both->memory);
    expect(both->back == first);
    shelf_disown(both->shelf, 0);
    return 0;
}
WITH_BOTH(what_lies_elsewhere_is_copied_there)

static int a_message_that_is_not_sent_lends_nothing(struct both *both)
{
    uint32_t place, kept;
    shelf_begin(both->shelf);
    expect(shelf_lend(both->shelf, elsewhere, SOME, &kept));
    shelf_begin(both->shelf);
    char *block = shelf_take(both->shelf, SOME);
    for (int i = 0; i < 3; i++)
        expect(shelf_lend(both->shelf, i == 1 ? block : elsewhere, SOME, &place));
    shelf_undo(both->shelf);
    shelf_undo(both->shelf);
    expect(shelf_returned(both->shelf, place) == -EPROTO && shelf_returned(both->shelf, kept) == 0);
    shelf_disown(both->shelf, shelf_place(both->shelf, block));
    expect(shelf_is_empty(both->shelf));
    return 0;
}
WITH_BOTH(a_message_that_is_not_sent_lends_nothing)

static int a_full_shelf_has_no_room_until_something_is_back(struct both *both)
{
    uint32_t place;
    expect(!shelf_take(both->shelf, 0) && !shelf_take(both->shelf, SHELF_SIZE + 1) && !shelf_take(both->shelf, SIZE_MAX));
    char *all = shelf_take(both->shelf, SHELF_SIZE);
    expect(all && !shelf_take(both->shelf, 1) && !shelf_lend(both->shelf, elsewhere, SOME, &place));
    shelf_disown(both->shelf, 0);
    uint32_t count = 0;
    shelf_begin(both->shelf);
    while (shelf_lend(both->shelf, elsewhere, SOME, &place))
        expect(place == SOME_PAGES * count++);
    expect(count == SHELF_PAGES / SOME_PAGES);
    expect(shelf_returned(both->shelf, 3 * SOME_PAGES) == 0 && shelf_returned(both->shelf, 4 * SOME_PAGES) == 0);
    expect(shelf_place(both->shelf, shelf_take(both->shelf, 2 * SOME)) == 3 * SOME_PAGES);
    shelf_disown(both->shelf, 3 * SOME_PAGES);
    return 0;
}
WITH_BOTH(a_full_shelf_has_no_room_until_something_is_back)

static int what_is_given_back_must_have_been_lent(struct both *both)
{
    uint32_t place;
    char *block = shelf_take(both->shelf, SOME);
    static const uint32_t places[] = {0, 1, SOME_PAGES, SHELF_PAGES, UINT32_MAX};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        expect(shelf_returned(both->shelf, places[i]) == -EPROTO);
    shelf_begin(both->shelf);
    expect(shelf_lend(both->shelf, block, SOME, &place));
    expect(shelf_returned(both->shelf, 1) == -EPROTO);
    expect(shelf_returned(both->shelf, 0) == 0 && shelf_returned(both->shelf, 0) == -EPROTO);
    shelf_disown(both->shelf, 0);
    return 0;
}
WITH_BOTH(what_is_given_back_must_have_been_lent)

static int places_that_cannot_be_are_refused(struct both *both)
{
    both->deaf = true;
    static const struct { uint32_t place; size_t size; } wrong[] = {
        {0, 0}, {SHELF_PAGES, 1}, {UINT32_MAX, 1}, {0, SHELF_SIZE + 1}, {1, SHELF_SIZE}, {SHELF_PAGES - 1, SHELF_PAGE + 1},
        {0, SIZE_MAX}, {10, 1}, {11, 1}, {9, SHELF_PAGE + 1}, {0, SHELF_SIZE}};
    expect(shelf_view_arrived(both->view, 10, 2 * SHELF_PAGE) == 0);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        expect(shelf_view_arrived(both->view, wrong[i].place, wrong[i].size) == -EPROTO);
    expect(!seen(both, 10, 1) && !seen(both, 11, 1) && !seen(both, SHELF_PAGES, 1));
    shelf_view_drop(both->view, 10);
    expect(both->times == 1 && !seen(both, 10, 2 * SHELF_PAGE));
    expect(shelf_view_arrived(both->view, 0, SHELF_SIZE) == 0);
    shelf_view_drop(both->view, 0);
    return 0;
}
WITH_BOTH(places_that_cannot_be_are_refused)

/* What one side still holds outlasts the other, and the session. */
static int what_is_held_stays_when_the_other_side_is_gone(struct both *both)
{
    struct shelf *shelf = both->shelf;
    uint32_t place;
    char *block = shelf_take(shelf, SOME);
    block[0] = 'z';
    shelf_begin(both->shelf);
    expect(shelf_lend(both->shelf, block, SOME, &place) && shelf_view_arrived(both->view, place, SOME) == 0);
    const char *there = seen(both, place, SOME);
    shelf_view_drop(both->view, place);
    shelf_view_leave(both->view);
    shelf_leave(shelf);
    both->view = NULL;
    both->shelf = NULL;
    block[1] = 'y';
    shelf_disown(shelf, place);
    expect(there && there[0] == 'z' && there[1] == 'y' && both->times == 0);
    return 0;
}
WITH_BOTH(what_is_held_stays_when_the_other_side_is_gone)

/* ---- what only its maker writes to --------------------------------------------------------------------------- */

static int memory_of_another_kind_is_not_taken_for_a_shelf(void *arg)
{
    (void)arg;
    struct shelf_view *view;
    void *memory;
    int fds[4] = {-1, memfd_create("test", MFD_CLOEXEC), -1, -1};
    expect(ftruncate(fds[1], SHELF_SIZE) == 0);
    expect(sys_share(SYS_ALL_WRITE, SHELF_SIZE, &memory, &fds[2]) == 0);
    sys_unshare(memory, SHELF_SIZE);
    expect(sys_share(SYS_ONE_WRITES, SHELF_SIZE / 2, &memory, &fds[3]) == 0);
    sys_unshare(memory, SHELF_SIZE / 2);
    for (int i = 0; i < 4; i++) {
        expect(shelf_view_new(fds[i], given_back, NULL, &view) == -EPERM);
        sys_close(&fds[i]);
    }
    return 0;
}

static int a_shelf_can_be_written_to_by_its_maker_only(void *arg)
{
    (void)arg;
    void *mine, *theirs;
    int fd, status;
    expect(sys_share(SYS_ONE_WRITES, SHELF_SIZE, &mine, &fd) == 0);
    expect(sys_share_in(SYS_ONE_WRITES, fd, SHELF_SIZE, &theirs) == 0);
    void *writable = mmap(NULL, SHELF_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    expect(writable == MAP_FAILED);
    expect(mprotect(theirs, SHELF_SIZE, PROT_READ | PROT_WRITE) < 0);
    expect(write(fd, "x", 1) < 0 && ftruncate(fd, 1) < 0);
    pid_t child = fork();
    if (child == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        signal(SIGSEGV, SIG_DFL);
        *(volatile char *)theirs = 'x';
        _exit(0);
    }
    expect(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    sys_unshare(theirs, SHELF_SIZE);
    sys_unshare(mine, SHELF_SIZE);
    sys_close(&fd);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EARNEST_WITH_BOTH(what_is_filled_here_is_read_there),
        IN_EARNEST_WITH_BOTH(what_lies_elsewhere_is_copied_there),
        IN_EARNEST_WITH_BOTH(a_message_that_is_not_sent_lends_nothing),
        IN_EARNEST_WITH_BOTH(a_full_shelf_has_no_room_until_something_is_back),
        IN_EARNEST_WITH_BOTH(what_is_given_back_must_have_been_lent),
        IN_EARNEST_WITH_BOTH(places_that_cannot_be_are_refused),
        IN_EARNEST_WITH_BOTH(what_is_held_stays_when_the_other_side_is_gone),
        IN_EARNEST(memory_of_another_kind_is_not_taken_for_a_shelf),
        IN_EARNEST(a_shelf_can_be_written_to_by_its_maker_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
