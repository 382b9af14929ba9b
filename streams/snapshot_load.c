/* SPDX-License-Identifier: Apache-2.0
 *
 * snapshot_load.c - asks for page after page. Memory is one page; what a page says is believed only
 * if it is the page that was asked for, in the session of the first one.
 */
#include "streams/snapshot_load.h"

#include "streams/snapshot_page.h"
#include "streams/task_snapshot.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct weir_snapshot_load {
    weir_task *task;
    weir_snapshot_peer *peer;
    bool asked;
    uint64_t session;
    uint32_t number; /* Of the next page. */
    int64_t gain_min;
    weir_snapshot_place *places;
    uint64_t rows;
    weir_buf page;
    weir_restore_entry *entries;
    size_t entry_capacity;
};

weir_snapshot_load *weir_snapshot_load_new(weir_task *task, weir_snapshot_peer *owned_peer,
                                           int64_t gain_min)
{
    weir_snapshot_load *load = weir_alloc(sizeof(*load));
    load->task = task;
    load->peer = owned_peer;
    load->gain_min = gain_min;
    load->places = weir_alloc_array(weir_task_snapshot_store_count(task), sizeof(*load->places));
    return load;
}

void weir_snapshot_load_free(weir_snapshot_load *load)
{
    if (load == NULL) {
        return;
    }
    load->peer->ops->free(load->peer);
    weir_buf_cleanup(&load->page);
    free(load->places);
    free(load->entries);
    free(load);
}

static weir_status ask(weir_snapshot_load *load, weir_error *err)
{
    char target[WEIR_SNAPSHOT_TARGET_BYTES_MAX];
    const char *application = weir_task_application_id(load->task);
    int size = load->number == 0
                   ? snprintf(target, sizeof(target), "/v1/snapshots/%s/%s", application,
                              weir_task_id(load->task))
                   : snprintf(target, sizeof(target), "/v1/snapshots/%s/%s/%" PRIu64 "/%" PRIu32,
                              application, weir_task_id(load->task), load->session, load->number);
    WEIR_ASSERT(size > 0 && (size_t)size < sizeof(target));
    WEIR_TRY(load->peer->ops->ask(load->peer, target, err));
    load->asked = true;
    return WEIR_OK;
}

static weir_status take_rows(weir_snapshot_load *load, weir_bytes payload, weir_error *err)
{
    weir_reader reader = weir_reader_of(payload);
    uint32_t store = (uint32_t)weir_read_i32_be(&reader);
    if (reader.failed || store >= weir_task_snapshot_store_count(load->task)) {
        return weir_error_set(err, WEIR_CORRUPT, "a snapshot has rows of store %" PRIu32, store);
    }
    size_t count = 0;
    weir_bytes key = {0};
    weir_bytes value = {0};
    weir_status status = weir_snapshot_page_next(&reader, &key, &value, err);
    while (status == WEIR_OK) {
        load->entries =
            weir_grow(load->entries, count, &load->entry_capacity, sizeof(*load->entries));
        load->entries[count++] = (weir_restore_entry){key, value};
        status = weir_snapshot_page_next(&reader, &key, &value, err);
    }
    if (status != WEIR_NOT_FOUND) {
        return status;
    }
    load->rows += count;
    return weir_task_load_rows(load->task, store, load->entries, count, err);
}

static weir_status take_end(weir_snapshot_load *load, weir_bytes payload, weir_error *err)
{
    weir_reader reader = weir_reader_of(payload);
    uint64_t rows = (uint64_t)weir_read_i64_be(&reader);
    if (reader.failed || rows != load->rows) {
        return weir_error_set(err, WEIR_CORRUPT,
                              "a snapshot of %" PRIu64 " rows came with %" PRIu64, rows,
                              load->rows);
    }
    return weir_task_load_end(load->task, load->places, err);
}

static weir_status take_head(weir_snapshot_load *load, const weir_snapshot_page *page,
                             weir_error *err)
{
    WEIR_TRY(weir_task_snapshot_check(load->task, page->payload, load->places, err));
    int64_t gain = weir_task_snapshot_gain(load->task, load->places);
    if (gain < load->gain_min) {
        return weir_error_set(err, WEIR_NOT_FOUND, "a snapshot spares %" PRId64 " records only",
                              gain);
    }
    load->session = page->session;
    return weir_task_load_begin(load->task, err);
}

/* WEIR_AGAIN: it was taken, and others follow. */
static weir_status take_page(weir_snapshot_load *load, weir_error *err)
{
    weir_snapshot_page page = {0};
    WEIR_TRY(weir_snapshot_page_read(weir_buf_bytes(&load->page), &page, err));
    bool is_next = page.number == load->number &&
                   (page.kind == WEIR_SNAPSHOT_HEAD) == (load->number == 0) &&
                   (load->number == 0 || page.session == load->session);
    if (!is_next) {
        return weir_error_set(err, WEIR_CORRUPT, "a snapshot's page %" PRIu32 " came for %" PRIu32,
                              page.number, load->number);
    }
    load->number++;
    switch (page.kind) {
    case WEIR_SNAPSHOT_HEAD:
        WEIR_TRY(take_head(load, &page, err));
        return WEIR_AGAIN;
    case WEIR_SNAPSHOT_ROWS:
        WEIR_TRY(take_rows(load, page.payload, err));
        return WEIR_AGAIN;
    case WEIR_SNAPSHOT_END:
        return take_end(load, page.payload, err);
    case WEIR_SNAPSHOT_STORED:
        break;
    }
    return weir_error_set(err, WEIR_CORRUPT, "a snapshot has a page of kind %d", (int)page.kind);
}

weir_status weir_snapshot_load_step(weir_snapshot_load *load, weir_error *err)
{
    if (!load->asked) {
        WEIR_TRY(ask(load, err));
    }
    weir_buf_clear(&load->page);
    WEIR_TRY(load->peer->ops->answer(load->peer, &load->page, err));
    load->asked = false;
    weir_status status = take_page(load, err);
    if (status == WEIR_AGAIN) {
        WEIR_TRY(ask(load, err)); /* While the worker does other things, the next page comes. */
    }
    return status;
}

uint64_t weir_snapshot_load_rows(const weir_snapshot_load *load)
{
    return load->rows;
}

int weir_snapshot_load_fd(const weir_snapshot_load *load)
{
    return load->peer->ops->fd(load->peer);
}
