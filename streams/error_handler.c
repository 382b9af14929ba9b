/* SPDX-License-Identifier: Apache-2.0
 *
 * error_handler.c - reactions are looked up in the configuration; dead letters are built on the
 * stack.
 */
#include "streams/error_handler.h"

#include "streams/added_headers.h"
#include "streams/base/hash.h"

enum { OWN_HEADERS = 10 };

#define PREFIX "__streams.errors."

const char *weir_stage_name(weir_stage stage)
{
    static const char *const names[] = {"deserialization", "processing", "production"};
    WEIR_ASSERT((size_t)stage < WEIR_COUNT_OF(names));
    return names[stage];
}

static weir_reaction configured(const weir_config *config, weir_stage stage)
{
    switch (stage) {
    case WEIR_STAGE_DESERIALIZATION:
        return (weir_reaction)config->deserialization_handler;
    case WEIR_STAGE_PROCESSING:
        return (weir_reaction)config->processing_handler;
    case WEIR_STAGE_PRODUCTION:
        return (weir_reaction)config->production_handler;
    }
    WEIR_ASSERT(false);
    return WEIR_REACT_FAIL;
}

weir_reaction weir_error_handler_react(const weir_config *config, const weir_refusal *refusal)
{
    weir_reaction reaction = configured(config, refusal->stage);
    if (reaction != WEIR_REACT_RETRY) {
        return reaction;
    }
    /* What does not decode or is too long will not change; only processing depends on state. */
    if (refusal->stage == WEIR_STAGE_PROCESSING && refusal->attempt < config->retry_attempts) {
        return WEIR_REACT_RETRY;
    }
    return config->dead_letter_topic == NULL ? WEIR_REACT_FAIL : WEIR_REACT_DEAD_LETTER;
}

static void add_own_headers(weir_added_headers *to, const weir_refusal *refusal)
{
    weir_added_headers_text(to, PREFIX "exception", weir_status_name(refusal->cause->status));
    weir_added_headers_text(to, PREFIX "stacktrace", "");
    weir_added_headers_text(to, PREFIX "message", refusal->cause->message);
    weir_added_headers_place(to, refusal->record);
    weir_added_headers_text(to, PREFIX "task.id", refusal->task_id);
    weir_added_headers_text(to, PREFIX "processor.node.id", refusal->node);
    weir_added_headers_text(to, PREFIX "stage", weir_stage_name(refusal->stage));
    weir_added_headers_number(to, PREFIX "attempt", refusal->attempt);
}

static int32_t partition_for(const weir_record *record, int32_t partition_count)
{
    return record->key.data != NULL ? weir_partition_of(record->key, partition_count)
                                    : record->partition % partition_count;
}

weir_status weir_error_handler_send(weir_collector *collector, const weir_config *config,
                                    const weir_refusal *refusal, weir_error *err)
{
    WEIR_ASSERT(config->dead_letter_topic != NULL);
    WEIR_ASSERT(refusal->record != NULL);
    int32_t topic = 0;
    int32_t partition_count = 0;
    WEIR_TRY(
        weir_collector_topic(collector, config->dead_letter_topic, &topic, &partition_count, err));

    const weir_record *raw = refusal->record;
    weir_added_headers headers;
    weir_added_headers_start(&headers, raw, OWN_HEADERS);
    add_own_headers(&headers, refusal);
    weir_record record = *raw;
    record.partition = partition_for(raw, partition_count);
    weir_added_headers_give(&headers, &record);
    return weir_collector_send(collector, topic, &record, err);
}
