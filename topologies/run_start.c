/* SPDX-License-Identifier: Apache-2.0
 *
 * run_start.c - a thread that waits for a signal or for the end of the start.
 *
 * Until a pipeline is started no task runs and nothing is to be committed, so a process that ends
 * there loses nothing. What it leaves is a member of a group, until session.timeout.ms has passed;
 * therefore a start that is about to be done is waited for, and left cleanly.
 */
#include "topologies/run_start.h"

#include "streams/base/bytes.h"
#include "streams/base/logging.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct weir_run_start {
    int signals;
    int over; /* An eventfd: readable once the start is over. */
    pthread_t thread;
    bool watching;
};

/* Dies of a signal as it would have without a signalfd. */
static void die_of(int number)
{
    sigset_t taken;
    sigemptyset(&taken);
    sigaddset(&taken, number);
    (void)signal(number, SIG_DFL);
    (void)raise(number);
    (void)pthread_sigmask(SIG_UNBLOCK, &taken, NULL);
}

static void *watch(void *argument)
{
    const weir_run_start *start = argument;
    struct pollfd either[] = {{.fd = start->over, .events = POLLIN},
                              {.fd = start->signals, .events = POLLIN}};
    while (poll(either, WEIR_COUNT_OF(either), -1) < 0 && errno == EINTR) {
    }
    if (either[0].revents != 0 || poll(either, 1, WEIR_RUN_START_PATIENCE_MS) > 0) {
        return NULL;
    }
    struct signalfd_siginfo taken = {0};
    if (read(start->signals, &taken, sizeof(taken)) == (ssize_t)sizeof(taken)) {
        WEIR_LOG(WEIR_LOG_WARN, NULL, "signal=%s ends the start: no task had begun",
                 strsignal((int)taken.ssi_signo));
        die_of((int)taken.ssi_signo);
    }
    return NULL;
}

weir_status weir_run_start_watch(int signals, weir_run_start **out_start, weir_error *err)
{
    WEIR_AUTO_PTR(weir_run_start) start = weir_alloc(sizeof(*start));
    start->signals = signals;
    start->over = eventfd(0, EFD_CLOEXEC);
    if (start->over < 0) {
        return weir_error_set(err, WEIR_FATAL, "eventfd: %s", strerror(errno));
    }
    int code = pthread_create(&start->thread, NULL, watch, start);
    if (code != 0) {
        return weir_error_set(err, WEIR_FATAL, "a thread cannot be started: %s", strerror(code));
    }
    start->watching = true;
    *out_start = weir_take(&start);
    return WEIR_OK;
}

void weir_run_start_free(weir_run_start *start)
{
    if (start == NULL) {
        return;
    }
    if (start->watching) {
        WEIR_ASSERT(eventfd_write(start->over, 1) == 0);
        (void)pthread_join(start->thread, NULL);
    }
    if (start->over >= 0) {
        (void)close(start->over);
    }
    free(start);
}
