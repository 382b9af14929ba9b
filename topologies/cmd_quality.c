/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_quality.c - weir quality: which texts the rules accept, and why not.
 */
#include "topologies/cmd.h"

#include "streams/base/json.h"
#include "topologies/cmd_lines.h"
#include "topologies/language.h"
#include "topologies/quality_rules.h"

#include <stdio.h>
#include <string.h>

static const char help_text[] =
    "usage: weir quality [--rules SET] < LINES\n"
    "       weir quality --list\n"
    "\n"
    "Each line of the input is JSON with \"text\", and \"language\" and \"language_confidence\" if "
    "they\n"
    "are known, as weir extract prints it; \"url\" or \"id\" is repeated. Each line of the output "
    "is\n"
    "JSON with accepted, score and reasons. SET is default, gopher, fineweb or c4.\n";

static void write_quality(const weir_json_value *root, const char *language,
                          const weir_quality *quality, weir_buf *out)
{
    static const char *const repeated[] = {"url", "id"};
    weir_json json = weir_json_of(out);
    weir_json_begin_object(&json);
    for (size_t i = 0; i < WEIR_COUNT_OF(repeated); i++) {
        weir_bytes value = weir_json_value_text(weir_json_get(root, repeated[i]));
        if (value.data != NULL) {
            weir_json_member_bytes(&json, repeated[i], value);
        }
    }
    weir_json_member_text(&json, "language", language);
    weir_json_member_bool(&json, "accepted", quality->accepted);
    weir_json_member_f64(&json, "score", quality->score);
    weir_json_key(&json, "reasons");
    weir_json_begin_array(&json);
    for (size_t i = 0; i < quality->reason_count; i++) {
        weir_json_text(&json, quality->reasons[i]);
    }
    weir_json_end_array(&json);
    weir_json_end_object(&json);
    weir_buf_append_byte(out, '\n');
}

static weir_status judge_line(const weir_json_value *root, void *context, weir_error *err)
{
    (void)err; /* A line without text is a text of nothing. */
    const weir_rule_set *set = *(const weir_rule_set **)context;
    WEIR_AUTO_FREE char *given = NULL;
    weir_bytes text = weir_json_value_text(weir_json_get(root, "text"));
    weir_bytes language = weir_json_value_text(weir_json_get(root, "language"));
    weir_language found = {.code = "und"};
    if (language.data == NULL ||
        weir_json_get_f64(root, "language_confidence", &found.confidence, NULL) != WEIR_OK) {
        found = weir_language_of_text(text);
    }
    if (language.data != NULL) {
        given = weir_bytes_to_text(language);
    }
    const weir_quality_input input = {
        .text = text,
        .language = given == NULL ? found.code : given,
        .language_confidence = found.confidence,
    };
    weir_quality quality = weir_quality_of(&input, set);
    WEIR_AUTO(weir_buf) out = {0};
    write_quality(root, input.language, &quality, &out);
    (void)fwrite(out.data, 1, out.size, stdout);
    return WEIR_OK;
}

static int list_rules(void)
{
    const char *name = NULL;
    double limit = 0;
    for (size_t i = 0; weir_quality_rule_at(i, &name, &limit); i++) {
        printf("%-30s %g\n", name, limit);
    }
    return WEIR_EXIT_OK;
}

int weir_cmd_quality(int argc, char **argv)
{
    const char *set_name = "default";
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        fputs(help_text, stdout);
        return WEIR_EXIT_OK;
    }
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        return list_rules();
    }
    if (argc == 3 && strcmp(argv[1], "--rules") == 0) {
        set_name = argv[2];
    } else if (argc != 1) {
        return weir_cmd_refuse(argv[0], "what is wanted is --rules SET, --list, or nothing");
    }
    const weir_rule_set *set = weir_rule_set_of(weir_bytes_of_text(set_name));
    if (set == NULL) {
        return weir_cmd_refuse(argv[0], "no rule set is called \"%s\"", set_name);
    }
    return weir_cmd_lines_each(argv[0], judge_line, &set);
}
