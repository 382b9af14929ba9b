/* SPDX-License-Identifier: Apache-2.0
 *
 * text_bag.h - texts in any order, for results that must be the same whatever order they came in.
 *
 * Ownership  The bag owns its texts. All-zero is an empty bag.
 * Threads    One.
 */
#ifndef WEIR_TESTS_HARNESS_TEXT_BAG_H
#define WEIR_TESTS_HARNESS_TEXT_BAG_H

#include "streams/test_driver.h"

typedef struct text_bag {
    char **items;
    size_t count;
    size_t capacity;
} text_bag;

void text_bag_cleanup(text_bag *bag);

void text_bag_add(text_bag *bag, char *owned_text);

/* Both hold the same texts, each as often; else the test fails, with the first that differs. */
void text_bag_check_same(text_bag *got, text_bag *wanted);

/* The text of a record, which is the caller's to free; NULL: nothing is to be said of it. */
typedef char *(*text_bag_teller)(void *user, const weir_record *record);

/* Adds all records of a topic that were not read before. */
void text_bag_add_topic(text_bag *bag, weir_test_driver *driver, const char *topic,
                        text_bag_teller tell, void *user);

/* The same of the last record of each key, as often as tell has something to say. */
void text_bag_add_table(text_bag *bag, weir_test_driver *driver, const char *topic,
                        text_bag_teller tell, void *user);

#endif
