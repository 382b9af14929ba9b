/* SPDX-License-Identifier: Apache-2.0
 *
 * names.c - a name that is given may use up a number as well: Kafka Streams has both.
 */
#include "streams/dsl/graph_internal.h"

#include <inttypes.h>
#include <stdlib.h>

static const char *copy_text(weir_builder *builder, const char *text)
{
    return weir_arena_copy(builder->arena, weir_bytes_of_text(text)).data;
}

const char *weir_builder_new_name(weir_builder *builder, const char *prefix)
{
    WEIR_AUTO_FREE char *name = weir_format("%s%010" PRIu32, prefix, builder->next_number++);
    return copy_text(builder, name);
}

const char *weir_builder_new_store_name(weir_builder *builder, const char *prefix)
{
    WEIR_AUTO_FREE char *name =
        weir_format("%sSTATE-STORE-%010" PRIu32, prefix, builder->next_number++);
    return copy_text(builder, name);
}

const char *weir_builder_name_or_new(weir_builder *builder, const char *name, const char *prefix)
{
    const char *generated = weir_builder_new_name(builder, prefix);
    return name != NULL ? copy_text(builder, name) : generated;
}

const char *weir_builder_suffixed_or_new(weir_builder *builder, const char *name,
                                         const char *suffix, const char *prefix)
{
    const char *generated = weir_builder_new_name(builder, prefix);
    return name != NULL ? weir_builder_join_names(builder, name, suffix) : generated;
}

const char *weir_builder_given_or_new(weir_builder *builder, const char *name, const char *suffix,
                                      const char *prefix)
{
    return name != NULL ? weir_builder_join_names(builder, name, suffix)
                        : weir_builder_new_name(builder, prefix);
}

const char *const *weir_builder_copy_names(weir_builder *builder, const char *const *names)
{
    size_t count = 0;
    while (names != NULL && names[count] != NULL) {
        count++;
    }
    const char **copies = weir_builder_alloc(builder, (count + 1) * sizeof(*copies));
    for (size_t i = 0; i < count; i++) {
        copies[i] = copy_text(builder, names[i]);
    }
    return copies;
}

const char *weir_builder_join_names(weir_builder *builder, const char *name, const char *suffix)
{
    WEIR_AUTO_FREE char *joined = weir_format("%s%s", name, suffix);
    return copy_text(builder, joined);
}
