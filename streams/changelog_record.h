/* SPDX-License-Identifier: Apache-2.0
 *
 * changelog_record.h - whether a record is one that a store writes into its changelog.
 *
 * Anybody may write into a topic. What a store's format has no place for must not get into the
 * store, where it would be found much later, by a processor that has nothing to do with it.
 *
 * Threads    Any.
 */
#ifndef WEIR_STREAMS_CHANGELOG_RECORD_H
#define WEIR_STREAMS_CHANGELOG_RECORD_H

#include "streams/record.h"
#include "streams/topology.h"

/* WEIR_BAD_RECORD, with what is wrong, where a store of that kind writes no such record: a key or
 * value of a wrong size, times that are none, a malformed term. */
weir_status weir_changelog_record_check(weir_store_kind kind, const weir_record *record,
                                        weir_error *err);

#endif
