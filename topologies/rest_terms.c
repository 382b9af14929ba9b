/* SPDX-License-Identifier: Apache-2.0
 *
 * rest_terms.c - the arguments of a request that say on what terms rows are read, and the member
 * "answer" that says how they were.
 */
#include "topologies/rest_api_internal.h"

enum { WAIT_MS_MAX = 30000 };

const char *const weir_rest_terms_names[] = {"standby", "max_lag_records", "max_lag_ms", "position",
                                             "wait_ms", "isolation",       NULL};

void weir_rest_terms_cleanup(weir_rest_terms *terms)
{
    weir_position_cleanup(&terms->at_least);
    weir_query_answer_cleanup(&terms->answer);
}

/* One of two words; *out_second is left as it is where the argument is absent. */
static weir_status read_word(const weir_rest_request *request, const char *name,
                             const char *const words[2], bool *out_second, weir_error *err)
{
    weir_bytes text = weir_rest_query(request, name);
    if (text.data == NULL) {
        return WEIR_OK;
    }
    *out_second = weir_bytes_equal(text, weir_bytes_of_text(words[1]));
    if (!*out_second && !weir_bytes_equal(text, weir_bytes_of_text(words[0]))) {
        return weir_error_set(err, WEIR_BAD_RECORD, "%s is %s or %s", name, words[0], words[1]);
    }
    return WEIR_OK;
}

/* A bound of 0 is one, too. */
static weir_status read_bound(const weir_rest_request *request, const char *name,
                              int64_t *out_bound, bool *out_given, weir_error *err)
{
    int64_t bound = -1;
    WEIR_TRY(weir_rest_query_i64(request, name, 0, INT64_MAX, &bound, err));
    if (bound >= 0) {
        *out_given = true;
        *out_bound = bound == 0 ? WEIR_QUERY_LAG_NONE : bound;
    }
    return WEIR_OK;
}

weir_status weir_rest_terms_read(const weir_rest_request *request, weir_rest_terms *out_terms,
                                 weir_error *err)
{
    static const char *const yes_no[] = {"false", "true"};
    static const char *const isolations[] = {"committed", "uncommitted"};
    weir_query_terms *query = &out_terms->query;
    for (size_t i = 0; weir_rest_terms_names[i] != NULL; i++) {
        bool is_given = weir_rest_query(request, weir_rest_terms_names[i]).data != NULL;
        out_terms->is_given = out_terms->is_given || is_given;
    }
    WEIR_TRY(read_bound(request, "max_lag_records", &query->lag_records_max, &query->allows_standby,
                        err));
    WEIR_TRY(read_bound(request, "max_lag_ms", &query->lag_ms_max, &query->allows_standby, err));
    WEIR_TRY(read_word(request, "standby", yes_no, &query->allows_standby, err));
    WEIR_TRY(read_word(request, "isolation", isolations, &query->uncommitted, err));
    WEIR_TRY(weir_rest_query_i64(request, "wait_ms", 0, WAIT_MS_MAX, &query->wait_ms_max, err));
    weir_bytes position = weir_rest_query(request, "position");
    if (position.data != NULL) {
        WEIR_TRY(weir_position_parse(&out_terms->at_least, position, err));
        query->at_least = &out_terms->at_least;
    }
    return WEIR_OK;
}

void weir_rest_terms_write(const weir_rest_terms *terms, weir_json *json)
{
    if (!terms->is_given) {
        return;
    }
    const weir_query_answer *answer = &terms->answer;
    WEIR_AUTO(weir_buf) position = {0};
    weir_position_append_json(&answer->position, &position);
    weir_json_key(json, "answer");
    weir_json_begin_object(json);
    weir_json_member_text(json, "role", weir_query_role_name(answer->role));
    weir_json_member_i64(json, "lag_records", answer->lag_records);
    weir_json_member_i64(json, "lag_ms", answer->lag_ms);
    weir_json_key(json, "position");
    weir_json_raw(json, weir_buf_bytes(&position));
    weir_json_end_object(json);
}
