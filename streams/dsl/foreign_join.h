/* SPDX-License-Identifier: Apache-2.0
 *
 * foreign_join.h - tables joined by a foreign key: the value of a left row names the right row.
 *
 *   left   order 7 -> customer a      result   order 7 -> order 7 | customer a
 *   right  customer a
 *
 * A change of either side changes the result: a right row that changes, that of each left row that
 * names it. Sides may have any numbers of partitions: rows meet by way of two topics of the
 * application's own, in Kafka Streams' formats.
 *
 * Ownership  As in builder.h, like errors.
 * Threads    One.
 */
#ifndef WEIR_STREAMS_DSL_FOREIGN_JOIN_H
#define WEIR_STREAMS_DSL_FOREIGN_JOIN_H

#include "streams/dsl/ktable.h"

/* A row for each left row whose foreign key (selector; null: none) has a right row; joiner gets the
 * left row's key. options->operation.user is what both get; its name begins those of all nodes. */
weir_ktable *weir_ktable_join_foreign(weir_ktable *left, weir_ktable *right,
                                      weir_key_selector selector, weir_value_joiner joiner,
                                      const weir_table_options *options);

/* The same with a row for each other left row, too; its right side is null. */
weir_ktable *weir_ktable_left_join_foreign(weir_ktable *left, weir_ktable *right,
                                           weir_key_selector selector, weir_value_joiner joiner,
                                           const weir_table_options *options);

#endif
