/* The real poller, when the process loses the processor in the wrong moment: libuv's uv_run is overlaid by
 * one that comes late. */
#include "support/real.h"
#include "support/tasks.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>
#include <uv.h>

int uv_run(uv_loop_t *loop, uv_run_mode mode)
{
    int (*real)(uv_loop_t *, uv_run_mode);
    *(void **)&real = dlsym(RTLD_NEXT, "uv_run");
    usleep(3000);
    return real(loop, mode);
}

/* Deadlines that have come by the time the loop turns: it must not wait for anything else then. */
static int a_deadline_that_passes_before_the_wait_is_kept(void *arg)
{
    (void)arg;
    int fds[2];
    expect(pipe2(fds, O_CLOEXEC) == 0);
    for (int i = 0; i < 5; i++) {
        tr_try(tr_sleep(0.001));
        tr_scope limit = tr_move_on_after(0.001);
        tr_try(tr_within(&limit, tr_wait_readable(fds[0])));
        expect(limit.cancelled_caught);
    }
    close(fds[0]);
    close(fds[1]);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EARNEST(a_deadline_that_passes_before_the_wait_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
