/* SPDX-License-Identifier: Apache-2.0
 *
 * text_bag.c - sorts before it compares.
 */
#include "tests/harness/text_bag.h"

#include "streams/base/map.h"
#include "tests/harness/check.h"

#include <stdlib.h>
#include <string.h>

void text_bag_cleanup(text_bag *bag)
{
    for (size_t i = 0; i < bag->count; i++) {
        free(bag->items[i]);
    }
    free(bag->items);
    *bag = (text_bag){.items = NULL};
}

void text_bag_add(text_bag *bag, char *owned_text)
{
    bag->items = weir_grow(bag->items, bag->count, &bag->capacity, sizeof(*bag->items));
    bag->items[bag->count++] = owned_text;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort(text_bag *bag)
{
    if (bag->count > 0) {
        qsort(bag->items, bag->count, sizeof(*bag->items), compare);
    }
}

void text_bag_check_same(text_bag *got, text_bag *wanted)
{
    sort(got);
    sort(wanted);
    for (size_t i = 0; i < got->count || i < wanted->count; i++) {
        const char *one = i < got->count ? got->items[i] : "nothing";
        const char *other = i < wanted->count ? wanted->items[i] : "nothing";
        CHECK_STR(one, other);
    }
}

static void add_record(text_bag *bag, const weir_record *record, text_bag_teller tell, void *user)
{
    char *text = tell(user, record);
    if (text != NULL) {
        text_bag_add(bag, text);
    }
}

void text_bag_add_topic(text_bag *bag, weir_test_driver *driver, const char *topic,
                        text_bag_teller tell, void *user)
{
    const weir_record *record = NULL;
    while (weir_test_driver_read(driver, topic, &record, NULL) == WEIR_OK) {
        add_record(bag, record, tell, user);
    }
}

void text_bag_add_table(text_bag *bag, weir_test_driver *driver, const char *topic,
                        text_bag_teller tell, void *user)
{
    weir_map *last = weir_map_new();
    const weir_record *record = NULL;
    while (weir_test_driver_read(driver, topic, &record, NULL) == WEIR_OK) {
        char *text = tell(user, record);
        free(text == NULL ? weir_map_remove(last, record->key)
                          : weir_map_put(last, record->key, text));
    }
    size_t position = 0;
    void *text = NULL;
    while (weir_map_next(last, &position, NULL, &text)) {
        text_bag_add(bag, text);
    }
    weir_map_free(last);
}
