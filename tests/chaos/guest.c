#include "guest.h"

#include "board.h"
#include "random.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <tractor.h>
#include <unistd.h>

/* ---- what the host does ----------------------------------------------------------------------------- */

tr_fn(int64_t, say_again, (int64_t, nonce))
{
    *ret = args->nonce;
    return 0;
}

tr_fn(tr_bytes, send_back, (tr_bytes, load))
{
    *ret = args->load;
    return 0;
}

tr_stream_fn(int64_t, count_from, (int64_t, first), (int64_t, count))
{
    for (int64_t i = 0; i < args->count; i++)
        tr_try(tr_yield(ctx, args->first + i));
    return 0;
}

tr_fn(void, stay)
{
    return tr_sleep_forever();
}

/* Until the observer lets the curtain fall: the other end of a pipe is closed. */
static int wait_for_curtain(void)
{
    const char *path = getenv("CHAOS_CURTAIN");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    if (fd < 0)
        return tr_raise("chaos.NoCurtain", "there is no curtain at %s", path ? path : "all");
    int rc = tr_wait_readable(fd);
    close(fd);
    return rc;
}

int host_main(void *arg)
{
    struct board *board = arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_actor(n, NULL, "sideman", .modules = tr_names(GUEST_MODULE)));
    atomic_store(&board->host_is_up, true);
    board_ring();
    tr_try(wait_for_curtain());
    tr_cancel(n);
    return tr_join(n);
}

/* ---- one thing that a guest does -------------------------------------------------------------------- */

struct visit {
    struct board *board;
    uint64_t random;
};

static enum weather sky(void)
{
    struct place *place = board_own_place();
    if (board_own()->everybody_has)
        return board_own()->weather;
    return place ? (enum weather)atomic_load(&place->weather) : CLEAR;
}

static bool compare(bool equal, const char *what)
{
    return equal || sky() == FLIP || board_wrong("%s under \"%s\" gave another value", what, weather_names[sky()]);
}

static int ask(struct visit *visit, tr_portal *host)
{
    int64_t nonce = (int64_t)random_next(&visit->random), answer;
    tr_try(tr_call(host, &answer, say_again, .nonce = nonce));
    compare(answer == nonce, "a call");
    return 0;
}

static int send_load(struct visit *visit, tr_portal *host)
{
    size_t count = 1 + random_below(&visit->random, 40000);
    uint64_t *words = tr_alloc(count * sizeof *words);
    tr_bytes back;
    if (!words)
        return tr_raise("errno.ENOMEM", "no memory for a load");
    for (size_t i = 0; i < count; i++)
        words[i] = random_next(&visit->random);
    tr_bytes load = {words, count * sizeof *words};
    tr_try(tr_call(host, &back, send_back, .load = load));
    compare(back.size == load.size && memcmp(back.data, load.data, load.size) == 0, "a load");
    return 0;
}

static int read_numbers(struct visit *visit, tr_portal *host)
{
    int64_t first = (int64_t)random_below(&visit->random, 1 << 20), count = 50, number, got = 0;
    tr_auto(stream) numbers = NULL;
    tr_try(tr_open_stream(host, &numbers, count_from, .first = first, .count = count));
    int rc;
    while ((rc = tr_next(numbers, &number, count_from)) > 0)
        compare(number == first + got++, "a stream");
    if (rc == 0)
        compare(got == count, "a stream's end");
    return rc;
}

static int stay_with(void *host)
{
    return tr_call(host, NULL, stay);
}

/* Without a deadline, which the host would heed by itself. */
static int give_up(struct visit *visit, tr_portal *host)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, stay_with, host));
    tr_try(tr_sleep((double)random_below(&visit->random, 20) / 1e3));
    tr_cancel(n);
    return tr_join(n);
}

/* Directly: its value is right in any weather. */
static int meet_sideman(struct visit *visit, tr_portal *host)
{
    (void)host;
    int64_t nonce = (int64_t)random_next(&visit->random), answer;
    tr_auto(portal) sideman = NULL;
    int found = tr_find_actor(&sideman, "sideman"); /* to wait for it would outlive the host, which is its arbiter */
    tr_try(found);
    if (!found)
        return tr_raise("chaos.NotFound", "the host has no sideman");
    tr_try(tr_call(sideman, &answer, say_again, .nonce = nonce));
    if (answer != nonce)
        board_wrong("a call on a connection of its own gave another value");
    return 0;
}

static int (*const things[])(struct visit *, tr_portal *) = {ask, send_load, read_numbers, give_up,
                                                             meet_sideman};
enum { THINGS = sizeof things / sizeof things[0], GIVING_UP = 3 };

static int do_with_host(struct visit *visit, int thing)
{
    tr_auto(portal) host = NULL;
    tr_try(tr_get_arbiter(&host));
    return things[thing](visit, host);
}

/* ---- and what is expected of it --------------------------------------------------------------------- */

#if defined(__SANITIZE_ADDRESS__)
static const double SLACK_S = 3;
#else
static const double SLACK_S = 1;    /* for a busy machine */
#endif
static const double GRACE_S = 2, AMPLE_S = 20, SHORT_S = 0.3;

/* The loss of what is waited for does not show. */
static bool is_silent(const struct visit *visit)
{
    return sky() >= HOLE || visit->board->host_stops;
}

static bool is_strict(const struct visit *visit)
{
    return sky() <= PARTIAL && !visit->board->host_dies && !visit->board->host_stops;
}

/* What cannot be known to be lost takes its deadline to be noticed; what is known takes no time. */
static void do_one(struct visit *visit, int thing)
{
    tr_auto(frame) frame = tr_open_frame();
    double limit_s = is_silent(visit) ? SHORT_S : AMPLE_S, begun = tr_now();
    tr_scope limit = tr_fail_after(limit_s);
    int rc = tr_within(&limit, do_with_host(visit, thing));
    double took = tr_now() - begun;
    atomic_fetch_add(rc < 0 ? &visit->board->bad : &visit->board->good, 1);
    if (took > limit_s + GRACE_S + SLACK_S)
        board_wrong("thing %d under \"%s\" took %.3f s, allowed %.3f", thing, weather_names[sky()], took, limit_s);
    else if (rc < 0 && !is_silent(visit) && took > GRACE_S + SLACK_S)
        board_wrong("thing %d under \"%s\" took %.3f s to fail", thing, weather_names[sky()], took);
    else if (thing == GIVING_UP && is_strict(visit) && took >= GRACE_S)
        board_wrong("a call under \"%s\" was given up, and not heeded", weather_names[sky()]);
    else if (rc < 0 && is_strict(visit))
        board_wrong("thing %d under \"%s\" failed: %s", thing, weather_names[sky()],
                    tr_error_report(tr_last_error()));
}

static int pay_visit(struct visit *visit)
{
    int count = is_silent(visit) ? 3 : 15;
    for (int i = 0; i < count; i++)
        do_one(visit, (int)random_below(&visit->random, THINGS));
    return 0;
}

tr_fn(void, visit_host, (uint64_t, seed))
{
    struct visit visit = {.board = board_own(), .random = args->seed};
    return pay_visit(&visit);
}

/* ---- the guests' root ------------------------------------------------------------------------------- */

struct guest {
    tr_nursery *nursery;
    struct board *board;
    uint64_t seed;
    int number;
};

/* Under a bad sky it may not come up, since that takes the arbiter. */
static int have_visit_paid(void *arg)
{
    struct guest *guest = arg;
    tr_portal *portal;
    bool calm = guest->board->weather <= PARTIAL && !guest->board->host_dies && !guest->board->host_stops;
    int rc = tr_start_actor(guest->nursery, &portal, tr_format("guest%d", guest->number),
                            .modules = tr_names(tr_this_module()), .start_timeout = calm ? AMPLE_S : 3);
    if (rc == TR_ECANCELLED || (rc < 0 && !calm))
        return rc == TR_ECANCELLED ? rc : 0;
    if (rc < 0)
        return rc;
    return tr_call(portal, NULL, visit_host, .seed = guest->seed);
}

int guest_main(void *arg)
{
    enum { GUESTS = 3 };
    struct guest guests[GUESTS];
    struct visit visit = {.board = arg};
    visit.random = visit.board->seed;
    tr_auto(nursery) n = tr_open_nursery();
    {
        tr_auto(nursery) visits = tr_open_nursery();
        for (int i = 0; i < GUESTS; i++) {
            guests[i] = (struct guest){
                .nursery = n, .board = arg, .seed = random_next(&visit.random), .number = i};
            tr_try(tr_start_soon(visits, have_visit_paid, &guests[i]));
        }
        tr_try(pay_visit(&visit));
        tr_try(tr_join(visits));
    }
    tr_cancel(n);
    return tr_join(n);
}
