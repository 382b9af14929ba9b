/* SPDX-License-Identifier: Apache-2.0
 *
 * table_key.c - keys of tables from what people type.
 *
 * A URL is made canonical before it is hashed, so that any spelling of it finds its row.
 */
#include "topologies/table_key.h"
#include "topologies/tables.h"
#include "topologies/url_canon.h"

#include <string.h>

enum { CONTENT_HASH_BYTES = 64 };

static bool is_hex(weir_bytes text, size_t size)
{
    const char *from = text.data;
    bool fits = text.size == size;
    for (size_t i = 0; fits && i < size; i++) {
        fits = strchr("0123456789abcdefABCDEF", from[i]) != NULL && from[i] != '\0';
    }
    return fits;
}

static void append_lower_hex(weir_buf *to, weir_bytes hex)
{
    const uint8_t *from = hex.data;
    for (size_t i = 0; i < hex.size; i++) {
        weir_buf_append_byte(to, from[i] <= '9' ? from[i] : from[i] | 0x20);
    }
}

/* Appends the url_hash that asked is, or that the URL asked has. */
static weir_status append_url_key(weir_bytes asked, weir_buf *out_key, weir_error *err)
{
    if (is_hex(asked, WEIR_URL_HASH_BYTES)) {
        append_lower_hex(out_key, asked);
        return WEIR_OK;
    }
    WEIR_AUTO(weir_buf) url = {0};
    weir_error refused = {0};
    if (weir_url_canon(asked, NULL, &url, &refused) != WEIR_OK) {
        return weir_error_set(err, WEIR_BAD_RECORD,
                              "the key is neither a url_hash (32 hexadecimal digits) nor a URL: %s",
                              refused.message);
    }
    char hash[WEIR_URL_HASH_BYTES + 1];
    weir_url_hash(weir_buf_bytes(&url), hash);
    weir_buf_append(out_key, hash, WEIR_URL_HASH_BYTES);
    return WEIR_OK;
}

static weir_status append_content_key(weir_bytes asked, weir_buf *out_key, weir_error *err)
{
    if (!is_hex(asked, CONTENT_HASH_BYTES)) {
        return weir_error_set(err, WEIR_BAD_RECORD,
                              "the key is no content_hash (%d hexadecimal digits): a row of "
                              "url_latest names that of a URL",
                              CONTENT_HASH_BYTES);
    }
    append_lower_hex(out_key, asked);
    return WEIR_OK;
}

static weir_status append_membership_key(weir_bytes asked, weir_buf *out_key, weir_error *err)
{
    const char *slash = memchr(asked.data, '/', asked.size);
    size_t size = slash == NULL ? 0 : (size_t)(slash - (const char *)asked.data);
    if (size == 0 || slash[-1] == ':') {
        return weir_error_set(err, WEIR_BAD_RECORD,
                              "the key is dataset_id/url_hash or dataset_id/URL: try %s/ before it",
                              WEIR_DATASET_DEFAULT);
    }
    weir_buf_append(out_key, asked.data, size + 1);
    return append_url_key(weir_bytes_of(slash + 1, asked.size - size - 1), out_key, err);
}

const weir_table weir_tables[WEIR_TABLE_COUNT] = {
    {WEIR_TABLE_URL_LATEST, WEIR_TOPIC_URL_LATEST,
     "The URL was not crawled yet: POST /v1/crawl-jobs asks for it. A ? in it is sent as %3F",
     append_url_key},
    {WEIR_TABLE_CONTENT_CLUSTER, WEIR_TOPIC_CONTENT_CLUSTER,
     "No page with this text was seen yet: the content_hash of a page is in its url_latest row",
     append_content_key},
    {WEIR_TABLE_DATASET_MEMBERSHIP, WEIR_TOPIC_DATASET_MEMBERSHIP,
     "The page was not judged yet: its row in url_latest tells how far it came. A ? in a URL is "
     "sent as %3F",
     append_membership_key},
};

const weir_table *weir_table_named(weir_bytes name)
{
    for (size_t i = 0; i < WEIR_TABLE_COUNT; i++) {
        if (weir_bytes_equal(name, weir_bytes_of_text(weir_tables[i].name))) {
            return &weir_tables[i];
        }
    }
    return NULL;
}

weir_status weir_table_key(const weir_table *table, weir_bytes asked, weir_buf *out_key,
                           weir_error *err)
{
    WEIR_ASSERT(table != NULL && out_key != NULL);
    weir_buf_clear(out_key);
    return table->append_key(asked, out_key, err);
}
