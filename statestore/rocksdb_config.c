/* SPDX-License-Identifier: Apache-2.0
 *
 * rocksdb_config.c - the options that a user sets for a store, checked by name and then parsed by
 * RocksDB itself, on top of ours: what a text does not name stays, so does the block cache of a
 * table factory of which it names some members.
 */
#include "statestore/rocksdb_config.h"

#include "statestore/rocksdb_options_internal.h"
#include "streams/base/alloc.h"

#include <stdlib.h>
#include <string.h>

static const char tables[] = "block_based_table_factory";

static const char *const family_names[] = {
    "compression",
    "bottommost_compression",
    "compression_per_level",
    "compression_opts",
    "bottommost_compression_opts",
    "compaction_pri",
    "target_file_size_base",
    "target_file_size_multiplier",
    "max_bytes_for_level_multiplier",
    "max_compaction_bytes",
    "periodic_compaction_seconds",
    "optimize_filters_for_hits",
    tables,
    NULL,
};

static const char *const table_names[] = {
    "block_size",
    "block_size_deviation",
    "block_restart_interval",
    "metadata_block_size",
    "filter_policy",
    "whole_key_filtering",
    "checksum",
    NULL,
};

/* A piece of a text. */
typedef struct piece {
    const char *at;
    size_t size;
} piece;

static piece trimmed(const char *from, const char *to)
{
    static const char blanks[] = " \t\r\n";
    while (from < to && strchr(blanks, from[0]) != NULL) {
        from++;
    }
    while (to > from && strchr(blanks, to[-1]) != NULL) {
        to--;
    }
    return (piece){from, (size_t)(to - from)};
}

/* Where the assignment at from ends: at a semicolon outside of braces, or with the text. */
static const char *end_of(const char *from, const char *end)
{
    int depth = 0;
    for (; from < end; from++) {
        depth += from[0] == '{' ? 1 : 0;
        depth -= from[0] == '}' ? 1 : 0;
        if (from[0] == ';' && depth <= 0) {
            return from;
        }
    }
    return end;
}

static bool is_listed(piece name, const char *const *names)
{
    for (; *names != NULL; names++) {
        if (strlen(*names) == name.size && memcmp(*names, name.at, name.size) == 0) {
            return true;
        }
    }
    return false;
}

/* The inside of a value in braces; all-zero: it is in none. */
static piece inside_of(piece value)
{
    bool has_braces = value.size >= 2 && value.at[0] == '{' && value.at[value.size - 1] == '}';
    return has_braces ? (piece){value.at + 1, value.size - 2} : (piece){0};
}

/* Whether one assignment is allowed; *out_inside is what is to be looked at besides. */
static bool is_allowed(piece one, const char *const *names, piece *out_name, piece *out_inside)
{
    const char *equals = memchr(one.at, '=', one.size);
    const char *name_end = equals == NULL ? one.at + one.size : equals;
    *out_name = trimmed(one.at, name_end);
    *out_inside = (piece){0};
    if (equals == NULL || !is_listed(*out_name, names)) {
        return false;
    }
    if (out_name->size == sizeof(tables) - 1 && memcmp(out_name->at, tables, out_name->size) == 0) {
        *out_inside = inside_of(trimmed(equals + 1, one.at + one.size));
        return out_inside->at != NULL; /* Else it would be another factory. */
    }
    return true;
}

static weir_status check_names(piece text, const char *const *names, const char *family,
                               weir_error *err)
{
    const char *end = text.at + text.size;
    for (const char *at = text.at; at < end;) {
        const char *stop = end_of(at, end);
        piece one = trimmed(at, stop);
        piece name = {0};
        piece inside = {0};
        if (one.size > 0 && !is_allowed(one, names, &name, &inside)) {
            return weir_error_set(err, WEIR_INVALID,
                                  "options of RocksDB for %s: \"%.*s\" cannot be set: "
                                  "statestore/rocksdb_config.h lists what can",
                                  family, (int)name.size, name.at);
        }
        if (inside.size > 0) {
            WEIR_TRY(check_names(inside, table_names, family, err));
        }
        at = stop + 1;
    }
    return WEIR_OK;
}

/* The text for "<application>/<store>"; NULL: there is none. */
static const char *text_of(const weir_rocksdb_config *config, const char *family)
{
    const char *slash = strchr(family, '/');
    if (config->options_of == NULL || slash == NULL) {
        return NULL;
    }
    WEIR_AUTO_FREE char *application =
        weir_bytes_to_text(weir_bytes_of(family, (size_t)(slash - family)));
    const char *text = config->options_of(config->user, application, slash + 1);
    return text == NULL || text[0] == '\0' ? NULL : text;
}

/* Options of one family; NULL: those of base. */
static weir_status make_own(const weir_rocksdb_config *config, const rocksdb_options_t *base,
                            const char *family, rocksdb_options_t **out_own, weir_error *err)
{
    *out_own = NULL;
    bool is_ours = strcmp(family, "weir/positions") == 0;
    const char *text = is_ours ? NULL : text_of(config, family);
    if (text == NULL) {
        return WEIR_OK;
    }
    WEIR_TRY(check_names((piece){text, strlen(text)}, family_names, family, err));
    rocksdb_options_t *own = rocksdb_options_create();
    char *message = NULL;
    rocksdb_get_options_from_string(base, text, own, &message);
    if (message != NULL) {
        weir_status status =
            weir_error_set(err, WEIR_INVALID, "options of RocksDB for %s: %s", family, message);
        rocksdb_free(message);
        rocksdb_options_destroy(own);
        return status;
    }
    *out_own = own;
    return WEIR_OK;
}

weir_status weir_rocksdb_family_options(const weir_rocksdb_config *config,
                                        const rocksdb_options_t *base, const char *const *families,
                                        size_t count, rocksdb_options_t **out_own, weir_error *err)
{
    for (size_t i = 0; i < count; i++) {
        weir_status status = make_own(config, base, families[i], &out_own[i], err);
        if (status != WEIR_OK) {
            weir_rocksdb_family_options_free(out_own, i);
            return status;
        }
    }
    return WEIR_OK;
}

void weir_rocksdb_family_options_free(rocksdb_options_t *const *own, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (own[i] != NULL) {
            rocksdb_options_destroy(own[i]);
        }
    }
}
