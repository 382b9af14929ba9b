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
