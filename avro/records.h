/* SPDX-License-Identifier: Apache-2.0
 *
 * records.h - every record that crosses a topic.
 *
 * Threads    Plain data.
 */
#ifndef WEIR_AVRO_RECORDS_H
#define WEIR_AVRO_RECORDS_H

#include "avro/records_crawl.h"
#include "avro/records_index.h"
#include "avro/records_messages.h"
#include "avro/records_state.h"

#endif
