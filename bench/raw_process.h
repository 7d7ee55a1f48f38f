/* Processes without the library: made by the bare system calls, asked for one byte, and ended. */
#ifndef BENCH_RAW_PROCESS_H
#define BENCH_RAW_PROCESS_H

#include <signal.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* For a child made by vfork, which borrows our stack: nothing but system calls. */
__attribute__((noinline)) static pid_t raw_exec(const char *program, int socket)
{
    /* NOLINTNEXTLINE(clang-analyzer-security.insecureAPI.vfork): the cheapest way there is, which is the point */
    pid_t pid = vfork(); /* tidy: call: what it costs is what is measured */
    if (pid == 0) {
        dup2(socket, STDIN_FILENO);
        execl(program, program, (char *)NULL);
        _exit(127);
    }
    return pid;
}

static pid_t raw_fork(const char *program, int socket)
{
    (void)program;
    pid_t pid = fork();
    char byte;
    if (pid == 0) {
        while (read(socket, &byte, 1) == 1 && write(socket, &byte, 1) == 1)
            continue;
        _exit(0);
    }
    return pid;
}

/* Whether it answers. */
static inline bool raw_round_trip(int socket)
{
    char byte = 'x';
    return write(socket, &byte, 1) == 1 && read(socket, &byte, 1) == 1;
}

/* It ends when it has nobody to listen to. */
static inline void raw_end(pid_t pid, int socket)
{
    close(socket);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

#endif
