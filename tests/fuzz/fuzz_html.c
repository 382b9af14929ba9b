/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes are extracted within the limits, and what comes out is well-formed UTF-8. The first
 * byte chooses the Content-Type.
 */
#include "topologies/extract_page.h"

#include "streams/base/status.h"
#include "topologies/utf8.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_list(const weir_extract_links *links, size_t rows_max)
{
    WEIR_ASSERT(links->count <= rows_max);
    for (size_t i = 0; i < links->count; i++) {
        WEIR_ASSERT(links->rows[i].url.size > 0);
        WEIR_ASSERT(weir_utf8_is_well_formed(links->rows[i].text));
        WEIR_ASSERT(links->rows[i].text.size <= WEIR_EXTRACT_LINK_TEXT_BYTES_MAX);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const types[] = {"text/html", "text/html; charset=shift_jis", "text/plain",
                                        ""};
    static weir_extractor *extractor; /* Kept: one page must not disturb the next. */
    extractor = extractor == NULL ? weir_extractor_new() : extractor;
    if (size == 0) {
        return 0;
    }
    const weir_extract_input input = {
        .url = WEIR_BYTES("http://site.example/dir/page.html?q"),
        .body = {data + 1, size - 1},
        .content_type = weir_bytes_of_text(types[data[0] % WEIR_COUNT_OF(types)]),
        .robots_tag = {data + 1, size - 1 < 40 ? size - 1 : 40},
    };
    const weir_extract_page *page = weir_extract_page_of(extractor, &input);
    WEIR_ASSERT(weir_utf8_is_well_formed(page->text));
    WEIR_ASSERT(weir_utf8_is_well_formed(page->title));
    WEIR_ASSERT((strcmp(page->outcome, "extracted") == 0) == (page->text.size > 0));
    for (int i = 0; i < WEIR_METADATA_COUNT; i++) {
        WEIR_ASSERT(page->metadata[i].size <= WEIR_EXTRACT_VALUE_BYTES_MAX);
        WEIR_ASSERT(weir_utf8_is_well_formed(page->metadata[i]));
    }
    check_list(&page->links, WEIR_EXTRACT_LINKS_MAX);
    check_list(&page->images, WEIR_EXTRACT_IMAGES_MAX);
    check_list(&page->alternates, WEIR_EXTRACT_ALTERNATES_MAX);
    return 0;
}
