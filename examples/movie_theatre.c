/* movie_theatre.c: an actor that lives until it is cancelled, called as often as one likes. */
#include <stdio.h>
#include <tractor.h>

/* A question asked in a dark theatre, in a tangent (errr, I mean different) process. */
tr_fn(tr_str, movie_theatre_question)
{
    *ret = "have you ever seen a portal?";
    return 0;
}

static int audience(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *frank;
    tr_try(tr_start_actor(n, &frank, "frank", .modules = tr_names("movie_theatre")));

    tr_str question;
    tr_try(tr_call(frank, &question, movie_theatre_question));
    puts(question);
    tr_try(tr_call(frank, &question, movie_theatre_question));      /* a second time */
    puts(question);

    tr_try(tr_cancel_actor(frank));      /* or tr_join would wait for frank for ever */
    return tr_join(n);
}

int main(int argc, char **argv)
{
    return tr_main(argc, argv, audience, NULL);
}
