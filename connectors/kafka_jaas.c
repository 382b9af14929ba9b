/* SPDX-License-Identifier: Apache-2.0
 *
 * kafka_jaas.c - module, control flag, options as name="value", and a semicolon.
 */
#include "connectors/kafka_jaas.h"

#include "streams/base/bytes.h"

#include <stdlib.h>
#include <string.h>

static const char spaces[] = " \t\r\n";

typedef struct option {
    const char *name;
    size_t offset; /* In weir_jaas. */
} option;

static const option options[] = {
    {"username", offsetof(weir_jaas, username)},
    {"password", offsetof(weir_jaas, password)},
    {"clientId", offsetof(weir_jaas, username)},
    {"clientSecret", offsetof(weir_jaas, password)},
    {"scope", offsetof(weir_jaas, scope)},
    {"unsecuredLoginStringClaim_sub", offsetof(weir_jaas, principal)},
};

/* The next word, and *at behind it and the space after it; empty at the end. */
static weir_bytes next_word(const char **at, const char *ends)
{
    *at += strspn(*at, spaces);
    size_t length = strcspn(*at, ends);
    weir_bytes word = weir_bytes_of(*at, length);
    *at += length;
    return word;
}

static bool is_known_module(weir_bytes word)
{
    static const char *const modules[] = {
        "org.apache.kafka.common.security.plain.PlainLoginModule",
        "org.apache.kafka.common.security.scram.ScramLoginModule",
        "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule",
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(modules); i++) {
        if (weir_bytes_equal(word, weir_bytes_of_text(modules[i]))) {
            return true;
        }
    }
    return false;
}

/* A value in quotes, in which a backslash keeps what follows it, or without, up to a space. */
static weir_status take_value(const char **at, weir_buf *out_value, weir_error *err)
{
    weir_buf_clear(out_value);
    char quote = **at;
    if (quote != '"' && quote != '\'') {
        weir_bytes word = next_word(at, " \t\r\n;");
        weir_buf_append(out_value, word.data, word.size);
        return WEIR_OK;
    }
    for ((*at)++; **at != quote; (*at)++) {
        if (**at == '\\') {
            (*at)++;
        }
        if (**at == '\0') {
            return weir_error_set(err, WEIR_INVALID, "a quoted value does not end");
        }
        weir_buf_append_byte(out_value, (uint8_t) * *at);
    }
    (*at)++;
    return WEIR_OK;
}

static weir_status take_option(const char **at, weir_jaas *out_jaas, weir_error *err)
{
    WEIR_AUTO(weir_buf) value = {0};
    weir_bytes name = next_word(at, "= \t\r\n;");
    if (**at != '=') {
        return weir_error_set(err, WEIR_INVALID, "after the module come options, name=\"value\"");
    }
    (*at)++;
    WEIR_TRY(take_value(at, &value, err));
    for (size_t i = 0; i < WEIR_COUNT_OF(options); i++) {
        if (weir_bytes_equal(name, weir_bytes_of_text(options[i].name))) {
            char **member = (char **)((char *)out_jaas + options[i].offset);
            free(*member);
            *member = weir_strdup(weir_buf_text(&value));
            return WEIR_OK;
        }
    }
    return weir_error_set(err, WEIR_INVALID, "option %.*s is not one that weir understands",
                          (int)name.size, (const char *)name.data);
}

weir_status weir_jaas_parse(const char *line, weir_jaas *out_jaas, weir_error *err)
{
    const char *at = line;
    if (!is_known_module(next_word(&at, spaces))) {
        return weir_error_set(err, WEIR_INVALID,
                              "the module is PlainLoginModule, ScramLoginModule or "
                              "OAuthBearerLoginModule of org.apache.kafka.common.security");
    }
    if (!weir_bytes_equal(next_word(&at, " \t\r\n;"), WEIR_BYTES("required"))) {
        return weir_error_set(err, WEIR_INVALID, "after the module comes the word \"required\"");
    }
    for (;;) {
        at += strspn(at, spaces);
        if (*at == ';') {
            at++;
            at += strspn(at, spaces);
            return *at == '\0' ? WEIR_OK
                               : weir_error_set(err, WEIR_INVALID, "nothing follows the semicolon");
        }
        if (*at == '\0') {
            return weir_error_set(err, WEIR_INVALID, "the line ends with a semicolon");
        }
        WEIR_TRY(take_option(&at, out_jaas, err));
    }
}

void weir_jaas_cleanup(weir_jaas *jaas)
{
    free(jaas->username);
    free(jaas->password);
    free(jaas->scope);
    free(jaas->principal);
    *jaas = (weir_jaas){0};
}
