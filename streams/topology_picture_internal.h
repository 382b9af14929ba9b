/* SPDX-License-Identifier: Apache-2.0
 *
 * topology_picture_internal.h - where the boxes of a sub-topology stand, between
 * topology_picture.c, which finds places, and topology_picture_draw.c, which draws. In pixels.
 *
 * Ownership  A picture owns its arrays.
 * Threads    Any, one at a time.
 */
#ifndef WEIR_STREAMS_TOPOLOGY_PICTURE_INTERNAL_H
#define WEIR_STREAMS_TOPOLOGY_PICTURE_INTERNAL_H

#include "streams/topology_description.h"
#include "streams/topology_internal.h"

enum {
    WEIR_PICTURE_GAP = 18,           /* Between boxes of a layer. */
    WEIR_PICTURE_LETTER_TENTHS = 67, /* The width of a letter, in tenths of a pixel. */
};

/* A box, or a joint where an edge passes a layer. */
typedef struct weir_picture_item {
    size_t node; /* SIZE_MAX: a joint. */
    size_t layer;
    int64_t x;     /* The left edge. */
    int32_t width; /* With the stores beside it. */
    int32_t core;  /* Without them: edges meet the middle of it. */
    int64_t wish;
    weir_indices above; /* Items of the layer above that are connected with it. */
    weir_indices below;
} weir_picture_item;

typedef struct weir_picture {
    const weir_topology *topology;
    const weir_topology_global *global; /* Of the sub-topology at hand. */
    weir_picture_item *items;
    size_t item_count;
    size_t item_capacity;
    weir_indices *layers;
    size_t layer_count;
    size_t layer_capacity;
    int32_t width;
    size_t *node_items;  /* By node: its item. */
    size_t *store_items; /* By store: the item that it stands beside; SIZE_MAX: none yet. */
} weir_picture;

/* What stands below the name of a source or sink: nothing where a function names the topics. */
void weir_picture_append_topics(const weir_node *node, weir_buf *out);

/* The widths of a box, and of a store beside it. */
int32_t weir_picture_box_width(const weir_node *node);
int32_t weir_picture_store_width(const char *name);

/* Finds places for the nodes of a sub-topology. */
void weir_picture_lay_out(weir_picture *picture, size_t number);
/* Forgets the sub-topology, for the next one. */
void weir_picture_clear(weir_picture *picture);

#endif
