/* blocking.c: functions that block, on threads; a call that is given up; threads that call back. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <tractor.h>

static int show(void *arg)                          /* runs as a task, on the thread of the run */
{
    printf("%d %% done\n", *(int *)arg);
    return tr_checkpoint();
}

static int compute(void *arg)                       /* runs on a worker: may block, may not wait for tasks */
{
    (void)arg;
    for (int percent = 50; percent <= 100; percent += 50) {
        usleep(1000);
        tr_try(tr_from_thread(show, &percent));
    }
    return 42;
}

static int look_up(void *arg)                       /* a server that does not answer */
{
    (void)arg;
    sleep(1000);
    return 0;
}

static int look_up_or_give_up(void)
{
    char *name = calloc(1, 80);
    if (!name)
        return -ENOMEM;
    tr_scope limit = tr_move_on_after(0.1);
    int rc = tr_within(&limit, tr_to_thread(look_up, name, .abandon = free));
    if (limit.cancelled_caught || rc == TR_ECANCELLED)          /* `name` is not ours any more */
        return limit.cancelled_caught ? puts("no answer") : rc;
    free(name);
    return rc;
}

struct sensor {
    tr_door *door;
    pthread_t thread;
    tr_event seen;
};

static int on_event(void *arg)                      /* a task of the door's nursery */
{
    struct sensor *sensor = arg;
    puts("a thread came in");
    tr_event_set(&sensor->seen);
    return 0;
}

static void *watch(void *arg)                       /* a thread of the program's own */
{
    struct sensor *sensor = arg;
    while (tr_enter_door(sensor->door, on_event, sensor) >= 0 && !sensor->seen.set)
        ;
    tr_release_door(&sensor->door);
    return NULL;
}

static int wait_for_sensor(struct sensor *sensor)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_auto(door) door = tr_open_door(n);
    sensor->door = tr_keep_door(door);              /* one of its own for the thread */
    if (pthread_create(&sensor->thread, NULL, watch, sensor) != 0) {
        tr_release_door(&sensor->door);
        return -EAGAIN;
    }
    return tr_join_with(n, tr_event_wait(&sensor->seen));
}

static int program(void *arg)
{
    (void)arg;
    int answer;
    tr_try(answer = tr_to_thread(compute, NULL));
    printf("the answer is %d\n", answer);
    tr_try(look_up_or_give_up());

    struct sensor sensor = {0};
    tr_try(wait_for_sensor(&sensor));
    pthread_join(sensor.thread, NULL);              /* the nursery is over, so no door holds it up */
    return 0;
}

int main(void)
{
    int rc = tr_run(program, NULL);
    if (rc < 0)
        fputs(tr_error_report(tr_last_error()), stderr);
    return rc < 0;
}
