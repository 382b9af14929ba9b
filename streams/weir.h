/* SPDX-License-Identifier: Apache-2.0
 *
 * weir.h - all that the author of a topology includes: build it, configure it, run it, ask it, and
 * test it without a broker.
 *
 * Threads    As in each header.
 */
#ifndef WEIR_STREAMS_WEIR_H
#define WEIR_STREAMS_WEIR_H

#include "streams/application.h"
#include "streams/broker.h"
#include "streams/config.h"
#include "streams/metadata.h"
#include "streams/processor.h"
#include "streams/processor_wrapper.h"
#include "streams/query.h"
#include "streams/query_windows.h"
#include "streams/record.h"
#include "streams/subscription.h"
#include "streams/test_driver.h"
#include "streams/timers.h"
#include "streams/topology.h"
#include "streams/topology_stores.h"

#endif
