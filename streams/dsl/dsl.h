/* SPDX-License-Identifier: Apache-2.0
 *
 * dsl.h - all that the author of a program in the DSL includes: builder, streams, tables and what
 * can be done with them, and weir.h to configure, run, ask and test it.
 *
 * Threads    As in each header.
 */
#ifndef WEIR_STREAMS_DSL_DSL_H
#define WEIR_STREAMS_DSL_DSL_H

#include "streams/dsl/builder.h"
#include "streams/dsl/cogrouped.h"
#include "streams/dsl/foreign_join.h"
#include "streams/dsl/function.h"
#include "streams/dsl/global_table.h"
#include "streams/dsl/grouped.h"
#include "streams/dsl/joins.h"
#include "streams/dsl/kstream.h"
#include "streams/dsl/ktable.h"
#include "streams/dsl/late.h"
#include "streams/dsl/sessions.h"
#include "streams/dsl/suppress.h"
#include "streams/dsl/timed.h"
#include "streams/dsl/transform_values.h"
#include "streams/dsl/windowed.h"
#include "streams/weir.h"

#endif
