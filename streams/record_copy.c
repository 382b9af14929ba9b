/* SPDX-License-Identifier: Apache-2.0
 *
 * record_copy.c - one block: the record, its headers, then all bytes that it points to.
 */
#include "streams/record_copy.h"

#include <string.h>

static size_t payload_bytes(const weir_record *record)
{
    size_t bytes = record->key.size + record->value.size;
    for (size_t i = 0; i < record->header_count; i++) {
        bytes += record->headers[i].key.size + record->headers[i].value.size;
    }
    return bytes + (record->topic == NULL ? 0 : strlen(record->topic) + 1);
}

static weir_bytes copy_bytes(char **at, weir_bytes bytes)
{
    if (bytes.data == NULL) {
        return bytes;
    }
    char *copy = *at;
    if (bytes.size > 0) {
        memcpy(copy, bytes.data, bytes.size);
    }
    *at += bytes.size;
    return weir_bytes_of(copy, bytes.size);
}

weir_record *weir_record_copy(const weir_record *record, size_t *out_bytes)
{
    size_t fixed = sizeof(weir_record) + record->header_count * sizeof(weir_header);
    size_t bytes = fixed + payload_bytes(record) + 1; /* So that empty bytes point into it. */
    char *block = weir_alloc(bytes);
    char *at = block + fixed;
    weir_record *copy = (weir_record *)(void *)block;
    weir_header *headers = (weir_header *)(void *)(copy + 1);
    *copy = *record;
    copy->object = NULL;
    copy->headers = headers;
    copy->key = copy_bytes(&at, record->key);
    copy->value = copy_bytes(&at, record->value);
    for (size_t i = 0; i < record->header_count; i++) {
        headers[i].key = copy_bytes(&at, record->headers[i].key);
        headers[i].value = copy_bytes(&at, record->headers[i].value);
    }
    if (record->topic != NULL) {
        copy->topic = copy_bytes(&at, weir_bytes_of(record->topic, strlen(record->topic) + 1)).data;
    }
    if (out_bytes != NULL) {
        *out_bytes = bytes;
    }
    return copy;
}
