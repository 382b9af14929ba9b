/* SPDX-License-Identifier: Apache-2.0
 *
 * kafka_oauth.c - tokens for clusters that want them (OAUTHBEARER).
 *
 * librdkafka asks for a token when it connects, and again before the old one ends, on a thread of
 * its own. We get it from the token endpoint ourselves, by the client credentials grant: librdkafka
 * can do so only where it was built with libcurl, which Debian's was not. A principal alone stands
 * for a token that nobody has signed; only test clusters accept it. (librdkafka 2.0.2 can make one
 * too, and dies of a null pointer when it is to be renewed.)
 */
#include "connectors/kafka_internal.h"

#include "connectors/http_curl.h"
#include "streams/base/base64.h"
#include "streams/base/clock.h"
#include "streams/base/json.h"
#include "streams/base/json_read.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    REQUEST_TIMEOUT_MS = 10000,
    ANSWER_BYTES_MAX = 64 << 10,
    LIFETIME_SECONDS_DEFAULT = 300, /* Where the endpoint does not say. */
    UNSIGNED_LIFETIME_SECONDS = 3600,
};

/* What the endpoint has answered. */
typedef struct token_answer {
    bool done;
    weir_status status;
    weir_error err;
    char *token;
    int64_t lifetime_s;
} token_answer;

static weir_status take_token(token_answer *answer, weir_bytes body, weir_error *err)
{
    WEIR_AUTO_PTR(weir_json_value) root = NULL;
    weir_bytes token = WEIR_BYTES_NULL;
    WEIR_TRY(weir_json_parse(body, ANSWER_BYTES_MAX, &root, err));
    WEIR_TRY(weir_json_get_text(root, "access_token", &token, err));
    answer->lifetime_s = LIFETIME_SECONDS_DEFAULT;
    if (weir_json_get(root, "expires_in") != NULL) {
        WEIR_TRY(weir_json_get_i64(root, "expires_in", &answer->lifetime_s, err));
    }
    answer->token = weir_bytes_to_text(token);
    return WEIR_OK;
}

static void take_answer(void *user, const weir_http_result *result)
{
    token_answer *answer = user;
    answer->done = true;
    if (result->outcome != WEIR_HTTP_FETCHED) {
        answer->status =
            weir_error_set(&answer->err, WEIR_IO, "status %d, %s", result->status, result->reason);
        return;
    }
    answer->status = take_token(answer, result->body, &answer->err);
}

/* Appends value as it may stand in a form or in a user name of HTTP. */
static void append_encoded(weir_buf *to, const char *value)
{
    for (const char *at = value; *at != '\0'; at++) {
        unsigned char letter = (unsigned char)*at;
        bool is_plain = (letter >= '0' && letter <= '9') || (letter >= 'a' && letter <= 'z') ||
                        (letter >= 'A' && letter <= 'Z') || strchr("-._~", letter) != NULL;
        weir_buf_append_format(to, is_plain ? "%c" : "%%%02X", letter);
    }
}

static weir_status ask(weir_http *http, const weir_kafka_oauth *oauth, token_answer *answer,
                       weir_error *err)
{
    WEIR_AUTO(weir_buf) form = {0};
    WEIR_AUTO(weir_buf) user = {0};
    WEIR_AUTO(weir_buf) basic = {0};
    weir_buf_append_text(&form, "grant_type=client_credentials");
    if (oauth->scope != NULL) {
        weir_buf_append_text(&form, "&scope=");
        append_encoded(&form, oauth->scope);
    }
    append_encoded(&user, oauth->client_id);
    weir_buf_append_text(&user, ":");
    append_encoded(&user, oauth->client_secret);
    weir_buf_append_text(&basic, "Basic ");
    weir_base64_append(&basic, weir_buf_bytes(&user));
    const weir_http_header headers[] = {
        {WEIR_BYTES("Authorization"), weir_buf_bytes(&basic)},
        {WEIR_BYTES("Accept"), WEIR_BYTES("application/json")},
    };
    const weir_http_request request = {
        .url = oauth->token_url,
        .headers = headers,
        .header_count = WEIR_COUNT_OF(headers),
        .form = weir_buf_bytes(&form),
        .timeout_ms = REQUEST_TIMEOUT_MS,
        .body_bytes_max = ANSWER_BYTES_MAX,
        .done = take_answer,
        .user = answer,
    };
    WEIR_TRY(weir_http_start(http, &request, NULL, err));
    while (!answer->done) {
        WEIR_TRY(weir_http_poll(http, REQUEST_TIMEOUT_MS, err));
    }
    return WEIR_OK;
}

/* Appends a part of a token: base 64 of the alphabet for URLs, without padding. */
static void append_part(weir_buf *to, weir_buf *json)
{
    size_t start = to->size;
    weir_base64_append(to, weir_buf_bytes(json));
    while (to->data[to->size - 1] == '=') {
        to->size--;
    }
    for (size_t i = start; i < to->size; i++) {
        to->data[i] = to->data[i] == '+' ? '-' : to->data[i] == '/' ? '_' : to->data[i];
    }
    weir_buf_append_text(to, ".");
}

/* A token of principal, valid for an hour, that nobody has signed. */
static void make_unsigned(const char *principal, token_answer *answer)
{
    WEIR_AUTO(weir_buf) token = {0};
    WEIR_AUTO(weir_buf) text = {0};
    int64_t now_s = weir_clock_now_ms() / 1000;
    weir_buf_append_text(&text, "{\"alg\":\"none\"}");
    append_part(&token, &text);
    weir_buf_clear(&text);
    weir_json json = weir_json_of(&text);
    answer->lifetime_s = UNSIGNED_LIFETIME_SECONDS;
    weir_json_begin_object(&json);
    weir_json_member_text(&json, "sub", principal);
    weir_json_member_i64(&json, "iat", now_s);
    weir_json_member_i64(&json, "exp", now_s + answer->lifetime_s);
    weir_json_end_object(&json);
    append_part(&token, &text);
    answer->token = weir_strdup(weir_buf_text(&token));
}

static weir_status fetch(const weir_kafka_oauth *oauth, token_answer *answer, weir_error *err)
{
    WEIR_AUTO_PTR(weir_http) http = NULL;
    const weir_http_curl_options options = {.private_allowed = true}; /* The user has named it. */
    WEIR_TRY(weir_http_curl_new(&options, &http, err));
    WEIR_TRY(ask(http, oauth, answer, err));
    if (answer->status != WEIR_OK) {
        return weir_error_set(err, answer->status, "%s", answer->err.message);
    }
    return WEIR_OK;
}

static weir_status set_token(rd_kafka_t *handle, const weir_kafka_oauth *oauth,
                             const token_answer *answer, weir_error *err)
{
    char words[WEIR_ERROR_MESSAGE_BYTES_MAX];
    int64_t end_ms = weir_clock_now_ms() + answer->lifetime_s * 1000;
    rd_kafka_resp_err_t code = rd_kafka_oauthbearer_set_token(
        handle, answer->token, end_ms,
        oauth->principal == NULL ? oauth->client_id : oauth->principal, NULL, 0, words,
        sizeof words);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? WEIR_OK
                                              : weir_error_set(err, WEIR_INVALID, "%s", words);
}

/* librdkafka wants a token. */
static void refresh(rd_kafka_t *handle, const char *config, void *opaque)
{
    (void)config;
    const weir_kafka_oauth *oauth = &((const weir_kafka *)opaque)->oauth;
    weir_error err = {0};
    token_answer answer = {0};
    weir_status status = WEIR_OK;
    if (oauth->principal != NULL) {
        make_unsigned(oauth->principal, &answer);
    } else {
        status = fetch(oauth, &answer, &err);
    }
    if (status == WEIR_OK) {
        status = set_token(handle, oauth, &answer, &err);
    }
    if (status != WEIR_OK) {
        WEIR_AUTO_FREE char *words =
            weir_format("no token from %s: %s",
                        oauth->token_url == NULL ? "weir" : oauth->token_url, err.message);
        rd_kafka_oauthbearer_set_token_failure(handle, words);
    }
    free(answer.token);
}

static bool is_wanted(const weir_kafka *kafka)
{
    return kafka->oauth.principal != NULL || kafka->oauth.token_url != NULL;
}

void weir_kafka_oauth_configure(const weir_kafka *kafka, rd_kafka_conf_t *conf)
{
    if (is_wanted(kafka)) {
        rd_kafka_conf_enable_sasl_queue(conf, 1);
        rd_kafka_conf_set_opaque(conf, (void *)kafka);
        rd_kafka_conf_set_oauthbearer_token_refresh_cb(conf, refresh);
    }
}

weir_status weir_kafka_oauth_start(const weir_kafka *kafka, rd_kafka_t *handle, weir_error *err)
{
    if (!is_wanted(kafka)) {
        return WEIR_OK;
    }
    rd_kafka_error_t *failure = rd_kafka_sasl_background_callbacks_enable(handle);
    return failure == NULL ? WEIR_OK : weir_kafka_fail_with(err, failure, "OAUTHBEARER");
}
