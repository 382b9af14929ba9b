/* SPDX-License-Identifier: Apache-2.0
 *
 * What task_state.c does when the disk fails, which a real RocksDB cannot be made to do on demand
 * (tests/sim/sim_disk.h).
 */
#include "statestore/task_state.h"
#include "tests/harness/check.h"
#include "tests/sim/sim_disk.h"

enum { ALWAYS = 1000000 };

static const char label[] = "s:log-0";

static weir_status restore(weir_task_state *state, const char *key, int64_t offset, weir_error *err)
{
    const weir_restore_entry entry = {weir_bytes_of_text(key), WEIR_BYTES("v")};
    const weir_restore_batch batch = {
        .store = "s", .entries = &entry, .count = 1, .label = label, .offset = offset};
    return weir_task_state_restore(state, &batch, err);
}

TEST(a_restore_that_fails_leaves_its_position_where_it_was)
{
    weir_error err = {0};
    sim_disk *disk = sim_disk_new("disk", 1);
    weir_database *database = NULL;
    CHECK_OK(weir_database_open(&(weir_database_options){.directory = "disk"}, &database, &err),
             &err);
    weir_task_state *state = NULL;
    CHECK_OK(weir_task_state_new(database, "app", 0, &state, &err), &err);
    weir_kv *kv = NULL;
    CHECK_OK(weir_task_state_add_store(state, "s", WEIR_ENGINE_ROCKSDB, &kv, &err), &err);
    CHECK_OK(restore(state, "a", 5, &err), &err);

    sim_disk_set_faults(disk, &(sim_disk_faults){.write_fails = ALWAYS});
    CHECK_STATUS(restore(state, "b", 9, &err), WEIR_IO);
    sim_disk_set_faults(disk, &(sim_disk_faults){0});
    CHECK_OK(weir_task_state_apply(state, &err), &err); /* Takes along all that is committed. */
    int64_t offset = 0;
    CHECK_OK(weir_task_state_position(state, label, &offset, &err), &err);
    CHECK_I64(offset, ==, 5);

    weir_task_state_free(state);
    weir_database_free(database);
    sim_disk_free(disk);
}
