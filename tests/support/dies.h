/* Bugs that end the process, in a child that has them in place of this one. */
#ifndef TESTS_DIES_H
#define TESTS_DIES_H

#include "support/virtual.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock_world.h"

/* Runs the scenario on a virtual clock in a child process, which must abort; what it said last is put into
 * `ret_text`. */
static inline void dies(int (*scenario)(void *), char *ret_text, size_t room)
{
    int said[2];
    assert_int_equal(pipe(said), 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        dup2(said[1], STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        (void)!clock_world_run(scenario, NULL);
        _exit(0);
    }
    close(said[1]);
    size_t size = 0;
    for (ssize_t got; size + 1 < room && (got = read(said[0], ret_text + size, room - 1 - size)) > 0;)
        size += (size_t)got;
    ret_text[size] = 0;
    close(said[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

#define assert_dies(scenario, text)                                                                \
    do {                                                                                           \
        char said_[2000];                                                                          \
        dies((scenario), said_, sizeof said_);                                                     \
        if (!strstr(said_, (text)))                                                                \
            print_error("it said: %s\n", said_);                                                   \
        assert_non_null(strstr(said_, (text)));                                                    \
    } while (0)

#endif
