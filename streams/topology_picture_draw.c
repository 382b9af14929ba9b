/* SPDX-License-Identifier: Apache-2.0
 *
 * topology_picture_draw.c - the SVG of a topology: frames one below the other, in each the boxes,
 * edges and stores where topology_picture.c has put them, and dashed lines between frames for
 * topics that one sub-topology writes and another one reads.
 */
#include "streams/topology_picture_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    MARGIN = 24,
    TITLE_HEIGHT = 30,
    BOX_HEIGHT = 38,
    LAYER_HEIGHT = 74,
    FRAME_GAP = 46,
    STORE_CAP = 5, /* Half the height of the lid of a store. */
    LANE_GAP = 14, /* Between lines that lead upwards, beside the frames. */
    FRAME_WIDTH_MIN = 240,
};

/* What a line looks like: its class and more attributes. */
#define LINE "\"edge\""
#define ARROW "\"edge\" marker-end=\"url(#tip)\""
#define USE "\"use\""
#define TOPIC "\"topic\" marker-end=\"url(#tip)\""

typedef struct point {
    int64_t x;
    int64_t y;
} point;

typedef struct drawing {
    weir_picture picture;
    weir_buf shapes;
    point *nodes;  /* By node: the middle of its upper edge. */
    point *stores; /* By store: the same. */
    int64_t width;
    int64_t y; /* Where the next frame begins. */
    int32_t lane_count;
} drawing;

static const char style[] =
    "<style>text{font:11px ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace;fill:#1f2933}"
    ".title{font-weight:bold;font-size:12px;fill:#52606d}.small{fill:#52606d}"
    ".frame{fill:#fbfcfd;stroke:#cbd2d9}.source{fill:#e3f4e8;stroke:#4d9a68}"
    ".sink{fill:#e4eefb;stroke:#4a7dbd}.processor{fill:#fff;stroke:#7b8794}"
    ".store{fill:#fdf3d7;stroke:#c29a2c}.edge{fill:none;stroke:#7b8794;stroke-width:1.3}"
    ".use{fill:none;stroke:#c29a2c;stroke-dasharray:2 3}"
    ".topic{fill:none;stroke:#4a7dbd;stroke-width:1.3;stroke-dasharray:6 4}</style>\n"
    "<defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" "
    "markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\" "
    "fill=\"#7b8794\"/></marker></defs>\n";

static void append_escaped(weir_buf *out, const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        switch (*at) {
        case '&':
            weir_buf_append_text(out, "&amp;");
            break;
        case '<':
            weir_buf_append_text(out, "&lt;");
            break;
        case '>':
            weir_buf_append_text(out, "&gt;");
            break;
        default:
            weir_buf_append_byte(out, (uint8_t)*at);
        }
    }
}

static void draw_text(weir_buf *out, const char *css, point middle, const char *text)
{
    weir_buf_append_format(
        out, "<text class=\"%s\" x=\"%" PRId64 "\" y=\"%" PRId64 "\" text-anchor=\"middle\">", css,
        middle.x, middle.y);
    append_escaped(out, text);
    weir_buf_append_text(out, "</text>\n");
}

/* A line that leaves and arrives upright. */
static void draw_edge(weir_buf *out, const char *look, point from, point to)
{
    int64_t bend = (to.y - from.y) / 2;
    weir_buf_append_format(out,
                           "<path class=%s d=\"M%" PRId64 " %" PRId64 "C%" PRId64 " %" PRId64
                           " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 "\"/>\n",
                           look, from.x, from.y, from.x, from.y + bend, to.x, to.y - bend, to.x,
                           to.y);
}

static void draw_store(weir_buf *out, point left_top, const char *name)
{
    int32_t width = weir_picture_store_width(name);
    int64_t top = left_top.y + STORE_CAP;
    weir_buf_append_format(out,
                           "<path class=\"store\" d=\"M%" PRId64 " %" PRId64 "v%da%d %d 0 0 0 %d 0"
                           "v-%da%d %d 0 0 0 -%d 0a%d %d 0 0 0 %d 0\"/>\n",
                           left_top.x, top, BOX_HEIGHT - 2 * STORE_CAP, width / 2, STORE_CAP, width,
                           BOX_HEIGHT - 2 * STORE_CAP, width / 2, STORE_CAP, width, width / 2,
                           STORE_CAP, width);
    draw_text(out, "small", (point){left_top.x + width / 2, left_top.y + 26}, name);
}

static point place_of(const drawing *d, const weir_picture_item *item)
{
    return (point){MARGIN * 2 + item->x,
                   d->y + TITLE_HEIGHT + MARGIN / 2 + (int64_t)item->layer * LAYER_HEIGHT};
}

/* Where edges of an item begin (its lower edge) and end (its upper one). */
static point door_of(const drawing *d, size_t index, bool is_lower)
{
    const weir_picture_item *item = &d->picture.items[index];
    point place = place_of(d, item);
    bool is_box = item->node != SIZE_MAX;
    int32_t width =
        is_box ? weir_picture_box_width(&d->picture.topology->nodes[item->node]) : item->width;
    return (point){place.x + width / 2, place.y + (is_lower ? BOX_HEIGHT : 0)};
}

static void draw_edges(drawing *d, size_t index)
{
    const weir_picture_item *item = &d->picture.items[index];
    if (item->node == SIZE_MAX) {
        draw_edge(&d->shapes, LINE, door_of(d, index, false), door_of(d, index, true));
    }
    for (size_t i = 0; i < item->below.count; i++) {
        bool ends = d->picture.items[item->below.items[i]].node != SIZE_MAX;
        draw_edge(&d->shapes, ends ? ARROW : LINE, door_of(d, index, true),
                  door_of(d, item->below.items[i], false));
    }
}

/* The stores that stand beside a box. */
static void draw_stores(drawing *d, size_t index, const weir_node *node)
{
    const weir_picture_item *item = &d->picture.items[index];
    point at = place_of(d, item);
    at.x += weir_picture_box_width(node);
    for (size_t i = 0; i < node->stores.count; i++) {
        size_t store = node->stores.items[i];
        if (d->picture.store_items[store] != index) {
            continue;
        }
        const char *name = d->picture.topology->stores[store].options.name;
        weir_buf_append_format(&d->shapes,
                               "<path class=\"use\" d=\"M%" PRId64 " %" PRId64 "h%d\"/>\n", at.x,
                               at.y + BOX_HEIGHT / 2, WEIR_PICTURE_GAP);
        at.x += WEIR_PICTURE_GAP;
        draw_store(&d->shapes, at, name);
        d->stores[store] = (point){at.x + weir_picture_store_width(name) / 2, at.y};
        at.x += weir_picture_store_width(name);
    }
    if (d->picture.global != NULL && node->kind == WEIR_NODE_PROCESSOR) {
        draw_store(&d->shapes, (point){at.x + WEIR_PICTURE_GAP, at.y}, d->picture.global->store);
    }
}

/* Lines from a box to stores that stand beside others; of two on one level they go below. */
static void draw_uses(drawing *d, size_t index)
{
    const weir_picture_item *item = &d->picture.items[index];
    const weir_node *node = &d->picture.topology->nodes[item->node];
    for (size_t i = 0; i < node->stores.count; i++) {
        size_t store = node->stores.items[i];
        if (d->picture.store_items[store] == index) {
            continue;
        }
        point to = d->stores[store];
        point from = door_of(d, index, true);
        if (to.y + BOX_HEIGHT < from.y) {
            to.y += BOX_HEIGHT;
            from = door_of(d, index, false);
        }
        if (to.y + BOX_HEIGHT == from.y) {
            weir_buf_append_format(&d->shapes,
                                   "<path class=\"use\" d=\"M%" PRId64 " %" PRId64 "C%" PRId64
                                   " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64
                                   "\"/>\n",
                                   from.x, from.y, from.x, from.y + BOX_HEIGHT, to.x,
                                   from.y + BOX_HEIGHT, to.x, from.y);
        } else {
            draw_edge(&d->shapes, USE, from, to);
        }
    }
}

static void draw_box(drawing *d, size_t index)
{
    static const char *const classes[] = {[WEIR_NODE_SOURCE] = "source",
                                          [WEIR_NODE_PROCESSOR] = "processor",
                                          [WEIR_NODE_SINK] = "sink"};
    const weir_picture_item *item = &d->picture.items[index];
    const weir_node *node = &d->picture.topology->nodes[item->node];
    point place = place_of(d, item);
    int32_t width = weir_picture_box_width(node);
    int64_t middle = place.x + width / 2;
    d->nodes[item->node] = (point){middle, place.y};
    weir_buf_append_format(&d->shapes,
                           "<rect class=\"%s\" x=\"%" PRId64 "\" y=\"%" PRId64
                           "\" width=\"%d\" height=\"%d\" rx=\"%d\"/>\n",
                           classes[node->kind], place.x, place.y, width, BOX_HEIGHT,
                           node->kind == WEIR_NODE_PROCESSOR ? 3 : BOX_HEIGHT / 2);
    WEIR_AUTO(weir_buf) topics = {0};
    weir_picture_append_topics(node, &topics);
    if (topics.size == 0) {
        draw_text(&d->shapes, "name", (point){middle, place.y + 23}, node->name);
    } else {
        draw_text(&d->shapes, "name", (point){middle, place.y + 16}, node->name);
        draw_text(&d->shapes, "small", (point){middle, place.y + 30}, weir_buf_text(&topics));
    }
    draw_stores(d, index, node);
}

static void draw_frame(drawing *d, size_t number)
{
    weir_picture_lay_out(&d->picture, number);
    int64_t width = d->picture.width + (int64_t)2 * MARGIN;
    width = width < FRAME_WIDTH_MIN ? FRAME_WIDTH_MIN : width;
    int64_t height =
        TITLE_HEIGHT + MARGIN + BOX_HEIGHT + ((int64_t)d->picture.layer_count - 1) * LAYER_HEIGHT;
    weir_buf_append_format(&d->shapes,
                           "<rect class=\"frame\" x=\"%d\" y=\"%" PRId64 "\" width=\"%" PRId64
                           "\" height=\"%" PRId64
                           "\" rx=\"6\"/>\n<text class=\"title\" x=\"%d\" y=\"%" PRId64
                           "\">Sub-topology %zu%s</text>\n",
                           MARGIN, d->y, width, height, MARGIN + 12, d->y + 20, number,
                           d->picture.global == NULL ? "" : ", whole in each process");
    for (size_t i = 0; i < d->picture.item_count; i++) {
        draw_edges(d, i);
    }
    for (size_t i = 0; i < d->picture.item_count; i++) {
        if (d->picture.items[i].node != SIZE_MAX) {
            draw_box(d, i);
        }
    }
    for (size_t i = 0; i < d->picture.item_count; i++) {
        if (d->picture.items[i].node != SIZE_MAX) {
            draw_uses(d, i);
        }
    }
    weir_picture_clear(&d->picture);
    d->width = width > d->width ? width : d->width;
    d->y += height + FRAME_GAP;
}

/* From a sink up to a source: beside all frames, in a lane of its own. */
static void draw_way_up(drawing *d, point from, point to)
{
    int32_t apart = LANE_GAP - d->lane_count++ * 4 % (LANE_GAP - 2); /* Of lines on one level. */
    d->width += LANE_GAP;
    weir_buf_append_format(&d->shapes,
                           "<path class=%s d=\"M%" PRId64 " %" PRId64 "v%dH%" PRId64 "V%" PRId64
                           "H%" PRId64 "V%" PRId64 "\"/>\n",
                           TOPIC, from.x, from.y, apart, d->width + MARGIN, to.y - apart, to.x,
                           to.y);
}

/* A topic that one node writes and another one reads. */
static void draw_topic(drawing *d, size_t sink, size_t source)
{
    point from = d->nodes[sink];
    from.y += BOX_HEIGHT;
    if (d->nodes[source].y > from.y) {
        draw_edge(&d->shapes, TOPIC, from, d->nodes[source]);
    } else {
        draw_way_up(d, from, d->nodes[source]);
    }
}

static void draw_topics(drawing *d)
{
    const weir_topology *topology = d->picture.topology;
    for (size_t from = 0; from < topology->node_count; from++) {
        const weir_node *sink = &topology->nodes[from];
        for (size_t to = 0; sink->kind == WEIR_NODE_SINK && to < topology->node_count; to++) {
            if (sink->topic != NULL && weir_node_names(&topology->nodes[to], sink->topic)) {
                draw_topic(d, from, to);
            }
        }
    }
}

void weir_topology_describe_svg(const weir_topology *topology, weir_buf *out_svg)
{
    WEIR_ASSERT(topology->built);
    drawing d = {.picture = {.topology = topology}, .y = MARGIN};
    d.nodes = weir_alloc_array(topology->node_count + 1, sizeof(*d.nodes));
    d.stores = weir_alloc_array(topology->store_count + 1, sizeof(*d.stores));
    d.picture.node_items = weir_alloc_array(topology->node_count + 1, sizeof(size_t));
    d.picture.store_items = weir_alloc_array(topology->store_count + 1, sizeof(size_t));
    for (size_t i = 0; i < topology->store_count; i++) {
        d.picture.store_items[i] = SIZE_MAX;
    }
    for (size_t i = 0; i < topology->subtopology_count; i++) {
        draw_frame(&d, i);
    }
    draw_topics(&d);
    int64_t width = d.width + (int64_t)2 * MARGIN;
    int64_t height = d.y - FRAME_GAP + MARGIN;
    weir_buf_append_format(out_svg,
                           "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%" PRId64
                           "\" height=\"%" PRId64 "\" viewBox=\"0 0 %" PRId64 " %" PRId64
                           "\">\n%s<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
                           width, height, width, height, style);
    weir_buf_append(out_svg, d.shapes.data, d.shapes.size);
    weir_buf_append_text(out_svg, "</svg>\n");
    weir_buf_cleanup(&d.shapes);
    free(d.nodes);
    free(d.stores);
    free(d.picture.node_items);
    free(d.picture.store_items);
    free(d.picture.items);
    free(d.picture.layers);
}
