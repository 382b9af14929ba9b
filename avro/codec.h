/* SPDX-License-Identifier: Apache-2.0
 *
 * codec.h - Avro records to bytes and back, in Confluent's wire format.
 *
 *   byte 0 | 4-byte big-endian schema id | datum
 *
 * The .avsc files are part of the library. Stages use the typed functions that WEIR_RECORD makes of
 * the two below (avro/record.h): weir_fetch_task_encode(), weir_fetch_task_decode(), …
 *
 * Ownership  A decoded record's strings borrow from the input bytes, its lists from the arena, and
 *            defaults from the codec: it is valid as long as all three are.
 * Errors     WEIR_BAD_RECORD with the record's name and what is wrong, for any bytes from outside.
 * Threads    A codec is immutable once made: any number of threads may use one.
 */
#ifndef WEIR_AVRO_CODEC_H
#define WEIR_AVRO_CODEC_H

#include "avro/registry.h"
#include "streams/base/arena.h"
#include "streams/base/bytes.h"
#include "streams/base/status.h"

/* Larger records and longer lists are WEIR_BAD_RECORD, both ways. */
enum {
    WEIR_AVRO_RECORD_BYTES_MAX = 8 << 20,
    WEIR_AVRO_LIST_MAX = 1 << 16,
    WEIR_AVRO_DEPTH_MAX = 32,
};

typedef struct weir_record_type weir_record_type;
typedef struct weir_codec weir_codec;

/* Registers every schema of the library in registry, under its topic's subject, and prepares to
 * read what any registered version of them wrote. registry is borrowed for the codec's life.
 * WEIR_INVALID where a schema may not follow its predecessors, or where a newer program has written
 * what this one cannot read; WEIR_IO from the registry's files. */
weir_status weir_codec_new(weir_registry *registry, weir_codec **out_codec, weir_error *err);
void weir_codec_free(weir_codec *codec);
WEIR_DEFINE_AUTO_PTR(weir_codec);

/* Appends record, a struct of type, to *out. Null bytes become null where the field is optional and
 * the empty string elsewhere. Strings should be UTF-8, which is not checked. After an error what
 * was appended is taken back. */
weir_status weir_codec_encode(const weir_codec *codec, const weir_record_type *type,
                              const void *record, weir_buf *out, weir_error *err);

/* Fills *out_record, a struct of type, from bytes of any registered version of its schema; a field
 * that the writer did not know takes its default. On an error *out_record is undefined. */
weir_status weir_codec_decode(const weir_codec *codec, const weir_record_type *type,
                              weir_bytes bytes, weir_arena *arena, void *out_record,
                              weir_error *err);

/* Appends bytes of any registered schema as plain JSON for people: a union is the value of its
 * branch; invalid UTF-8 is replaced. After an error what was appended is taken back. */
weir_status weir_codec_to_json(const weir_codec *codec, weir_bytes bytes, weir_buf *out,
                               weir_error *err);

/* The id that weir_codec_encode writes for type. */
int32_t weir_codec_schema_id(const weir_codec *codec, const weir_record_type *type);

#endif
