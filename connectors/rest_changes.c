/* SPDX-License-Identifier: Apache-2.0
 *
 * rest_changes.c - a subscription, told as text/event-stream.
 *
 * The subscription bounds what waits for a client; what is written here is taken from it in pieces
 * of some PIECE_BYTES, each when the last one has gone out.
 */
#include "connectors/rest_changes.h"

#include <stdlib.h>

enum { PIECE_BYTES = 16 << 10 };

typedef struct teller {
    weir_rest_changes changes;
    weir_subscription *subscription;
} teller;

static void write_text(void *user, const char *name, weir_bytes bytes, weir_json *json)
{
    (void)user;
    weir_json_member_bytes(json, name, bytes);
}

static void write_bytes(const teller *self, const char *name, weir_bytes bytes, weir_json *json)
{
    if (bytes.data == NULL) {
        weir_json_key(json, name);
        weir_json_null(json);
        return;
    }
    self->changes.write(self->changes.user, name, bytes, json);
}

static void write_row(const teller *self, const weir_store_change *change, weir_json *json)
{
    write_bytes(self, "key", change->key, json);
    write_bytes(self, "value", change->value, json);
    if (change->old_value.data != NULL) {
        write_bytes(self, "old_value", change->old_value, json);
    }
    weir_json_member_i64(json, "timestamp_ms", change->timestamp_ms);
    if (change->window_start_ms >= 0) {
        weir_json_member_i64(json, "window_start_ms", change->window_start_ms);
    }
    if (change->window_end_ms >= 0) {
        weir_json_member_i64(json, "window_end_ms", change->window_end_ms);
    }
}

/* JSON has no line ends of its own, so data is one line. */
static void write_event(const teller *self, const weir_store_change *change, weir_buf *to)
{
    static const char *const names[] = {
        [WEIR_CHANGE_ROW] = "change",
        [WEIR_CHANGE_STARTED] = "started",
        [WEIR_CHANGE_ENDED] = "ended",
        [WEIR_CHANGE_MISSED] = "lost",
    };
    weir_buf_append_format(to, "event: %s\ndata: ", names[change->kind]);
    weir_json json = weir_json_of(to);
    weir_json_begin_object(&json);
    weir_json_member_i64(&json, "partition", change->partition);
    weir_json_member_i64(&json, "position", change->position);
    if (change->kind == WEIR_CHANGE_ROW) {
        write_row(self, change, &json);
    }
    weir_json_end_object(&json);
    weir_buf_append_text(to, "\n\n");
}

static weir_status read_changes(void *user, weir_buf *to)
{
    teller *self = user;
    weir_store_change change = {0};
    weir_status status = WEIR_OK;
    while (status == WEIR_OK && to->size < PIECE_BYTES) {
        status = weir_subscription_next(self->subscription, 0, &change, NULL);
        if (status == WEIR_OK) {
            write_event(self, &change, to);
        }
    }
    return status;
}

static void free_teller(void *user)
{
    teller *self = user;
    weir_subscription_free(self->subscription);
    free(self);
}

weir_status weir_rest_answer_changes(const weir_rest_changes *changes,
                                     const weir_rest_request *request, weir_rest_response *response,
                                     weir_error *err)
{
    const weir_subscription_options options = {
        .store = changes->store,
        .key = weir_rest_query(request, "key"),
        .prefix = weir_rest_query(request, "prefix"),
        .old_values = weir_bytes_equal(weir_rest_query(request, "old_values"), WEIR_BYTES("true")),
        .bytes_max = changes->bytes_max == 0 ? WEIR_REST_CHANGES_BYTES : changes->bytes_max,
    };
    if (options.key.data != NULL && options.prefix.data != NULL) {
        return weir_error_set(err, WEIR_BAD_RECORD, "key or prefix, not both");
    }
    weir_subscription *subscription = NULL;
    WEIR_TRY(weir_subscription_new(changes->application, &options, &subscription, err));
    teller *self = weir_alloc(sizeof(*self));
    *self = (teller){*changes, subscription};
    self->changes.write = changes->write == NULL ? write_text : changes->write;
    response->content_type = "text/event-stream";
    response->stream = (weir_rest_stream){
        .read = read_changes,
        .free = free_teller,
        .user = self,
        .fd = weir_subscription_fd(subscription),
        .idle_text = ":\n\n",
    };
    return WEIR_OK;
}
