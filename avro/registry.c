/* SPDX-License-Identifier: Apache-2.0
 *
 * registry.c - ids to schemas, in memory and, where there is a directory, on disk.
 *
 * All files are read when the registry is opened: a lookup touches memory only. A registration
 * writes the schema's file before the subject's, so that a crash between the two leaves a schema
 * that no subject names, which the next registration takes up again.
 */
#include "avro/schema_internal.h"

#include "streams/base/file.h"
#include "streams/base/hash.h"
#include "streams/base/map.h"
#include "streams/base/serde.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef struct registry_subject {
    int32_t *ids; /* Oldest first. */
    size_t count;
    size_t capacity;
} registry_subject;

struct weir_registry {
    char *directory;    /* NULL: memory only. */
    weir_map *schemas;  /* Id, 4 bytes big-endian -> weir_schema. */
    weir_map *subjects; /* Name -> registry_subject. */
};

/* Opens and reads one file of the registry; name is its name in the folder. */
typedef weir_status file_loader(weir_registry *registry, const char *name, weir_bytes content,
                                weir_error *err);

static weir_schema *schema_of(const weir_registry *registry, int32_t id)
{
    uint8_t key[4];
    weir_put_u32_be(key, (uint32_t)id);
    return weir_map_get(registry->schemas, weir_bytes_of(key, sizeof key));
}

static void schema_put(weir_registry *registry, int32_t id, weir_schema *owned_schema)
{
    uint8_t key[4];
    weir_put_u32_be(key, (uint32_t)id);
    WEIR_ASSERT(id > 0);
    void *replaced = weir_map_put(registry->schemas, weir_bytes_of(key, sizeof key), owned_schema);
    WEIR_ASSERT(replaced == NULL);
}

static registry_subject *subject_take_up(weir_registry *registry, const char *name)
{
    registry_subject *subject = weir_map_get(registry->subjects, weir_bytes_of_text(name));
    if (subject == NULL) {
        subject = weir_alloc(sizeof *subject);
        weir_map_put(registry->subjects, weir_bytes_of_text(name), subject);
    }
    return subject;
}

static void subject_append(registry_subject *subject, int32_t id)
{
    WEIR_ASSERT(id > 0);
    subject->ids =
        weir_grow(subject->ids, subject->count, &subject->capacity, sizeof *subject->ids);
    subject->ids[subject->count++] = id;
}

/* What an interrupted weir_file_replace leaves. */
static bool is_leftover(const char *name)
{
    static const char ending[] = ".tmp";
    size_t size = strlen(name);
    return size >= sizeof ending && strcmp(name + size - (sizeof ending - 1), ending) == 0;
}

/* A name that is a file name too, and leads nowhere else. */
static bool subject_name_is_valid(const char *name)
{
    size_t size = strlen(name);
    return size > 0 && !is_leftover(name) && size <= WEIR_REGISTRY_SUBJECT_BYTES_MAX &&
           name[0] != '.' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
               size;
}

/* The id that a schema would like to have. Confluent's ids are positive 32-bit numbers. */
static int32_t id_wanted(const weir_schema *schema)
{
    uint8_t digest[WEIR_SHA256_BYTES];
    weir_sha256(weir_buf_bytes(&schema->canonical), digest);
    int32_t id = (int32_t)(weir_get_u32_be(digest) & INT32_MAX);
    return id > 0 ? id : 1;
}

/* The id under which the registry has schema, or the free one that it gets. */
static int32_t id_of(const weir_registry *registry, const weir_schema *schema)
{
    int32_t id = id_wanted(schema);
    const weir_schema *there = schema_of(registry, id);
    while (there != NULL && !weir_bytes_equal(weir_buf_bytes(&there->canonical),
                                              weir_buf_bytes(&schema->canonical))) {
        id = id < INT32_MAX ? id + 1 : 1;
        there = schema_of(registry, id);
    }
    return id;
}

static weir_status load_schema(weir_registry *registry, const char *name, weir_bytes content,
                               weir_error *err)
{
    char *end = NULL;
    long id = strtol(name, &end, 10);
    if (id <= 0 || id > INT32_MAX || strcmp(end, ".avsc") != 0 ||
        schema_of(registry, (int32_t)id) != NULL) {
        return weir_error_set(err, WEIR_CORRUPT, "not named like a schema: <id>.avsc");
    }
    weir_schema *schema = NULL;
    weir_status status = weir_schema_parse(content, &schema, err);
    if (status != WEIR_OK) {
        return weir_error_wrap(err, WEIR_CORRUPT, "damaged");
    }
    schema_put(registry, (int32_t)id, schema);
    return WEIR_OK;
}

static weir_status load_subject(weir_registry *registry, const char *name, weir_bytes content,
                                weir_error *err)
{
    if (!subject_name_is_valid(name)) {
        return weir_error_set(err, WEIR_CORRUPT, "not the name of a subject");
    }
    registry_subject *subject = subject_take_up(registry, name);
    WEIR_AUTO_FREE char *text = weir_bytes_to_text(content);
    for (char *at = text; *at != '\0';) {
        char *end = NULL;
        long id = strtol(at, &end, 10);
        if (*end != '\n' || id <= 0 || id > INT32_MAX || schema_of(registry, (int32_t)id) == NULL) {
            return weir_error_set(err, WEIR_CORRUPT, "line %zu is not the id of a schema",
                                  subject->count + 1);
        }
        subject_append(subject, (int32_t)id);
        at = end + 1;
    }
    return WEIR_OK;
}

/* Passes every file of folder to load; names with a leading dot are not ours. */
static weir_status load_folder(weir_registry *registry, const char *folder, file_loader *load,
                               weir_error *err)
{
    WEIR_AUTO_FREE char *path = weir_format("%s/%s", registry->directory, folder);
    WEIR_TRY(weir_directory_make(path, err));
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, NULL, alphasort);
    if (count < 0) {
        return weir_error_set(err, WEIR_IO, "%s: %s", path, strerror(errno));
    }
    weir_status status = WEIR_OK;
    WEIR_AUTO(weir_buf) content = {0};
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        bool ours = name[0] != '.' && !is_leftover(name);
        if (status == WEIR_OK && ours) {
            WEIR_AUTO_FREE char *file = weir_format("%s/%s", path, name);
            status = weir_file_read(file, WEIR_SCHEMA_BYTES_MAX, &content, err);
            if (status == WEIR_OK) {
                status = load(registry, name, weir_buf_bytes(&content), err);
            }
            if (status != WEIR_OK) {
                status = weir_error_wrap(err, status, "schema registry: %.120s", file);
            }
        }
        free(entries[i]);
    }
    free(entries);
    return status;
}

weir_status weir_registry_open(const char *directory, weir_registry **out_registry, weir_error *err)
{
    WEIR_ASSERT(out_registry != NULL);
    WEIR_AUTO_PTR(weir_registry) registry = weir_alloc(sizeof *registry);
    registry->directory = weir_strdup(directory);
    registry->schemas = weir_map_new();
    registry->subjects = weir_map_new();
    if (directory != NULL) {
        WEIR_TRY(load_folder(registry, "ids", load_schema, err));
        WEIR_TRY(load_folder(registry, "subjects", load_subject, err));
    }
    *out_registry = weir_take(&registry);
    return WEIR_OK;
}

void weir_registry_free(weir_registry *registry)
{
    if (registry == NULL) {
        return;
    }
    size_t position = 0;
    void *value = NULL;
    while (registry->schemas != NULL && weir_map_next(registry->schemas, &position, NULL, &value)) {
        weir_schema_free(value);
    }
    position = 0;
    while (registry->subjects != NULL &&
           weir_map_next(registry->subjects, &position, NULL, &value)) {
        registry_subject *subject = value;
        free(subject->ids);
        free(subject);
    }
    weir_map_free(registry->schemas);
    weir_map_free(registry->subjects);
    free(registry->directory);
    free(registry);
}

static weir_status check_versions(const weir_registry *registry, const registry_subject *subject,
                                  const weir_schema *schema, weir_error *err)
{
    if (subject->count >= WEIR_REGISTRY_VERSIONS_MAX) {
        return weir_error_set(err, WEIR_INVALID, "%zu versions are the most a subject may have",
                              subject->count);
    }
    for (size_t i = subject->count; i > 0; i--) { /* The newest gives the most useful message. */
        const weir_schema *earlier = schema_of(registry, subject->ids[i - 1]);
        weir_status status = weir_schema_can_read(schema, earlier, err);
        if (status != WEIR_OK) {
            return weir_error_wrap(err, status, "cannot read what version %zu wrote", i - 1);
        }
    }
    return WEIR_OK;
}

static weir_status write_schema(const weir_registry *registry, int32_t id,
                                const weir_schema *schema, weir_error *err)
{
    WEIR_AUTO_FREE char *path = weir_format("%s/ids/%" PRId32 ".avsc", registry->directory, id);
    return weir_file_replace(path, weir_buf_bytes(&schema->json), true, err);
}

static weir_status write_subject(const weir_registry *registry, const char *name,
                                 const registry_subject *subject, int32_t new_id, weir_error *err)
{
    WEIR_AUTO_FREE char *path = weir_format("%s/subjects/%s", registry->directory, name);
    WEIR_AUTO(weir_buf) lines = {0};
    for (size_t i = 0; i < subject->count; i++) {
        weir_buf_append_format(&lines, "%" PRId32 "\n", subject->ids[i]);
    }
    weir_buf_append_format(&lines, "%" PRId32 "\n", new_id);
    return weir_file_replace(path, weir_buf_bytes(&lines), true, err);
}

/* Memory follows the disk: nothing is known before its file is written. */
static weir_status add_version(weir_registry *registry, const char *name, weir_schema **schema,
                               int32_t *out_id, weir_error *err)
{
    registry_subject *subject = subject_take_up(registry, name);
    int32_t id = id_of(registry, *schema);
    for (size_t i = 0; i < subject->count; i++) {
        if (subject->ids[i] == id) {
            *out_id = id;
            return WEIR_OK;
        }
    }
    WEIR_TRY(check_versions(registry, subject, *schema, err));
    if (schema_of(registry, id) == NULL) {
        if (registry->directory != NULL) {
            WEIR_TRY(write_schema(registry, id, *schema, err));
        }
        schema_put(registry, id, weir_take(schema));
    }
    if (registry->directory != NULL) {
        WEIR_TRY(write_subject(registry, name, subject, id, err));
    }
    subject_append(subject, id);
    *out_id = id;
    return WEIR_OK;
}

weir_status weir_registry_register(weir_registry *registry, const char *subject,
                                   weir_bytes schema_json, int32_t *out_id, weir_error *err)
{
    WEIR_ASSERT(registry != NULL && subject != NULL && out_id != NULL);
    if (!subject_name_is_valid(subject)) {
        return weir_error_set(err, WEIR_INVALID,
                              "\"%.80s\" is no subject: letters, digits, dot, dash and underscore, "
                              "at most %d bytes",
                              subject, WEIR_REGISTRY_SUBJECT_BYTES_MAX);
    }
    WEIR_AUTO_PTR(weir_schema) schema = NULL;
    weir_status status = weir_schema_parse(schema_json, &schema, err);
    if (status == WEIR_OK) {
        status = add_version(registry, subject, &schema, out_id, err);
    }
    return status == WEIR_OK ? WEIR_OK : weir_error_wrap(err, status, "schema of %.80s", subject);
}

const weir_schema *weir_registry_schema(const weir_registry *registry, int32_t id)
{
    WEIR_ASSERT(registry != NULL);
    return schema_of(registry, id);
}

size_t weir_registry_version_count(const weir_registry *registry, const char *subject)
{
    WEIR_ASSERT(registry != NULL && subject != NULL);
    const registry_subject *found = weir_map_get(registry->subjects, weir_bytes_of_text(subject));
    return found != NULL ? found->count : 0;
}

int32_t weir_registry_version_id(const weir_registry *registry, const char *subject, size_t version)
{
    WEIR_ASSERT(version < weir_registry_version_count(registry, subject));
    const registry_subject *found = weir_map_get(registry->subjects, weir_bytes_of_text(subject));
    return found->ids[version];
}
