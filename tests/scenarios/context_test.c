/* Contexts: both sides speak, either may end it, and who asked for that is known. Most of the questions are those of
 * Python tractor's tests of contexts; docs/tractor.md has them side by side. */
#define TR_MODULE "context"
#include "scenarios/theatre.h"

#include <stdio.h>
#include <string.h>

/* ---- functions -------------------------------------------------------------------------------------------- */

/* Gives back each ball, one higher, and at the end how many there were. */
tr_context_fn(int64_t, play, (tr_str, int64_t, int64_t), (tr_str, greeting))
{
    tr_try(tr_ctx_started(ctx, args->greeting));
    int64_t ball;
    int rc;
    for (*ret = 0; (rc = tr_ctx_receive(ctx, &ball)) > 0; (*ret)++)
        tr_try(tr_yield(ctx, ball + 1));
    return rc;
}

tr_context_fn(void, block, (void, int64_t, int64_t))
{
    tr_try(tr_ctx_started(ctx));
    say("blocked");
    int rc = tr_sleep_forever();
    say(rc == TR_ECANCELLED ? "cancelled" : "not cancelled");
    return rc;
}

tr_context_fn(void, count_for_ever, (void, void, int64_t))
{
    int rc = tr_ctx_started(ctx);
    for (int64_t i = 0; rc >= 0; i++)
        rc = tr_yield(ctx, i);
    say(rc == TR_ECANCELLED ? "cancelled" : "not cancelled");
    return rc;
}

enum { NOT_AT_ALL, TWICE, AFTER_YIELDING };

tr_context_fn(void, start_badly, (int64_t, void, int64_t), (int64_t, how))
{
    if (args->how == AFTER_YIELDING)
        tr_try(tr_yield(ctx, 1));
    if (args->how == TWICE) {
        tr_try(tr_ctx_started(ctx, 1));
        tr_try(tr_ctx_started(ctx, 2));
    }
    return 0;
}

tr_context_fn(int64_t, start_late, (int64_t, void, void))
{
    int rc = tr_sleep(10);
    say(rc == TR_ECANCELLED ? "cancelled" : "not cancelled");
    return rc < 0 ? rc : tr_ctx_started(ctx, 1);
}

tr_context_fn(void, fail_first, (int64_t, void, void))
{
    return tr_raise("app.Bad", "before it has started");
}

/* Says what it sees of a caller that has left while it was behind a shield. */
static int speak_into_the_void(tr_ctx *ctx)
{
    int64_t ball;
    int rc = 0;
    tr_ignore(tr_sleep(1));
    while (rc >= 0)
        rc = tr_send_yield(ctx, int64_t, 1);
    say(rc == TR_EBROKEN ? "yields into the void" : "yields");
    rc = tr_ctx_receive_as(ctx, int64_t, &ball);
    say(rc == TR_EBROKEN ? "hears nobody" : "hears");
    return 0;
}

tr_context_fn(void, be_shielded, (void, int64_t, int64_t))
{
    tr_try(tr_ctx_started(ctx));
    tr_scope shield = tr_shield();
    return tr_within(&shield, speak_into_the_void(ctx));
}

tr_context_fn(int64_t, read_three, (void, int64_t, void), (bool, drop))
{
    int64_t ball;
    if (args->drop)
        tr_try(tr_ctx_set_flow(ctx, tr_flow_options(.overrun = TR_DROP_OLDEST, .messages = 3)));
    tr_try(tr_ctx_started(ctx));
    tr_try(tr_sleep(1));
    for (int i = 0; i < 3; i++)
        want(tr_ctx_receive(ctx, &ball) == 1);
    *ret = ball;
    return 0;
}

tr_context_fn(void, give_up, (void, void, void))
{
    tr_try(tr_ctx_started(ctx));
    return TR_ECANCELLED; /* as if a scope of its own had been cut */
}

/* One task answers, another one counts. */
static int count_slowly(void *ctx)
{
    for (int64_t i = 0;; i++) {
        tr_try(tr_send_yield(ctx, int64_t, i));
        tr_try(tr_sleep(1));
    }
}

static int answer_all(tr_ctx *ctx)
{
    int64_t question;
    int rc;
    while ((rc = tr_ctx_receive_as(ctx, int64_t, &question)) > 0)
        tr_try(tr_send_yield(ctx, int64_t, -question));
    return rc;
}

tr_context_fn(void, count_and_answer, (void, int64_t, int64_t))
{
    tr_try(tr_ctx_started(ctx));
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, count_slowly, ctx));
    int rc = answer_all(ctx);
    tr_cancel(n);
    return tr_join_with(n, rc);
}

tr_fn(void, ping)
{
    return 0;
}

/* ---- plays ------------------------------------------------------------------------------------------------ */

static int ping_pong(tr_portal *donny)
{
    tr_auto(stream) game = NULL;
    tr_str word;
    int64_t ball = 0, rounds;
    tr_try(tr_open_context(donny, &game, &word, play, .greeting = "ready"));
    want(strcmp(word, "ready") == 0);
    for (int64_t i = 0; i < 100; i++) {
        tr_try(tr_stream_send(game, play, ball));
        want(tr_next(game, &ball, play) == 1 && ball == i + 1);
    }
    tr_try(tr_stream_result(game, &rounds, play));
    want(rounds == 100 && tr_stream_result(game, &rounds, play) == 0 && tr_next(game, &ball, play) == 0);
    want(tr_stream_send(game, play, 1) == TR_ECLOSED);
    return 0;
}

static int all_at_once(tr_portal *donny)
{
    tr_auto(stream) game = NULL;
    int64_t ball, heard = 0;
    int rc;
    tr_try(tr_open_context(donny, &game, NULL, play));
    for (int64_t i = 0; i < 1000; i++)
        tr_try(tr_stream_send(game, play, i));
    tr_try(tr_stream_end(game));
    tr_try(tr_stream_end(game));
    while ((rc = tr_next(game, &ball, play)) > 0)
        want(ball == ++heard);
    want(rc == 0 && heard == 1000);
    return 0;
}

/* What it says is not read, and there is room for little of it. */
static int ask_for_the_result_only(tr_portal *donny)
{
    tr_auto(stream) game = NULL;
    int64_t rounds;
    tr_try(tr_open_context_with(donny, &game, tr_flow_options(.messages = 3), NULL, play));
    for (int64_t i = 0; i < 100; i++)
        tr_try(tr_stream_send(game, play, i));
    tr_try(tr_sleep(1));
    want(tr_stream_result(game, &rounds, play) == 0 && rounds == 100);
    return 0;
}

static int start_in_bad_ways(tr_portal *donny)
{
    static const char *const says[] = {"without tr_ctx_started", "has started before", "has not called"};
    for (int64_t how = NOT_AT_ALL; how <= AFTER_YIELDING; how++) {
        tr_auto(stream) game = NULL;
        int64_t first = -1;
        int rc = tr_open_context(donny, &game, &first, start_badly, .how = how);
        if (how == TWICE) {
            want(rc == 0 && first == 1);
            rc = tr_stream_result(game, NULL, start_badly);
        }
        want(rc == TR_EREMOTE && tr_error_is(tr_last_error(), "Misuse"));
        want(strstr(tr_error_report(tr_last_error()), says[how]) != NULL);
    }
    return 0;
}

static int open_one_that_fails(tr_portal *donny)
{
    tr_auto(stream) game = NULL;
    int64_t first;
    want(tr_open_context(donny, &game, &first, fail_first) == TR_EREMOTE && !game);
    want(tr_error_is(tr_last_error(), "app.Bad"));
    return 0;
}

static int leave_it(tr_portal *donny)
{
    tr_auto(stream) game = NULL;
    return tr_open_context(donny, &game, NULL, block);
}

static int leave_one_that_counts(tr_portal *donny)
{
    tr_auto(stream) numbers = NULL;
    int64_t number;
    tr_try(tr_open_context(donny, &numbers, NULL, count_for_ever));
    for (int64_t i = 0; i < 10; i++)
        want(tr_next(numbers, &number, count_for_ever) == 1 && number == i);
    return 0;
}

static int cancel_it(tr_portal *donny)
{
    tr_auto(stream) game = NULL;
    int64_t ball;
    tr_try(tr_open_context(donny, &game, NULL, block));
    want(tr_stream_cancel(game) == 1 && tr_stream_cancel(game) == 0);
    want(tr_next(game, &ball, block) == TR_EREMOTE && tr_stream_result(game, NULL, block) == TR_EREMOTE);
    const tr_error *cancelled = tr_error_find(tr_last_error(), "Cancelled");
    want(cancelled && strcmp(tr_error_actor(cancelled)->uuid, tr_current_actor()->uuid) == 0);
    want(tr_stream_send(game, block, 1) < 0);
    return 0;
}

static int cancel_one_that_has_ended(tr_portal *donny)
{
    tr_auto(stream) game = NULL;
    tr_try(tr_open_context(donny, &game, NULL, play));
    tr_try(tr_stream_end(game));
    tr_try(tr_sleep(1));
    want(tr_stream_cancel(game) == 0 && tr_stream_result(game, NULL, play) == 0);
    return 0;
}

static int see_it_give_up(tr_portal *donny)
{
    tr_auto(stream) game = NULL;
    tr_try(tr_open_context(donny, &game, NULL, give_up));
    want(tr_stream_result(game, NULL, give_up) == TR_EREMOTE);
    const tr_error *cancelled = tr_error_find(tr_last_error(), "Cancelled");
    want(cancelled && strcmp(tr_error_actor(cancelled)->name, "donny") == 0);
    return 0;
}

static int leave_a_shielded_one(tr_portal *donny)
{
    tr_auto(stream) game = NULL;
    return tr_open_context(donny, &game, NULL, be_shielded);
}

/* It returns while we still send, and while we wait for it to take more. */
static int send_to_one_that_returns(tr_portal *donny)
{
    tr_auto(stream) game = NULL;
    int64_t last;
    int rc = 0;
    tr_try(tr_open_context(donny, &game, NULL, read_three));
    for (int64_t i = 1; rc >= 0; i++)
        rc = tr_stream_send(game, read_three, i);
    want(rc == TR_EBROKEN);
    want(tr_stream_result(game, &last, read_three) == 0 && last == 3);
    return 0;
}

static int send_to_one_that_drops(tr_portal *donny)
{
    tr_auto(stream) game = NULL;
    int64_t last;
    tr_try(tr_open_context(donny, &game, NULL, read_three, .drop = true));
    for (int64_t i = 1; i <= 100; i++)
        tr_try(tr_stream_send(game, read_three, i));
    want(tr_stream_result(game, &last, read_three) == 0 && last == 100);
    return 0;
}

static int ask_while_it_counts(tr_portal *donny)
{
    tr_auto(stream) both = NULL;
    int64_t heard, counted = 0;
    tr_try(tr_open_context(donny, &both, NULL, count_and_answer));
    for (int64_t question = 1; question <= 3; question++) {
        tr_try(tr_sleep(1));
        tr_try(tr_stream_send(both, count_and_answer, question));
        do {
            want(tr_next(both, &heard, count_and_answer) == 1);
            want(heard <= 0 ? heard == -question || heard == counted : heard == counted);
            counted += heard >= 0;
        } while (heard >= 0);
    }
    want(counted >= 3);
    return tr_stream_result(both, NULL, count_and_answer);
}

static int misuse_streams(tr_portal *donny)
{
    tr_auto(stream) numbers = NULL;
    int64_t number;
    tr_try(tr_open_context(donny, &numbers, NULL, count_for_ever));
    want(tr_next(numbers, &number, play) == TR_EMISUSE && tr_stream_result(numbers, &number, play) == TR_EMISUSE);
    want(tr_stream_send(numbers, play, 1) == TR_EMISUSE && tr_next(NULL, &number, play) == TR_EMISUSE);
    want(tr_stream_end(NULL) == TR_EMISUSE && tr_stream_cancel(NULL) == TR_EMISUSE);
    return 0;
}

/* The scope around it is cut while it is being opened. */
static int open_late(tr_portal *donny)
{
    tr_auto(stream) game = NULL;
    tr_scope limit = tr_move_on_after(1);
    tr_try(tr_within(&limit, tr_open_context(donny, &game, NULL, start_late)));
    want(limit.cancelled_caught && !game);
    return 0;
}

PLAY(ping_pong)
PLAY(all_at_once)
PLAY(ask_for_the_result_only)
PLAY(start_in_bad_ways)
PLAY(open_one_that_fails)
PLAY(leave_it)
PLAY(leave_one_that_counts)
PLAY(cancel_it)
PLAY(cancel_one_that_has_ended)
PLAY(see_it_give_up)
PLAY(leave_a_shielded_one)
PLAY(send_to_one_that_returns)
PLAY(send_to_one_that_drops)
PLAY(ask_while_it_counts)
PLAY(misuse_streams)
PLAY(open_late)

/* ---- scenarios -------------------------------------------------------------------------------------------- */

SUCCEEDS(both_sides_speak_and_the_result_comes_last, play_ping_pong, "")
SUCCEEDS(who_says_no_more_still_hears, play_all_at_once, "")
SUCCEEDS(values_that_nobody_reads_do_not_keep_it_from_its_result, play_ask_for_the_result_only, "")
SUCCEEDS(it_starts_exactly_once_and_before_it_speaks, play_start_in_bad_ways, "")
SUCCEEDS(what_fails_before_it_has_started_fails_the_opening, play_open_one_that_fails, "")
SUCCEEDS(a_caller_that_leaves_cancels_it, play_leave_it, "blocked\ncancelled\n")
SUCCEEDS(a_caller_that_leaves_in_the_middle_cancels_it, play_leave_one_that_counts, "cancelled\n")
SUCCEEDS(a_caller_that_cancels_is_told_of_itself_and_no_error_is_left, play_cancel_it, "blocked\ncancelled\n")
SUCCEEDS(what_has_ended_cannot_be_cancelled, play_cancel_one_that_has_ended, "")
SUCCEEDS(what_cancels_itself_says_so, play_see_it_give_up, "")
SUCCEEDS(behind_a_shield_nobody_waits_for_a_caller_that_has_left, play_leave_a_shielded_one,
         "yields into the void\nhears nobody\n")
SUCCEEDS(sending_to_what_has_returned_breaks_and_the_result_is_there, play_send_to_one_that_returns, "")
SUCCEEDS(a_function_may_drop_what_it_is_too_slow_for, play_send_to_one_that_drops, "")
SUCCEEDS(one_task_answers_while_another_one_streams, play_ask_while_it_counts, "")
SUCCEEDS(a_handle_is_of_one_function, play_misuse_streams, "cancelled\n")
SUCCEEDS(a_deadline_while_it_is_opened_leaves_nothing, play_open_late, "cancelled\n")

/* ---- several tasks, several actors ----------------------------------------------------------------------------- */

struct waiting {
    tr_stream *game;
    int rc;
};

static int wait_to_hear(void *arg)
{
    struct waiting *waiting = arg;
    int64_t ball;
    waiting->rc = tr_next(waiting->game, &ball, block);
    return 0;
}

static int cancel_from_another_task(tr_portal *donny)
{
    tr_auto(stream) game = NULL;
    tr_try(tr_open_context(donny, &game, NULL, block));
    struct waiting waiting = {.game = game};
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, wait_to_hear, &waiting));
    tr_try(tr_sleep(1));
    want(tr_stream_cancel(game) == 1);
    tr_try(tr_join(n));
    want(waiting.rc == TR_EREMOTE);
    return 0;
}
PLAY(cancel_from_another_task)

tr_context_fn(void, defy, (void, void, int64_t))
{
    tr_try(tr_ctx_started(ctx));
    tr_scope shield = tr_shield();
    return tr_within(&shield, tr_sleep(5));
}

static int cancel_one_that_does_not_heed_it(tr_portal *donny)
{
    tr_auto(stream) game = NULL;
    int64_t ball;
    tr_try(tr_open_context(donny, &game, NULL, defy));
    double start = tr_now();
    want(tr_stream_cancel(game) == TR_ETIMEOUT && tr_now() - start < 2.1);
    want(tr_next(game, &ball, defy) == TR_ECLOSED && tr_stream_result(game, NULL, defy) == TR_ECLOSED);
    tr_stream_done_(&game);
    want(tr_now() - start < 2.1); /* it is not waited for twice */
    return tr_sleep(4);
}
PLAY(cancel_one_that_does_not_heed_it)

struct sending {
    tr_stream *game;
    int64_t sent;
    int rc;
};

static int send_balls(void *arg)
{
    struct sending *sending = arg;
    while ((sending->rc = tr_stream_send(sending->game, play, sending->sent)) >= 0)
        sending->sent++;
    return 0;
}

/* The one waits for credit while the other says that there is no more, and then reads. */
static int end_while_another_task_sends(tr_portal *donny)
{
    tr_auto(stream) game = NULL;
    int64_t ball, heard = 0;
    int rc;
    tr_try(tr_open_context(donny, &game, NULL, play));
    struct sending sending = {.game = game};
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, send_balls, &sending));
    tr_try(tr_sleep(1));
    tr_try(tr_stream_end(game));
    tr_try(tr_join(n));
    want(sending.rc == TR_ECLOSED);
    while ((rc = tr_next(game, &ball, play)) > 0)
        want(ball == ++heard);
    want(rc == 0 && heard == sending.sent);
    return 0;
}
PLAY(end_while_another_task_sends)

/* A context in another actor, which is cancelled; and then an error of its own. */
tr_context_fn(void, cancel_another_and_fail, (void, void, void))
{
    tr_auto(portal) other = NULL;
    tr_auto(stream) game = NULL;
    tr_try(tr_wait_for_actor(&other, "other"));
    tr_try(tr_open_context(other, &game, NULL, block));
    want(tr_stream_cancel(game) == 1);
    return tr_raise("app.Bad", "of its own");
}

static int open_one_that_opens_another(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *donny;
    tr_auto(stream) game = NULL;
    tr_try(tr_start_actor(n, &donny, "donny", .modules = tr_names("context")));
    tr_try(tr_start_actor(n, NULL, "other", .modules = tr_names("context")));
    want(tr_open_context(donny, &game, NULL, cancel_another_and_fail) == TR_EREMOTE);
    want(tr_error_is(tr_last_error(), "app.Bad") && !tr_error_is(tr_last_error(), "Cancelled"));
    tr_cancel(n);
    return tr_join(n);
}

tr_fn(int64_t, play_with_oneself)
{
    tr_auto(portal) self = NULL;
    tr_auto(stream) game = NULL;
    tr_try(tr_wait_for_actor(&self, tr_current_actor()->name));
    tr_try(tr_open_context(self, &game, NULL, play));
    tr_try(tr_stream_send(game, play, 41));
    want(tr_next(game, ret, play) == 1);
    return tr_stream_result(game, NULL, play);
}

static int have_it_play_with_itself(tr_portal *donny)
{
    int64_t ball;
    tr_try(tr_call(donny, &ball, play_with_oneself));
    want(ball == 42);
    return 0;
}
PLAY(have_it_play_with_itself)

SUCCEEDS(another_task_may_cancel_what_one_waits_for, play_cancel_from_another_task, "blocked\ncancelled\n")
SUCCEEDS(what_does_not_heed_it_is_left_behind, play_cancel_one_that_does_not_heed_it, "")
SUCCEEDS(after_the_end_no_other_task_sends_either, play_end_while_another_task_sends, "")
SUCCEEDS(cancelling_an_inner_context_hides_no_error, open_one_that_opens_another, "blocked\ncancelled\n")
SUCCEEDS(an_actor_may_open_a_context_in_itself, play_have_it_play_with_itself, "")

/* ---- somebody else ends it --------------------------------------------------------------------------------- */

tr_fn(void, cancel_by_name, (tr_str, name))
{
    tr_auto(portal) other = NULL;
    tr_try(tr_wait_for_actor(&other, args->name));
    tr_ignore(tr_cancel_actor(other));
    return 0;
}

static int hear_who_cancelled(tr_portal *donny, tr_portal *peer)
{
    tr_auto(stream) game = NULL;
    tr_try(tr_open_context(donny, &game, NULL, block));
    tr_try(tr_call(peer, NULL, cancel_by_name, .name = "donny"));
    want(tr_stream_result(game, NULL, block) == TR_EREMOTE);
    const tr_error *cancelled = tr_error_find(tr_last_error(), "Cancelled");
    want(cancelled && strcmp(tr_error_actor(cancelled)->name, "peer") == 0);
    want(strstr(tr_error_message(cancelled), "cancelled by actor peer") != NULL);
    say("heard");
    return 0;
}

static int let_a_peer_cancel(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *donny, *peer;
    tr_try(tr_start_actor(n, &donny, "donny", .modules = tr_names("context")));
    tr_try(tr_start_actor(n, &peer, "peer", .modules = tr_names("context")));
    int rc = hear_who_cancelled(donny, peer);
    tr_cancel(n);
    return tr_join_with(n, rc);
}

/* It is an error of donny's nursery, too: it ended, and not because its parent wanted it to. */
static void who_else_cancelled_it_is_told(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(1, let_a_peer_cancel);
    run_to_the_end(theatre);
    assert_non_null(strstr(theatre->said, "heard"));
    expect_nothing_left(theatre);
}

static int end_its_actor(tr_portal *donny)
{
    tr_auto(stream) game = NULL;
    tr_try(tr_open_context(donny, &game, NULL, block));
    want(tr_cancel_actor(donny) == 1);
    want(tr_stream_result(game, NULL, block) == TR_EREMOTE);
    const tr_error *cancelled = tr_error_find(tr_last_error(), "Cancelled");
    want(cancelled && strcmp(tr_error_actor(cancelled)->uuid, tr_current_actor()->uuid) == 0);
    return 0;
}

static int end_the_actor_below_it(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *donny;
    tr_try(tr_start_actor(n, &donny, "donny", .modules = tr_names("context")));
    tr_try(end_its_actor(donny));
    return tr_join(n);
}

SUCCEEDS(who_ends_the_actor_is_told_of_itself, end_the_actor_below_it, "blocked\ncancelled\n")

static int wait_for_ever_for_donny(tr_portal *donny)
{
    tr_auto(stream) game = NULL;
    int64_t ball;
    tr_try(tr_open_context(donny, &game, NULL, block));
    return tr_next(game, &ball, block);
}
PLAY(wait_for_ever_for_donny)

static void a_killed_actor_ends_the_contexts_on_it(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(2, play_wait_for_ever_for_donny);
    run_until_said(theatre, "blocked");
    kill_actor(theatre, "donny");
    expect_outcome(theatre, "ActorDied");
    expect_nothing_left(theatre);
}

static int send_for_ever(tr_portal *donny)
{
    tr_auto(stream) game = NULL;
    tr_try(tr_open_context(donny, &game, NULL, block));
    for (int64_t i = 0;; i++)
        tr_try(tr_stream_send(game, block, i));
}
PLAY(send_for_ever)

static void a_killed_actor_ends_those_who_wait_to_send_to_it(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(3, play_send_for_ever);
    run_until_said(theatre, "blocked");
    run_for(theatre, 1);
    kill_actor(theatre, "donny");
    expect_outcome(theatre, "ActorDied");
    expect_nothing_left(theatre);
}

tr_stream_fn(int64_t, numbers)
{
    int rc = 0;
    for (int64_t i = 0; rc >= 0; i++)
        rc = tr_yield(ctx, i);
    say(rc == TR_ECANCELLED ? "cancelled" : "not cancelled");
    return rc;
}

static int read_both(tr_portal *donny)
{
    tr_auto(stream) game = NULL;
    tr_auto(stream) one_way = NULL;
    int64_t number;
    tr_try(tr_open_stream(donny, &one_way, numbers));
    tr_try(tr_open_context(donny, &game, NULL, count_for_ever));
    for (int i = 0;; i++) {
        tr_try(tr_next(one_way, &number, numbers));
        tr_try(tr_next(game, &number, count_for_ever));
        if (i == 1000)
            say("reading");
    }
}
PLAY(read_both)

static void ctrl_c_cancels_streams_of_both_kinds(void **state)
{
    (void)state;
    struct theatre *theatre = raise_curtain(1, play_read_both);
    run_until_said(theatre, "reading");
    world_kill(theatre->root, SIGINT);
    run_to_the_end(theatre);
    assert_string_equal(theatre->said, "reading\ncancelled\ncancelled\n");
    expect_nothing_left(theatre);
}

/* What several tasks do with one stream at once hurts that stream alone. */
struct sender {
    tr_stream *stream;
    int rc;
};

static int send_until_it_fails(void *arg)
{
    struct sender *us = arg;
    us->rc = 0;
    for (int64_t i = 0; us->rc >= 0; i++)
        us->rc = tr_stream_send(us->stream, block, i);
    return us->rc == TR_ECANCELLED ? us->rc : 0;
}

static int end_what_a_task_still_sends(tr_portal *donny)
{
    tr_auto(stream) game = NULL;
    tr_try(tr_open_context(donny, &game, NULL, block));
    struct sender sender = {.stream = game};
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, send_until_it_fails, &sender));
    tr_try(tr_sleep(1));
    tr_try(tr_stream_end(game));
    tr_try(tr_join(n));
    want(sender.rc == TR_ECLOSED);
    return tr_call(donny, NULL, ping);
}

static int start_it(void *arg)
{
    tr_ctx *ctx = arg;
    int rc = tr_ctx_started_(ctx, 0, NULL);
    say(rc == TR_EMISUSE ? "refused" : rc == 0 ? "started" : "failed");
    return rc == TR_ECANCELLED ? rc : 0;
}

tr_context_fn(void, start_in_two_tasks, (void, void, void))
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, start_it, ctx));
    tr_try(tr_start_soon(n, start_it, ctx));
    return tr_join(n);
}

static int start_twice_at_once(tr_portal *donny)
{
    tr_auto(stream) game = NULL;
    tr_try(tr_open_context(donny, &game, NULL, start_in_two_tasks));
    tr_try(tr_stream_result(game, NULL, start_in_two_tasks));
    return tr_call(donny, NULL, ping);
}

tr_context_fn(int64_t, think, (void, void, void))
{
    tr_try(tr_ctx_started(ctx));
    *ret = 42;
    return tr_sleep(10);
}

/* Who waits for a while only does not shorten the time that the function has. */
static int wait_a_while_for_the_result(tr_portal *donny)
{
    tr_auto(stream) thought = NULL;
    int64_t result;
    tr_try(tr_open_context(donny, &thought, NULL, think));
    tr_scope limit = tr_move_on_after(1);
    tr_try(tr_within(&limit, tr_stream_result(thought, &result, think)));
    want(limit.cancelled_caught);
    tr_try(tr_stream_result(thought, &result, think));
    want(result == 42);
    return 0;
}

/* Room for one value only, and whoever sends more has failed it. */
tr_context_fn(void, take_one_at_a_time, (void, int64_t, void))
{
    int64_t ball;
    tr_try(tr_ctx_set_flow(ctx, tr_flow_options(.overrun = TR_OVERRUN_FAILS, .bytes = 1)));
    tr_try(tr_ctx_started(ctx));
    tr_try(tr_sleep(1));
    want(tr_ctx_receive(ctx, &ball) == 1 && ball == 0);
    want(tr_ctx_receive(ctx, &ball) == TR_EOVERRUN);
    return 0;
}

static int send_too_fast(tr_portal *donny)
{
    tr_auto(stream) game = NULL;
    tr_try(tr_open_context(donny, &game, NULL, take_one_at_a_time));
    double began = tr_now();
    for (int64_t i = 0; i < 10; i++)
        tr_try(tr_stream_send(game, take_one_at_a_time, i));
    want(tr_now() < began + 1);
    return tr_stream_result(game, NULL, take_one_at_a_time);
}

PLAY(send_too_fast)
PLAY(end_what_a_task_still_sends)
PLAY(start_twice_at_once)
PLAY(wait_a_while_for_the_result)

SUCCEEDS(after_the_end_a_task_that_waited_to_send_sends_nothing, play_end_what_a_task_still_sends,
         "blocked\ncancelled\n")
SUCCEEDS(who_sends_what_a_function_has_no_room_for_is_not_held_up, play_send_too_fast, "")
SUCCEEDS(of_two_tasks_that_start_it_one_does, play_start_twice_at_once, NULL)
SUCCEEDS(a_limit_on_waiting_for_the_result_is_none_on_the_function, play_wait_a_while_for_the_result, "")

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_sides_speak_and_the_result_comes_last),
        cmocka_unit_test(who_says_no_more_still_hears),
        cmocka_unit_test(values_that_nobody_reads_do_not_keep_it_from_its_result),
        cmocka_unit_test(it_starts_exactly_once_and_before_it_speaks),
        cmocka_unit_test(what_fails_before_it_has_started_fails_the_opening),
        cmocka_unit_test(a_caller_that_leaves_cancels_it),
        cmocka_unit_test(a_caller_that_leaves_in_the_middle_cancels_it),
        cmocka_unit_test(a_caller_that_cancels_is_told_of_itself_and_no_error_is_left),
        cmocka_unit_test(what_has_ended_cannot_be_cancelled),
        cmocka_unit_test(what_cancels_itself_says_so),
        cmocka_unit_test(behind_a_shield_nobody_waits_for_a_caller_that_has_left),
        cmocka_unit_test(sending_to_what_has_returned_breaks_and_the_result_is_there),
        cmocka_unit_test(a_function_may_drop_what_it_is_too_slow_for),
        cmocka_unit_test(one_task_answers_while_another_one_streams),
        cmocka_unit_test(a_handle_is_of_one_function),
        cmocka_unit_test(a_deadline_while_it_is_opened_leaves_nothing),
        cmocka_unit_test(another_task_may_cancel_what_one_waits_for),
        cmocka_unit_test(what_does_not_heed_it_is_left_behind),
        cmocka_unit_test(after_the_end_no_other_task_sends_either),
        cmocka_unit_test(cancelling_an_inner_context_hides_no_error),
        cmocka_unit_test(an_actor_may_open_a_context_in_itself),
        cmocka_unit_test(ctrl_c_cancels_streams_of_both_kinds),
        cmocka_unit_test(who_else_cancelled_it_is_told),
        cmocka_unit_test(who_ends_the_actor_is_told_of_itself),
        cmocka_unit_test(a_killed_actor_ends_the_contexts_on_it),
        cmocka_unit_test(a_killed_actor_ends_those_who_wait_to_send_to_it),
        cmocka_unit_test(after_the_end_a_task_that_waited_to_send_sends_nothing),
        cmocka_unit_test(who_sends_what_a_function_has_no_room_for_is_not_held_up),
        cmocka_unit_test(of_two_tasks_that_start_it_one_does),
        cmocka_unit_test(a_limit_on_waiting_for_the_result_is_none_on_the_function),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
