/* Threads that meet runs, at random: worker threads, strangers at doors, several runs at once.
 *
 *     stress_threads [--seeds COUNT] [--first SEED]     that many, counting; fails if anything never occurred
 *     stress_threads --seed SEED                        one of them, telling each outcome
 *
 * Threads are not deterministic: a seed that failed once may have to be run often to fail again. See
 * threads.h. In the end of every trial no thread, no descriptor and no byte may be left of it. */
#include "threads.h"

#include "threads_holdings.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_THREADS = 3, MANY = 1000000, TRIAL_S = 60 };

static atomic_long outcome_counts[OUTCOME_KINDS];
static uint64_t current_seed;
static bool tells;

static const char *const outcome_names[OUTCOME_KINDS] = {
#define NAME(NAME, TEXT) TEXT,
    OUTCOMES(NAME)
#undef NAME
};

void happened(enum outcome what)
{
    atomic_fetch_add_explicit(&outcome_counts[what], 1, memory_order_relaxed);
    if (tells)
        printf("%s\n", outcome_names[what]);
}

void broken(const char *condition, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    flockfile(stderr);
    fprintf(stderr, "stress_threads: seed %llu: ", (unsigned long long)current_seed);
    vfprintf(stderr, format, args);
    fprintf(stderr, " (%s)\nto try it again: stress_threads --seed %llu\n", condition,
            (unsigned long long)current_seed);
    fputs(tr_task_tree(), stderr);
    va_end(args);
    _exit(1);
}

/* Tells the seed, and ends the program as the signal would have. A thread that waits for ever is a failure
 * too. */
static void end_by_signal(int number)
{
    char text[100];
    int size = snprintf(text, sizeof text, "stress_threads: seed %llu %s\n", (unsigned long long)current_seed,
                        number == SIGALRM ? "does not come to its end" : "crashed");
    (void)!write(STDERR_FILENO, text, (size_t)size);
    signal(number == SIGALRM ? SIGABRT : number, SIG_DFL);
    if (number == SIGALRM)
        abort();
}

/* Unless somebody knows more to tell, as the sanitizers do. */
static void catch_ends(void)
{
    static const int numbers[] = {SIGALRM, SIGSEGV, SIGBUS, SIGABRT};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct sigaction before;
        sigaction(numbers[i], NULL, &before);
        if (before.sa_handler == SIG_DFL)
            signal(numbers[i], end_by_signal);
    }
}

/* ThreadSanitizer does not see libuv close its descriptors, and takes it for a race when another thread is
 * given the same numbers. */
const char *__tsan_default_suppressions(void);

const char *__tsan_default_suppressions(void)
{
    return "race:epoll_create1\nrace:pipe2\nrace:eventfd\n";
}

/* ---- latches ------------------------------------------------------------------------------------------ */

void latch_open(struct latch *latch)
{
    pthread_mutex_lock(&latch->lock);
    latch->open = true;
    pthread_cond_broadcast(&latch->opened);
    pthread_mutex_unlock(&latch->lock);
}

void latch_wait(struct latch *latch)
{
    pthread_mutex_lock(&latch->lock);
    while (!latch->open)
        pthread_cond_wait(&latch->opened, &latch->lock);
    pthread_mutex_unlock(&latch->lock);
}

/* ---- runs --------------------------------------------------------------------------------------------- */

static struct run *new_run(struct trial *trial, uint64_t *dice)
{
    struct run *run = calloc(1, sizeof *run);
    int few = 1 + (int)roll(dice, 2);
    *run = (struct run){.trial = trial, .dice = random_next(dice), .few = tr_limiter_of((size_t)few),
                        .patient = tr_limiter_of(MANY),
                        .over = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false}};
    run->by_few = (struct gauge){&run->few, few, 0};
    run->by_patient = (struct gauge){&run->patient, MANY, 0};
    run->by_own = (struct gauge){NULL, 40, 0};
    pthread_mutex_lock(&trial->lock);
    run->next = trial->runs;
    trial->runs = run;
    pthread_mutex_unlock(&trial->lock);
    return run;
}

static int working(const struct run *run)
{
    return peek(&run->by_few.inside) + peek(&run->by_patient.inside) + peek(&run->by_own.inside);
}

static void verify_empty(const tr_limiter *limiter)
{
    verify(limiter->borrowed == 0 && !limiter->borrowers_ && tr_parked(&limiter->waiting_) == 0,
           "%zu of a limiter are still borrowed", limiter->borrowed);
}

static void check_end(const struct run *run, int rc)
{
    verify(rc >= 0 || rc == TR_ECANCELLED || rc == TR_ERAISED || rc == TR_EGROUP || rc > TR_ECANCELLED,
           "a run ended with %d", rc);
    verify(rc >= 0 || tr_error_code(tr_last_error()) == rc, "a run lost its error");
    verify_empty(&run->few);
    verify_empty(&run->patient);
    happened(rc < 0 ? RUN_FAILED : RUN_WELL);
    if (working(run) > 0)
        happened(RUN_LEFT_FUNCTIONS);
}

static void run_once(struct run *run)
{
    int refused_before = holdings_refused();
    bump(&run->trial->running);
    int rc = tr_run(play, run);
    put(&run->ended, true);
    if (atomic_fetch_sub_explicit(&run->trial->running, 1, memory_order_relaxed) > 1)
        happened(RUN_BESIDE_ANOTHER);
    holdings_refuse_threads(0);
    check_end(run, rc);
    int refused = holdings_refused() - refused_before;
    verify(refused == run->without_thread, "%d threads were refused, and %d calls told so", refused,
           run->without_thread);
    latch_open(&run->over);
}

struct line {
    struct trial *trial;
    uint64_t dice;
    pthread_t thread;
};

static void *run_one_after_another(void *arg)
{
    struct line *line = arg;
    for (int times = 1 + (int)roll(&line->dice, 2); times > 0; times--)
        run_once(new_run(line->trial, &line->dice));
    return NULL;
}

/* ---- trials ------------------------------------------------------------------------------------------- */

static void run_all(struct trial *trial)
{
    struct line lines[MOST_THREADS];
    int count = 1 + (int)roll(&trial->dice, MOST_THREADS);
    for (int i = 0; i < count; i++) {
        lines[i] = (struct line){.trial = trial, .dice = random_next(&trial->dice)};
        holdings_start_thread(&lines[i].thread, run_one_after_another, &lines[i]);
    }
    for (int i = 0; i < count; i++)
        pthread_join(lines[i].thread, NULL);
}

static void clear_up(struct trial *trial)
{
    for (struct house *house; (house = trial->houses); free(house)) {
        trial->houses = house->next;
        tr_release_door(&house->door);
    }
    for (struct run *run; (run = trial->runs); free(run))
        trial->runs = run->next;
}

static void run_seed(uint64_t seed)
{
    struct trial trial = {.seed = seed, .dice = seed * 0x100000001b3, .lock = PTHREAD_MUTEX_INITIALIZER};
    struct holdings before = holdings_at_rest();
    current_seed = seed;
    alarm(TRIAL_S);
    run_all(&trial);
    for (struct run *run = trial.runs; run; run = run->next)
        join_strangers(run);
    (void)holdings_at_rest();
    check_calls(&trial);
    clear_up(&trial);
    struct holdings after = holdings_at_rest();
    alarm(0);
    verify(after.blocks == before.blocks && after.bytes == before.bytes, "%ld pieces of memory are left, %ld bytes",
           after.blocks - before.blocks, after.bytes - before.bytes);
    verify(after.mapped == before.mapped, "%ld bytes of stacks are left", after.mapped - before.mapped);
    verify(after.descriptors == before.descriptors, "%d descriptors are left",
           after.descriptors - before.descriptors);
}

static int account(const struct seeds *seeds)
{
    long counts[OUTCOME_KINDS];
    for (int i = 0; i < OUTCOME_KINDS; i++)
        counts[i] = outcome_counts[i];
    printf("%llu seeds from %llu\n", (unsigned long long)seeds->count, (unsigned long long)seeds->first);
    return seeds_account("outcomes:", outcome_names, counts, OUTCOME_KINDS) > 0;
}

/* For which a run needs a libuv loop. */
static int one_signal(void *arg)
{
    (void)arg;
    tr_auto(signals) none = NULL;
    return tr_open_signals(&none, SIGURG);
}

/* What a process opens once and keeps, it has then. */
static void prepare(void)
{
    holdings_begin();
    catch_ends();
    verify(tr_run(one_signal, NULL) == 0, "not even a run");
}

int main(int argc, char **argv)
{
    struct seeds seeds = seeds_of_arguments(argc, argv, 600);
    tells = seeds.tells;
    setvbuf(stdout, NULL, _IOLBF, 0);
    prepare();
    for (uint64_t seed = seeds.first; seed < seeds.first + seeds.count; seed++)
        run_seed(seed);
    return tells ? 0 : account(&seeds);
}
