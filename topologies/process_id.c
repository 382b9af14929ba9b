/* SPDX-License-Identifier: Apache-2.0
 *
 * process_id.c - a random number in a file. It is on disk before anything is done under it: two
 * processes under one id would fence each other's producers for ever.
 */
#include "topologies/process_id.h"

#include "streams/base/file.h"
#include "streams/base/random.h"

#include <inttypes.h>
#include <string.h>

enum { ID_BYTES = 16, FILE_BYTES_MAX = 64 };

static weir_status make_id(const char *path, char **owned_id, weir_error *err)
{
    WEIR_AUTO_FREE char *id = weir_format("%016" PRIx64, weir_random_seed());
    WEIR_TRY(weir_file_replace(path, weir_bytes_of_text(id), true, err));
    *owned_id = weir_take(&id);
    return WEIR_OK;
}

weir_status weir_process_id_read(const char *data_directory, char **owned_id, weir_error *err)
{
    WEIR_AUTO_FREE char *path = weir_format("%s/process-id", data_directory);
    WEIR_AUTO(weir_buf) content = {0};
    weir_status status = weir_file_read(path, FILE_BYTES_MAX, &content, err);
    if (status == WEIR_NOT_FOUND) {
        return make_id(path, owned_id, err);
    }
    WEIR_TRY(status);
    const char *text = weir_buf_text(&content);
    if (content.size != ID_BYTES || strspn(text, "0123456789abcdef") != ID_BYTES) {
        return weir_error_set(err, WEIR_INVALID,
                              "%s is not 16 hex digits: delete it, and the process gets a new id",
                              path);
    }
    *owned_id = weir_strdup(text);
    return WEIR_OK;
}
