/* pipeline.c: numbers from two producers are sorted out, and collected from two channels at once. */
#include <stdio.h>
#include <tractor.h>

struct producer {
    tr_sender *out;
    int first, last;
};

static int produce(void *arg)
{
    const struct producer *it = arg;
    tr_auto(sender) out = it->out;                  /* ours to close, however we end */
    for (int i = it->first; i <= it->last; i++)
        tr_try(tr_send(out, &i));                   /* waits while the channel is full */
    return 0;
}

struct sorter {
    tr_receiver *in;
    tr_sender *odd, *even;
};

static int sort_out(void *arg)
{
    const struct sorter *it = arg;
    tr_auto(receiver) in = it->in;
    tr_auto(sender) odd = it->odd;
    tr_auto(sender) even = it->even;
    int number, rc;
    while ((rc = tr_receive(in, &number)) > 0)      /* 0: all producers have closed their handles */
        tr_try(tr_send(number % 2 ? odd : even, &number));
    return rc;
}

static int collect(tr_receiver **odd, tr_receiver **even)
{
    int number, sums[2] = {0};
    while (*odd || *even) {
        tr_case cases[] = {tr_case_receive(*odd, &number), tr_case_receive(*even, &number)};
        int which;
        tr_try(which = tr_select(cases, 2));
        tr_try(cases[which].rc);
        if (cases[which].rc > 0)
            sums[which] += number;
        else
            tr_close_receiver(which == 0 ? odd : even);         /* sets it to NULL: left out from now on */
    }
    printf("odd: %d, even: %d\n", sums[0], sums[1]);
    return 0;
}

static int program(void *arg)
{
    (void)arg;
    struct producer low = {.first = 1, .last = 10}, high = {.first = 101, .last = 110};
    struct sorter sorter;
    tr_auto(receiver) odd = NULL;
    tr_auto(receiver) even = NULL;
    tr_try(tr_open_channel(&low.out, &sorter.in, sizeof(int), 4));
    tr_try(tr_clone_sender(low.out, &high.out));
    tr_try(tr_open_channel(&sorter.odd, &odd, sizeof(int), 0));
    tr_try(tr_open_channel(&sorter.even, &even, sizeof(int), 0));

    tr_auto(nursery) n = tr_open_nursery();
    tr_try(tr_start_soon(n, produce, &low));
    tr_try(tr_start_soon(n, produce, &high));
    tr_try(tr_start_soon(n, sort_out, &sorter));
    return tr_join_with(n, collect(&odd, &even));   /* the body is one of them: its failure counts too */
}

int main(void)
{
    int rc = tr_run(program, NULL);
    if (rc < 0)
        fputs(tr_error_report(tr_last_error()), stderr);
    return rc < 0;
}
