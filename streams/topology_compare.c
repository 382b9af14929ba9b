/* SPDX-License-Identifier: Apache-2.0
 *
 * topology_compare.c - two descriptions of an application, as topology_json.c writes them: what an
 * upgrade from one to the other does to its state.
 *
 * weir finds the state of a store by application.id, its name and the partition, and its changelog
 * by name. So a store that keeps its name and its form keeps its rows, whatever becomes of the
 * sub-topology that it is in; one that has another name is empty, and so is one whose rows have
 * another form or lie in other partitions. Generated names end with a number that moves when
 * operators are added before them: such stores are recognised as renamed.
 */
#include "streams/topology_description.h"

#include "streams/base/json_read.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_DIGITS = 10 };

/* A store, or an internal topic, of one description. */
typedef struct part {
    const weir_json_value *json;
    const char *name; /* Owned. */
    bool is_matched;
} part;

typedef struct side {
    weir_json_value *root;
    part *stores;
    size_t store_count;
    part *topics;
    size_t topic_count;
} side;

typedef struct comparing {
    side before;
    side after;
    weir_buf *out;
    weir_upgrade upgrade;
} comparing;

static void parts_free(part *parts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free((void *)parts[i].name);
    }
    free(parts);
}

static void comparing_cleanup(comparing *c)
{
    side *sides[] = {&c->before, &c->after};
    for (size_t i = 0; i < WEIR_COUNT_OF(sides); i++) {
        parts_free(sides[i]->stores, sides[i]->store_count);
        parts_free(sides[i]->topics, sides[i]->topic_count);
        weir_json_value_free(sides[i]->root);
    }
}

static void say(comparing *c, weir_upgrade upgrade, const char *verdict, const char *text)
{
    c->upgrade = upgrade > c->upgrade ? upgrade : c->upgrade;
    weir_buf_append_format(c->out, "  %-8s %s\n", verdict, text);
}

static weir_status read_parts(const weir_json_value *list, part **out_parts, size_t *out_count,
                              weir_error *err)
{
    size_t count = weir_json_count(list);
    *out_parts = weir_alloc_array(count + 1, sizeof(**out_parts));
    for (size_t i = 0; i < count; i++) {
        weir_bytes name = WEIR_BYTES_NULL;
        const weir_json_value *item = weir_json_at(list, i);
        weir_status status = weir_json_get_text(item, "name", &name, err);
        if (status != WEIR_OK) {
            return weir_error_set(err, WEIR_BAD_RECORD, "a store or topic without a name");
        }
        (*out_parts)[i] = (part){.json = item, .name = weir_bytes_to_text(name)};
        *out_count = i + 1;
    }
    return WEIR_OK;
}

static weir_status read_side(weir_bytes json, const char *which, side *out, weir_error *err)
{
    int64_t version = 0;
    weir_status status = weir_json_parse(json, WEIR_DESCRIPTION_BYTES_MAX, &out->root, err);
    if (status != WEIR_OK) {
        return weir_error_wrap(err, status, "%s", which);
    }
    if (weir_json_get_i64(out->root, "description_version", &version, NULL) != WEIR_OK ||
        version != 1) {
        return weir_error_set(err, WEIR_BAD_RECORD,
                              "%s: this is no description of a topology: "
                              "weir topology describe --format json writes one",
                              which);
    }
    WEIR_TRY(read_parts(weir_json_get(out->root, "stores"), &out->stores, &out->store_count, err));
    return read_parts(weir_json_get(out->root, "internal_topics"), &out->topics, &out->topic_count,
                      err);
}

/* Members that may be missing. */
static int64_t number_of(const weir_json_value *object, const char *member)
{
    int64_t number = 0;
    (void)weir_json_get_i64(object, member, &number, NULL);
    return number;
}

static weir_bytes text_of(const weir_json_value *object, const char *member)
{
    weir_bytes text = WEIR_BYTES_NULL;
    (void)weir_json_get_text(object, member, &text, NULL);
    return text;
}

static bool flag_of(const weir_json_value *object, const char *member)
{
    bool flag = false;
    (void)weir_json_get_bool(object, member, &flag, NULL);
    return flag;
}

/* What is before the number of a generated name; 0: it has none. */
static size_t generated_length(const char *name)
{
    size_t length = strlen(name);
    if (length <= NUMBER_DIGITS || name[length - NUMBER_DIGITS - 1] != '-') {
        return 0;
    }
    for (size_t i = length - NUMBER_DIGITS; i < length; i++) {
        if (name[i] < '0' || name[i] > '9') {
            return 0;
        }
    }
    return length - NUMBER_DIGITS;
}

static bool differ_in_number(const char *a, const char *b)
{
    size_t length = generated_length(a);
    return length > 0 && length == generated_length(b) && strncmp(a, b, length) == 0;
}

static bool is_same_form(const part *a, const part *b)
{
    static const char *const flags[] = {"timestamped", "retains_duplicates"};
    for (size_t i = 0; i < WEIR_COUNT_OF(flags); i++) {
        if (flag_of(a->json, flags[i]) != flag_of(b->json, flags[i])) {
            return false;
        }
    }
    return weir_bytes_equal(text_of(a->json, "kind"), text_of(b->json, "kind")) &&
           number_of(a->json, "value_version") == number_of(b->json, "value_version");
}

static part *find_named(part *parts, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(parts[i].name, name) == 0) {
            return &parts[i];
        }
    }
    return NULL;
}

/* The changelog a store had and has, 0 and null alike where the description does not know. */
static bool partitions_differ(const part *a, const part *b)
{
    int64_t before = number_of(a->json, "partitions");
    int64_t after = number_of(b->json, "partitions");
    return before != 0 && after != 0 && before != after;
}

/* Two texts side by side; NULL: the same. The caller frees. */
static char *changed_text(const part *a, const part *b, const char *member)
{
    weir_bytes before = text_of(a->json, member);
    weir_bytes after = text_of(b->json, member);
    if (weir_bytes_equal(before, after)) {
        return NULL;
    }
    return weir_format("%.*s -> %.*s", before.data == NULL ? 4 : (int)before.size,
                       before.data == NULL ? "none" : (const char *)before.data,
                       after.data == NULL ? 4 : (int)after.size,
                       after.data == NULL ? "none" : (const char *)after.data);
}

/* Why the rows of a store cannot be used any more; NULL: they can. The caller frees. */
static char *reason_to_rebuild(const part *before, const part *after)
{
    if (!is_same_form(before, after)) {
        return weir_format("its rows have another form (kind, timestamps, duplicates or version): "
                           "reset the application, or give the new one another name");
    }
    if (partitions_differ(before, after)) {
        return weir_format("%" PRId64 " -> %" PRId64 " partitions: keys lie elsewhere, and the "
                           "start is refused. Reset the application",
                           number_of(before->json, "partitions"),
                           number_of(after->json, "partitions"));
    }
    WEIR_AUTO_FREE char *changelog = changed_text(before, after, "changelog");
    return changelog == NULL
               ? NULL
               : weir_format("changelog %s: what is not on a disk already is read from the new one",
                             changelog);
}

/* How many entries a store may have (0: any number); *out_drops: some may have to go. The caller
 * frees. */
static char *changed_bound(const part *before, const part *after, bool *out_drops)
{
    int64_t from = number_of(before->json, "entries_max");
    int64_t to = number_of(after->json, "entries_max");
    *out_drops = to > 0 && (from == 0 || to < from);
    if (from == to) {
        return weir_strdup("");
    }
    return *out_drops ? weir_format("; %" PRId64 " entries at most, others are removed", to)
                      : weir_format("; entries_max %" PRId64 " -> %" PRId64, from, to);
}

static void compare_store(comparing *c, const part *before, const part *after)
{
    WEIR_AUTO_FREE char *reason = reason_to_rebuild(before, after);
    if (reason != NULL) {
        WEIR_AUTO_FREE char *text = weir_format("%s: %s", before->name, reason);
        say(c, WEIR_UPGRADE_LOSES, "rebuilt", text);
        return;
    }
    int64_t from = number_of(before->json, "subtopology");
    int64_t to = number_of(after->json, "subtopology");
    WEIR_AUTO_FREE char *engine = changed_text(before, after, "engine");
    WEIR_AUTO_FREE char *moved =
        from == to
            ? weir_strdup("")
            : weir_format("; sub-topology %" PRId64 " -> %" PRId64 ", its rows stay", from, to);
    bool drops = false;
    WEIR_AUTO_FREE char *bound = changed_bound(before, after, &drops);
    WEIR_AUTO_FREE char *text =
        weir_format("%s%s%s%s%s", before->name, moved,
                    engine == NULL ? "" : "; read from its changelog once, engine ",
                    engine == NULL ? "" : engine, bound);
    weir_upgrade upgrade = from == to ? WEIR_UPGRADE_ROLLS : WEIR_UPGRADE_STOPS;
    say(c, drops ? WEIR_UPGRADE_LOSES : upgrade, "kept", text);
}

/* Marks what has the same name on both sides, then what differs in a generated number; the partner
 * of before[i] goes to partners[i]. */
static void match(part *before, size_t before_count, part *after, size_t after_count,
                  part **partners)
{
    for (size_t i = 0; i < before_count; i++) {
        partners[i] = find_named(after, after_count, before[i].name);
        if (partners[i] != NULL) {
            partners[i]->is_matched = before[i].is_matched = true;
        }
    }
    for (size_t i = 0; i < before_count; i++) {
        for (size_t j = 0; j < after_count && !before[i].is_matched; j++) {
            if (!after[j].is_matched && differ_in_number(before[i].name, after[j].name)) {
                partners[i] = &after[j];
                after[j].is_matched = before[i].is_matched = true;
            }
        }
    }
}

static void compare_stores(comparing *c)
{
    WEIR_AUTO_FREE part **partners = weir_alloc_array(c->before.store_count + 1, sizeof(*partners));
    match(c->before.stores, c->before.store_count, c->after.stores, c->after.store_count, partners);
    weir_buf_append_text(c->out, "Stores\n");
    for (size_t i = 0; i < c->before.store_count; i++) {
        const part *before = &c->before.stores[i];
        if (partners[i] == NULL) {
            WEIR_AUTO_FREE char *text =
                weir_format("%s: its rows and its changelog are left behind", before->name);
            say(c, WEIR_UPGRADE_LOSES, "dropped", text);
        } else if (strcmp(before->name, partners[i]->name) == 0) {
            compare_store(c, before, partners[i]);
        } else {
            WEIR_AUTO_FREE char *text =
                weir_format("%s -> %s: starts empty. Give the store a name of its own, or the old "
                            "one, so that it is kept",
                            before->name, partners[i]->name);
            say(c, WEIR_UPGRADE_LOSES, "renamed", text);
        }
    }
    for (size_t i = 0; i < c->after.store_count; i++) {
        if (!c->after.stores[i].is_matched) {
            WEIR_AUTO_FREE char *text =
                weir_format("%s: starts empty, with the next record", c->after.stores[i].name);
            say(c, WEIR_UPGRADE_STOPS, "new", text);
        }
    }
}

static void compare_topic(comparing *c, const part *before, const part *after)
{
    if (strcmp(before->name, after->name) != 0) {
        WEIR_AUTO_FREE char *text =
            weir_format("%s -> %s: what was not read from the old one is lost. Let the old version "
                        "run dry first, or name the operation",
                        before->name, after->name);
        say(c, WEIR_UPGRADE_LOSES, "renamed", text);
    } else if (partitions_differ(before, after)) {
        WEIR_AUTO_FREE char *text =
            weir_format("%s: %" PRId64 " -> %" PRId64 " partitions: the start is refused. Reset "
                        "the application",
                        before->name, number_of(before->json, "partitions"),
                        number_of(after->json, "partitions"));
        say(c, WEIR_UPGRADE_LOSES, "rebuilt", text);
    } else {
        say(c, WEIR_UPGRADE_ROLLS, "kept", before->name);
    }
}

static void compare_topics(comparing *c)
{
    WEIR_AUTO_FREE part **partners = weir_alloc_array(c->before.topic_count + 1, sizeof(*partners));
    match(c->before.topics, c->before.topic_count, c->after.topics, c->after.topic_count, partners);
    weir_buf_append_text(c->out, "Topics of the application's own\n");
    for (size_t i = 0; i < c->before.topic_count; i++) {
        if (partners[i] != NULL) {
            compare_topic(c, &c->before.topics[i], partners[i]);
            continue;
        }
        WEIR_AUTO_FREE char *text =
            weir_format("%s: what was not read from it is lost", c->before.topics[i].name);
        say(c, WEIR_UPGRADE_LOSES, "dropped", text);
    }
    for (size_t i = 0; i < c->after.topic_count; i++) {
        if (!c->after.topics[i].is_matched) {
            say(c, WEIR_UPGRADE_STOPS, "new", c->after.topics[i].name);
        }
    }
}

/* The number of the sub-topology that has a node of this name; -1: none has. */
static int64_t subtopology_with(const weir_json_value *root, weir_bytes name)
{
    const weir_json_value *list = weir_json_get(root, "subtopologies");
    for (size_t s = 0; s < weir_json_count(list); s++) {
        const weir_json_value *nodes = weir_json_get(weir_json_at(list, s), "nodes");
        for (size_t n = 0; n < weir_json_count(nodes); n++) {
            if (weir_bytes_equal(text_of(weir_json_at(nodes, n), "name"), name)) {
                return number_of(weir_json_at(list, s), "number");
            }
        }
    }
    return -1;
}

/* The topic of a source or, of several, the one at this place; null bytes: it has no such one. */
static weir_bytes topic_at(const weir_json_value *node, size_t place)
{
    const weir_json_value *topics = weir_json_get(node, "topics");
    if (!weir_bytes_equal(text_of(node, "kind"), WEIR_BYTES("source"))) {
        return WEIR_BYTES_NULL;
    }
    if (place < weir_json_count(topics)) {
        return text_of(weir_json_at(topics, place), "name");
    }
    return place == 0 ? text_of(node, "topic") : WEIR_BYTES_NULL;
}

static bool reads(const weir_json_value *node, weir_bytes topic)
{
    for (size_t i = 0; topic_at(node, i).data != NULL; i++) {
        if (weir_bytes_equal(topic_at(node, i), topic)) {
            return true;
        }
    }
    return false;
}

/* Where a source that reads topic is. */
static int64_t subtopology_reading(const weir_json_value *root, weir_bytes topic)
{
    const weir_json_value *list = weir_json_get(root, "subtopologies");
    for (size_t s = 0; s < weir_json_count(list); s++) {
        const weir_json_value *nodes = weir_json_get(weir_json_at(list, s), "nodes");
        for (size_t n = 0; n < weir_json_count(nodes); n++) {
            if (reads(weir_json_at(nodes, n), topic)) {
                return number_of(weir_json_at(list, s), "number");
            }
        }
    }
    return -1;
}

/* Which sub-topology of the new one does what this one did: it reads the same topics. */
static int64_t successor_of(const comparing *c, const weir_json_value *subtopology)
{
    const weir_json_value *nodes = weir_json_get(subtopology, "nodes");
    int64_t number = -1;
    for (size_t n = 0; n < weir_json_count(nodes) && number < 0; n++) {
        const weir_json_value *node = weir_json_at(nodes, n);
        for (size_t i = 0; topic_at(node, i).data != NULL && number < 0; i++) {
            number = subtopology_reading(c->after.root, topic_at(node, i));
        }
    }
    for (size_t n = 0; n < weir_json_count(nodes) && number < 0; n++) {
        number = subtopology_with(c->after.root, text_of(weir_json_at(nodes, n), "name"));
    }
    return number;
}

static void compare_subtopology(comparing *c, const weir_json_value *subtopology)
{
    int64_t before = number_of(subtopology, "number");
    int64_t after = successor_of(c, subtopology);
    if (after < 0) {
        WEIR_AUTO_FREE char *text = weir_format("%" PRId64 ": nothing reads its topics", before);
        say(c, WEIR_UPGRADE_STOPS, "gone", text);
    } else if (after == before) {
        WEIR_AUTO_FREE char *text = weir_format("%" PRId64, before);
        say(c, WEIR_UPGRADE_ROLLS, "same", text);
    } else {
        WEIR_AUTO_FREE char *text =
            weir_format("%" PRId64 " -> %" PRId64 ": tasks %" PRId64 "_* are called %" PRId64 "_*",
                        before, after, before, after);
        say(c, WEIR_UPGRADE_STOPS, "moved", text);
    }
}

static int64_t task_count_of(const weir_json_value *root)
{
    const weir_json_value *list = weir_json_get(root, "subtopologies");
    int64_t count = 0;
    for (size_t s = 0; s < weir_json_count(list); s++) {
        count += number_of(weir_json_at(list, s), "tasks");
    }
    return count;
}

static void compare_subtopologies(comparing *c)
{
    const weir_json_value *list = weir_json_get(c->before.root, "subtopologies");
    size_t after_count = weir_json_count(weir_json_get(c->after.root, "subtopologies"));
    weir_buf_append_text(c->out, "Sub-topologies\n");
    for (size_t s = 0; s < weir_json_count(list); s++) {
        compare_subtopology(c, weir_json_at(list, s));
    }
    int64_t before = task_count_of(c->before.root);
    int64_t after = task_count_of(c->after.root);
    bool is_other =
        before != 0 && after != 0 ? before != after : weir_json_count(list) != after_count;
    if (is_other) {
        say(c, WEIR_UPGRADE_STOPS, "tasks",
            "their number changes: delete <application.id>-weir-tasks while nothing runs");
    }
}

static void conclude(comparing *c)
{
    static const char *const verdicts[] = {
        [WEIR_UPGRADE_ROLLS] = "All state is kept: restart one process after the other.",
        [WEIR_UPGRADE_STOPS] = "No state is lost: stop all processes, then start the new version.",
        [WEIR_UPGRADE_LOSES] = "State or records are left behind: see what is not kept above.",
    };
    const part before = {.json = c->before.root};
    const part after = {.json = c->after.root};
    WEIR_AUTO_FREE char *change = changed_text(&before, &after, "application_id");
    weir_buf_append_text(c->out, "Upgrade\n");
    if (change != NULL) {
        WEIR_AUTO_FREE char *text =
            weir_format("application.id %s: another application, with none of the state", change);
        say(c, WEIR_UPGRADE_LOSES, "renamed", text);
    }
    weir_buf_append_format(c->out, "  %s\n", verdicts[c->upgrade]);
}

weir_status weir_topology_compare(weir_bytes old_json, weir_bytes new_json, weir_buf *out_text,
                                  weir_upgrade *out_upgrade, weir_error *err)
{
    WEIR_AUTO(comparing) c = {.out = out_text};
    WEIR_TRY(read_side(old_json, "the old description", &c.before, err));
    WEIR_TRY(read_side(new_json, "the new description", &c.after, err));
    compare_stores(&c);
    compare_topics(&c);
    compare_subtopologies(&c);
    conclude(&c);
    *out_upgrade = c.upgrade;
    return WEIR_OK;
}
