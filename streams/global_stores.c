/* SPDX-License-Identifier: Apache-2.0
 *
 * global_stores.c - topics of global tables ─▶ consumer of the worker ─▶ rows in memory.
 *
 * Each worker has a copy: workers share nothing, so that a join reads without a lock, and a run of
 * several can be replayed from its seed. Nothing is kept on disk; a start reads the topics, which
 * are compacted. docs/decisions/0065 has the price of both.
 *
 * A table is complete once the lag of each of its partitions was 0: whatever the topics held when
 * the process came up is in. From then on it is as fresh as the worker's passes.
 */
#include "streams/global_stores.h"

#include "statestore/mem_store.h"
#include "statestore/timestamped.h"
#include "streams/consumer.h"
#include "streams/global_filler.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { BATCHES_A_POLL_MAX = 4 };

typedef struct global_table {
    weir_kv *rows;
    weir_global_filler *filler; /* NULL: records are rows. */
    const char *topic;
    int32_t partition_count;
} global_table;

struct weir_global_stores {
    weir_consumer *consumer; /* NULL: there is no table. */
    global_table *tables;
    size_t table_count;
    bool complete;
    weir_batch *batch; /* What was polled and is not all taken; NULL: nothing. */
    size_t taken;      /* Of its records. */
    weir_buf row;
};

static weir_status assign(weir_global_stores *stores, global_table *table, weir_error *err)
{
    for (int32_t p = 0; p < table->partition_count; p++) {
        const weir_topic_partition partition = {table->topic, p};
        weir_status status =
            weir_consumer_assign(stores->consumer, partition, 0, WEIR_RESET_EARLIEST, table, err);
        if (status != WEIR_OK) {
            return weir_error_wrap(err, status, "global store %s", table->rows->name);
        }
    }
    return WEIR_OK;
}

static weir_status open_tables(weir_global_stores *stores, weir_task_environment *environment,
                               weir_error *err)
{
    const weir_plan *plan = environment->plan;
    const weir_topology *topology = plan->topology;
    stores->tables = weir_alloc_array(topology->global_count, sizeof(*stores->tables));
    for (size_t i = 0; i < topology->global_count; i++) {
        const weir_topology_global *global = &topology->globals[i];
        size_t count = 0;
        const weir_planned_input *input = weir_plan_inputs_of(plan, global->source, &count);
        WEIR_ASSERT(count == 1);
        stores->tables[i] = (global_table){
            .rows = weir_mem_store_new(global->store),
            .topic = input->topic,
            .partition_count = input->partition_count,
        };
        stores->table_count = i + 1;
        if (global->has_filler) {
            WEIR_TRY(weir_global_filler_new(environment, global, stores->tables[i].rows,
                                            &stores->tables[i].filler, err));
        }
        WEIR_TRY(assign(stores, &stores->tables[i], err));
    }
    return WEIR_OK;
}

weir_status weir_global_stores_new(weir_task_environment *environment, const char *client_id,
                                   weir_global_stores **out_stores, weir_error *err)
{
    weir_global_stores *stores = weir_alloc(sizeof(*stores));
    stores->complete = environment->plan->topology->global_count == 0;
    weir_status status = WEIR_OK;
    if (!stores->complete) {
        const weir_consumer_options options = {.client_id = client_id,
                                               .isolation = WEIR_READ_COMMITTED};
        status = weir_consumer_new(environment->broker, &options, &stores->consumer, err);
        status = status == WEIR_OK ? open_tables(stores, environment, err) : status;
    }
    if (status != WEIR_OK) {
        weir_global_stores_free(stores);
        return status;
    }
    *out_stores = stores;
    return WEIR_OK;
}

void weir_global_stores_free(weir_global_stores *stores)
{
    if (stores == NULL) {
        return;
    }
    for (size_t i = 0; i < stores->table_count; i++) {
        weir_global_filler_free(stores->tables[i].filler);
        weir_kv_free(stores->tables[i].rows);
    }
    free(stores->tables);
    weir_batch_free(stores->batch);
    weir_consumer_free(stores->consumer);
    weir_buf_cleanup(&stores->row);
    free(stores);
}

static weir_status take_record(weir_global_stores *stores, const global_table *table,
                               const weir_record *record, weir_error *err)
{
    if (table->filler != NULL) {
        return weir_global_filler_take(table->filler, record, err);
    }
    if (record->key.data == NULL) {
        return WEIR_OK; /* It is no row. */
    }
    if (record->value.data == NULL) {
        return weir_kv_remove(table->rows, record->key, err);
    }
    weir_timestamped_encode((weir_timestamped){record->timestamp_ms, record->value}, &stores->row);
    return weir_kv_put(table->rows, record->key, weir_buf_bytes(&stores->row), err);
}

/* The rest of the batch; a failure leaves the record, for the next poll. A row that is too large
 * for a store is none, as it is none for a task. */
static weir_status take_batch(weir_global_stores *stores, weir_error *err)
{
    const weir_batch *batch = stores->batch;
    const global_table *table = batch->tag;
    for (; stores->taken < batch->count; stores->taken++) {
        weir_status status = take_record(stores, table, &batch->records[stores->taken], err);
        if (status != WEIR_OK && status != WEIR_BAD_RECORD) {
            return weir_error_wrap(err, status, "global store %s", table->rows->name);
        }
    }
    weir_batch_free(weir_take(&stores->batch));
    stores->taken = 0;
    return WEIR_OK;
}

bool weir_global_stores_are_level(const weir_global_stores *stores)
{
    for (size_t i = 0; i < stores->table_count; i++) {
        for (int32_t p = 0; p < stores->tables[i].partition_count; p++) {
            const weir_topic_partition partition = {stores->tables[i].topic, p};
            int64_t lag = 0;
            if (weir_consumer_lag(stores->consumer, partition, &lag) != WEIR_OK || lag > 0) {
                return false;
            }
        }
    }
    return true;
}

weir_status weir_global_stores_poll(weir_global_stores *stores, bool *busy, weir_error *err)
{
    for (size_t i = 0; stores->consumer != NULL && i < BATCHES_A_POLL_MAX; i++) {
        weir_status status = stores->batch != NULL
                                 ? WEIR_OK
                                 : weir_consumer_poll(stores->consumer, 0, &stores->batch, err);
        if (status == WEIR_AGAIN) {
            break;
        }
        WEIR_TRY(status);
        *busy = true;
        WEIR_TRY(take_batch(stores, err));
    }
    stores->complete = stores->complete || weir_global_stores_are_level(stores);
    return WEIR_OK;
}

bool weir_global_stores_are_complete(const weir_global_stores *stores)
{
    return stores->complete;
}

weir_kv *weir_global_stores_named(const weir_global_stores *stores, const char *name)
{
    for (size_t i = 0; i < stores->table_count; i++) {
        if (strcmp(stores->tables[i].rows->name, name) == 0) {
            return stores->tables[i].rows;
        }
    }
    return NULL;
}

int weir_global_stores_fd(const weir_global_stores *stores)
{
    return stores->consumer == NULL ? -1 : weir_consumer_fd(stores->consumer);
}
