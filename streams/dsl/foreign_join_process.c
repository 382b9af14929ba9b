/* SPDX-License-Identifier: Apache-2.0
 *
 * foreign_join_process.c - a foreign-key join at work.
 *
 *   left change ─▶ ask ─▶ [topic, by foreign key] ─▶ keep [subscriptions] ─▶ answer ─┐
 *                                right change ─▶ change (all who asked for it) ──────┤
 *   result ◀─ resolve [left rows] ◀─ [topic, by left key] ◀──────────────────────────┘
 *
 * An answer may be overtaken: by the time it is back, the left row asks for something else. The
 * hash of the left value that asked tells, so a stale answer is dropped and the newer one decides.
 */
#include "streams/base/hash.h"
#include "streams/dsl/foreign_join_internal.h"

#include <stdlib.h>

/* All five share this; those that need no store leave it empty. */
typedef struct foreign_processor {
    weir_processor base;
    const weir_foreign_join *join;
    weir_view_reader rows; /* Of the right table, or of the left one. */
    weir_kv *subscriptions;
    weir_buf stored;
} foreign_processor;

static foreign_processor *self_of(weir_processor *processor)
{
    return (foreign_processor *)(void *)processor;
}

static void free_foreign(weir_processor *processor)
{
    weir_view_reader_cleanup(&self_of(processor)->rows);
    weir_buf_cleanup(&self_of(processor)->stored);
    free(processor);
}

static weir_processor *new_foreign(void *user, const weir_processor_ops *ops)
{
    foreign_processor *self = weir_alloc(sizeof(*self));
    self->base.ops = ops;
    self->join = user;
    return &self->base;
}

static weir_status init_subscriptions(weir_processor *processor, weir_error *err)
{
    (void)err;
    foreign_processor *self = self_of(processor);
    self->subscriptions = weir_context_store(processor->context, self->join->subscriptions);
    return WEIR_OK;
}

static weir_status no_room(weir_error *err)
{
    return weir_error_set(err, WEIR_BAD_RECORD,
                          "a joined row takes more memory than one record may");
}

/* Ask. */

/* What the change of a left row leads to, in the order of the records. */
typedef struct asking {
    foreign_processor *self;
    const weir_record *record;
    weir_bytes hash; /* Of the new value. */
} asking;

static weir_status ask(const asking *by, weir_bytes foreign_key, weir_subscription_kind kind,
                       weir_error *err)
{
    weir_context *context = by->self->base.context;
    const weir_subscription subscription = {
        .kind = kind,
        .hash = by->hash,
        .key = by->record->key,
        .partition = weir_context_partition(context),
    };
    weir_record out = *by->record;
    out.object = NULL;
    out.key = foreign_key;
    out.value = weir_subscription_encode(&subscription, weir_context_arena(context));
    return out.value.data == NULL ? no_room(err) : weir_context_forward(context, &out, err);
}

static weir_status select_key(const asking *by, weir_bytes value, weir_bytes *out_key,
                              weir_error *err)
{
    *out_key = WEIR_BYTES_NULL;
    if (value.data == NULL) {
        return WEIR_OK;
    }
    const weir_foreign_join *join = by->self->join;
    weir_record row = *by->record;
    row.value = value;
    row.object = NULL;
    weir_call call = {join->user, weir_context_arena(by->self->base.context), err, false};
    return weir_call_check(&call, join->selector(&call, &row, out_key));
}

static bool same(weir_bytes a, weir_bytes b)
{
    return (a.data == NULL) == (b.data == NULL) && weir_bytes_equal(a, b);
}

/* Whatever happens to a left row it gets an answer, even if only null's. */
static weir_status ask_left(const asking *by, const weir_change *change, weir_bytes old_key,
                            weir_bytes new_key, weir_error *err)
{
    if (change->old_value.data == NULL && change->new_value.data == NULL) {
        return WEIR_OK;
    }
    if (old_key.data != NULL && !same(old_key, new_key)) {
        WEIR_TRY(ask(by, old_key, WEIR_SUBSCRIPTION_END, err));
    }
    return ask(by, new_key, WEIR_SUBSCRIPTION_ANSWER, err);
}

/* An answer of null is wanted only where it may end a result that there was. */
static weir_status ask_inner(const asking *by, weir_bytes old_key, weir_bytes new_key,
                             weir_error *err)
{
    if (new_key.data == NULL) {
        return old_key.data == NULL ? WEIR_OK : ask(by, old_key, WEIR_SUBSCRIPTION_END_TELL, err);
    }
    if (old_key.data == NULL || same(old_key, new_key)) {
        return ask(by, new_key, WEIR_SUBSCRIPTION_WAIT, err);
    }
    WEIR_TRY(ask(by, old_key, WEIR_SUBSCRIPTION_END, err));
    return ask(by, new_key, WEIR_SUBSCRIPTION_ANSWER, err);
}

static weir_status ask_process(weir_processor *processor, const weir_record *record,
                               weir_error *err)
{
    asking by = {.self = self_of(processor), .record = record};
    const weir_change *change = record->object;
    if (change->is_outdated) {
        return weir_context_drop(processor->context); /* As below: joined are latest rows. */
    }
    weir_bytes old_key = {0};
    weir_bytes new_key = {0};
    WEIR_TRY(select_key(&by, change->old_value, &old_key, err));
    WEIR_TRY(select_key(&by, change->new_value, &new_key, err));
    WEIR_TRY(
        weir_value_hash(change->new_value, weir_context_arena(processor->context), &by.hash, err));
    return by.self->join->is_left_join ? ask_left(&by, change, old_key, new_key, err)
                                       : ask_inner(&by, old_key, new_key, err);
}

weir_processor *weir_foreign_ask_new(void *user)
{
    static const weir_processor_ops ops = {.process = ask_process, .free = free_foreign};
    return new_foreign(user, &ops);
}

/* Keep: who asks. */

static weir_status keep(foreign_processor *self, const weir_record *record,
                        const weir_subscription *subscription, weir_error *err)
{
    weir_bytes key =
        weir_combined_key(record->key, subscription->key, weir_context_arena(self->base.context));
    if (key.data == NULL) {
        return no_room(err);
    }
    if (subscription->kind == WEIR_SUBSCRIPTION_END ||
        subscription->kind == WEIR_SUBSCRIPTION_END_TELL) {
        return weir_kv_remove(self->subscriptions, key, err);
    }
    weir_timestamped_encode((weir_timestamped){record->timestamp_ms, record->value}, &self->stored);
    return weir_kv_put(self->subscriptions, key, weir_buf_bytes(&self->stored), err);
}

static weir_status keep_process(weir_processor *processor, const weir_record *record,
                                weir_error *err)
{
    weir_subscription subscription = {0};
    WEIR_TRY(weir_subscription_decode(record->value, &subscription, err));
    if (record->key.data != NULL) {
        WEIR_TRY(keep(self_of(processor), record, &subscription, err));
    } else if (subscription.kind != WEIR_SUBSCRIPTION_ANSWER) {
        return WEIR_OK;
    }
    return weir_context_forward(processor->context, record, err);
}

weir_processor *weir_foreign_keep_new(void *user)
{
    static const weir_processor_ops ops = {init_subscriptions, keep_process, free_foreign};
    return new_foreign(user, &ops);
}

/* Answer: with the right row as it is now, or is from now on. */

static weir_status answer(weir_context *context, const weir_record *source,
                          const weir_subscription *to, weir_bytes value, weir_error *err)
{
    const weir_subscription_answer answered = {.hash = to->hash, .value = value};
    int32_t partition = to->partition;
    weir_record out = *source;
    out.object = partition < 0 ? NULL : &partition;
    out.key = to->key;
    out.value = weir_subscription_answer_encode(&answered, weir_context_arena(context));
    return out.value.data == NULL ? no_room(err) : weir_context_forward(context, &out, err);
}

int32_t weir_foreign_partition(void *user, const weir_record *record, int32_t partition_count)
{
    (void)user;
    const int32_t *asked_from = record->object;
    return asked_from == NULL || *asked_from >= partition_count
               ? weir_partition_of(record->key, partition_count)
               : *asked_from;
}

static weir_status init_right(weir_processor *processor, weir_error *err)
{
    foreign_processor *self = self_of(processor);
    return weir_view_reader_open(&self->rows, processor->context, self->join->right, err);
}

static weir_status answer_process(weir_processor *processor, const weir_record *record,
                                  weir_error *err)
{
    weir_subscription subscription = {0};
    WEIR_TRY(weir_subscription_decode(record->value, &subscription, err));
    weir_timestamped row = {.timestamp_ms = -1};
    if (record->key.data != NULL) {
        WEIR_TRY(weir_view_reader_get(&self_of(processor)->rows, record->key, &row, err));
    }
    weir_record source = *record;
    if (row.value.data != NULL && row.timestamp_ms > source.timestamp_ms) {
        source.timestamp_ms = row.timestamp_ms;
    }
    switch (subscription.kind) {
    case WEIR_SUBSCRIPTION_END:
        return WEIR_OK;
    case WEIR_SUBSCRIPTION_WAIT:
        if (row.value.data == NULL) {
            return WEIR_OK;
        }
        break;
    case WEIR_SUBSCRIPTION_END_TELL:
        row.value = WEIR_BYTES_NULL;
        break;
    case WEIR_SUBSCRIPTION_ANSWER:
        break;
    }
    return answer(processor->context, &source, &subscription, row.value, err);
}

weir_processor *weir_foreign_answer_new(void *user)
{
    static const weir_processor_ops ops = {init_right, answer_process, free_foreign};
    return new_foreign(user, &ops);
}

/* A right row has changed. */

static weir_status answer_subscriber(weir_context *context, const weir_record *record,
                                     weir_bytes combined, weir_bytes stored, weir_error *err)
{
    const weir_change *change = record->object;
    weir_timestamped row = {0};
    weir_subscription subscription = {0};
    WEIR_TRY(weir_timestamped_decode(stored, &row, err));
    WEIR_TRY(weir_subscription_decode(row.value, &subscription, err));
    WEIR_TRY(weir_combined_key_left(combined, &subscription.key, err));
    return answer(context, record, &subscription, change->new_value, err);
}

static weir_status change_process(weir_processor *processor, const weir_record *record,
                                  weir_error *err)
{
    if (record->key.data == NULL) {
        return WEIR_OK;
    }
    if (((const weir_change *)record->object)->is_outdated) {
        return weir_context_drop(processor->context);
    }
    foreign_processor *self = self_of(processor);
    weir_bytes prefix =
        weir_combined_key(record->key, WEIR_BYTES_NULL, weir_context_arena(processor->context));
    if (prefix.data == NULL) {
        return no_room(err);
    }
    WEIR_AUTO_PTR(weir_kv_iterator) iterator = NULL;
    WEIR_TRY(weir_kv_prefix(self->subscriptions, prefix, &iterator, err));
    weir_bytes key = {0};
    weir_bytes value = {0};
    weir_status status = weir_kv_iterator_next(iterator, &key, &value, err);
    while (status == WEIR_OK) {
        WEIR_TRY(answer_subscriber(processor->context, record, key, value, err));
        status = weir_kv_iterator_next(iterator, &key, &value, err);
    }
    return status == WEIR_NOT_FOUND ? WEIR_OK : status;
}

weir_processor *weir_foreign_change_new(void *user)
{
    static const weir_processor_ops ops = {init_subscriptions, change_process, free_foreign};
    return new_foreign(user, &ops);
}

/* Resolve: an answer that is still asked for is joined. */

static weir_status init_left(weir_processor *processor, weir_error *err)
{
    foreign_processor *self = self_of(processor);
    return weir_view_reader_open(&self->rows, processor->context, self->join->left, err);
}

static weir_status resolve(weir_processor *processor, const weir_record *record, weir_error *err)
{
    foreign_processor *self = self_of(processor);
    const weir_foreign_join *join = self->join;
    weir_arena *arena = weir_context_arena(processor->context);
    weir_subscription_answer answered = {0};
    WEIR_TRY(weir_subscription_answer_decode(record->value, &answered, err));
    weir_timestamped row = {0};
    WEIR_TRY(weir_view_reader_get(&self->rows, record->key, &row, err));
    weir_bytes hash = {0};
    WEIR_TRY(weir_value_hash(row.value, arena, &hash, err));
    if (!same(hash, answered.hash)) {
        return WEIR_OK;
    }
    weir_record out = *record;
    out.value = WEIR_BYTES_NULL;
    if (answered.value.data != NULL || (join->is_left_join && row.value.data != NULL)) {
        weir_call call = {join->user, arena, err, false};
        WEIR_TRY(weir_call_check(
            &call, join->joiner(&call, record->key, row.value, answered.value, &out.value)));
    }
    return weir_context_forward(processor->context, &out, err);
}

weir_processor *weir_foreign_resolve_new(void *user)
{
    static const weir_processor_ops ops = {init_left, resolve, free_foreign};
    return new_foreign(user, &ops);
}
