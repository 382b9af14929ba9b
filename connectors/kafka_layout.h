/* SPDX-License-Identifier: Apache-2.0
 *
 * kafka_layout.h - what the bytes around a value that librdkafka hands out say of its record.
 *
 * Ownership  Arguments are borrowed for the call.
 * Threads    Any.
 */
#ifndef WEIR_CONNECTORS_KAFKA_LAYOUT_H
#define WEIR_CONNECTORS_KAFKA_LAYOUT_H

#include "streams/base/bytes.h"

/* True: the record of this key and value certainly has no headers. False: it may have some. Both
 * lie as they came from the cluster. */
bool weir_kafka_layout_has_no_headers(weir_bytes key, weir_bytes value);

#endif
