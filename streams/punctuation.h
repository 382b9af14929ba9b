/* SPDX-License-Identifier: Apache-2.0
 *
 * punctuation.h - the schedules of one task: what is due, and when next.
 *
 *   while ((due = weir_punctuations_next(p, WEIR_STREAM_TIME, stream_time_ms)) != NULL) {
 *       due->punctuate(due->processor, stream_time_ms, err)
 *   }
 *
 * Ownership  A punctuator belongs to its list. After weir_punctuator_cancel (processor.h) it must
 *            not be used any more; its memory goes with the next call here.
 * Threads    The worker that runs the task. Time is an argument.
 */
#ifndef WEIR_STREAMS_PUNCTUATION_H
#define WEIR_STREAMS_PUNCTUATION_H

#include "streams/processor.h"

typedef struct weir_punctuations weir_punctuations;

enum { WEIR_PUNCTUATORS_MAX = 10000 }; /* Of a task; more are a leak of the processor's. */

struct weir_punctuator {
    weir_processor *processor;
    weir_punctuate punctuate;
    weir_punctuation_type type;
    int64_t interval_ms;
    int64_t due_ms;
    bool cancelled;
};

weir_punctuations *weir_punctuations_new(void);
void weir_punctuations_free(weir_punctuations *punctuations);
WEIR_DEFINE_AUTO_PTR(weir_punctuations);

/* Adds a schedule; of punctuator, processor, punctuate, type and interval_ms (> 0) are read. now_ms
 * is the wall clock, from which the first tick of WEIR_WALL_CLOCK_TIME counts. */
weir_punctuator *weir_punctuations_add(weir_punctuations *punctuations,
                                       const weir_punctuator *punctuator, int64_t now_ms);

/* The earliest schedule of type that is due at now_ms (stream time or wall clock, as type says),
 * its next tick set already; NULL: none. Ties go by order of addition. */
weir_punctuator *weir_punctuations_next(weir_punctuations *punctuations, weir_punctuation_type type,
                                        int64_t now_ms);

/* When the next tick of type is due; INT64_MAX: there is no schedule. */
int64_t weir_punctuations_due_ms(const weir_punctuations *punctuations, weir_punctuation_type type);

#endif
