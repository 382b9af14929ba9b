/* SPDX-License-Identifier: Apache-2.0
 *
 * tables.c - the topology that materialises the three tables.
 *
 * Rows are keyed like the index topics and lie in the partition that Kafka's partitioner gives
 * their key, so whatever arrives under another key is repartitioned first; so are event topics
 * where a profile gives them another number of partitions than the tables.
 */
#include "topologies/tables_internal.h"
#include "topologies/topic_map.h"

#include <stdlib.h>

/* Sinks, and the repartition topics behind them. */
#define URL_DECISIONS "decisions-by-url"
#define MEMBERSHIP_CHANGES "membership-changes"

/* A processor of this file: one table, and what it sends on. */
typedef struct table {
    weir_processor base;
    weir_stage_services *services;
    const char *store_name;
    const weir_avro_binding *row_binding;
    weir_kv *rows;
} table;

/* Url_latest. */

static weir_status get_row(table *self, weir_bytes key, void *out_row, weir_error *err)
{
    return weir_stage_get_or_zero(self->base.context, self->rows, self->row_binding, key, out_row,
                                  err);
}

static weir_status put_url_latest(table *self, const weir_record *record, weir_url_latest *row,
                                  weir_error *err)
{
    row->updated_at_ms = record->timestamp_ms;
    return weir_stage_put(self->rows, self->row_binding, record->key, row, err);
}

static weir_status take_fetch(weir_processor *processor, const weir_record *record, weir_error *err)
{
    table *self = (table *)processor;
    weir_url_latest row = {0};
    WEIR_TRY(get_row(self, record->key, &row, err));
    weir_url_latest_take_fetch(&row, record->object);
    return put_url_latest(self, record, &row, err);
}

static weir_status take_page(weir_processor *processor, const weir_record *record, weir_error *err)
{
    table *self = (table *)processor;
    weir_url_latest row = {0};
    WEIR_TRY(get_row(self, record->key, &row, err));
    weir_url_latest_take_page(&row, record->object);
    return put_url_latest(self, record, &row, err);
}

/* The key of a row of dataset_membership. */
static void membership_key(weir_buf *out, weir_bytes dataset_id, weir_bytes url_hash)
{
    weir_buf_set(out, dataset_id);
    weir_buf_append_byte(out, '/');
    weir_buf_append(out, url_hash.data, url_hash.size);
}

static weir_status forward_membership(table *self, const weir_membership_change *change,
                                      int64_t timestamp_ms, weir_error *err)
{
    WEIR_AUTO(weir_buf) key = {0};
    membership_key(&key, change->dataset_id, change->url_hash);
    return weir_stage_forward(&self->base, self->services->codec,
                              &(weir_stage_output){.child = MEMBERSHIP_CHANGES,
                                                   .type = &weir_membership_change_type,
                                                   .value = change,
                                                   .key = weir_buf_bytes(&key),
                                                   .timestamp_ms = timestamp_ms},
                              err);
}

static weir_status take_scored(weir_processor *processor, const weir_record *record,
                               weir_error *err)
{
    table *self = (table *)processor;
    const weir_page_scored *scored = record->object;
    weir_url_latest row = {0};
    WEIR_TRY(get_row(self, record->key, &row, err));
    weir_url_latest_take_scored(&row, scored);
    WEIR_TRY(put_url_latest(self, record, &row, err));
    return forward_membership(
        self,
        &(weir_membership_change){.kind = WEIR_BYTES(CHANGE_SCORED),
                                  .dataset_id = WEIR_BYTES(WEIR_DATASET_DEFAULT),
                                  .url_hash = scored->url_hash,
                                  .url = scored->url,
                                  .host_id = scored->host_id,
                                  .content_hash = scored->content_hash,
                                  .text_ref = scored->text_ref,
                                  .title = scored->title,
                                  .language = scored->language,
                                  .accepted = scored->accepted,
                                  .score = scored->score,
                                  .reasons = scored->reasons,
                                  .word_count = scored->word_count,
                                  .fetched_at_ms = scored->fetched_at_ms,
                                  .changed_at_ms = record->timestamp_ms},
        record->timestamp_ms, err);
}

static weir_status take_url_decision(weir_processor *processor, const weir_record *record,
                                     weir_error *err)
{
    table *self = (table *)processor;
    weir_url_latest row = {0};
    WEIR_TRY(get_row(self, record->key, &row, err));
    if (!weir_url_latest_take_decision(&row, record->object)) {
        return WEIR_OK;
    }
    return put_url_latest(self, record, &row, err);
}

/* Content_cluster, and decisions on their way to the URL. */

static weir_status forward_url_decision(table *self, const weir_record *record,
                                        const weir_text_decision *decision, weir_error *err)
{
    WEIR_TRY(weir_stage_forward(&self->base, self->services->codec,
                                &(weir_stage_output){.child = URL_DECISIONS,
                                                     .type = &weir_text_decision_type,
                                                     .value = decision,
                                                     .key = decision->url_hash,
                                                     .timestamp_ms = record->timestamp_ms},
                                err));
    return forward_membership(
        self,
        &(weir_membership_change){.kind = WEIR_BYTES(CHANGE_DECIDED),
                                  .dataset_id = WEIR_BYTES(WEIR_DATASET_DEFAULT),
                                  .url_hash = decision->url_hash,
                                  .url = decision->url,
                                  .cluster_id = decision->cluster_id,
                                  .kept = decision->kept,
                                  .removed = decision->removed,
                                  .revision = decision->revision,
                                  .changed_at_ms = record->timestamp_ms},
        record->timestamp_ms, err);
}

static weir_status take_decision(weir_processor *processor, const weir_record *record,
                                 weir_error *err)
{
    table *self = (table *)processor;
    const weir_text_decision *decision = record->object;
    if (weir_bytes_equal(decision->kind, WEIR_BYTES(DECISION_URL))) {
        if (decision->url_hash.data == NULL || decision->url.data == NULL) {
            return weir_error_set(err, WEIR_BAD_RECORD, "a decision on a URL that names none");
        }
        return forward_url_decision(self, record, decision, err);
    }
    weir_content_cluster row = {0};
    WEIR_TRY(get_row(self, record->key, &row, err));
    if (decision->removed) {
        return weir_kv_remove(self->rows, record->key, err);
    }
    if (!weir_content_cluster_take(&row, decision)) {
        return WEIR_OK;
    }
    row.updated_at_ms = record->timestamp_ms;
    return weir_stage_put(self->rows, self->row_binding, record->key, &row, err);
}

/* Dataset_membership. */

static weir_status take_membership_change(weir_processor *processor, const weir_record *record,
                                          weir_error *err)
{
    table *self = (table *)processor;
    WEIR_AUTO(weir_buf) reason = {0};
    weir_dataset_membership row = {0};
    WEIR_TRY(get_row(self, record->key, &row, err));
    if (!weir_dataset_membership_take(&row, record->object, &reason)) {
        return WEIR_OK;
    }
    row.updated_at_ms = record->timestamp_ms;
    return weir_stage_put(self->rows, self->row_binding, record->key, &row, err);
}

/* Processors. */

static weir_status init_table(weir_processor *processor, weir_error *err)
{
    (void)err;
    table *self = (table *)processor;
    self->rows = weir_context_store(processor->context, self->store_name);
    return WEIR_OK;
}

static void free_table(weir_processor *processor)
{
    free(processor);
}

static weir_processor *new_table(const weir_processor_ops *ops, const char *store_name,
                                 const weir_record_type *row_type, void *services)
{
    table *made = weir_alloc(sizeof *made);
    made->base.ops = ops;
    made->services = services;
    made->store_name = store_name;
    made->row_binding = weir_stage_binding(services, row_type);
    return &made->base;
}

static weir_processor *new_fetches(void *services)
{
    static const weir_processor_ops ops = {init_table, take_fetch, free_table};
    return new_table(&ops, WEIR_TABLE_URL_LATEST, &weir_url_latest_type, services);
}

static weir_processor *new_pages(void *services)
{
    static const weir_processor_ops ops = {init_table, take_page, free_table};
    return new_table(&ops, WEIR_TABLE_URL_LATEST, &weir_url_latest_type, services);
}

static weir_processor *new_scores(void *services)
{
    static const weir_processor_ops ops = {init_table, take_scored, free_table};
    return new_table(&ops, WEIR_TABLE_URL_LATEST, &weir_url_latest_type, services);
}

static weir_processor *new_url_decisions(void *services)
{
    static const weir_processor_ops ops = {init_table, take_url_decision, free_table};
    return new_table(&ops, WEIR_TABLE_URL_LATEST, &weir_url_latest_type, services);
}

static weir_processor *new_decisions(void *services)
{
    static const weir_processor_ops ops = {init_table, take_decision, free_table};
    return new_table(&ops, WEIR_TABLE_CONTENT_CLUSTER, &weir_content_cluster_type, services);
}

static weir_processor *new_membership_changes(void *services)
{
    static const weir_processor_ops ops = {init_table, take_membership_change, free_table};
    return new_table(&ops, WEIR_TABLE_DATASET_MEMBERSHIP, &weir_dataset_membership_type, services);
}

/* Topology. */

/* Where the events of a stage come in. */
typedef struct intake {
    const char *name; /* Of the source and of what is repartitioned for it. */
    weir_topic_id topic;
    const weir_record_type *type;
} intake;

/* A source of events in as many partitions as the tables have. */
static void add_intake(weir_topology *topology, weir_stage_services *services, const intake *from)
{
    const char *topic = weir_topic_name(from->topic);
    if (services->profile->event_partitions != services->profile->table_partitions) {
        WEIR_AUTO_FREE char *raw = weir_format("%s-raw", from->name);
        WEIR_AUTO_FREE char *by_key = weir_format("%s-by-key", from->name);
        weir_topology_add_source(topology, raw, &(weir_source_options){.topic = topic});
        topic = weir_topology_repartition(topology, by_key, services->profile->table_partitions);
        weir_topology_add_sink(topology, by_key, &(weir_sink_options){.topic = topic}, raw, NULL);
    }
    weir_topology_add_source(
        topology, from->name,
        &(weir_source_options){.topic = topic, .serde = weir_stage_serde(services, from->type)});
}

static void add_url_latest(weir_topology *topology, weir_stage_services *services,
                           const char *url_decisions)
{
    add_intake(topology, services,
               &(intake){"raw-fetch", WEIR_TOPIC_RAW_FETCH, &weir_raw_fetch_type});
    add_intake(topology, services, &(intake){"page", WEIR_TOPIC_PAGE, &weir_page_type});
    add_intake(topology, services,
               &(intake){"page-scored", WEIR_TOPIC_PAGE_SCORED, &weir_page_scored_type});
    weir_topology_add_source(
        topology, "decision-by-url",
        &(weir_source_options){.topic = url_decisions,
                               .serde = weir_stage_serde(services, &weir_text_decision_type)});
    weir_topology_add_processor(
        topology, "fetches", &(weir_processor_options){new_fetches, services}, "raw-fetch", NULL);
    weir_topology_add_processor(topology, "pages", &(weir_processor_options){new_pages, services},
                                "page", NULL);
    weir_topology_add_processor(topology, "scores", &(weir_processor_options){new_scores, services},
                                "page-scored", NULL);
    weir_topology_add_processor(topology, "decisions-on-urls",
                                &(weir_processor_options){new_url_decisions, services},
                                "decision-by-url", NULL);
    weir_topology_add_store(
        topology,
        &(weir_store_options){.name = WEIR_TABLE_URL_LATEST,
                              .changelog_topic = weir_topic_name(WEIR_TOPIC_URL_LATEST)},
        "fetches", "pages", "scores", "decisions-on-urls", NULL);
}

static void add_content_cluster(weir_topology *topology, weir_stage_services *services,
                                const char *url_decisions)
{
    add_intake(topology, services,
               &(intake){"text-decision", WEIR_TOPIC_TEXT_DECISION, &weir_text_decision_type});
    weir_topology_add_processor(topology, "decisions",
                                &(weir_processor_options){new_decisions, services}, "text-decision",
                                NULL);
    weir_topology_add_store(
        topology,
        &(weir_store_options){.name = WEIR_TABLE_CONTENT_CLUSTER,
                              .changelog_topic = weir_topic_name(WEIR_TOPIC_CONTENT_CLUSTER)},
        "decisions", NULL);
    weir_topology_add_sink(topology, URL_DECISIONS, &(weir_sink_options){.topic = url_decisions},
                           "decisions", NULL);
}

static void add_dataset_membership(weir_topology *topology, weir_stage_services *services)
{
    const char *changes = weir_topology_repartition(topology, MEMBERSHIP_CHANGES,
                                                    services->profile->table_partitions);
    weir_topology_add_sink(topology, MEMBERSHIP_CHANGES, &(weir_sink_options){.topic = changes},
                           "scores", "decisions", NULL);
    weir_topology_add_source(
        topology, "membership-change",
        &(weir_source_options){.topic = changes,
                               .serde = weir_stage_serde(services, &weir_membership_change_type)});
    weir_topology_add_processor(topology, "membership",
                                &(weir_processor_options){new_membership_changes, services},
                                "membership-change", NULL);
    weir_topology_add_store(
        topology,
        &(weir_store_options){.name = WEIR_TABLE_DATASET_MEMBERSHIP,
                              .changelog_topic = weir_topic_name(WEIR_TOPIC_DATASET_MEMBERSHIP)},
        "membership", NULL);
}

weir_status weir_tables_topology(weir_stage_services *services, weir_topology **out_topology,
                                 weir_error *err)
{
    WEIR_ASSERT(services->codec != NULL);
    WEIR_ASSERT(services->profile != NULL);

    WEIR_AUTO_PTR(weir_topology) topology = weir_topology_new();
    const char *url_decisions =
        weir_topology_repartition(topology, URL_DECISIONS, services->profile->table_partitions);
    add_url_latest(topology, services, url_decisions);
    add_content_cluster(topology, services, url_decisions);
    add_dataset_membership(topology, services);
    WEIR_TRY(weir_topology_build(topology, err));
    *out_topology = weir_take(&topology);
    return WEIR_OK;
}
