/* SPDX-License-Identifier: Apache-2.0
 *
 * query.c - questions to the tasks of one store, and the merge of their answers.
 *
 *   caller ── question ──▶ mailbox of the worker ──▶ task ──▶ committed view
 *      ▲                                                          │
 *      └── merge by key ◀── one sorted page a partition ◀─────────┘
 *
 * The question lies on the caller's stack: weir_mailbox_call answers only when it is done with it.
 */
#include "streams/query.h"

#include "streams/application_internal.h"
#include "streams/query_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Row after row: u32 key bytes, u32 value bytes, key, value, in the machine's byte order. */
typedef struct page {
    weir_buf rows;
    size_t count;
    size_t at;      /* Where the next row begins. */
    bool truncated; /* There is more than the page has. */
} page;

/* A question for one row. */
typedef struct row_question {
    weir_question base; /* Must be first, here and below. */
    weir_bytes key;
    weir_buf *out_value;
} row_question;

static weir_status read_row(weir_question *question, weir_kv *view, int64_t observed_ms,
                            weir_error *err)
{
    (void)observed_ms;
    const row_question *asked = (const row_question *)question;
    return weir_kv_get(view, asked->key, asked->out_value, err);
}

weir_status weir_query_row(weir_application *application, const weir_query_key *key,
                           weir_buf *out_value, weir_error *err)
{
    const weir_plan *plan = application->plan;
    const weir_topology_store *spec = NULL;
    WEIR_TRY(weir_query_find_store(plan, key->store, &spec, err));
    row_question asked = {
        .base = {.terms = key->terms, .answer = key->answer, .read = read_row},
        .key = key->key,
        .out_value = out_value,
    };
    asked.base.until_ns = weir_query_until_ns(application, key->terms);
    WEIR_TRY(weir_query_find_task(plan, spec, key->key, key->partition_key, &asked.base, err));
    return weir_query_ask(application, &asked.base, err);
}

weir_status weir_query_get(weir_application *application, const char *store, weir_bytes key,
                           weir_bytes partition_key, weir_buf *out_value, weir_error *err)
{
    const weir_query_key row = {.store = store, .key = key, .partition_key = partition_key};
    return weir_query_row(application, &row, out_value, err);
}

static void page_cleanup(page *p)
{
    weir_buf_cleanup(&p->rows);
}

/* Whether versions are more than are answered at a time. */
static bool is_full(const page *p)
{
    return p->count > WEIR_QUERY_ROWS_MAX || p->rows.size > WEIR_QUERY_BYTES_MAX;
}

static void append_row(page *to, weir_bytes key, weir_bytes value)
{
    const uint32_t sizes[] = {(uint32_t)key.size, (uint32_t)value.size};
    weir_buf_append(&to->rows, sizes, sizeof(sizes));
    weir_buf_append(&to->rows, key.data, key.size);
    weir_buf_append(&to->rows, value.data, value.size);
    to->count++;
}

/* A question for a page of rows. A worker looks at WEIR_QUERY_ROWS_MAX rows at a time, for it does
 * nothing else meanwhile; where fewer are wanted it is asked again. */
typedef struct page_question {
    weir_question base;
    const weir_query_range *range;
    weir_buf from;
    weir_buf to; /* Empty: none. */
    page *out_page;
    bool goes_on; /* Out: behind the bound that it has moved. */
} page_question;

static bool is_wanted(const weir_query_range *range, weir_bytes key, int64_t observed_ms)
{
    return range->wants == NULL || range->wants(range->wants_user, key, observed_ms);
}

/* Appends a row, if it is wanted; false: the page ends before it. */
static bool take_into_page(page_question *asked, weir_bytes key, weir_bytes value,
                           int64_t observed_ms)
{
    page *to = asked->out_page;
    if (!is_wanted(asked->range, key, observed_ms)) {
        return true;
    }
    to->truncated = to->count == asked->range->limit || to->rows.size > WEIR_QUERY_BYTES_MAX;
    if (!to->truncated) {
        append_row(to, key, value);
    }
    return !to->truncated;
}

static weir_status read_page(weir_question *question, weir_kv *view, int64_t observed_ms,
                             weir_error *err)
{
    page_question *asked = (page_question *)question;
    bool backwards = asked->range->backwards;
    weir_bytes to = asked->to.size == 0 ? WEIR_BYTES_NULL : weir_buf_bytes(&asked->to);
    WEIR_AUTO_PTR(weir_kv_iterator) iterator = NULL;
    WEIR_TRY(weir_kv_range(view, weir_buf_bytes(&asked->from), to, backwards, &iterator, err));
    asked->goes_on = false;
    weir_bytes key = {0};
    weir_bytes value = {0};
    weir_status status = weir_kv_iterator_next(iterator, &key, &value, err);
    for (size_t looked = 1; status == WEIR_OK; looked++) {
        if (!take_into_page(asked, key, value, observed_ms)) {
            return WEIR_OK;
        }
        if (looked > WEIR_QUERY_ROWS_MAX) {
            weir_query_go_behind(key, backwards, &asked->from, &asked->to);
            asked->goes_on = true;
            return WEIR_OK;
        }
        status = weir_kv_iterator_next(iterator, &key, &value, err);
    }
    return status == WEIR_NOT_FOUND ? WEIR_OK : status;
}

/* A question for versions of a key. */
typedef struct versions_question {
    weir_question base;
    const weir_query_span *span;
    int64_t history_ms;
    page *out_page;
} versions_question;

/* Walks back from the latest version, whose end is open; a version ends where the one after it
 * begins. */
static weir_status read_versions(weir_question *question, weir_kv *view, int64_t observed_ms,
                                 weir_error *err)
{
    const versions_question *asked = (const versions_question *)question;
    const weir_query_span *span = asked->span;
    int64_t kept_from_ms = observed_ms - asked->history_ms;
    int64_t from_ms = span->from_ms < kept_from_ms ? kept_from_ms : span->from_ms;
    bool latest_only = span->to_ms < kept_from_ms;
    WEIR_AUTO(weir_buf) first = {0};
    WEIR_AUTO(weir_buf) end = {0};
    weir_versioned_append_row_key(span->key, 0, &first);
    weir_versioned_append_row_key(span->key, INT64_MAX, &end);
    WEIR_AUTO_PTR(weir_kv_iterator) rows = NULL;
    WEIR_TRY(weir_kv_range(view, weir_buf_bytes(&first), weir_buf_bytes(&end), true, &rows, err));
    weir_versioned_value version = {.from_ms = -1};
    weir_bytes row_key = {0};
    weir_bytes row_value = {0};
    weir_status status = weir_kv_iterator_next(rows, &row_key, &row_value, err);
    while (status == WEIR_OK) {
        int64_t to_ms = version.from_ms;
        weir_bytes key = {0};
        if (!weir_versioned_of_row(row_key, row_value, &key, &version)) {
            return weir_error_set(err, WEIR_CORRUPT, "store %s: a row that is no version",
                                  span->store);
        }
        version.to_ms = to_ms;
        if (version.value.data != NULL && version.from_ms <= span->to_ms) {
            append_row(asked->out_page, weir_bytes_of(&version, sizeof(version)), version.value);
        }
        bool is_last = latest_only || version.from_ms <= from_ms;
        status = is_last || is_full(asked->out_page)
                     ? WEIR_NOT_FOUND
                     : weir_kv_iterator_next(rows, &row_key, &row_value, err);
    }
    return status == WEIR_NOT_FOUND ? WEIR_OK : status;
}

/* The row at *inout_at, which moves on behind it; false: there is none. */
static bool take_row(const page *from, size_t *inout_at, weir_bytes *out_key, weir_bytes *out_value)
{
    if (*inout_at == from->rows.size) {
        return false;
    }
    uint32_t sizes[2];
    memcpy(sizes, from->rows.data + *inout_at, sizeof(sizes));
    const uint8_t *key = from->rows.data + *inout_at + sizeof(sizes);
    *out_key = weir_bytes_of(key, sizes[0]);
    *out_value = weir_bytes_of(key + sizes[0], sizes[1]);
    *inout_at += sizeof(sizes) + sizes[0] + sizes[1];
    return true;
}

/* The pages of the partitions, and who wants their rows. */
typedef struct merging {
    page *pages;
    size_t count;
    size_t limit;
    bool backwards;
    weir_query_visitor visitor;
} merging;

/* The page with the next key; NULL: the merge ends here, *out_more says whether rows
 * follow. A truncated page that has run out hides keys that may be the next ones. */
static page *choose_next(const merging *work, bool *out_more)
{
    page *pages = work->pages;
    page *best = NULL;
    weir_bytes best_key = {0};
    for (size_t i = 0; i < work->count; i++) {
        weir_bytes key = {0};
        weir_bytes value = {0};
        size_t at = pages[i].at;
        if (!take_row(&pages[i], &at, &key, &value)) {
            if (pages[i].truncated) {
                *out_more = true;
                return NULL;
            }
        } else if (best == NULL || (weir_bytes_compare(key, best_key) < 0) != work->backwards) {
            best = &pages[i];
            best_key = key;
        }
    }
    *out_more = best != NULL;
    return best;
}

static weir_status merge(const merging *work, bool *out_more, weir_error *err)
{
    page *next = choose_next(work, out_more);
    for (size_t rows = 0; next != NULL && rows < work->limit; rows++) {
        weir_bytes key = {0};
        weir_bytes value = {0};
        (void)take_row(next, &next->at, &key, &value);
        WEIR_TRY(work->visitor.visit(work->visitor.user, key, value, err));
        next = choose_next(work, out_more);
    }
    return WEIR_OK;
}

/* The smallest key that is larger than every key that begins with prefix; empty: there is none. */
static void set_prefix_end(weir_buf *end, weir_bytes prefix)
{
    weir_buf_set(end, prefix);
    while (end->size > 0 && end->data[end->size - 1] == 0xff) {
        end->size--;
    }
    if (end->size > 0) {
        end->data[end->size - 1]++;
    }
}

/* Lowers the end of a range to key; an empty end is none. */
static void lower_end(weir_buf *end, weir_bytes key)
{
    if (end->size == 0 || weir_bytes_compare(key, weir_buf_bytes(end)) < 0) {
        weir_buf_set(end, key);
    }
}

void weir_query_go_behind(weir_bytes after, bool backwards, weir_buf *from, weir_buf *to)
{
    if (after.data == NULL) {
        return;
    }
    if (backwards) {
        lower_end(to, after);
    } else if (weir_bytes_compare(after, weir_buf_bytes(from)) >= 0) {
        weir_buf_set(from, after);
        weir_buf_append_byte(from, 0); /* The next key that there can be. */
    }
}

static void set_bounds(const weir_query_scan *scan, weir_buf *from, weir_buf *to)
{
    weir_bytes start = scan->from.data != NULL ? scan->from : WEIR_BYTES("");
    if (scan->prefix.size > 0) {
        set_prefix_end(to, scan->prefix);
        start = weir_bytes_compare(start, scan->prefix) < 0 ? scan->prefix : start;
    }
    if (scan->to.data != NULL) {
        lower_end(to, scan->to);
    }
    weir_buf_set(from, start);
    weir_query_go_behind(scan->after, scan->backwards, from, to);
}

/* The partitions of a scan: count of them from first. */
typedef struct partitions {
    int32_t first;
    int32_t count;
} partitions;

static weir_status partitions_of(const weir_query_range *range, int32_t count, partitions *out,
                                 weir_error *err)
{
    if (range->has_partition && (range->partition < 0 || range->partition >= count)) {
        return weir_error_set(err, WEIR_INVALID,
                              "store '%s' has no partition %" PRId32 ", but 0 to %" PRId32,
                              range->store, range->partition, count - 1);
    }
    *out = range->has_partition ? (partitions){range->partition, 1} : (partitions){0, count};
    return WEIR_OK;
}

static void page_question_cleanup(page_question *asked)
{
    weir_buf_cleanup(&asked->from);
    weir_buf_cleanup(&asked->to);
}

static weir_status ask_for_page(weir_application *application, const weir_query_range *range,
                                size_t task_index, uint64_t until_ns, page *out_page,
                                weir_error *err)
{
    WEIR_AUTO(page_question)
    asked = {
        .base =
            {
                .task_index = task_index,
                .store = range->store,
                .terms = range->terms,
                .answer = range->answer,
                .until_ns = until_ns,
                .read = read_page,
            },
        .range = range,
        .out_page = out_page,
    };
    weir_buf_set(&asked.from, range->from);
    weir_buf_set(&asked.to, range->to);
    do {
        WEIR_TRY(weir_query_ask(application, &asked.base, err));
    } while (asked.goes_on);
    return WEIR_OK;
}

static weir_status ask_for_pages(weir_application *application, const weir_query_range *range,
                                 size_t first_task, const merging *work, weir_error *err)
{
    uint64_t until_ns = weir_query_until_ns(application, range->terms);
    for (size_t i = 0; i < work->count; i++) {
        WEIR_TRY(ask_for_page(application, range, first_task + i, until_ns, &work->pages[i], err));
    }
    return WEIR_OK;
}

weir_status weir_query_visit_range(weir_application *application, const weir_query_range *range,
                                   const weir_query_visitor *visitor, bool *out_more,
                                   weir_error *err)
{
    const weir_plan *plan = application->plan;
    const weir_topology_store *spec = NULL;
    WEIR_TRY(weir_query_find_store(plan, range->store, &spec, err));
    if (range->limit < 1 || range->limit > WEIR_QUERY_ROWS_MAX) {
        return weir_error_set(err, WEIR_INVALID, "limit is %zu: 1 to %d is allowed", range->limit,
                              WEIR_QUERY_ROWS_MAX);
    }
    partitions asked = {0};
    WEIR_TRY(partitions_of(range, plan->subtopology_task_counts[spec->subtopology], &asked, err));
    const merging work = {
        .pages = weir_alloc_array((size_t)asked.count, sizeof(page)),
        .count = (size_t)asked.count,
        .limit = range->limit,
        .backwards = range->backwards,
        .visitor = *visitor,
    };
    weir_status status =
        ask_for_pages(application, range,
                      weir_query_task_index(plan, spec->subtopology, asked.first), &work, err);
    bool more = false;
    status = status == WEIR_OK ? merge(&work, &more, err) : status;
    for (size_t i = 0; i < work.count; i++) {
        page_cleanup(&work.pages[i]);
    }
    free(work.pages);
    if (status == WEIR_OK) {
        *out_more = more;
    }
    return status;
}

weir_status weir_query_rows(weir_application *application, const weir_query_scan *scan,
                            weir_query_visit visit, void *user, bool *out_more, weir_error *err)
{
    WEIR_AUTO(weir_buf) from = {0};
    WEIR_AUTO(weir_buf) to = {0};
    set_bounds(scan, &from, &to);
    const weir_query_range range = {
        .store = scan->store,
        .from = weir_buf_bytes(&from),
        .to = weir_buf_bytes(&to),
        .limit = scan->limit,
        .backwards = scan->backwards,
        .has_partition = scan->has_partition,
        .partition = scan->partition,
        .terms = scan->terms,
        .answer = scan->answer,
    };
    return weir_query_visit_range(application, &range, &(weir_query_visitor){visit, user}, out_more,
                                  err);
}

/* Visits what read_versions has found, the other way round where ascending. */
static weir_status visit_versions(page *found, bool ascending, weir_query_visit_version visit,
                                  void *user, weir_error *err)
{
    WEIR_AUTO_FREE weir_versioned_value *versions =
        weir_alloc_array(found->count + 1, sizeof(*versions));
    weir_bytes head = {0};
    weir_bytes value = {0};
    for (size_t i = 0; take_row(found, &found->at, &head, &value); i++) {
        weir_versioned_value *version = &versions[ascending ? found->count - 1 - i : i];
        memcpy(version, head.data, sizeof(*version));
        version->value = value;
    }
    for (size_t i = 0; i < found->count; i++) {
        WEIR_TRY(visit(user, &versions[i], err));
    }
    return WEIR_OK;
}

weir_status weir_query_versions(weir_application *application, const weir_query_span *span,
                                weir_query_visit_version visit, void *user, weir_error *err)
{
    const weir_topology_store *spec = NULL;
    WEIR_TRY(weir_query_find_store(application->plan, span->store, &spec, err));
    if (spec->options.kind != WEIR_STORE_VERSIONED) {
        return weir_error_set(err, WEIR_INVALID, "store '%s' keeps no versions", span->store);
    }
    if (span->from_ms > span->to_ms) {
        return weir_error_set(err, WEIR_INVALID, "%" PRId64 " is after %" PRId64, span->from_ms,
                              span->to_ms);
    }
    WEIR_AUTO(page) found = {0};
    versions_question asked = {
        .base = {.terms = span->terms, .answer = span->answer, .read = read_versions},
        .span = span,
        .history_ms = spec->options.retention_ms,
        .out_page = &found,
    };
    asked.base.until_ns = weir_query_until_ns(application, span->terms);
    WEIR_TRY(weir_query_find_task(application->plan, spec, span->key, span->partition_key,
                                  &asked.base, err));
    WEIR_TRY(weir_query_ask(application, &asked.base, err));
    if (is_full(&found)) {
        return weir_error_set(err, WEIR_INVALID,
                              "store '%s': the key has more than %d versions or %d bytes of them "
                              "from %" PRId64 " to %" PRId64 ": ask for a shorter time",
                              span->store, WEIR_QUERY_ROWS_MAX, WEIR_QUERY_BYTES_MAX, span->from_ms,
                              span->to_ms);
    }
    return visit_versions(&found, span->ascending, visit, user, err);
}

/* A question for the number of rows. */
typedef struct count_question {
    weir_question base;
    uint64_t count;
} count_question;

static weir_status read_count(weir_question *question, weir_kv *view, int64_t observed_ms,
                              weir_error *err)
{
    (void)observed_ms;
    (void)err;
    ((count_question *)question)->count = weir_kv_approximate_count(view);
    return WEIR_OK;
}

static void count_rows(weir_application *application, weir_query_store *store)
{
    for (int32_t p = 0; p < store->partition_count; p++) {
        size_t task_index = weir_query_task_index(application->plan, store->subtopology, p);
        if (weir_application_slot(application, task_index).state != WEIR_SLOT_RUNNING) {
            continue;
        }
        count_question asked = {
            .base = {.task_index = task_index, .store = store->name, .read = read_count},
        };
        weir_error err = {0};
        if (weir_query_ask(application, &asked.base, &err) == WEIR_OK) {
            store->partitions_here++;
            store->row_count += asked.count;
        }
    }
}

weir_status weir_query_stores(weir_application *application,
                              weir_status (*visit)(void *user, const weir_query_store *store,
                                                   weir_error *err),
                              void *user, weir_error *err)
{
    const weir_plan *plan = application->plan;
    for (size_t i = 0; i < plan->topology->store_count; i++) {
        const weir_topology_store *spec = &plan->topology->stores[i];
        weir_query_store store = {
            .name = spec->options.name,
            .changelog = plan->changelog_topics[i],
            .subtopology = spec->subtopology,
            .partition_count = plan->subtopology_task_counts[spec->subtopology],
        };
        count_rows(application, &store);
        WEIR_TRY(visit(user, &store, err));
    }
    return WEIR_OK;
}
