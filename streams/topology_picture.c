/* SPDX-License-Identifier: Apache-2.0
 *
 * topology_picture.c - a topology as SVG, laid out in layers.
 *
 *   layer 0    source      source      a node stands one layer below the lowest of its parents
 *   layer 1    processor   (joint)     an edge over several layers goes through a joint in each, so
 *   layer 2         merge              that it does not cross boxes
 *
 * Within a layer boxes are ordered by the mean place of their neighbours, in sweeps down and up,
 * which undoes most crossings; then each moves as near to its neighbours as its layer has room.
 * topology_picture_draw.c writes what comes of it.
 */
#include "streams/topology_picture_internal.h"

#include <stdlib.h>
#include <string.h>

enum { TOPICS_SHOWN_MAX = 3, SWEEPS = 12, JOINT_WIDTH = 12, BOX_PADDING = 22, BOX_WIDTH_MIN = 90 };

static int32_t text_width(const char *text)
{
    return (int32_t)strlen(text) * WEIR_PICTURE_LETTER_TENTHS / 10;
}

static int32_t larger(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

void weir_picture_append_topics(const weir_node *node, weir_buf *out)
{
    if (node->topic != NULL) {
        weir_buf_append_text(out, node->topic);
    }
    if (node->pattern != NULL) {
        weir_buf_append_text(out, weir_topic_pattern_text(node->pattern));
    }
    size_t count = 0;
    for (; node->topics[count] != NULL; count++) {
        if (count < TOPICS_SHOWN_MAX) {
            weir_buf_append_format(out, "%s%s", count == 0 ? "" : ", ", node->topics[count]);
        }
    }
    if (count > TOPICS_SHOWN_MAX) {
        weir_buf_append_format(out, " and %zu more", count - TOPICS_SHOWN_MAX);
    }
}

int32_t weir_picture_box_width(const weir_node *node)
{
    WEIR_AUTO(weir_buf) topics = {0};
    weir_picture_append_topics(node, &topics);
    int32_t width = larger(text_width(node->name), text_width(weir_buf_text(&topics)));
    return larger(width + BOX_PADDING, BOX_WIDTH_MIN);
}

int32_t weir_picture_store_width(const char *name)
{
    return text_width(name) + BOX_PADDING;
}

static weir_picture_item *add_item(weir_picture *picture, size_t layer)
{
    while (picture->layer_count <= layer) {
        picture->layers = weir_grow(picture->layers, picture->layer_count, &picture->layer_capacity,
                                    sizeof(*picture->layers));
        picture->layers[picture->layer_count++] = (weir_indices){0};
    }
    picture->items = weir_grow(picture->items, picture->item_count, &picture->item_capacity,
                               sizeof(*picture->items));
    weir_picture_item *item = &picture->items[picture->item_count];
    *item = (weir_picture_item){
        .node = SIZE_MAX, .layer = layer, .width = JOINT_WIDTH, .core = JOINT_WIDTH};
    weir_indices_add(&picture->layers[layer], picture->item_count++);
    return item;
}

static void connect(weir_picture *picture, size_t above, size_t below)
{
    weir_indices_add(&picture->items[above].below, below);
    weir_indices_add(&picture->items[below].above, above);
}

/* The stores that stand beside a node: those that no node before it has. */
static int32_t stores_width(weir_picture *picture, size_t item, const weir_node *node)
{
    int32_t width = 0;
    for (size_t i = 0; i < node->stores.count; i++) {
        size_t store = node->stores.items[i];
        if (picture->store_items[store] == SIZE_MAX) {
            picture->store_items[store] = item;
            width += WEIR_PICTURE_GAP +
                     weir_picture_store_width(picture->topology->stores[store].options.name);
        }
    }
    if (picture->global != NULL && node->kind == WEIR_NODE_PROCESSOR) {
        width += WEIR_PICTURE_GAP + weir_picture_store_width(picture->global->store);
    }
    return width;
}

static void add_node(weir_picture *picture, size_t index)
{
    const weir_node *node = &picture->topology->nodes[index];
    size_t layer = 0;
    for (size_t p = 0; p < node->parents.count; p++) {
        size_t parent = picture->node_items[node->parents.items[p]];
        layer = picture->items[parent].layer >= layer ? picture->items[parent].layer + 1 : layer;
    }
    weir_picture_item *item = add_item(picture, layer);
    item->node = index;
    size_t place = picture->item_count - 1;
    picture->node_items[index] = place;
    item->core = weir_picture_box_width(node);
    item->width = item->core + stores_width(picture, place, node);
    for (size_t p = 0; p < node->parents.count; p++) {
        size_t above = picture->node_items[node->parents.items[p]];
        for (size_t l = picture->items[above].layer + 1; l < layer; l++) {
            (void)add_item(picture, l);
            connect(picture, above, picture->item_count - 1);
            above = picture->item_count - 1;
        }
        connect(picture, above, place);
    }
}

static int64_t centre(const weir_picture_item *item)
{
    return item->x + item->core / 2;
}

/* Where the neighbours of an item are on the mean; fallback: it has none. */
static int64_t mean_of(const weir_picture *picture, const weir_indices *neighbours,
                       int64_t fallback)
{
    int64_t sum = 0;
    for (size_t i = 0; i < neighbours->count; i++) {
        sum += centre(&picture->items[neighbours->items[i]]);
    }
    return neighbours->count == 0 ? fallback : sum / (int64_t)neighbours->count;
}

static void pack(weir_picture *picture, const weir_indices *layer)
{
    int64_t x = 0;
    for (size_t i = 0; i < layer->count; i++) {
        picture->items[layer->items[i]].x = x;
        x += picture->items[layer->items[i]].width + WEIR_PICTURE_GAP;
    }
}

/* Sorts a layer by where the neighbours above or below are; equal ones keep their order. */
static void sort_layer(weir_picture *picture, const weir_indices *layer, bool by_above)
{
    for (size_t i = 0; i < layer->count; i++) {
        weir_picture_item *item = &picture->items[layer->items[i]];
        item->wish = mean_of(picture, by_above ? &item->above : &item->below, centre(item));
    }
    for (size_t i = 1; i < layer->count; i++) {
        size_t moved = layer->items[i];
        size_t at = i;
        for (; at > 0 && picture->items[layer->items[at - 1]].wish > picture->items[moved].wish;
             at--) {
            layer->items[at] = layer->items[at - 1];
        }
        layer->items[at] = moved;
    }
    pack(picture, layer);
}

/* Moves the items of a layer to where their neighbours are, in their order and without overlap:
 * once pushed from the left, once from the right, and in the middle of both. */
static void settle_layer(weir_picture *picture, const weir_indices *layer, bool by_above)
{
    int64_t end = INT64_MIN / 2;
    for (size_t i = 0; i < layer->count; i++) {
        weir_picture_item *item = &picture->items[layer->items[i]];
        int64_t wish =
            mean_of(picture, by_above ? &item->above : &item->below, centre(item)) - item->core / 2;
        item->wish = wish;
        item->x = wish > end ? wish : end;
        end = item->x + item->width + WEIR_PICTURE_GAP;
    }
    int64_t start = INT64_MAX / 2;
    for (size_t i = layer->count; i > 0; i--) {
        weir_picture_item *item = &picture->items[layer->items[i - 1]];
        int64_t last = start - item->width;
        int64_t from_right = item->wish < last ? item->wish : last;
        start = from_right - WEIR_PICTURE_GAP;
        item->x = (item->x + from_right) / 2;
    }
}

static void sweep(weir_picture *picture, bool down,
                  void (*visit)(weir_picture *picture, const weir_indices *layer, bool by_above))
{
    for (size_t i = 0; i < picture->layer_count; i++) {
        visit(picture, &picture->layers[down ? i : picture->layer_count - 1 - i], down);
    }
}

/* The left edge becomes 0. */
static void align(weir_picture *picture)
{
    int64_t left = INT64_MAX;
    for (size_t i = 0; i < picture->item_count; i++) {
        left = picture->items[i].x < left ? picture->items[i].x : left;
    }
    picture->width = 0;
    for (size_t i = 0; i < picture->item_count; i++) {
        weir_picture_item *item = &picture->items[i];
        item->x -= left;
        picture->width = larger(picture->width, (int32_t)item->x + item->width);
    }
}

void weir_picture_lay_out(weir_picture *picture, size_t number)
{
    const weir_subtopology *subtopology = &picture->topology->subtopologies[number];
    picture->global = subtopology->global;
    for (size_t i = 0; i < subtopology->nodes.count; i++) {
        add_node(picture, subtopology->nodes.items[i]);
    }
    for (size_t i = 0; i < picture->layer_count; i++) {
        pack(picture, &picture->layers[i]);
    }
    for (int i = 0; i < SWEEPS; i++) {
        sweep(picture, i % 2 == 0, sort_layer);
    }
    for (int i = 0; i <= SWEEPS; i++) {
        sweep(picture, i % 2 == 0, settle_layer);
    }
    align(picture);
}

void weir_picture_clear(weir_picture *picture)
{
    for (size_t i = 0; i < picture->item_count; i++) {
        free(picture->items[i].above.items);
        free(picture->items[i].below.items);
    }
    for (size_t i = 0; i < picture->layer_count; i++) {
        free(picture->layers[i].items);
    }
    picture->item_count = 0;
    picture->layer_count = 0;
}
