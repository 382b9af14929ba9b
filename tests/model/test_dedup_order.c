/* SPDX-License-Identifier: Apache-2.0
 *
 * Clusters and memberships are the same whatever the order of pages, the number of partitions, and
 * the turns that tasks take: dedup and tables beside a union-find over the contents.
 *
 * The documents of a run follow from one seed: exact copies, near copies, chains of near copies,
 * unrelated texts, pages that quality rejects, URLs whose content changes or goes. Each URL's own
 * versions come in their order; everything else is shuffled.
 */
#include "avro/records.h"
#include "streams/base/hash.h"
#include "streams/base/map.h"
#include "tests/harness/check.h"
#include "tests/harness/stage_run.h"
#include "topologies/dedup.h"
#include "topologies/minhash.h"
#include "topologies/tables.h"
#include "topologies/topic_map.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FAMILIES = 6,
    MEMBERS = 4, /* Contents of a family: each is the one before with some words changed. */
    CONTENTS = FAMILIES * MEMBERS,
    URLS = 40,
    VERSIONS_MAX = 3,
    WORDS = 160,
    HASH_TEXT = 65,
    URL_TEXT = 64,
    NO_CONTENT = -1,
};

typedef struct content {
    char hash[HASH_TEXT];
    weir_buf text;
    weir_buf ref;
    uint64_t bands[WEIR_MINHASH_BANDS];
    size_t band_count;
    bool seen;
    size_t parent; /* Union-find. */
} content;

/* What a URL said one time. */
typedef struct version {
    int content; /* NO_CONTENT: no text. */
    bool accepted;
    double score;
} version;

typedef struct url {
    char text[URL_TEXT];
    char hash[33];
    version versions[VERSIONS_MAX];
    size_t version_count;
    int64_t revision; /* How often its content changed. */
} url;

typedef struct world {
    content contents[CONTENTS];
    url urls[URLS];
} world;

/* Documents. */

static void hash_text(const char *text, size_t digits, char *out)
{
    uint8_t digest[WEIR_SHA256_BYTES];
    weir_sha256(weir_bytes_of_text(text), digest);
    char hex[HASH_TEXT];
    weir_hex(digest, sizeof digest, hex);
    memcpy(out, hex, digits);
    out[digits] = '\0';
}

static void make_contents(world *all, weir_random *random)
{
    uint64_t words[WORDS];
    for (size_t i = 0; i < CONTENTS; i++) {
        content *made = &all->contents[i];
        bool first_of_family = i % MEMBERS == 0;
        size_t changes = first_of_family ? WORDS : 1 + (size_t)weir_random_below(random, 6);
        for (size_t change = 0; change < changes; change++) {
            size_t at = first_of_family ? change : (size_t)weir_random_below(random, WORDS);
            words[at] = weir_random_below(random, 100000);
        }
        for (size_t word = 0; word < WORDS; word++) {
            weir_buf_append_format(&made->text, "w%" PRIu64 " ", words[word]);
        }
        hash_text(weir_buf_text(&made->text), 64, made->hash);
        weir_minhash signature = weir_minhash_of_text(weir_buf_bytes(&made->text));
        made->band_count = weir_minhash_bands(&signature, made->bands);
    }
}

static void make_urls(world *all, weir_random *random)
{
    for (size_t i = 0; i < URLS; i++) {
        url *made = &all->urls[i];
        snprintf(made->text, sizeof made->text, "http://h%d.example/%zu%s",
                 (int)weir_random_below(random, 5), i, i % 3 == 0 ? "/longer" : "");
        hash_text(made->text, 32, made->hash);
        made->version_count = 1 + (size_t)weir_random_below(random, VERSIONS_MAX);
        int before = NO_CONTENT;
        for (size_t v = 0; v < made->version_count; v++) {
            version *said = &made->versions[v];
            bool has_text = !weir_random_chance(random, 150000);
            said->content = has_text ? (int)weir_random_below(random, CONTENTS) : NO_CONTENT;
            if (v > 0 && has_text && weir_random_chance(random, 250000)) {
                said->content = before; /* The same text, judged anew. */
            }
            said->accepted = said->content != NO_CONTENT && !weir_random_chance(random, 300000);
            said->score = (double)weir_random_below(random, 3) / 2;
            made->revision += said->content != before;
            before = said->content;
        }
    }
}

static void make_world(world *all, uint64_t seed)
{
    *all = (world){0};
    weir_random random = weir_random_of(seed);
    make_contents(all, &random);
    make_urls(all, &random);
}

static void free_world(world *all)
{
    for (size_t i = 0; i < CONTENTS; i++) {
        weir_buf_cleanup(&all->contents[i].text);
        weir_buf_cleanup(&all->contents[i].ref);
    }
}

/* The model. */

static size_t find(world *all, size_t at)
{
    while (all->contents[at].parent != at) {
        at = all->contents[at].parent;
    }
    return at;
}

static bool share_a_band(const content *a, const content *b)
{
    for (size_t i = 0; i < a->band_count && i < b->band_count; i++) {
        if (a->bands[i] == b->bands[i]) {
            return true;
        }
    }
    return false;
}

/* Joins all contents that were ever seen; the root of a component is its smallest hash. */
static void cluster(world *all)
{
    for (size_t i = 0; i < CONTENTS; i++) {
        all->contents[i].parent = i;
    }
    for (size_t i = 0; i < URLS; i++) {
        for (size_t v = 0; v < all->urls[i].version_count; v++) {
            int at = all->urls[i].versions[v].content;
            if (at != NO_CONTENT) {
                all->contents[at].seen = true;
            }
        }
    }
    for (size_t i = 0; i < CONTENTS; i++) {
        for (size_t j = 0; j < i; j++) {
            const content *a = &all->contents[i];
            const content *b = &all->contents[j];
            if (!a->seen || !b->seen || !share_a_band(a, b)) {
                continue;
            }
            size_t x = find(all, i);
            size_t y = find(all, j);
            bool x_is_smaller = strcmp(all->contents[x].hash, all->contents[y].hash) < 0;
            all->contents[x_is_smaller ? y : x].parent = x_is_smaller ? x : y;
        }
    }
}

static const version *last_of(const url *of)
{
    return &of->versions[of->version_count - 1];
}

static bool ranks_before(const url *a, const url *b)
{
    const version *x = last_of(a);
    const version *y = last_of(b);
    if (x->accepted != y->accepted) {
        return x->accepted;
    }
    if (x->score < y->score || x->score > y->score) {
        return x->score > y->score;
    }
    size_t x_size = strlen(a->text);
    size_t y_size = strlen(b->text);
    return x_size != y_size ? x_size < y_size : strcmp(a->text, b->text) < 0;
}

typedef struct expected_cluster {
    const url *kept; /* NULL: no URL is left. */
    int64_t document_count;
    int64_t url_count;
} expected_cluster;

static expected_cluster expect_cluster(world *all, size_t root)
{
    expected_cluster expected = {0};
    bool counted[CONTENTS] = {false};
    for (size_t i = 0; i < URLS; i++) {
        const url *of = &all->urls[i];
        int at = last_of(of)->content;
        if (at == NO_CONTENT || find(all, (size_t)at) != root) {
            continue;
        }
        expected.url_count++;
        expected.document_count += !counted[at];
        counted[at] = true;
        if (expected.kept == NULL || ranks_before(of, expected.kept)) {
            expected.kept = of;
        }
    }
    return expected;
}

/* The tables beside the model. */

typedef struct table_rows {
    weir_map *rows; /* key -> weir_buf with the last value */
    const weir_codec *codec;
    const weir_record_type *type;
} table_rows;

static void note_row(void *user, const weir_record *record, const void *object)
{
    (void)object;
    table_rows *table = user;
    weir_buf *row = weir_map_get(table->rows, record->key);
    if (row == NULL) {
        row = weir_alloc(sizeof *row);
        (void)weir_map_put(table->rows, record->key, row);
    }
    CHECK(record->value.data != NULL);
    weir_buf_set(row, record->value);
}

static table_rows read_table(stage_run *run, weir_topic_id topic, const weir_record_type *type)
{
    table_rows table = {weir_map_new(), run->codec, type};
    stage_run_visit(run, weir_topic_name(topic), NULL, note_row, &table);
    return table;
}

static void free_table(table_rows *table)
{
    size_t position = 0;
    void *value;
    while (weir_map_next(table->rows, &position, NULL, &value)) {
        weir_buf_cleanup(value);
        free(value);
    }
    weir_map_free(table->rows);
}

static void get_row(const table_rows *table, const char *key, weir_arena *arena, void *out_row)
{
    weir_error err = {0};
    const weir_buf *row = weir_map_get(table->rows, weir_bytes_of_text(key));
    if (row == NULL) {
        check_fail(__FILE__, __LINE__, "%s has no row %s", table->type->name, key);
    }
    CHECK_OK(
        weir_codec_decode(table->codec, table->type, weir_buf_bytes(row), arena, out_row, &err),
        &err);
}

static void check_clusters(stage_run *run, world *all, weir_arena *arena)
{
    table_rows table = read_table(run, WEIR_TOPIC_CONTENT_CLUSTER, &weir_content_cluster_type);
    size_t seen = 0;
    for (size_t i = 0; i < CONTENTS; i++) {
        const content *of = &all->contents[i];
        if (!of->seen) {
            continue;
        }
        seen++;
        weir_content_cluster row;
        get_row(&table, of->hash, arena, &row);
        size_t root = find(all, i);
        expected_cluster expected = root == i ? expect_cluster(all, i) : (expected_cluster){0};
        CHECK_BYTES(row.cluster_id, weir_bytes_of_text(all->contents[root].hash));
        CHECK_BYTES(row.kept_url,
                    weir_bytes_of_text(expected.kept == NULL ? NULL : expected.kept->text));
        CHECK_I64(row.url_count, ==, expected.url_count);
        CHECK_I64(row.document_count, ==, expected.document_count);
    }
    CHECK_I64(weir_map_count(table.rows), ==, seen);
    free_table(&table);
}

/* What a URL's place in its cluster is. */
typedef struct expected_place {
    weir_bytes cluster_id;
    bool kept;
} expected_place;

static expected_place expect_place(world *all, const url *of)
{
    int at = last_of(of)->content;
    if (at == NO_CONTENT) {
        return (expected_place){0};
    }
    size_t root = find(all, (size_t)at);
    return (expected_place){weir_bytes_of_text(all->contents[root].hash),
                            expect_cluster(all, root).kept == of};
}

static void check_url_latest(stage_run *run, world *all, weir_arena *arena)
{
    table_rows table = read_table(run, WEIR_TOPIC_URL_LATEST, &weir_url_latest_type);
    for (size_t i = 0; i < URLS; i++) {
        const url *of = &all->urls[i];
        expected_place place = expect_place(all, of);
        weir_url_latest row;
        get_row(&table, of->hash, arena, &row);
        CHECK_BYTES(row.url, weir_bytes_of_text(of->text));
        CHECK_BYTES(row.cluster_id, place.cluster_id);
        CHECK_I64(row.kept, ==, place.kept);
        CHECK_I64(row.accepted, ==, last_of(of)->accepted);
        CHECK_I64(row.dedup_revision, ==, of->revision);
    }
    CHECK_I64(weir_map_count(table.rows), ==, URLS);
    free_table(&table);
}

static void check_memberships(stage_run *run, world *all, weir_arena *arena)
{
    table_rows table =
        read_table(run, WEIR_TOPIC_DATASET_MEMBERSHIP, &weir_dataset_membership_type);
    for (size_t i = 0; i < URLS; i++) {
        const url *of = &all->urls[i];
        expected_place place = expect_place(all, of);
        bool accepted = last_of(of)->accepted;
        WEIR_AUTO_FREE char *key = weir_format("%s/%s", WEIR_DATASET_DEFAULT, of->hash);
        WEIR_AUTO(weir_buf) reason = {0};
        if (!accepted) {
            weir_buf_append_text(&reason, "quality:short");
        } else if (!place.kept) {
            weir_buf_append_text(&reason, "duplicate:");
            weir_buf_append(&reason, place.cluster_id.data, place.cluster_id.size);
        }
        weir_dataset_membership row;
        get_row(&table, key, arena, &row);
        CHECK_BYTES(row.reason, weir_buf_bytes(&reason));
        CHECK_I64(row.member, ==, accepted && place.kept);
        CHECK_BYTES(row.cluster_id, place.cluster_id);
        CHECK_BYTES(row.content_hash,
                    weir_bytes_of_text(last_of(of)->content == NO_CONTENT
                                           ? NULL
                                           : all->contents[last_of(of)->content].hash));
    }
    CHECK_I64(weir_map_count(table.rows), ==, URLS);
    free_table(&table);
}

/* A run. */

static void send_version(stage_run *run, const world *all, const url *of, size_t number)
{
    static const weir_bytes reasons[] = {{"short", 5}};
    const version *said = &of->versions[number];
    weir_page_scored page = {.url = weir_bytes_of_text(of->text),
                             .url_hash = weir_bytes_of_text(of->hash),
                             .host_id = WEIR_BYTES("h.example"),
                             .language = WEIR_BYTES("en"),
                             .accepted = said->accepted,
                             .score = said->score,
                             .reasons = {reasons, said->accepted ? 0 : 1},
                             .rule_set = WEIR_BYTES("default"),
                             .title = WEIR_BYTES("")};
    if (said->content != NO_CONTENT) {
        page.content_hash = weir_bytes_of_text(all->contents[said->content].hash);
        page.text_ref = weir_buf_bytes(&all->contents[said->content].ref);
    }
    stage_run_send(run, weir_topic_name(WEIR_TOPIC_PAGE_SCORED), &weir_page_scored_type,
                   page.url_hash, &page);
}

/* Something that happens now and then between two pages: all settles, or an application crashes
 * with whatever it has not committed. */
static void interrupt(stage_run *run, bool crashes)
{
    if (weir_random_chance(&run->random, 50000)) {
        stage_run_settle(run);
    }
    if (crashes && weir_random_chance(&run->random, 60000)) {
        stage_run_steps(run, (size_t)weir_random_below(&run->random, 200));
        stage_run_crash(run, (size_t)weir_random_below(&run->random, run->count));
    }
}

/* Sends all versions, those of a URL in order. */
static void feed(stage_run *run, const world *all, bool crashes)
{
    size_t sent[URLS] = {0};
    for (;;) {
        size_t ready[URLS];
        size_t count = 0;
        for (size_t i = 0; i < URLS; i++) {
            if (sent[i] < all->urls[i].version_count) {
                ready[count++] = i;
            }
        }
        if (count == 0) {
            return;
        }
        size_t at = ready[weir_random_below(&run->random, count)];
        send_version(run, all, &all->urls[at], sent[at]++);
        interrupt(run, crashes);
    }
}

static void run_once(world *all, int32_t partition_count, uint64_t seed, bool crashes)
{
    weir_error err = {0};
    stage_run run;
    stage_run_start(&run, &(stage_run_options){partition_count, seed, .scrambled = true});
    for (size_t i = 0; i < CONTENTS; i++) {
        stage_run_put_text(&run, all->contents[i].hash, weir_buf_bytes(&all->contents[i].text),
                           &all->contents[i].ref);
    }
    weir_topology *dedup = NULL;
    weir_topology *tables = NULL;
    CHECK_OK(weir_dedup_topology(&run.services, &dedup, &err), &err);
    CHECK_OK(weir_tables_topology(&run.services, &tables, &err), &err);
    stage_run_add(&run, WEIR_DEDUP_APPLICATION, dedup);
    stage_run_add(&run, WEIR_TABLES_APPLICATION, tables);
    feed(&run, all, crashes);
    stage_run_settle(&run);
    WEIR_AUTO_PTR(weir_arena) arena = weir_arena_new(64 << 20);
    check_clusters(&run, all, arena);
    check_url_latest(&run, all, arena);
    check_memberships(&run, all, arena);
    CHECK_I64(stage_run_count(&run, weir_topic_name(WEIR_TOPIC_DLQ_DEDUP)), ==, 0);
    stage_run_cleanup(&run);
}

static void check_world(uint64_t seed, bool crashes)
{
    static const int32_t partition_counts[] = {1, 2, 4, 7};
    static world all;
    make_world(&all, seed);
    cluster(&all);
    for (size_t i = 0; i < WEIR_COUNT_OF(partition_counts); i++) {
        run_once(&all, partition_counts[i], seed * 100 + i, crashes);
    }
    free_world(&all);
}

static void check_worlds(uint64_t first, uint64_t count, bool crashes)
{
    for (uint64_t seed = first; seed < first + count; seed++) {
        printf("world %" PRIu64 "\n", seed);
        check_world(seed, crashes);
    }
}

TEST(clusters_and_memberships_do_not_depend_on_order_or_partitions)
{
    check_worlds(check_seed(1), check_number("WEIR_ORDER_WORLDS", 20), false);
}

TEST(clusters_and_memberships_do_not_depend_on_crashes)
{
    check_worlds(check_seed(1000), check_number("WEIR_ORDER_WORLDS", 20) / 2, true);
}

/* The worlds are worth running only if near copies are found and chains exist in them. */
TEST(model_has_clusters_of_several_contents_and_chains)
{
    static world all;
    make_world(&all, 1);
    cluster(&all);
    size_t chains = 0;
    size_t clustered = 0;
    for (size_t i = 0; i < CONTENTS; i++) {
        clustered += find(&all, i) != i;
        for (size_t j = 0; j < i; j++) {
            chains += all.contents[i].seen && all.contents[j].seen &&
                      find(&all, i) == find(&all, j) &&
                      !share_a_band(&all.contents[i], &all.contents[j]);
        }
    }
    CHECK_I64(clustered, >, 5);
    CHECK_I64(chains, >, 0);
    free_world(&all);
}
