/* SPDX-License-Identifier: Apache-2.0
 *
 * CPU time a page takes in each phase of extract, quality and dedup's signature, over real pages.
 *
 * usage: bench_extract DIRECTORY [--rounds N] [--bytes-min N] [--json FILE]
 *
 * Reads the .html files of at least 50 KB (or --bytes-min) below DIRECTORY, runs each phase by
 * itself over all of them, and prints milliseconds a page. The aim: the parse is the largest cost,
 * and everything else together costs less.
 */
#include "streams/base/arena.h"
#include "streams/base/clock.h"
#include "streams/base/file.h"
#include "streams/base/json.h"
#include "topologies/charset.h"
#include "topologies/extract_internal.h"
#include "topologies/minhash.h"
#include "topologies/quality_rules.h"
#include "topologies/text_words.h"

#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILES_MAX = 4096, DESCRIPTORS_MAX = 16 };

typedef enum phase {
    PHASE_CHARSET,
    PHASE_SCAN,
    PHASE_PARSE,
    PHASE_METADATA,
    PHASE_LINKS,
    PHASE_MAIN_TEXT,
    PHASE_NORMAL_FORM,
    PHASE_WORDS,
    PHASE_LANGUAGE,
    PHASE_QUALITY,
    PHASE_MINHASH,
    PHASE_COUNT,
} phase;

static const char *const phase_names[PHASE_COUNT] = {
    "charset",     "pre-scan",   "parse",    "metadata", "links",   "main text",
    "normal form", "word count", "language", "quality",  "minhash",
};

static char *paths[FILES_MAX];
static size_t path_count;
static long long file_bytes_min = 50 << 10;

static int note_file(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
    (void)ftw;
    size_t length = strlen(path);
    if (type == FTW_F && status->st_size >= file_bytes_min && path_count < FILES_MAX &&
        length > 5 && strcmp(path + length - 5, ".html") == 0) {
        paths[path_count++] = weir_strdup(path);
    }
    return 0;
}

typedef struct bench {
    uint64_t spent_ns[PHASE_COUNT];
    uint64_t last_ns;
    uint64_t pages;
    uint64_t bytes;
    uint64_t text_bytes;
    weir_html_parser *parser;
    weir_arena *arena;
    weir_buf utf8;
    weir_buf draft;
    weir_buf text;
} bench;

static void end_phase(bench *b, phase ended)
{
    uint64_t now_ns = weir_clock_thread_cpu_ns();
    b->spent_ns[ended] += now_ns - b->last_ns;
    b->last_ns = weir_clock_thread_cpu_ns();
}

static void run_text_phases(bench *b)
{
    weir_text_normalise(weir_buf_bytes(&b->draft), &b->text);
    weir_bytes text = weir_buf_bytes(&b->text);
    char hash[WEIR_CONTENT_HASH_BYTES];
    weir_content_hash(text, hash);
    end_phase(b, PHASE_NORMAL_FORM);
    (void)weir_word_count(text);
    end_phase(b, PHASE_WORDS);
    weir_language language = weir_language_of_text(text);
    end_phase(b, PHASE_LANGUAGE);
    const weir_quality_input input = {text, language.code, language.confidence};
    (void)weir_quality_of(&input, weir_rule_set_of(WEIR_BYTES("default")));
    end_phase(b, PHASE_QUALITY);
    weir_minhash minhash = weir_minhash_of_text(text);
    uint64_t bands[WEIR_MINHASH_BANDS];
    (void)weir_minhash_bands(&minhash, bands);
    end_phase(b, PHASE_MINHASH);
    b->text_bytes += text.size;
}

static void run_page(bench *b, weir_bytes body)
{
    weir_extract_page page = {0};
    weir_metadata_extra extra;
    weir_html_tree tree;
    weir_arena_reset(b->arena);
    b->last_ns = weir_clock_thread_cpu_ns();
    weir_charset charset = weir_charset_find(body, WEIR_BYTES("text/html"));
    (void)weir_charset_decode(charset.name, body, WEIR_HTML_BYTES_MAX, &b->utf8);
    end_phase(b, PHASE_CHARSET);
    weir_bytes html = weir_buf_bytes(&b->utf8);
    weir_html_outcome outcome = weir_html_scan(html);
    end_phase(b, PHASE_SCAN);
    if (outcome != WEIR_HTML_PARSED ||
        weir_html_parse(b->parser, html, (weir_cpu_budget){0}, &tree) != WEIR_HTML_PARSED) {
        return;
    }
    end_phase(b, PHASE_PARSE);
    weir_page_metadata(&tree, b->arena, &page, &extra);
    end_phase(b, PHASE_METADATA);
    weir_page_links(&tree, b->arena, WEIR_BYTES("http://docs.example/library/page.html"), &extra,
                    &page);
    end_phase(b, PHASE_LINKS);
    (void)weir_main_text(&tree, extra.article_body, &b->draft);
    end_phase(b, PHASE_MAIN_TEXT);
    run_text_phases(b);
    b->pages++;
    b->bytes += body.size;
}

static void print_table(const bench *b)
{
    uint64_t all_ns = 0;
    double pages = (double)b->pages;
    for (int i = 0; i < PHASE_COUNT; i++) {
        all_ns += b->spent_ns[i];
    }
    printf("%" PRIu64 " pages, %.1f KB each, %.1f KB of text\n\n", b->pages,
           (double)b->bytes / pages / 1e3, (double)b->text_bytes / pages / 1e3);
    printf("%-14s %10s %8s\n", "phase", "ms a page", "part");
    for (int i = 0; i < PHASE_COUNT; i++) {
        printf("%-14s %10.3f %7.1f%%\n", phase_names[i], (double)b->spent_ns[i] / pages / 1e6,
               100.0 * (double)b->spent_ns[i] / (double)all_ns);
    }
    printf("%-14s %10.3f  %.0f pages/s a core, parse %.1f MB/s\n", "all",
           (double)all_ns / pages / 1e6, pages * 1e9 / (double)all_ns,
           (double)b->bytes * 1e3 / (double)b->spent_ns[PHASE_PARSE]);
}

static void write_json(const bench *b, const char *path)
{
    WEIR_AUTO(weir_buf) text = {0};
    weir_error err = {0};
    double pages = (double)b->pages;
    weir_json json = weir_json_of(&text);
    weir_json_begin_object(&json);
    weir_json_member_i64(&json, "pages", (int64_t)b->pages);
    weir_json_member_f64(&json, "bytes_per_page", (double)b->bytes / pages);
    weir_json_member_f64(&json, "text_bytes_per_page", (double)b->text_bytes / pages);
    weir_json_member_f64(&json, "parse_megabytes_per_cpu_second",
                         (double)b->bytes * 1e3 / (double)b->spent_ns[PHASE_PARSE]);
    weir_json_key(&json, "cpu_ms_per_page");
    weir_json_begin_object(&json);
    for (int i = 0; i < PHASE_COUNT; i++) {
        weir_json_member_f64(&json, phase_names[i], (double)b->spent_ns[i] / pages / 1e6);
    }
    weir_json_end_object(&json);
    weir_json_end_object(&json);
    weir_buf_append_byte(&text, '\n');
    if (weir_file_replace(path, weir_buf_bytes(&text), false, &err) != WEIR_OK) {
        fprintf(stderr, "bench_extract: %s\n", err.message);
        exit(1);
    }
}

static void run_files(bench *b, long rounds)
{
    for (size_t i = 0; i < path_count; i++) {
        weir_buf body = {0};
        if (weir_file_read(paths[i], WEIR_HTML_BYTES_MAX, &body, NULL) == WEIR_OK) {
            for (long round = 0; round < rounds; round++) {
                run_page(b, weir_buf_bytes(&body));
            }
        }
        weir_buf_cleanup(&body);
        free(paths[i]);
    }
}

int main(int argc, char **argv)
{
    long rounds = 1;
    const char *json_path = NULL;
    for (int i = 2; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--rounds") == 0) {
            rounds = strtol(argv[i + 1], NULL, 10);
        } else if (strcmp(argv[i], "--bytes-min") == 0) {
            file_bytes_min = strtoll(argv[i + 1], NULL, 10);
        } else if (strcmp(argv[i], "--json") == 0) {
            json_path = argv[i + 1];
        }
    }
    if (argc < 2 || argc % 2 != 0 || nftw(argv[1], note_file, DESCRIPTORS_MAX, 0) != 0 ||
        path_count == 0) {
        fprintf(stderr, "usage: %s DIRECTORY: one with .html files of 50 KB or --bytes-min\n",
                argv[0]);
        return 2;
    }
    bench b = {.parser = weir_html_parser_new(),
               .arena = weir_arena_new(WEIR_EXTRACT_ARENA_BYTES_MAX)};
    run_files(&b, rounds);
    print_table(&b);
    if (json_path != NULL) {
        write_json(&b, json_path);
    }
    weir_html_parser_free(b.parser);
    weir_arena_free(b.arena);
    weir_buf_cleanup(&b.utf8);
    weir_buf_cleanup(&b.draft);
    weir_buf_cleanup(&b.text);
    return 0;
}
