/* SPDX-License-Identifier: Apache-2.0
 *
 * term.h - which ownership of its task wrote a changelog record, under at-least-once.
 *
 * A process that was cut off may go on writing into the changelogs of tasks that others have by
 * now. So each record has the term of its writer in the header WEIR_TERM_HEADER, and a restore
 * skips a record whose term is lower than one that it met before in the partition
 * (docs/decisions/0061). Records without the header, Kafka Streams' above all, are taken.
 *
 * Threads    Any.
 */
#ifndef WEIR_STREAMS_TERM_H
#define WEIR_STREAMS_TERM_H

#include "streams/base/status.h"
#include "streams/record.h"

#define WEIR_TERM_HEADER "weir.term"

enum { WEIR_TERM_BYTES = 8 };

/* Whether generation is lower than that of the highest term seen in a partition: the group was
 * deleted and began anew, or whoever asks lost the task and does not know. Only the group can tell
 * the two apart. */
bool weir_term_is_before(int32_t generation, int64_t seen);

/* A term is an epoch (its upper 32 bits) and the generation of the group: what the next owner
 * writes, in a partition where seen was the highest so far. The epoch grows where the generation is
 * before it, which the group must have confirmed. */
int64_t weir_term_next(int64_t seen, int32_t generation);

/* The term of a changelog record; 0: it has none. */
int64_t weir_term_of(const weir_record *record);

/* WEIR_BAD_RECORD where a record has the header and there is no term in it. */
weir_status weir_term_check(const weir_record *record, weir_error *err);

#endif
