/* SPDX-License-Identifier: Apache-2.0
 *
 * staged_walk.c - a range merges two ordered sources, the map and the engine. Where both have a key
 * the map wins, and a removal in the map hides the engine's value. An engine that has nothing is
 * not asked. The last iterator that was closed waits for the next range, with its buffers.
 */
#include "statestore/staged_internal.h"

#include <stdlib.h>

typedef struct weir_staged_iterator {
    weir_kv_iterator iterator; /* Must be first. */
    weir_iterator_mark mark;
    weir_staged_side *view;
    bool backwards;
    weir_ordered_walk walk;
    weir_kv_iterator *engine_walk; /* NULL where no engine has anything. */
    bool has_map_key;
    bool map_removed; /* What the map says of map_key. */
    weir_buf map_key; /* Copies, so that what was handed out survives a write. */
    weir_buf map_value;
    weir_buf given_key;
    weir_buf given_value;
    bool has_engine_key;
    bool engine_given;     /* engine_key was handed out; it moves on with the next call. */
    weir_bytes engine_key; /* Borrowed from the engine's iterator. */
    weir_bytes engine_value;
} weir_staged_iterator;

/* Ranges. */

/* Takes the next key of the map that the view sees. */
static void advance_map(weir_staged_iterator *it)
{
    const weir_ordered_entry *entry = weir_ordered_walk_next(&it->walk);
    while (entry != NULL && !weir_ordered_has(entry, weir_staged_visible(it->view, entry))) {
        entry = weir_ordered_walk_next(&it->walk);
    }
    it->has_map_key = entry != NULL;
    if (entry == NULL) {
        return;
    }
    weir_bytes value = weir_ordered_value(entry, weir_staged_visible(it->view, entry));
    it->map_removed = value.data == NULL;
    weir_buf_set(&it->map_key, weir_ordered_key(entry));
    weir_buf_set(&it->map_value, it->map_removed ? WEIR_BYTES("") : value);
}

static weir_status advance_engine(weir_staged_iterator *it, weir_error *err)
{
    it->has_engine_key = false;
    if (it->engine_walk == NULL) {
        return WEIR_OK;
    }
    weir_status status =
        weir_kv_iterator_next(it->engine_walk, &it->engine_key, &it->engine_value, err);
    it->has_engine_key = status == WEIR_OK;
    return status == WEIR_NOT_FOUND ? WEIR_OK : status;
}

/* < 0 where the map's key comes next, > 0 where the engine's does, 0 where they are equal. One of
 * the two is there. */
static int compare_sources(const weir_staged_iterator *it)
{
    if (!it->has_engine_key) {
        return -1;
    }
    if (!it->has_map_key) {
        return 1;
    }
    int order = weir_bytes_compare(weir_buf_bytes(&it->map_key), it->engine_key);
    return it->backwards ? -order : order;
}

static void swap_buffers(weir_buf *a, weir_buf *b)
{
    weir_buf kept = *a;
    *a = *b;
    *b = kept;
}

/* Takes the next entry of the map, and drops the engine's where it has the same key. False where
 * the map says that the key is removed. */
static weir_status take_from_map(weir_staged_iterator *it, bool same_key, bool *out_given,
                                 weir_error *err)
{
    if (same_key) {
        WEIR_TRY(advance_engine(it, err));
    }
    swap_buffers(&it->given_key, &it->map_key);
    swap_buffers(&it->given_value, &it->map_value);
    *out_given = !it->map_removed;
    advance_map(it);
    return WEIR_OK;
}

static weir_status merge_next(weir_kv_iterator *iterator, weir_bytes *out_key,
                              weir_bytes *out_value, weir_error *err)
{
    weir_staged_iterator *it = (weir_staged_iterator *)iterator;
    if (it->engine_given) {
        it->engine_given = false;
        WEIR_TRY(advance_engine(it, err));
    }
    while (it->has_map_key || it->has_engine_key) {
        int order = compare_sources(it);
        if (order > 0) {
            *out_key = it->engine_key;
            *out_value = it->engine_value;
            it->engine_given = true;
            return WEIR_OK;
        }
        bool given;
        WEIR_TRY(take_from_map(it, order == 0, &given, err));
        if (given) {
            *out_key = weir_buf_bytes(&it->given_key);
            *out_value = weir_buf_bytes(&it->given_value);
            return WEIR_OK;
        }
    }
    return WEIR_NOT_FOUND;
}

static void destroy_iterator(weir_staged_iterator *it)
{
    if (it != NULL) {
        weir_ordered_walk_cleanup(&it->walk);
        weir_buf_cleanup(&it->map_key);
        weir_buf_cleanup(&it->map_value);
        weir_buf_cleanup(&it->given_key);
        weir_buf_cleanup(&it->given_value);
        free(it);
    }
}

void weir_staged_free_spare(weir_staged *staged)
{
    destroy_iterator(weir_take(&staged->spare));
}

static void merge_close(weir_kv_iterator *iterator)
{
    weir_staged_iterator *it = (weir_staged_iterator *)iterator;
    weir_staged *staged = it->view->staged;
    weir_open_iterators_remove(&staged->open_iterators, &it->mark);
    weir_kv_iterator_free(weir_take(&it->engine_walk));
    if (staged->spare != NULL) {
        destroy_iterator(it);
        return;
    }
    weir_ordered_walk_end(&it->walk);
    weir_buf_rest(&it->map_key);
    weir_buf_rest(&it->map_value);
    weir_buf_rest(&it->given_key);
    weir_buf_rest(&it->given_value);
    it->engine_given = false;
    staged->spare = it;
}

static const weir_kv_iterator_ops iterator_ops = {merge_next, merge_close};

weir_status weir_staged_range(weir_kv *kv, weir_bytes from, weir_bytes to, bool backwards,
                              weir_kv_iterator **out_iterator, weir_error *err)
{
    weir_staged_side *v = (weir_staged_side *)kv;
    weir_staged *staged = v->staged;
    weir_staged_iterator *it = weir_take(&staged->spare);
    it = it == NULL ? weir_alloc(sizeof *it) : it;
    weir_open_iterators_add(&staged->open_iterators, &it->mark,
                            v->only_looks ? WEIR_READER_QUERY : WEIR_READER_PROCESSOR);
    it->iterator.ops = &iterator_ops;
    WEIR_AUTO_PTR(weir_kv_iterator) owner = &it->iterator;
    it->view = v;
    it->backwards = backwards;
    weir_ordered_walk_begin(&it->walk, staged->map, from, to, backwards);
    if (staged->engine != NULL && weir_staged_newest_below(staged) != WEIR_STAGED_NOTHING) {
        WEIR_TRY(weir_kv_range(staged->engine, from, to, backwards, &it->engine_walk, err));
    }
    advance_map(it);
    WEIR_TRY(advance_engine(it, err));
    *out_iterator = weir_take(&owner);
    return WEIR_OK;
}

/* Scans: the map in the order of its table, then what only the engine has. */

static weir_status scan_map(const weir_staged_side *v, weir_kv_scan *scan, size_t slice_max,
                            weir_error *err)
{
    weir_ordered_place place = {scan->slot, scan->capacity};
    weir_status status = WEIR_OK;
    size_t looked = 0;
    while (status == WEIR_OK && !scan->is_below &&
           (looked < slice_max || !weir_ordered_map_may_pause(v->staged->map, &place))) {
        const weir_ordered_entry *entry = weir_ordered_map_next(v->staged->map, &place);
        scan->is_below = entry == NULL;
        looked++;
        if (entry != NULL &&
            weir_ordered_value(entry, weir_staged_visible(v, entry)).data != NULL) {
            status = scan->visit(scan->user, weir_ordered_key(entry), err);
        }
    }
    scan->slot = place.slot;
    scan->capacity = place.capacity;
    return status;
}

/* A scan of the engine on behalf of one of a view. */
typedef struct engine_scan {
    const weir_staged_side *view;
    const weir_kv_scan *outer;
} engine_scan;

static weir_status visit_below(void *user, weir_bytes key, weir_error *err)
{
    const engine_scan *self = user;
    const weir_ordered_entry *entry = weir_ordered_map_find(self->view->staged->map, key);
    bool is_hidden = entry != NULL &&
                     weir_ordered_has(entry, weir_staged_visible(self->view, entry)) &&
                     weir_ordered_value(entry, weir_staged_visible(self->view, entry)).data == NULL;
    return is_hidden ? WEIR_OK : self->outer->visit(self->outer->user, key, err);
}

static weir_status scan_engine(const weir_staged_side *v, weir_kv_scan *scan, size_t slice_max,
                               weir_error *err)
{
    weir_kv *engine = v->staged->engine;
    if (engine == NULL || weir_staged_newest_below(v->staged) == WEIR_STAGED_NOTHING) {
        scan->is_done = true;
        return WEIR_OK;
    }
    engine_scan context = {v, scan};
    weir_kv_scan below = {.visit = visit_below, .user = &context, .last = scan->last};
    weir_status status = weir_kv_scan_slice(engine, &below, slice_max, err);
    scan->last = below.last;
    scan->is_done = below.is_done;
    return status;
}

weir_status weir_staged_scan_slice(weir_kv *kv, weir_kv_scan *scan, size_t slice_max,
                                   weir_error *err)
{
    const weir_staged_side *v = (const weir_staged_side *)kv;
    return scan->is_below ? scan_engine(v, scan, slice_max, err)
                          : scan_map(v, scan, slice_max, err);
}
