/* SPDX-License-Identifier: Apache-2.0
 *
 * The stages in one process: where their state lies.
 */
#include "tests/harness/check.h"
#include "tests/harness/pipeline_fixture.h"

#include <stdlib.h>
#include <unistd.h>

static bool has_database(const char *directory)
{
    WEIR_AUTO_FREE char *current = weir_format("%s/CURRENT", directory);
    return access(current, F_OK) == 0;
}

TEST(state_lies_in_the_data_directory)
{
    pipeline_fixture f = {0};
    pipeline_fixture_open(&f, 1U << WEIR_STAGE_TABLES);
    WEIR_AUTO_FREE char *state = weir_format("%s/state", f.directory);
    CHECK(has_database(state));
    pipeline_fixture_cleanup(&f);
}

TEST(state_lies_where_state_dir_says)
{
    WEIR_AUTO_FREE char *state = check_directory();
    const weir_setting settings[] = {{"state.dir", "/nowhere"}, {"state.dir", state}};
    pipeline_fixture f = {.settings = settings, .setting_count = WEIR_COUNT_OF(settings)};
    pipeline_fixture_open(&f, 1U << WEIR_STAGE_TABLES);
    CHECK(has_database(state));
    pipeline_fixture_cleanup(&f);
}

TEST(budget_of_memory_is_that_of_all_stages_together)
{
    const weir_setting settings[] = {{"weir.memory.max.bytes", "1048576000"}};
    pipeline_fixture f = {.settings = settings, .setting_count = WEIR_COUNT_OF(settings)};
    pipeline_fixture_open(&f, 1U << WEIR_STAGE_TABLES | 1U << WEIR_STAGE_QUALITY);
    weir_metrics *metrics = weir_pipeline_metrics(f.pipeline);
    const weir_label database = {"setting", "weir.database.bytes.max"};
    CHECK_I64(weir_metrics_sum(metrics, "weir_memory_limit_bytes", &database), ==, 600 << 20);
    CHECK_I64(weir_metrics_sum(metrics, "weir_memory_limit_bytes", NULL), <=, 900 << 20);
    pipeline_fixture_cleanup(&f);
}
