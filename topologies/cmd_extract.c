/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_extract.c - weir extract: what the extract stage makes of pages in files.
 */
#include "topologies/cmd.h"

#include "streams/base/clock.h"
#include "streams/base/file.h"
#include "streams/base/json.h"
#include "topologies/cmd_lines.h"
#include "topologies/extract_page.h"

#include <stdio.h>
#include <string.h>

enum { FILE_BYTES_MAX = 1 << 30 };

static const char help_text[] =
    "usage: weir extract --url URL FILE\n"
    "       weir extract < LINES\n"
    "\n"
    "Prints what the extract stage makes of a page: a line of JSON with outcome, reason, title,\n"
    "language, text, links, images and metadata. Without arguments each line of the input is JSON\n"
    "{\"url\": …, \"file\": …}, with \"content_type\" and \"robots_tag\" for the headers if you "
    "like.\n";

typedef struct request {
    weir_bytes url;
    weir_bytes file;
    weir_bytes content_type;
    weir_bytes robots_tag;
} request;

static void write_links(weir_json *json, const char *key, const weir_extract_links *links,
                        const char *text_key)
{
    weir_json_key(json, key);
    weir_json_begin_array(json);
    for (size_t i = 0; i < links->count; i++) {
        const weir_extract_link *link = &links->rows[i];
        weir_json_begin_object(json);
        weir_json_member_bytes(json, "url", link->url);
        if (link->rel.data != NULL) {
            weir_json_member_bytes(json, "rel", link->rel);
        }
        weir_json_member_bytes(json, text_key,
                               link->text.data == NULL ? WEIR_BYTES("") : link->text);
        weir_json_end_object(json);
    }
    weir_json_end_array(json);
}

static void write_metadata(weir_json *json, const weir_extract_page *page)
{
    weir_json_key(json, "metadata");
    weir_json_begin_object(json);
    for (int field = 0; field < WEIR_METADATA_COUNT; field++) {
        if (page->metadata[field].data != NULL) {
            weir_json_member_bytes(json, weir_metadata_name((weir_metadata_field)field),
                                   page->metadata[field]);
        }
    }
    weir_json_end_object(json);
}

static void write_page(weir_bytes url, const weir_extract_page *page, weir_buf *out)
{
    weir_json json = weir_json_of(out);
    weir_json_begin_object(&json);
    weir_json_member_bytes(&json, "url", url);
    weir_json_member_text(&json, "outcome", page->outcome);
    weir_json_member_text(&json, "reason", page->reason);
    weir_json_member_text(&json, "charset", page->charset);
    weir_json_member_bytes(&json, "title", page->title);
    weir_json_member_text(&json, "language", page->language.code);
    weir_json_member_f64(&json, "language_confidence", page->language.confidence);
    weir_json_member_bytes(&json, "canonical_url", page->canonical_url);
    weir_json_member_bool(&json, "noindex", page->noindex);
    weir_json_member_bool(&json, "nofollow", page->nofollow);
    weir_json_key(&json, "published_at_ms");
    if (page->published_at_ms != 0) {
        weir_json_i64(&json, page->published_at_ms);
    } else {
        weir_json_null(&json);
    }
    weir_json_member_text(&json, "text_source", page->text_source);
    weir_json_member_i64(&json, "word_count", (int64_t)page->word_count);
    weir_json_member_text(&json, "content_hash",
                          page->content_hash[0] == '\0' ? NULL : page->content_hash);
    weir_json_member_bytes(&json, "text", page->text);
    write_metadata(&json, page);
    write_links(&json, "links", &page->links, "text");
    write_links(&json, "images", &page->images, "alt");
    write_links(&json, "alternates", &page->alternates, "language");
    weir_json_end_object(&json);
    weir_buf_append_byte(out, '\n');
}

static weir_status extract_file(weir_extractor *extractor, const request *page, weir_error *err)
{
    WEIR_AUTO(weir_buf) body = {0};
    WEIR_AUTO(weir_buf) line = {0};
    WEIR_AUTO_FREE char *path = weir_bytes_to_text(page->file);
    WEIR_TRY(weir_file_read(path, FILE_BYTES_MAX, &body, err));
    const weir_extract_input input = {
        .url = page->url,
        .body = weir_buf_bytes(&body),
        .content_type = page->content_type,
        .robots_tag = page->robots_tag,
        .budget = {weir_clock_thread_cpu_ns,
                   weir_clock_thread_cpu_ns() + (uint64_t)WEIR_EXTRACT_CPU_MS_MAX * WEIR_NS_PER_MS},
    };
    write_page(page->url, weir_extract_page_of(extractor, &input), &line);
    (void)fwrite(line.data, 1, line.size, stdout);
    return WEIR_OK;
}

static weir_status extract_line(const weir_json_value *line, void *context, weir_error *err)
{
    const request page = {
        .url = weir_json_value_text(weir_json_get(line, "url")),
        .file = weir_json_value_text(weir_json_get(line, "file")),
        .content_type = weir_json_value_text(weir_json_get(line, "content_type")),
        .robots_tag = weir_json_value_text(weir_json_get(line, "robots_tag")),
    };
    if (page.url.data == NULL || page.file.data == NULL) {
        return weir_error_set(err, WEIR_BAD_RECORD, "a line needs \"url\" and \"file\"");
    }
    return extract_file(context, &page, err);
}

int weir_cmd_extract(int argc, char **argv)
{
    WEIR_AUTO_PTR(weir_extractor) extractor = weir_extractor_new();
    if (argc == 1) {
        return weir_cmd_lines_each(argv[0], extract_line, extractor);
    }
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        fputs(help_text, stdout);
        return WEIR_EXIT_OK;
    }
    if (argc != 4 || strcmp(argv[1], "--url") != 0) {
        return weir_cmd_refuse(argv[0], "what is wanted is --url URL FILE, or nothing");
    }
    weir_error err = {0};
    const request page = {.url = weir_bytes_of_text(argv[2]), .file = weir_bytes_of_text(argv[3])};
    if (extract_file(extractor, &page, &err) != WEIR_OK) {
        fprintf(stderr, "weir extract: %s\n", err.message);
        return WEIR_EXIT_FAILURE;
    }
    return WEIR_EXIT_OK;
}
