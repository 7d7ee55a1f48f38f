#include "threads_holdings.h"

#include <dirent.h>
#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <uv.h>

static atomic_long blocks, bytes, mapped;

/* ---- memory ----------------------------------------------------------------------------------------- */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void __real_free(void *memory);
void *__real_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset);
int __real_munmap(void *at, size_t size);

/* Relaxed: they shall not order anything between the threads that is not ordered without them. */
static void add(atomic_long *sum, long what)
{
    atomic_fetch_add_explicit(sum, what, memory_order_relaxed);
}

static void count(void *memory, int sign)
{
    if (!memory)
        return;
    add(&blocks, sign);
    add(&bytes, sign * (long)malloc_usable_size(memory));
}

void *__wrap_malloc(size_t size)
{
    void *memory = __real_malloc(size);
    count(memory, 1);
    return memory;
}

void *__wrap_calloc(size_t how_many, size_t size)
{
    void *memory = __real_calloc(how_many, size);
    count(memory, 1);
    return memory;
}

void *__wrap_realloc(void *memory, size_t size)
{
    long before = memory ? (long)malloc_usable_size(memory) : 0;
    void *got = __real_realloc(memory, size);
    if (!got)
        return NULL; /* and `memory` is what it was: nobody here asks for a size of 0 */
    add(&blocks, !memory);
    add(&bytes, (long)malloc_usable_size(got) - before);
    return got;
}

void __wrap_free(void *memory)
{
    count(memory, -1);
    __real_free(memory);
}

void *__wrap_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
    void *low = __real_mmap(at, size, protection, flags, fd, offset);
    if (low != MAP_FAILED)
        add(&mapped, (long)size);
    return low;
}

int __wrap_munmap(void *at, size_t size)
{
    add(&mapped, -(long)size);
    return __real_munmap(at, size);
}

/* ---- threads ---------------------------------------------------------------------------------------- */

int __real_pthread_create(pthread_t *ret, const pthread_attr_t *attributes, void *(*fn)(void *), void *arg);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t one_ended = PTHREAD_COND_INITIALIZER;
static long threads;            /* that were started and have not returned from their function */

static _Thread_local int to_refuse, refused;

struct start {
    void *(*fn)(void *);
    void *arg;
};

static void count_thread(int sign)
{
    pthread_mutex_lock(&lock);
    threads += sign;
    pthread_cond_broadcast(&one_ended);
    pthread_mutex_unlock(&lock);
}

static void *live(void *arg)
{
    struct start start = *(struct start *)arg;
    free(arg);
    void *result = start.fn(start.arg);
    count_thread(-1);
    return result;
}

static int start_thread(pthread_t *ret, const pthread_attr_t *attributes, void *(*fn)(void *), void *arg)
{
    struct start *start = malloc(sizeof *start);
    if (!start)
        return EAGAIN;
    *start = (struct start){fn, arg};
    count_thread(1);
    int rc = __real_pthread_create(ret, attributes, live, start);
    if (rc != 0) {
        count_thread(-1);
        free(start);
    }
    return rc;
}

int __wrap_pthread_create(pthread_t *ret, const pthread_attr_t *attributes, void *(*fn)(void *), void *arg)
{
    if (to_refuse == 0)
        return start_thread(ret, attributes, fn, arg);
    to_refuse--;
    refused++;
    return EAGAIN;
}

void holdings_start_thread(pthread_t *ret_thread, void *(*fn)(void *), void *arg)
{
    if (start_thread(ret_thread, NULL, fn, arg) != 0)
        abort();
}

void holdings_refuse_threads(int how_many)
{
    to_refuse = how_many;
}

int holdings_refused(void)
{
    return refused;
}

/* ---- all of it -------------------------------------------------------------------------------------- */

void holdings_begin(void)
{
    uv_replace_allocator(malloc, realloc, calloc, free);
}

static int count_descriptors(void)
{
    int found = 0;
    DIR *all = opendir("/proc/self/fd");
    while (all && readdir(all))
        found++;
    if (all)
        closedir(all);
    return found;
}

struct holdings holdings_at_rest(void)
{
    pthread_mutex_lock(&lock);
    while (threads > 0)
        pthread_cond_wait(&one_ended, &lock);
    pthread_mutex_unlock(&lock);
    return (struct holdings){blocks, bytes, mapped, count_descriptors()};
}
