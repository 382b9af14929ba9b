/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_dedup.c - weir dedup: which of the texts on the input are copies of each other.
 *
 * The same rules as the dedup stage keeps in its stores, in memory: texts of one content_hash are
 * one node; nodes that share a band are one cluster, whoever else shares it; the smallest
 * content_hash of a cluster is its id; the smallest id of a document in it is kept. So the answer
 * does not depend on the order of the input.
 */
#include "topologies/cmd.h"

#include "streams/base/json.h"
#include "streams/base/map.h"
#include "topologies/cmd_lines.h"
#include "topologies/minhash.h"
#include "topologies/text_normal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DOCUMENTS_MAX = 10 * 1000 * 1000 };

static const char help_text[] =
    "usage: weir dedup < LINES\n"
    "\n"
    "Each line of the input is JSON {\"id\": …, \"text\": …} (\"url\" does for \"id\"). The output "
    "has a\n"
    "line a document: id, content_hash, cluster_id, kept, and duplicate_of where it is not kept.\n"
    "All documents are held in memory; weir run dedup does the same without that limit.\n";

typedef struct document {
    char *id;
    char content_hash[WEIR_CONTENT_HASH_BYTES];
    uint32_t parent; /* Union-find: an index of a document; a root is its own. */
    uint32_t kept;   /* Of a root: the document that is kept. */
    uint32_t first;  /* Of a root: the document of the smallest content_hash. */
} document;

typedef struct clusters {
    document *documents;
    size_t count;
    size_t capacity;
    weir_map *by_hash; /* content_hash, and band with its number, to index + 1. */
} clusters;

static void clusters_cleanup(clusters *c)
{
    for (size_t i = 0; i < c->count; i++) {
        free(c->documents[i].id);
    }
    free(c->documents);
    weir_map_free(c->by_hash);
}

static uint32_t root_of(clusters *c, uint32_t index)
{
    document *documents = c->documents;
    while (documents[index].parent != index) {
        documents[index].parent = documents[documents[index].parent].parent;
        index = documents[index].parent;
    }
    return index;
}

static void merge(clusters *c, uint32_t a, uint32_t b)
{
    uint32_t low = root_of(c, a);
    uint32_t high = root_of(c, b);
    if (low == high) {
        return;
    }
    document *to = &c->documents[low < high ? low : high];
    document *from = &c->documents[low < high ? high : low];
    from->parent = low < high ? low : high;
    if (strcmp(c->documents[from->kept].id, c->documents[to->kept].id) < 0) {
        to->kept = from->kept;
    }
    if (strcmp(c->documents[from->first].content_hash, c->documents[to->first].content_hash) < 0) {
        to->first = from->first;
    }
}

/* Merges document index with the first that had key, or becomes that first. */
static void merge_by(clusters *c, weir_bytes key, uint32_t index)
{
    uintptr_t first = (uintptr_t)weir_map_get(c->by_hash, key);
    if (first == 0) {
        /* The value of the map is a number in a pointer's place: there is nothing to own. */
        weir_map_put(c->by_hash, key, (void *)((uintptr_t)index + 1));
    } else {
        merge(c, (uint32_t)(first - 1), index);
    }
}

static void add(clusters *c, weir_bytes id, weir_bytes text)
{
    WEIR_AUTO(weir_buf) normal = {0};
    weir_text_normalise(text, &normal);
    c->documents = weir_grow(c->documents, c->count, &c->capacity, sizeof *c->documents);
    uint32_t index = (uint32_t)c->count++;
    document *added = &c->documents[index];
    *added = (document){.parent = index, .kept = index, .first = index};
    added->id = weir_bytes_to_text(id);
    weir_content_hash(weir_buf_bytes(&normal), added->content_hash);
    merge_by(c, weir_bytes_of(added->content_hash, WEIR_CONTENT_HASH_BYTES), index);

    weir_minhash minhash = weir_minhash_of_text(weir_buf_bytes(&normal));
    uint64_t bands[WEIR_MINHASH_BANDS];
    size_t count = weir_minhash_bands(&minhash, bands);
    for (size_t band = 0; band < count; band++) {
        uint64_t key[] = {band, bands[band]};
        merge_by(c, weir_bytes_of(key, sizeof key), index);
    }
}

static weir_status add_line(const weir_json_value *root, void *context, weir_error *err)
{
    clusters *c = context;
    weir_bytes id = weir_json_value_text(weir_json_get(root, "id"));
    weir_bytes text = weir_json_value_text(weir_json_get(root, "text"));
    id = id.data == NULL ? weir_json_value_text(weir_json_get(root, "url")) : id;
    if (id.data == NULL || text.data == NULL) {
        return weir_error_set(err, WEIR_BAD_RECORD, "a line needs \"id\" and \"text\"");
    }
    if (c->count == DOCUMENTS_MAX) {
        return weir_error_set(err, WEIR_BAD_RECORD, "more than %d documents: use weir run dedup",
                              DOCUMENTS_MAX);
    }
    add(c, id, text);
    return WEIR_OK;
}

static void print_document(clusters *c, uint32_t index)
{
    const document *d = &c->documents[index];
    const document *root = &c->documents[root_of(c, index)];
    WEIR_AUTO(weir_buf) out = {0};
    weir_json json = weir_json_of(&out);
    weir_json_begin_object(&json);
    weir_json_member_text(&json, "id", d->id);
    weir_json_member_text(&json, "content_hash", d->content_hash);
    weir_json_member_text(&json, "cluster_id", c->documents[root->first].content_hash);
    weir_json_member_bool(&json, "kept", root->kept == index);
    if (root->kept != index) {
        weir_json_member_text(&json, "duplicate_of", c->documents[root->kept].id);
    }
    weir_json_end_object(&json);
    weir_buf_append_byte(&out, '\n');
    (void)fwrite(out.data, 1, out.size, stdout);
}

int weir_cmd_dedup(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        fputs(help_text, stdout);
        return WEIR_EXIT_OK;
    }
    if (argc != 1) {
        return weir_cmd_refuse(argv[0], "no argument is known, but \"%s\" was given", argv[1]);
    }
    WEIR_AUTO(clusters) all = {.by_hash = weir_map_new()};
    int exit_code = weir_cmd_lines_each(argv[0], add_line, &all);
    for (uint32_t i = 0; i < all.count; i++) {
        print_document(&all, i);
    }
    return exit_code;
}
