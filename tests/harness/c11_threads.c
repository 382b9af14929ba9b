/* SPDX-License-Identifier: Apache-2.0
 *
 * c11_threads.c - the threads and locks of C11 by those of POSIX, for ThreadSanitizer, which knows
 * only the latter.
 *
 * librdkafka uses C11's. Without this its threads crash in the sanitizer's allocator, and what its
 * locks order is reported as races. The types are those of glibc, which are the same memory.
 */
#ifdef __SANITIZE_THREAD__

#include "streams/base/alloc.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>

static_assert(sizeof(mtx_t) == sizeof(pthread_mutex_t), "glibc's are the same");
static_assert(sizeof(cnd_t) == sizeof(pthread_cond_t), "glibc's are the same");

typedef struct thread_start {
    thrd_start_t run;
    void *argument;
} thread_start;

static void *run_thread(void *argument)
{
    thread_start start = *(thread_start *)argument;
    free(argument);
    return (void *)(intptr_t)start.run(start.argument);
}

static int result_of(int failed)
{
    return failed == 0 ? thrd_success : thrd_error;
}

int thrd_create(thrd_t *out_thread, thrd_start_t run, void *argument)
{
    thread_start *start = weir_alloc(sizeof *start);
    *start = (thread_start){run, argument};
    return result_of(pthread_create(out_thread, NULL, run_thread, start));
}

int thrd_join(thrd_t thread, int *out_result)
{
    void *result = NULL;
    int failed = pthread_join(thread, &result);
    if (out_result != NULL) {
        *out_result = (int)(intptr_t)result;
    }
    return result_of(failed);
}

int thrd_detach(thrd_t thread)
{
    return result_of(pthread_detach(thread));
}

int mtx_init(mtx_t *mutex, int type)
{
    pthread_mutexattr_t attributes;
    (void)pthread_mutexattr_init(&attributes);
    bool again = ((unsigned)type & (unsigned)mtx_recursive) != 0;
    (void)pthread_mutexattr_settype(&attributes,
                                    again ? PTHREAD_MUTEX_RECURSIVE : PTHREAD_MUTEX_NORMAL);
    int failed = pthread_mutex_init((pthread_mutex_t *)mutex, &attributes);
    (void)pthread_mutexattr_destroy(&attributes);
    return result_of(failed);
}

int mtx_lock(mtx_t *mutex)
{
    return result_of(pthread_mutex_lock((pthread_mutex_t *)mutex));
}

int mtx_trylock(mtx_t *mutex)
{
    return pthread_mutex_trylock((pthread_mutex_t *)mutex) == 0 ? thrd_success : thrd_busy;
}

int mtx_unlock(mtx_t *mutex)
{
    return result_of(pthread_mutex_unlock((pthread_mutex_t *)mutex));
}

void mtx_destroy(mtx_t *mutex)
{
    (void)pthread_mutex_destroy((pthread_mutex_t *)mutex);
}

int cnd_init(cnd_t *condition)
{
    return result_of(pthread_cond_init((pthread_cond_t *)condition, NULL));
}

int cnd_signal(cnd_t *condition)
{
    return result_of(pthread_cond_signal((pthread_cond_t *)condition));
}

int cnd_broadcast(cnd_t *condition)
{
    return result_of(pthread_cond_broadcast((pthread_cond_t *)condition));
}

int cnd_wait(cnd_t *condition, mtx_t *mutex)
{
    return result_of(pthread_cond_wait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex));
}

int cnd_timedwait(cnd_t *restrict condition, mtx_t *restrict mutex,
                  const struct timespec *restrict until)
{
    int failed =
        pthread_cond_timedwait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex, until);
    return failed == 0 ? thrd_success : thrd_timedout;
}

void cnd_destroy(cnd_t *condition)
{
    (void)pthread_cond_destroy((pthread_cond_t *)condition);
}

#else

typedef int without_the_sanitizer;

#endif
