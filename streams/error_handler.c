/* SPDX-License-Identifier: Apache-2.0
 *
 * error_handler.c - reactions are looked up in the configuration; dead letters are built on the
 * stack, since their headers are few and known.
 */
#include "streams/error_handler.h"

#include "streams/base/hash.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OWN_HEADERS = 10, NUMBER_BYTES_MAX = 24 };

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

typedef struct letter {
    weir_header *headers;
    size_t count;
    char numbers[3][NUMBER_BYTES_MAX];
    size_t number_count;
} letter;

static void add_text(letter *to, const char *name, const char *value)
{
    to->headers[to->count++] =
        (weir_header){weir_bytes_of_text(name), weir_bytes_of_text(value == NULL ? "" : value)};
}

static void add_number(letter *to, const char *name, int64_t value)
{
    WEIR_ASSERT(to->number_count < WEIR_COUNT_OF(to->numbers));
    char *text = to->numbers[to->number_count++];
    snprintf(text, NUMBER_BYTES_MAX, "%" PRId64, value);
    add_text(to, name, text);
}

static void add_own_headers(letter *to, const weir_refusal *refusal)
{
    const weir_record *record = refusal->record;
    add_text(to, PREFIX "exception", weir_status_name(refusal->cause->status));
    add_text(to, PREFIX "stacktrace", "");
    add_text(to, PREFIX "message", refusal->cause->message);
    add_text(to, WEIR_HEADER_TOPIC, record->topic);
    add_number(to, WEIR_HEADER_PARTITION, record->partition);
    add_number(to, WEIR_HEADER_OFFSET, record->offset);
    add_text(to, PREFIX "task.id", refusal->task_id);
    add_text(to, PREFIX "processor.node.id", refusal->node);
    add_text(to, PREFIX "stage", weir_stage_name(refusal->stage));
    add_number(to, PREFIX "attempt", refusal->attempt);
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
    size_t kept = raw->header_count;
    if (kept > WEIR_RECORD_HEADERS_MAX - OWN_HEADERS) {
        kept = WEIR_RECORD_HEADERS_MAX - OWN_HEADERS;
    }
    weir_header headers[WEIR_RECORD_HEADERS_MAX];
    if (kept > 0) {
        memcpy(headers, raw->headers, kept * sizeof(*headers));
    }
    letter to = {.headers = headers, .count = kept};
    add_own_headers(&to, refusal);
    weir_record record = *raw;
    record.partition = partition_for(raw, partition_count);
    record.headers = headers;
    record.header_count = to.count;
    return weir_collector_send(collector, topic, &record, err);
}
