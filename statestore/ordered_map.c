/* SPDX-License-Identifier: Apache-2.0
 *
 * ordered_map.c - a B+tree over entries in a slab, and a hash table beside it.
 *
 *   branch   heads | keys (separators, copies)    children
 *   leaf     heads | keys (inside the entries)    previous <-> next
 *
 * A node keeps the bytes that all its keys share out of the search: prefix_bytes of them are
 * compared once, and the eight bytes after them stand as an integer (a head) in one array. A search
 * so touches the bytes of another key only where two heads are equal, and URLs of one host, window
 * keys and hex hashes all search at the same speed.
 *
 * Separators are the shortest bytes that divide two leaves. A leaf is unlinked when it is empty and
 * never merged before: state is overwritten more than it shrinks.
 *
 * A point read or an overwrite goes through the hash table (entry_index.c) and does not touch the
 * tree: two cache misses instead of one or two per level. Only a new key is searched in both. The
 * figures are in docs/decisions/.
 *
 * There is no tree before the first walk, which sorts what the table has: most stores are never
 * ranged over, and theirs is needed once, when they are applied.
 */
#include "statestore/ordered_map_internal.h"

#include "statestore/kv_store.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { NODE_KEYS_MAX = 32, DEPTH_MAX = 24, HEAD_BYTES = 8, INLINE_BYTES_MAX = 512 };

static_assert(INLINE_BYTES_MAX + WEIR_SLAB_STEP_BYTES <= UINT16_MAX, "an inline_capacity");

/* The bytes of a key: the tail of an entry, or a separator of its own. */
typedef struct key_bytes {
    uint32_t size;
    uint8_t data[];
} key_bytes;

static_assert(offsetof(weir_ordered_entry, key) - offsetof(weir_ordered_entry, key_size) ==
                  offsetof(key_bytes, data),
              "an entry ends with its key_bytes");

static_assert(sizeof(weir_hold) % WEIR_SLAB_STEP_BYTES == 0, "the entry behind it is aligned");

typedef struct weir_ordered_node {
    uint32_t count;
    uint32_t prefix_bytes; /* That all keys of the node share. */
    uint64_t heads[NODE_KEYS_MAX];
    key_bytes *keys[NODE_KEYS_MAX];
} node;

typedef struct leaf {
    node node; /* Must be first. */
    struct leaf *previous;
    struct leaf *next;
} leaf;

typedef struct branch {
    node node; /* Must be first. Child i holds the keys before keys[i], the last child the rest. */
    node *children[NODE_KEYS_MAX + 1];
} branch;

/* The way from the root to a leaf. */
typedef struct path {
    branch *branches[DEPTH_MAX];
    uint32_t children[DEPTH_MAX]; /* Which child was taken. */
    leaf *leaf;
    uint32_t index; /* Of the first key that is not smaller. */
    bool found;     /* It is equal. */
} path;

/* Search. */

static weir_bytes bytes_of(const key_bytes *key)
{
    return weir_bytes_of(key->data, key->size);
}

/* The eight bytes after skip as an integer that sorts like them; short keys are filled with 0. */
static uint64_t head_of(weir_bytes key, uint32_t skip)
{
    uint64_t head = 0;
    const uint8_t *data = key.data;
    if (key.size >= (size_t)skip + HEAD_BYTES) {
        memcpy(&head, data + skip, HEAD_BYTES);
    } else if (key.size > skip) {
        memcpy(&head, data + skip, key.size - skip);
    }
    return __builtin_bswap64(head);
}

static uint32_t shared_prefix(weir_bytes a, weir_bytes b)
{
    size_t limit = a.size < b.size ? a.size : b.size;
    const uint8_t *left = a.data;
    const uint8_t *right = b.data;
    size_t shared = 0;
    while (shared < limit && left[shared] == right[shared]) {
        shared++;
    }
    return (uint32_t)shared;
}

/* Where key stands to the prefix of n: 0 when it begins with it. */
static int compare_prefix(const node *n, weir_bytes key)
{
    size_t size = key.size < n->prefix_bytes ? key.size : n->prefix_bytes;
    int order = size == 0 ? 0 : memcmp(key.data, n->keys[0]->data, size);
    return order != 0 ? order : (key.size < n->prefix_bytes ? -1 : 0);
}

/* Among keys with equal heads, from index on: the first that is not smaller. */
static uint32_t resolve_equal_heads(const node *n, weir_bytes key, uint64_t head, uint32_t index,
                                    bool *out_found)
{
    uint32_t low = index;
    uint32_t high = n->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        int order =
            n->heads[middle] > head ? 1 : weir_bytes_compare(bytes_of(n->keys[middle]), key);
        if (order == 0) {
            *out_found = true;
            return middle;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The index of the first key of n that is not smaller than key. */
static uint32_t lower_bound(const node *n, weir_bytes key, bool *out_found)
{
    *out_found = false;
    if (n->prefix_bytes > 0) {
        int order = compare_prefix(n, key);
        if (order != 0) {
            return order < 0 ? 0 : n->count;
        }
    }
    uint64_t head = head_of(key, n->prefix_bytes);
    uint32_t low = 0;
    for (uint32_t left = n->count; left > 0;) { /* No branch that depends on the key. */
        uint32_t half = (left + 1) / 2;
        low += n->heads[low + half - 1] < head ? half : 0;
        left = left - half;
    }
    if (low < n->count && n->heads[low] == head) {
        return resolve_equal_heads(n, key, head, low, out_found);
    }
    return low;
}

static void descend(const weir_ordered_map *map, weir_bytes key, path *out_path)
{
    node *n = map->root;
    bool found;
    for (uint32_t level = 0; level < map->depth; level++) {
        branch *b = (branch *)n;
        uint32_t index = lower_bound(n, key, &found);
        uint32_t child = found ? index + 1 : index;
        out_path->branches[level] = b;
        out_path->children[level] = child;
        n = b->children[child];
    }
    out_path->leaf = (leaf *)n;
    out_path->index = lower_bound(n, key, &out_path->found);
}

static weir_ordered_entry *entry_at(const leaf *l, uint32_t index)
{
    uint8_t *key = (uint8_t *)l->node.keys[index];
    return (weir_ordered_entry *)(void *)(key - offsetof(weir_ordered_entry, key_size));
}

weir_ordered_entry *weir_ordered_map_find(const weir_ordered_map *map, weir_bytes key)
{
    return weir_entry_index_find(&map->index, key, weir_entry_hash(key));
}

bool weir_ordered_map_expect(const weir_ordered_map *map, weir_bytes key, bool near)
{
    if (near) {
        return weir_entry_index_prefetch_entry(&map->index, weir_entry_hash(key));
    }
    weir_entry_index_prefetch(&map->index, weir_entry_hash(key));
    return false;
}

static void rebuild_heads(node *n)
{
    for (uint32_t i = 0; i < n->count; i++) {
        n->heads[i] = head_of(bytes_of(n->keys[i]), n->prefix_bytes);
    }
}

/* Takes the longest prefix that the keys of n share. */
static void renew_prefix(node *n)
{
    n->prefix_bytes =
        n->count < 2 ? 0 : shared_prefix(bytes_of(n->keys[0]), bytes_of(n->keys[n->count - 1]));
    rebuild_heads(n);
}

static void node_insert(node *n, uint32_t index, key_bytes *key)
{
    WEIR_ASSERT(n->count < NODE_KEYS_MAX);
    uint32_t prefix = 0;
    if (n->count > 0 && n->prefix_bytes > 0) {
        prefix = shared_prefix(bytes_of(key), weir_bytes_of(n->keys[0]->data, n->prefix_bytes));
    }
    bool shorter = prefix < n->prefix_bytes;
    memmove(n->keys + index + 1, n->keys + index, (n->count - index) * sizeof *n->keys);
    memmove(n->heads + index + 1, n->heads + index, (n->count - index) * sizeof *n->heads);
    n->keys[index] = key;
    n->heads[index] = head_of(bytes_of(key), prefix);
    n->prefix_bytes = prefix;
    n->count++;
    if (shorter) {
        rebuild_heads(n);
    }
}

static void node_erase(node *n, uint32_t index)
{
    WEIR_ASSERT(index < n->count);
    n->count--;
    memmove(n->keys + index, n->keys + index + 1, (n->count - index) * sizeof *n->keys);
    memmove(n->heads + index, n->heads + index + 1, (n->count - index) * sizeof *n->heads);
    if (n->count == 0) {
        n->prefix_bytes = 0;
    }
}

/* Moves the keys of n from index on to the empty node right. */
static void node_split(node *n, node *right, uint32_t index)
{
    right->count = n->count - index;
    memcpy(right->keys, n->keys + index, right->count * sizeof *n->keys);
    n->count = index;
    renew_prefix(n);
    renew_prefix(right);
}

static leaf *leaf_new(weir_ordered_map *map)
{
    leaf *l = weir_slab_alloc(&map->slab, sizeof *l);
    l->node.count = 0;
    l->node.prefix_bytes = 0;
    l->previous = NULL;
    l->next = NULL;
    return l;
}

static branch *branch_new(weir_ordered_map *map)
{
    branch *b = weir_slab_alloc(&map->slab, sizeof *b);
    b->node.count = 0;
    b->node.prefix_bytes = 0;
    return b;
}

/* Insert. */

/* The shortest bytes s with left < s <= right. */
static key_bytes *separator_new(weir_ordered_map *map, weir_bytes left, weir_bytes right)
{
    uint32_t size = shared_prefix(left, right) + 1;
    WEIR_ASSERT(size <= right.size);
    key_bytes *separator = weir_slab_alloc(&map->slab, sizeof *separator + size);
    separator->size = size;
    memcpy(separator->data, right.data, size);
    return separator;
}

static void separator_free(weir_ordered_map *map, key_bytes *separator)
{
    weir_slab_release(&map->slab, separator, sizeof *separator + separator->size);
}

static void branch_put(branch *b, uint32_t index, key_bytes *separator, node *right)
{
    memmove(b->children + index + 2, b->children + index + 1,
            (b->node.count - index) * sizeof(node *));
    b->children[index + 1] = right;
    node_insert(&b->node, index, separator);
}

/* Splits a full branch; *separator, which is handed up, divides it from the branch returned. */
static branch *branch_split(weir_ordered_map *map, branch *b, key_bytes **separator)
{
    enum { HALF = NODE_KEYS_MAX / 2 };
    branch *right = branch_new(map);
    node_split(&b->node, &right->node, HALF + 1);
    memcpy(right->children, b->children + HALF + 1, (right->node.count + 1) * sizeof(node *));
    *separator = b->node.keys[HALF];
    node_erase(&b->node, HALF);
    return right;
}

/* Puts right, which separator divides from its left neighbour, in the branches of p. */
static void insert_child(weir_ordered_map *map, const path *p, key_bytes *separator, node *right)
{
    for (uint32_t level = map->depth; level > 0; level--) {
        branch *b = p->branches[level - 1];
        uint32_t index = p->children[level - 1];
        if (b->node.count < NODE_KEYS_MAX) {
            branch_put(b, index, separator, right);
            return;
        }
        key_bytes *middle;
        branch *sibling = branch_split(map, b, &middle);
        if (index <= b->node.count) {
            branch_put(b, index, separator, right);
        } else {
            branch_put(sibling, index - b->node.count - 1, separator, right);
        }
        separator = middle;
        right = &sibling->node;
    }
    branch *root = branch_new(map);
    root->children[0] = map->root;
    branch_put(root, 0, separator, right);
    map->root = &root->node;
    map->depth++;
    WEIR_ASSERT(map->depth < DEPTH_MAX);
}

/* Makes room in the full leaf of p for a key at p->index, which moves with the split. Keys that
 * come in ascending order leave full leaves behind. */
static void split_leaf(weir_ordered_map *map, path *p, weir_bytes key)
{
    leaf *l = p->leaf;
    leaf *right = leaf_new(map);
    bool at_end = l->next == NULL && p->index == NODE_KEYS_MAX;
    uint32_t middle = at_end ? NODE_KEYS_MAX : NODE_KEYS_MAX / 2;
    node_split(&l->node, &right->node, middle);
    right->next = l->next;
    right->previous = l;
    l->next = right;
    if (right->next != NULL) {
        right->next->previous = right;
    }
    weir_bytes first = at_end ? key : bytes_of(right->node.keys[0]);
    key_bytes *separator = separator_new(map, bytes_of(l->node.keys[l->node.count - 1]), first);
    insert_child(map, p, separator, &right->node);
    if (at_end || weir_bytes_compare(key, bytes_of(separator)) >= 0) {
        p->leaf = right;
        p->index -= middle;
    }
}

static void entry_free(weir_ordered_map *map, weir_ordered_entry *entry)
{
    size_t bytes = map->front_bytes + sizeof *entry + entry->key_size + entry->inline_capacity;
    weir_slab_release(&map->slab, (uint8_t *)entry - map->front_bytes, bytes);
}

static weir_ordered_entry *entry_new(weir_ordered_map *map, weir_bytes key, size_t value_bytes)
{
    size_t fixed = map->front_bytes + sizeof(weir_ordered_entry) + key.size;
    size_t bytes =
        value_bytes <= INLINE_BYTES_MAX ? weir_slab_capacity(fixed + value_bytes) : fixed;
    uint8_t *piece = weir_slab_alloc(&map->slab, bytes);
    memset(piece, 0, map->front_bytes + sizeof(weir_ordered_entry));
    weir_ordered_entry *entry = (weir_ordered_entry *)(void *)(piece + map->front_bytes);
    entry->key_size = (uint32_t)key.size;
    entry->inline_capacity = (uint16_t)(bytes - fixed);
    if (key.size > 0) {
        memcpy(entry->key, key.data, key.size);
    }
    return entry;
}

/* The tree does not have the entry. */
static void tree_insert(weir_ordered_map *map, weir_ordered_entry *entry)
{
    weir_bytes key = weir_ordered_key(entry);
    path p;
    descend(map, key, &p);
    WEIR_ASSERT(!p.found);
    if (p.leaf->node.count == NODE_KEYS_MAX) {
        split_leaf(map, &p, key);
    }
    node_insert(&p.leaf->node, p.index, (key_bytes *)&entry->key_size);
}

weir_ordered_entry *weir_ordered_map_insert(weir_ordered_map *map, weir_bytes key,
                                            size_t value_bytes)
{
    WEIR_ASSERT(key.data != NULL);
    WEIR_ASSERT(key.size <= WEIR_KV_KEY_BYTES_MAX);

    uint64_t hash = weir_entry_hash(key);
    weir_ordered_entry *entry = weir_entry_index_find(&map->index, key, hash);
    if (entry != NULL) {
        return entry;
    }
    entry = entry_new(map, key, value_bytes);
    if (map->is_ordered) {
        tree_insert(map, entry);
    }
    weir_entry_index_add(&map->index, entry, hash);
    map->count++;
    map->changes++;
    return entry;
}

weir_ordered_entry *weir_ordered_map_next(const weir_ordered_map *map, weir_ordered_place *place)
{
    return weir_entry_index_next(&map->index, place);
}

bool weir_ordered_map_may_pause(const weir_ordered_map *map, const weir_ordered_place *place)
{
    return weir_entry_index_may_pause(&map->index, place);
}

/* Remove. */

static void unlink_leaf(weir_ordered_map *map, leaf *l)
{
    if (l->previous != NULL) {
        l->previous->next = l->next;
    }
    if (l->next != NULL) {
        l->next->previous = l->previous;
    }
    weir_slab_release(&map->slab, l, sizeof *l);
}

/* Takes the child at index out of b with the separator beside it; b has at least two children. */
static void branch_erase(weir_ordered_map *map, branch *b, uint32_t index)
{
    WEIR_ASSERT(b->node.count > 0);
    uint32_t separator = index > 0 ? index - 1 : 0;
    separator_free(map, b->node.keys[separator]);
    memmove(b->children + index, b->children + index + 1, (b->node.count - index) * sizeof(node *));
    node_erase(&b->node, separator);
}

/* The leaf of p is empty: unlinks it and the branches that hold nothing else. */
static void remove_empty_leaf(weir_ordered_map *map, const path *p)
{
    if (map->depth == 0) {
        return; /* An empty root is an empty map. */
    }
    unlink_leaf(map, p->leaf);
    uint32_t level = map->depth - 1;
    while (level > 0 && p->branches[level]->node.count == 0) {
        weir_slab_release(&map->slab, p->branches[level], sizeof(branch));
        level--;
    }
    branch_erase(map, p->branches[level], p->children[level]);
    while (map->depth > 0 && map->root->count == 0) {
        branch *old = (branch *)map->root;
        map->root = old->children[0];
        map->depth--;
        weir_slab_release(&map->slab, old, sizeof *old);
    }
}

static void tree_remove(weir_ordered_map *map, const weir_ordered_entry *entry)
{
    path p;
    descend(map, weir_ordered_key(entry), &p);
    WEIR_ASSERT(p.found);
    WEIR_ASSERT(entry_at(p.leaf, p.index) == entry);

    node_erase(&p.leaf->node, p.index);
    if (p.leaf->node.count == 0) {
        remove_empty_leaf(map, &p);
    }
}

void weir_ordered_map_remove(weir_ordered_map *map, weir_ordered_entry *entry)
{
    if (map->is_ordered) {
        tree_remove(map, entry);
    }
    weir_entry_index_remove(&map->index, entry);
    weir_ordered_drop(map, entry, WEIR_COMMITTED);
    weir_ordered_drop(map, entry, WEIR_STAGED);
    if (map->front_bytes > 0) {
        WEIR_ASSERT(weir_ordered_hold(entry)->written == 0);
        weir_ordered_drop(map, entry, WEIR_FORWARDED);
    }
    entry_free(map, entry);
    map->count--;
    map->changes++;
}

weir_ordered_entry **weir_ordered_map_sorted(const weir_ordered_map *map)
{
    return weir_entry_index_sorted(&map->index);
}

/* Builds the tree, for the first walk. Keys in ascending order leave full leaves. */
static void put_in_order(weir_ordered_map *map)
{
    map->is_ordered = true;
    map->changes++;
    WEIR_AUTO_FREE weir_ordered_entry **sorted = weir_ordered_map_sorted(map);
    for (size_t i = 0; i < map->count; i++) {
        tree_insert(map, sorted[i]);
    }
}

/* The map. */

weir_ordered_map *weir_ordered_map_new(void)
{
    weir_ordered_map *map = weir_alloc(sizeof *map);
    map->root = &leaf_new(map)->node;
    return map;
}

weir_ordered_map *weir_ordered_map_new_holding(void)
{
    weir_ordered_map *map = weir_ordered_map_new();
    map->front_bytes = sizeof(weir_hold);
    return map;
}

void weir_ordered_map_free(weir_ordered_map *map)
{
    if (map != NULL) {
        weir_entry_index_cleanup(&map->index);
        weir_slab_cleanup(&map->slab);
        free(map);
    }
}

void weir_ordered_map_clear(weir_ordered_map *map)
{
    weir_entry_index_clear(&map->index);
    weir_slab_reset(&map->slab);
    map->root = &leaf_new(map)->node;
    map->depth = 0;
    map->count = 0;
    map->is_ordered = false;
    map->changes++;
}

size_t weir_ordered_map_count(const weir_ordered_map *map)
{
    return map->count;
}

size_t weir_ordered_map_held_bytes(const weir_ordered_map *map)
{
    return map->slab.held_bytes + map->index.capacity * sizeof(weir_index_slot);
}

/* Walks. */

/* Stands before the first key >= key (or > key, when it was given already). */
static void seek_ascending(weir_ordered_walk *walk, weir_bytes key, bool past_equal)
{
    path p;
    descend(walk->map, key, &p);
    walk->leaf = p.leaf;
    walk->index = p.index + (p.found && past_equal ? 1 : 0);
}

/* Stands after the last key < key; the index is one more than that of the key to give. */
static void seek_descending(weir_ordered_walk *walk, weir_bytes key)
{
    path p;
    descend(walk->map, key, &p);
    walk->leaf = p.leaf;
    walk->index = p.index;
}

static void seek_end(weir_ordered_walk *walk)
{
    node *n = walk->map->root;
    for (uint32_t level = 0; level < walk->map->depth; level++) {
        n = ((branch *)n)->children[walk->backwards ? n->count : 0];
    }
    walk->leaf = n;
    walk->index = walk->backwards ? n->count : 0;
}

void weir_ordered_walk_begin(weir_ordered_walk *walk, weir_ordered_map *map, weir_bytes from,
                             weir_bytes to, bool backwards)
{
    WEIR_ASSERT(walk->map == NULL);

    if (!map->is_ordered) {
        put_in_order(map);
    }
    walk->map = map;
    walk->backwards = backwards;
    walk->started = false;
    walk->changes = map->changes;
    weir_bytes start = backwards ? to : from;
    weir_bytes bound = backwards ? from : to;
    if (start.data == NULL) {
        seek_end(walk);
    } else if (backwards) {
        seek_descending(walk, start);
    } else {
        seek_ascending(walk, start, false);
    }
    walk->open_start = start.data == NULL;
    if (!walk->open_start) {
        weir_buf_set(&walk->last, start);
    }
    walk->bounded = bound.data != NULL;
    if (walk->bounded) {
        weir_buf_set(&walk->bound, bound);
    }
}

void weir_ordered_walk_end(weir_ordered_walk *walk)
{
    weir_buf_rest(&walk->bound);
    weir_buf_rest(&walk->last);
    walk->map = NULL;
}

void weir_ordered_walk_cleanup(weir_ordered_walk *walk)
{
    weir_buf_cleanup(&walk->bound);
    weir_buf_cleanup(&walk->last);
    walk->map = NULL;
}

/* The map changed: finds the place again. */
static void seek_again(weir_ordered_walk *walk)
{
    if (!walk->map->is_ordered) {
        put_in_order(walk->map);
    }
    if (!walk->started && walk->open_start) {
        seek_end(walk);
    } else if (walk->backwards) {
        seek_descending(walk, weir_buf_bytes(&walk->last));
    } else {
        seek_ascending(walk, weir_buf_bytes(&walk->last), walk->started);
    }
    walk->changes = walk->map->changes;
}

static weir_ordered_entry *step(weir_ordered_walk *walk)
{
    leaf *l = walk->leaf;
    if (walk->backwards) {
        while (walk->index == 0 && l->previous != NULL) {
            l = l->previous;
            walk->index = l->node.count;
        }
        walk->leaf = l;
        return walk->index == 0 ? NULL : entry_at(l, --walk->index);
    }
    while (walk->index == l->node.count && l->next != NULL) {
        l = l->next;
        walk->index = 0;
    }
    walk->leaf = l;
    return walk->index == l->node.count ? NULL : entry_at(l, walk->index++);
}

static bool is_past_bound(const weir_ordered_walk *walk, weir_bytes key)
{
    if (!walk->bounded) {
        return false;
    }
    int order = weir_bytes_compare(key, weir_buf_bytes(&walk->bound));
    return walk->backwards ? order < 0 : order >= 0;
}

weir_ordered_entry *weir_ordered_walk_next(weir_ordered_walk *walk)
{
    if (walk->map == NULL) {
        return NULL;
    }
    if (walk->changes != walk->map->changes) {
        seek_again(walk);
    }
    weir_ordered_entry *entry = step(walk);
    if (entry == NULL || is_past_bound(walk, weir_ordered_key(entry))) {
        weir_ordered_walk_end(walk);
        return NULL;
    }
    weir_buf_set(&walk->last, weir_ordered_key(entry));
    walk->started = true;
    return entry;
}
