/* SPDX-License-Identifier: Apache-2.0
 *
 * fault_count - the counting topology as a process of its own, for test_faults.py to torment.
 *
 *   fault_count BROKER STATE_DIR PROCESS_ID [SETTING=VALUE]…
 *
 *   stdout   state NAME            after each change of the application's state
 *            stopped MESSAGE       it gave up; the exit code is 1
 *            dumped ROWS           after "dump"
 *            resident BYTES        after "resident"
 *            idle 0|1              after "idle"
 *            broker TEXT           after "broker": "ok", or why it is not
 *   stdin    dump FILE             writes the rows of its store, a line "key count" each
 *            disk ERRNO            from now on writes to its files fail so; 0: they work
 *            resident, idle, broker  ask
 *            close                 a clean close; so does the end of stdin
 */
#include "connectors/process_stats.h"
#include "streams/base/serde.h"
#include "streams/weir.h"
#include "tests/faults/fault_broker.h"
#include "tests/faults/fault_disk.h"
#include "tests/faults/fault_process.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    WATCH_MS = 200,
    LINE_BYTES_MAX = 512,
    PAGE_ROWS = 5000,
    CHECK_MS = 1000,
    START_TIMEOUT_MS = 120000
};

static void show_state(void *user, weir_application_state from, weir_application_state to)
{
    (void)user;
    (void)from;
    printf("state %s\n", weir_application_state_name(to));
}

typedef struct dump {
    FILE *file;
    weir_buf last; /* Key of the row written last. */
    size_t rows;
} dump;

static weir_status write_row(void *user, weir_bytes key, weir_bytes value, weir_error *err)
{
    dump *to = user;
    if (value.size != sizeof(uint64_t)) {
        return weir_error_set(err, WEIR_CORRUPT, "a count of %zu bytes", value.size);
    }
    fprintf(to->file, "%.*s %" PRIu64 "\n", (int)key.size, (const char *)key.data,
            weir_get_u64_be(value.data));
    weir_buf_set(&to->last, key);
    to->rows++;
    return WEIR_OK;
}

static weir_status write_rows(weir_application *application, dump *to, weir_error *err)
{
    bool more = true;
    while (more) {
        const weir_query_scan scan = {
            .store = "counts",
            .after = to->rows == 0 ? (weir_bytes){0} : weir_buf_bytes(&to->last),
            .limit = PAGE_ROWS,
        };
        size_t before = to->rows;
        WEIR_TRY(weir_query_rows(application, &scan, write_row, to, &more, err));
        WEIR_ASSERT(!more || to->rows > before);
    }
    return WEIR_OK;
}

static void dump_rows(weir_application *application, const char *path)
{
    weir_error err = {0};
    dump to = {.file = fopen(path, "w")};
    WEIR_ASSERT(to.file != NULL);
    weir_status status = write_rows(application, &to, &err);
    (void)fclose(to.file);
    weir_buf_cleanup(&to.last);
    if (status == WEIR_OK) {
        printf("dumped %zu\n", to.rows);
    } else {
        printf("dumped no: %s %s\n", weir_status_name(status), err.message);
    }
}

static void show_resident(void)
{
    weir_error err = {0};
    weir_process_stats stats = {0};
    fault_must(weir_process_stats_read(&stats, &err), &err);
    printf("resident %" PRIu64 "\n", stats.resident_bytes);
}

static void show_broker(weir_broker *broker)
{
    weir_error err = {0};
    weir_status status = weir_broker_check(broker, CHECK_MS, &err);
    printf("broker %s\n", status == WEIR_OK ? "ok" : err.message);
}

/* False: the process is to close. */
static bool obey(weir_broker *broker, weir_application *application, const char *line)
{
    if (strncmp(line, "dump ", strlen("dump ")) == 0) {
        dump_rows(application, line + strlen("dump "));
    } else if (strncmp(line, "disk ", strlen("disk ")) == 0) {
        fault_disk_set((int)strtol(line + strlen("disk "), NULL, 10));
    } else if (strcmp(line, "resident") == 0) {
        show_resident();
    } else if (strcmp(line, "broker") == 0) {
        show_broker(broker);
    } else if (strcmp(line, "idle") == 0) {
        printf("idle %d\n", weir_application_is_idle(application) ? 1 : 0);
    } else {
        return false;
    }
    return true;
}

static void watch(weir_broker *broker, weir_application *application)
{
    char line[LINE_BYTES_MAX];
    for (;;) {
        fault_command command = fault_command_wait(WATCH_MS, line, sizeof line);
        if (command == FAULT_COMMAND_END ||
            (command == FAULT_COMMAND_LINE && !obey(broker, application, line))) {
            return;
        }
        if (weir_application_state_now(application) == WEIR_APPLICATION_ERROR) {
            return;
        }
    }
}

int main(int argc, char **argv)
{
    WEIR_AUTO(fault_process) p = fault_process_open(argc, argv);
    const weir_application_options options = {
        .topology = p.topology,
        .config = &p.config,
        .broker = p.broker,
        .database = p.database,
        .process_id = p.process_id,
        .listener = show_state,
        .start_timeout_ms = START_TIMEOUT_MS,
    };
    weir_error err = {0};
    WEIR_AUTO_PTR(weir_application) application = NULL;
    fault_must(weir_application_new(&options, &application, &err), &err);
    fault_must(weir_application_start(application, &err), &err);
    watch(p.broker, application);
    weir_status status = weir_application_close(application, &err);
    if (status != WEIR_OK) {
        printf("stopped %s %s\n", weir_status_name(status), err.message);
    }
    return status == WEIR_OK ? 0 : 1;
}
