/* An exchange that quotes prices, for scenarios of topics: its actor "publisher", producers, and subscribers. To be
 * included once in a program, since the functions are remote ones. */
#ifndef TESTS_EXCHANGE_H
#define TESTS_EXCHANGE_H

#define TR_MODULE "topics"
#include "scenarios/theatre.h"

#include <string.h>

static const double A_MOMENT_S = 0.05; /* for what happens at once */

tr_struct(quote, (tr_str, symbol), (int64_t, number));

/* ---- the publisher's actor ------------------------------------------------------------------------------- */

/* Of producers. All processes see it, since the fake world has them in one. */
static struct {
    int running, begun;
    int64_t published;
} seen;

static void tell_wanted(tr_list_tr_str wanted)
{
    char text[256] = "wanted:";
    for (size_t i = 0; i < wanted.count; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), " %s", wanted.items[i]);
    static char before[256];
    if (seen.published == 0 || strcmp(text, before) != 0)
        say(text);
    memcpy(before, text, sizeof text);
}

static int publish_all(tr_publisher *to, double pause)
{
    for (int64_t i = 1;; i++) {
        tr_list_tr_str wanted;
        tr_try(tr_topics(to, &wanted));
        tell_wanted(wanted);
        for (size_t k = 0; k < wanted.count; k++)
            tr_try(tr_publish(to, quote, wanted.items[k], {wanted.items[k], i}));
        if (tr_publish(to, quote, "nobody's", {"nobody's", i}) != 0)
            return tr_raise("test.Failed", "somebody has got what nobody wants");
        seen.published = i;
        tr_try(tr_sleep(pause));
    }
}

static int note_end(int rc)
{
    seen.running--;
    say("producer ends");
    return rc;
}

static int begin_producer(void)
{
    seen.begun++;
    say("producer begins");
    return ++seen.running > 1 ? tr_raise("test.Failed", "there are two producers") : 0;
}

static int produce_for_ever(tr_publisher *to, void *arg)
{
    (void)arg;
    int rc = begin_producer();
    return note_end(rc < 0 ? rc : publish_all(to, 0.1));
}

tr_stream_fn(quote, quotes, (tr_list_tr_str, symbols))
{
    return tr_serve_topics(ctx, "quotes", args->symbols, produce_for_ever, NULL);
}

/* ---- subscribers ----------------------------------------------------------------------------------------- */

static int read_some(tr_stream *mine, tr_str first, tr_str second, int count)
{
    int64_t last = 0;
    for (int i = 0; i < count; i++) {
        quote got;
        int rc = tr_next(mine, &got, quotes);
        if (rc <= 0)
            return rc;
        if (strcmp(got.symbol, first) != 0 && strcmp(got.symbol, second) != 0)
            return tr_raise("test.Failed", "%s was not asked for", got.symbol);
        bool follows = got.number == last || got.number == last + 1; /* both topics are of one count */
        if (last > 0 && !follows)
            return tr_raise("test.Failed", "%ld came after %ld", (long)got.number, (long)last);
        last = got.number;
    }
    return 0;
}

static int subscribe(tr_portal *publisher, tr_str first, tr_str second, int count)
{
    tr_auto(stream) mine = NULL;
    tr_try(tr_open_stream(publisher, &mine, quotes, .symbols = tr_names(first, second)));
    tr_try(read_some(mine, first, second, count));
    say("subscriber leaves");
    return 0;
}

tr_fn(void, subscriber, (tr_str, first), (tr_str, second), (int64_t, count))
{
    tr_auto(portal) publisher = NULL;
    tr_try(tr_wait_for_actor(&publisher, "publisher"));
    return subscribe(publisher, args->first, args->second, (int)args->count);
}

static int start_publisher(tr_nursery *n, tr_portal **ret_publisher)
{
    memset(&seen, 0, sizeof seen);
    return tr_start_actor(n, ret_publisher, "publisher", .modules = tr_names("topics"));
}

static size_t count_of(const struct theatre *theatre, const char *word)
{
    size_t count = 0;
    for (const char *at = theatre->said; (at = strstr(at, word)); at += strlen(word))
        count++;
    return count;
}

#endif
