/* SPDX-License-Identifier: Apache-2.0
 *
 * snapshot_depot_peer.c - answers the questions of a task that begins (streams/snapshot_load.c)
 * from the object store: the newest head that is vouched for, and then its pages. A page is read
 * within the pass of the worker that asks, some 10 ms from a disk.
 */
#include "connectors/snapshot_depot_internal.h"

#include "streams/snapshot_page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEADS_TRIED_MAX = 8, NAME_BYTES_MAX = 256 };

typedef struct depot_peer {
    weir_snapshot_peer base; /* Must be first. */
    const weir_snapshot_depot_options *options;
    weir_object_store *store;
    char application[NAME_BYTES_MAX];
    char task[NAME_BYTES_MAX];
    uint32_t number; /* Of the page that is asked for. */
    char *stem;      /* Of the snapshot that is read; NULL: none is chosen. */
} depot_peer;

static weir_status peer_ask(weir_snapshot_peer *base, const char *target, weir_error *err)
{
    depot_peer *peer = (depot_peer *)(void *)base;
    int end = 0;
    if (sscanf(target, "/v1/snapshots/%255[^/]/%255[^/]%n", peer->application, peer->task, &end) !=
        2) {
        return weir_error_set(err, WEIR_NOT_FOUND, "no such snapshot: %.100s", target);
    }
    const char *number = target[end] == '\0' ? NULL : strrchr(target, '/');
    peer->number = number == NULL ? 0 : (uint32_t)strtoul(number + 1, NULL, 10);
    return WEIR_OK;
}

/* The newest heads of a folder, oldest first. */
typedef struct heads {
    char *keys[HEADS_TRIED_MAX];
    size_t count;
} heads;

static void heads_cleanup(heads *h)
{
    for (size_t i = 0; i < h->count; i++) {
        free(h->keys[i]);
    }
}

static bool note_head(void *user, const char *key)
{
    heads *h = user;
    if (!weir_depot_is_head(key)) {
        return true;
    }
    if (h->count == HEADS_TRIED_MAX) {
        free(h->keys[0]);
        memmove(h->keys, h->keys + 1, (HEADS_TRIED_MAX - 1) * sizeof(h->keys[0]));
        h->count--;
    }
    h->keys[h->count++] = weir_strdup(key);
    return true;
}

/* Its first page, where the snapshot is vouched for. */
static weir_status open_head(depot_peer *peer, const char *key, weir_buf *out_body, weir_error *err)
{
    WEIR_AUTO(weir_buf) object = {0};
    WEIR_AUTO(weir_depot_head) head = {0};
    WEIR_TRY(weir_object_get(peer->store, key, WEIR_SNAPSHOT_PAGE_BYTES_MAX, &object, err));
    WEIR_TRY(weir_depot_head_read(weir_buf_bytes(&object), &head, err));
    WEIR_TRY(weir_depot_head_check(peer->options->broker, peer->application, &head,
                                   peer->options->now_ms(), err));
    weir_buf_set(out_body, weir_buf_bytes(&head.page));
    peer->stem = weir_strdup(key);
    *strrchr(peer->stem, '.') = '\0';
    return WEIR_OK;
}

/* Of several that are refused the newest one's reason counts. */
static weir_status choose(depot_peer *peer, weir_buf *out_body, weir_error *err)
{
    WEIR_AUTO_FREE char *folder = weir_depot_folder(peer->application, peer->task);
    WEIR_AUTO(heads) found = {0};
    WEIR_TRY(weir_object_list(peer->store, folder, note_head, &found, err));
    weir_status newest = WEIR_NOT_FOUND;
    for (size_t i = found.count; i > 0; i--) {
        weir_error why = {0};
        weir_status status = open_head(peer, found.keys[i - 1], out_body, &why);
        if (status == WEIR_OK) {
            return WEIR_OK;
        }
        if (i == found.count) {
            newest = weir_error_set(err, status == WEIR_NOT_FOUND ? WEIR_IO : status,
                                    "%s cannot be used, and may be removed: %.120s",
                                    found.keys[i - 1], why.message);
        }
    }
    return found.count > 0 ? newest
                           : weir_error_set(err, WEIR_NOT_FOUND, "none is in %s/%s",
                                            peer->options->directory, folder);
}

static weir_status read_page(depot_peer *peer, weir_buf *out_body, weir_error *err)
{
    WEIR_AUTO_FREE char *key = weir_depot_page_key(peer->stem, peer->number);
    weir_error why = {0};
    weir_status status =
        weir_object_get(peer->store, key, WEIR_SNAPSHOT_PAGE_BYTES_MAX, out_body, &why);
    if (status == WEIR_NOT_FOUND) {
        return weir_error_set(err, WEIR_IO,
                              "%s is gone: a newer snapshot took its place, or somebody removed it",
                              key);
    }
    return status == WEIR_OK
               ? WEIR_OK
               : weir_error_set(err, status, "%.150s: remove %s.head", why.message, peer->stem);
}

static weir_status peer_answer(weir_snapshot_peer *base, weir_buf *out_body, weir_error *err)
{
    depot_peer *peer = (depot_peer *)(void *)base;
    WEIR_ASSERT((peer->number == 0) == (peer->stem == NULL));
    return peer->number == 0 ? choose(peer, out_body, err) : read_page(peer, out_body, err);
}

static int peer_fd(const weir_snapshot_peer *base)
{
    (void)base;
    return -1;
}

static void peer_free(weir_snapshot_peer *base)
{
    depot_peer *peer = (depot_peer *)(void *)base;
    weir_object_store_free(peer->store);
    free(peer->stem);
    free(peer);
}

weir_status weir_depot_connect(void *depot, weir_snapshot_peer **out_peer, weir_error *err)
{
    static const weir_snapshot_peer_ops ops = {peer_ask, peer_answer, peer_fd, peer_free};
    const weir_snapshot_depot_options *options = weir_depot_options(depot);
    weir_object_store *store = NULL;
    WEIR_TRY(weir_object_store_file_open(options->directory, true, &store, err));
    depot_peer *peer = weir_alloc(sizeof(*peer));
    peer->base.ops = &ops;
    peer->options = options;
    peer->store = store;
    *out_peer = &peer->base;
    return WEIR_OK;
}
