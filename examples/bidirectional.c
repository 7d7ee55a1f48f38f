/* bidirectional.c: ping-pong between two processes, both of which send and receive on one context. */
#include <stdio.h>
#include <tractor.h>

/* A context: its result (how many balls came), and in brackets what it begins with, hears and says. */
tr_context_fn(int64_t, play, (tr_str, int64_t, int64_t), (tr_str, opponent))
{
    tr_try(tr_ctx_started(ctx, tr_format("ready, %s", args->opponent)));    /* now they can play */
    int64_t ball;
    int rc;
    while ((rc = tr_ctx_receive(ctx, &ball)) > 0) {     /* 0: the caller has sent its last */
        printf("pong %d\n", (int)ball);
        fflush(stdout);                                 /* two processes print here, by turns */
        ++*ret;
        tr_try(tr_yield(ctx, ball + 1));
    }
    return rc;
}

static int play_a_game(tr_stream *game)
{
    int64_t ball = 1;
    for (int i = 0; i < 3; i++) {
        printf("ping %d\n", (int)ball);
        fflush(stdout);
        tr_try(tr_stream_send(game, play, ball));
        int rc = tr_next(game, &ball, play);
        tr_try(rc);
        if (rc == 0)
            return tr_raise("app.Gone", "the other one plays no more");
    }
    return 0;
}

static int run(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *partner;
    tr_try(tr_start_actor(n, &partner, "partner", .modules = tr_names(tr_this_module())));

    tr_auto(stream) game = NULL;
    tr_str word;
    tr_try(tr_open_context(partner, &game, &word, play, .opponent = tr_current_actor()->name));
    puts(word);                                     /* the function runs, and this is what it began with */
    tr_try(play_a_game(game));

    int64_t balls;
    tr_try(tr_stream_result(game, &balls, play));   /* says that there are no more, and waits for its end */
    printf("%d balls\n", (int)balls);
    tr_cancel(n);
    return tr_join(n);
}

int main(int argc, char **argv)
{
    return tr_main(argc, argv, run, NULL, .name = "ann");
}
