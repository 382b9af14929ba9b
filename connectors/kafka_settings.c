/* SPDX-License-Identifier: Apache-2.0
 *
 * kafka_settings.c - the table of what can be said about a cluster, and what must not be said at
 * once.
 *
 * Kafka's Java clients keep certificates in key stores and credentials in a line of JAAS; the
 * client library under weir has settings of its own for both. Here the first become the second, so
 * that a properties file that works for Java works for weir, or is refused with what to do about
 * it. A setting that would be without effect is refused too: nobody writes a password for nothing.
 */
#include "connectors/kafka_settings.h"

#include "connectors/kafka_jaas.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The settings, as indexes of the table. */
typedef enum setting {
    SERVERS,
    PROTOCOL,
    MECHANISM,
    USERNAME,
    PASSWORD,
    JAAS,
    TOKEN_URL,
    CLIENT_ID,
    CLIENT_SECRET,
    SCOPE,
    CA,
    CA_PEM,
    CERTIFICATE,
    CERTIFICATE_PEM,
    KEY,
    KEY_PEM,
    KEY_PASSWORD,
    KEYSTORE,
    KEYSTORE_TYPE,
    KEYSTORE_PASSWORD,
    TRUSTSTORE,
    TRUSTSTORE_TYPE,
    IDENTIFICATION,
    SETTING_COUNT,
} setting;

typedef struct row {
    const char *name;
    const char *variable;    /* NULL: by property only. */
    const char *client_name; /* Where the value goes as it is; NULL: it needs a look. */
    const char *doc;
} row;

static const row rows[SETTING_COUNT] = {
    [SERVERS] = {"bootstrap.servers", "KAFKA_BOOTSTRAP_SERVERS", NULL,
                 "host:port,… of some brokers; not set: the embedded broker"},
    [PROTOCOL] = {"security.protocol", "KAFKA_SECURITY_PROTOCOL", NULL,
                  "PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL [PLAINTEXT]"},
    [MECHANISM] = {"sasl.mechanism", "KAFKA_SASL_MECHANISM", NULL,
                   "PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER"},
    [USERNAME] = {"sasl.username", "KAFKA_USERNAME", NULL,
                  "user; with OAUTHBEARER the client's id"},
    [PASSWORD] = {"sasl.password", "KAFKA_PASSWORD", NULL,
                  "password; with OAUTHBEARER the client's secret"},
    [JAAS] = {"sasl.jaas.config", NULL, NULL, "the same three as a line for Java"},
    [TOKEN_URL] = {"sasl.oauthbearer.token.endpoint.url",
                   "KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL", NULL,
                   "where an OAUTHBEARER client gets its tokens"},
    [CLIENT_ID] = {"sasl.oauthbearer.client.credentials.client.id", NULL, NULL,
                   "the client's id, instead of sasl.username"},
    [CLIENT_SECRET] = {"sasl.oauthbearer.client.credentials.client.secret", NULL, NULL,
                       "the client's secret, instead of sasl.password"},
    [SCOPE] = {"sasl.oauthbearer.scope", "KAFKA_SASL_OAUTHBEARER_SCOPE", NULL,
               "scope that is asked for"},
    [CA] = {"ssl.ca.location", "KAFKA_SSL_CA_LOCATION", "ssl.ca.location",
            "PEM file of the authorities that brokers are trusted by [the system's]"},
    [CA_PEM] = {"ssl.truststore.certificates", NULL, "ssl.ca.pem", "the same as text"},
    [CERTIFICATE] = {"ssl.certificate.location", "KAFKA_SSL_CERTIFICATE_LOCATION",
                     "ssl.certificate.location", "PEM file of our certificate"},
    [CERTIFICATE_PEM] = {"ssl.keystore.certificate.chain", NULL, "ssl.certificate.pem",
                         "the same as text"},
    [KEY] = {"ssl.key.location", "KAFKA_SSL_KEY_LOCATION", "ssl.key.location",
             "PEM file of our key"},
    [KEY_PEM] = {"ssl.keystore.key", NULL, "ssl.key.pem", "the same as text"},
    [KEY_PASSWORD] = {"ssl.key.password", "KAFKA_SSL_KEY_PASSWORD", "ssl.key.password",
                      "password of the key"},
    [KEYSTORE] = {"ssl.keystore.location", NULL, NULL,
                  "certificate and key in one file, PKCS12 or PEM"},
    [KEYSTORE_TYPE] = {"ssl.keystore.type", NULL, NULL, "PKCS12 or PEM"},
    [KEYSTORE_PASSWORD] = {"ssl.keystore.password", NULL, "ssl.keystore.password",
                           "password of a PKCS12 file"},
    [TRUSTSTORE] = {"ssl.truststore.location", NULL, NULL, "as ssl.ca.location"},
    [TRUSTSTORE_TYPE] = {"ssl.truststore.type", NULL, NULL, "PEM"},
    [IDENTIFICATION] = {"ssl.endpoint.identification.algorithm", NULL, NULL,
                        "https: the broker's name must be that of its certificate; empty: not "
                        "[https]"},
};

static const char override_prefix[] = "librdkafka.";

/* What weir's guarantees rest on, and is therefore not the user's. */
static const char *const reserved[] = {
    "acks",
    "allow.auto.create.topics",
    "auto.offset.reset",
    "delivery.report.only.error",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.gapless.guarantee",
    "enable.idempotence",
    "enable.partition.eof",
    "group.id",
    "group.instance.id",
    "group.protocol",
    "isolation.level",
    "partition.assignment.strategy",
    "partitioner",
    "transactional.id",
};

/* What the user has said; NULL: nothing. */
typedef struct answers {
    const char *value[SETTING_COUNT];
    const char *origin[SETTING_COUNT];
    weir_jaas jaas; /* Owns the values that a line of JAAS gives. */
} answers;

static void answers_cleanup(answers *a)
{
    weir_jaas_cleanup(&a->jaas);
}

static const row *find_row(const char *name)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

bool weir_kafka_settings_knows(const char *name)
{
    return find_row(name) != NULL ||
           strncmp(name, override_prefix, sizeof override_prefix - 1) == 0;
}

void weir_kafka_settings_describe(weir_buf *out_text)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        weir_buf_append_format(out_text, "  %-36s %s\n", rows[i].name, rows[i].doc);
        if (rows[i].variable != NULL) {
            weir_buf_append_format(out_text, "    or %s\n", rows[i].variable);
        }
    }
    weir_buf_append_text(
        out_text, "  librdkafka.NAME                      any other setting of librdkafka\n");
}

weir_status weir_kafka_settings_read_environment(const char *(*environment)(const char *name),
                                                 weir_properties *properties, weir_error *err)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        const char *variable = rows[i].variable;
        const char *value = variable == NULL ? NULL : environment(variable);
        if (value == NULL || value[0] == '\0' ||
            weir_properties_get(properties, rows[i].name) != NULL) {
            continue;
        }
        WEIR_TRY(weir_properties_set(properties, rows[i].name, value, variable, err));
    }
    return WEIR_OK;
}

/* "origin: name" for messages. */
static char *place_of(const answers *a, setting of)
{
    if (a->origin[of] == NULL || strcmp(a->origin[of], rows[of].name) == 0) {
        return weir_strdup(rows[of].name);
    }
    return weir_format("%s: %s", a->origin[of], rows[of].name);
}

static weir_status refuse(const answers *a, setting of, const char *reason, weir_error *err)
{
    WEIR_AUTO_FREE char *place = place_of(a, of);
    return weir_error_set(err, WEIR_INVALID, "%s %s", place, reason);
}

static bool is_one_of(const char *value, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(value, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_set(const answers *a, setting of)
{
    return a->value[of] != NULL;
}

static bool uses_sasl(const answers *a)
{
    return is_set(a, PROTOCOL) && strncmp(a->value[PROTOCOL], "SASL_", 5) == 0;
}

static bool uses_tls(const answers *a)
{
    return is_set(a, PROTOCOL) && strstr(a->value[PROTOCOL], "SSL") != NULL;
}

static bool uses_oauth(const answers *a)
{
    return uses_sasl(a) && is_set(a, MECHANISM) && strcmp(a->value[MECHANISM], "OAUTHBEARER") == 0;
}

/* "host:port", several with commas between them. */
static bool is_server_list(const char *text)
{
    for (const char *at = text; *at != '\0';) {
        size_t length = strcspn(at, ",");
        const char *colon = memrchr(at, ':', length);
        size_t digits = colon == NULL ? 0 : strspn(colon + 1, "0123456789");
        if (colon == NULL || colon == at || digits == 0 || colon + 1 + digits != at + length) {
            return false;
        }
        at += length + (at[length] == ',' ? 1 : 0);
    }
    return text[0] != '\0';
}

static weir_status check_names(const answers *a, weir_error *err)
{
    static const char *const protocols[] = {"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"};
    static const char *const mechanisms[] = {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512",
                                             "OAUTHBEARER"};
    if (is_set(a, SERVERS) && !is_server_list(a->value[SERVERS])) {
        return refuse(a, SERVERS, "is a list of host:port with commas between them", err);
    }
    if (is_set(a, PROTOCOL) &&
        !is_one_of(a->value[PROTOCOL], protocols, WEIR_COUNT_OF(protocols))) {
        return refuse(a, PROTOCOL, "is PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL", err);
    }
    if (is_set(a, MECHANISM) &&
        !is_one_of(a->value[MECHANISM], mechanisms, WEIR_COUNT_OF(mechanisms))) {
        return refuse(a, MECHANISM, "is PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER", err);
    }
    return WEIR_OK;
}

/* What would be without effect under the protocol. */
static weir_status check_effect(const answers *a, weir_error *err)
{
    for (setting i = MECHANISM; i <= SCOPE; i++) {
        if (is_set(a, i) && !uses_sasl(a)) {
            return refuse(a, i,
                          "is without effect: set security.protocol to SASL_SSL (or SASL_PLAINTEXT "
                          "where the network is trusted), or remove it",
                          err);
        }
    }
    for (setting i = CA; i <= IDENTIFICATION; i++) {
        if (is_set(a, i) && !uses_tls(a)) {
            return refuse(a, i,
                          "is without effect: set security.protocol to SSL or SASL_SSL, or remove "
                          "it",
                          err);
        }
    }
    for (setting i = TOKEN_URL; i <= SCOPE; i++) {
        if (is_set(a, i) && !uses_oauth(a)) {
            return refuse(a, i, "is for sasl.mechanism OAUTHBEARER only", err);
        }
    }
    return WEIR_OK;
}

/* Two ways to say the same, or one of two that only go together. */
static weir_status check_pairs(const answers *a, weir_error *err)
{
    static const setting either[][2] = {
        {JAAS, USERNAME},
        {JAAS, PASSWORD},
        {USERNAME, CLIENT_ID},
        {PASSWORD, CLIENT_SECRET},
        {JAAS, CLIENT_ID},
        {CA, CA_PEM},
        {CA, TRUSTSTORE},
        {CA_PEM, TRUSTSTORE},
        {CERTIFICATE, CERTIFICATE_PEM},
        {CERTIFICATE, KEYSTORE},
        {KEY, KEY_PEM},
        {KEY, KEYSTORE},
        {CERTIFICATE_PEM, KEYSTORE},
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(either); i++) {
        if (is_set(a, either[i][0]) && is_set(a, either[i][1])) {
            WEIR_AUTO_FREE char *reason =
                weir_format("and %s say the same: remove one of them", rows[either[i][1]].name);
            return refuse(a, either[i][0], reason, err);
        }
    }
    bool has_certificate = is_set(a, CERTIFICATE) || is_set(a, CERTIFICATE_PEM);
    bool has_key = is_set(a, KEY) || is_set(a, KEY_PEM);
    if (has_certificate != has_key) {
        return weir_error_set(err, WEIR_INVALID,
                              "a client certificate needs its key, and a key its certificate: set "
                              "both ssl.certificate.location and ssl.key.location");
    }
    if (is_set(a, KEY_PASSWORD) && !has_key && !is_set(a, KEYSTORE)) {
        return refuse(a, KEY_PASSWORD, "is the password of no key: set ssl.key.location", err);
    }
    return WEIR_OK;
}

static weir_status check_files(const answers *a, weir_error *err)
{
    static const setting files[] = {CA, CERTIFICATE, KEY, KEYSTORE, TRUSTSTORE};
    for (size_t i = 0; i < WEIR_COUNT_OF(files); i++) {
        const char *path = a->value[files[i]];
        if (path != NULL && access(path, R_OK) != 0) {
            WEIR_AUTO_FREE char *reason =
                weir_format("names %s, which cannot be read: %s", path, strerror(errno));
            return refuse(a, files[i], reason, err);
        }
    }
    return WEIR_OK;
}

static void add(weir_kafka_settings *to, const char *name, const char *value, const char *origin)
{
    WEIR_ASSERT(to->client_count < WEIR_KAFKA_CLIENT_SETTINGS_MAX);
    to->client[to->client_count++] =
        (weir_kafka_client_setting){weir_strdup(name), weir_strdup(value), weir_strdup(origin)};
}

/* The user name and password, from whichever of the settings has them. */
static weir_status take_password(weir_kafka_settings *to, const answers *a, weir_error *err)
{
    const char *username = a->value[USERNAME];
    const char *password = a->value[PASSWORD];
    if (username == NULL || password == NULL) {
        return weir_error_set(err, WEIR_INVALID,
                              "sasl.mechanism %s needs a user and a password: set KAFKA_USERNAME "
                              "and KAFKA_PASSWORD",
                              a->value[MECHANISM]);
    }
    add(to, "sasl.username", username, rows[USERNAME].name);
    add(to, "sasl.password", password, rows[PASSWORD].name);
    return WEIR_OK;
}

static weir_status take_oauth(weir_kafka_settings *to, const answers *a, weir_error *err)
{
    const char *client_id = is_set(a, CLIENT_ID) ? a->value[CLIENT_ID] : a->value[USERNAME];
    const char *secret = is_set(a, CLIENT_SECRET) ? a->value[CLIENT_SECRET] : a->value[PASSWORD];
    if (a->jaas.principal != NULL && !is_set(a, TOKEN_URL)) {
        to->oauth.principal = weir_strdup(a->jaas.principal);
        return WEIR_OK;
    }
    if (!is_set(a, TOKEN_URL) || client_id == NULL || secret == NULL) {
        return weir_error_set(
            err, WEIR_INVALID,
            "sasl.mechanism OAUTHBEARER needs sasl.oauthbearer.token.endpoint.url, and the "
            "client's id and secret in KAFKA_USERNAME and KAFKA_PASSWORD");
    }
    to->oauth.token_url = weir_strdup(a->value[TOKEN_URL]);
    to->oauth.client_id = weir_strdup(client_id);
    to->oauth.client_secret = weir_strdup(secret);
    to->oauth.scope = weir_strdup(is_set(a, SCOPE) ? a->value[SCOPE] : a->jaas.scope);
    return WEIR_OK;
}

static weir_status take_sasl(weir_kafka_settings *to, const answers *a, weir_error *err)
{
    if (!uses_sasl(a)) {
        return WEIR_OK;
    }
    if (!is_set(a, MECHANISM)) {
        return weir_error_set(err, WEIR_INVALID,
                              "security.protocol %s needs KAFKA_SASL_MECHANISM: PLAIN, "
                              "SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER",
                              a->value[PROTOCOL]);
    }
    add(to, "sasl.mechanisms", a->value[MECHANISM], rows[MECHANISM].name);
    return uses_oauth(a) ? take_oauth(to, a, err) : take_password(to, a, err);
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text);
    size_t end_length = strlen(end);
    return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

/* What the file of a store is: its type, else what its name says, else Java's default. */
static const char *store_type(const char *type, const char *path)
{
    if (type != NULL) {
        return type;
    }
    if (ends_with(path, ".pem") || ends_with(path, ".crt")) {
        return "PEM";
    }
    return ends_with(path, ".p12") || ends_with(path, ".pfx") ? "PKCS12" : "JKS";
}

static weir_status take_keystore(weir_kafka_settings *to, const answers *a, weir_error *err)
{
    const char *path = a->value[KEYSTORE];
    const char *type = store_type(a->value[KEYSTORE_TYPE], path);
    if (strcmp(type, "PEM") == 0) {
        add(to, "ssl.certificate.location", path, rows[KEYSTORE].name);
        add(to, "ssl.key.location", path, rows[KEYSTORE].name);
    } else if (strcmp(type, "PKCS12") == 0) {
        add(to, "ssl.keystore.location", path, rows[KEYSTORE].name);
    } else {
        return refuse(a, KEYSTORE,
                      "is read as PKCS12 or PEM: convert it with keytool -importkeystore "
                      "-srckeystore FILE -destkeystore client.p12 -deststoretype PKCS12",
                      err);
    }
    return WEIR_OK;
}

static weir_status take_truststore(weir_kafka_settings *to, const answers *a, weir_error *err)
{
    const char *path = a->value[TRUSTSTORE];
    if (strcmp(store_type(a->value[TRUSTSTORE_TYPE], path), "PEM") != 0) {
        return refuse(a, TRUSTSTORE,
                      "is read as PEM: export the authorities with keytool -list -rfc -keystore "
                      "FILE > ca.pem and set ssl.ca.location to that file",
                      err);
    }
    add(to, "ssl.ca.location", path, rows[TRUSTSTORE].name);
    return WEIR_OK;
}

static weir_status take_tls(weir_kafka_settings *to, const answers *a, weir_error *err)
{
    for (setting i = CA; i <= KEYSTORE_PASSWORD; i++) {
        if (is_set(a, i) && rows[i].client_name != NULL) {
            add(to, rows[i].client_name, a->value[i], rows[i].name);
        }
    }
    if (is_set(a, KEYSTORE)) {
        WEIR_TRY(take_keystore(to, a, err));
    }
    if (is_set(a, TRUSTSTORE)) {
        WEIR_TRY(take_truststore(to, a, err));
    }
    if (is_set(a, IDENTIFICATION)) {
        const char *value = a->value[IDENTIFICATION];
        if (value[0] != '\0' && strcmp(value, "https") != 0 && strcmp(value, "none") != 0) {
            return refuse(a, IDENTIFICATION, "is https, or empty", err);
        }
        add(to, rows[IDENTIFICATION].name, value[0] == '\0' ? "none" : value,
            rows[IDENTIFICATION].name);
    }
    return WEIR_OK;
}

/* The name without the sort of handles that it is for (broker_kafka.h). */
static const char *without_role(const char *name)
{
    static const char *const roles[] = {"admin.", "consumer.", "producer.", "member."};
    for (size_t i = 0; i < WEIR_COUNT_OF(roles); i++) {
        if (strncmp(name, roles[i], strlen(roles[i])) == 0) {
            return name + strlen(roles[i]);
        }
    }
    return name;
}

/* "librdkafka.NAME": the user knows better, but for what weir rests on. */
static weir_status take_overrides(weir_kafka_settings *to, const weir_properties *properties,
                                  weir_error *err)
{
    size_t position = 0;
    const char *name;
    const char *value;
    while (weir_properties_next(properties, &position, &name, &value)) {
        if (strncmp(name, override_prefix, sizeof override_prefix - 1) != 0) {
            continue;
        }
        const char *client_name = name + sizeof override_prefix - 1;
        if (is_one_of(without_role(client_name), reserved, WEIR_COUNT_OF(reserved))) {
            return weir_error_set(err, WEIR_INVALID,
                                  "%s: %s cannot be set: what weir promises rests on it",
                                  weir_properties_origin(properties, name), name);
        }
        if (find_row(client_name) != NULL) {
            return weir_error_set(err, WEIR_INVALID, "%s: set %s instead of %s",
                                  weir_properties_origin(properties, name), client_name, name);
        }
        if (to->client_count == WEIR_KAFKA_CLIENT_SETTINGS_MAX) {
            return weir_error_set(err, WEIR_INVALID, "more than %d settings of librdkafka",
                                  WEIR_KAFKA_CLIENT_SETTINGS_MAX);
        }
        add(to, client_name, value, name);
    }
    return WEIR_OK;
}

static weir_status read_answers(const weir_properties *properties, answers *a, weir_error *err)
{
    for (setting i = 0; i < SETTING_COUNT; i++) {
        a->value[i] = weir_properties_get(properties, rows[i].name);
        a->origin[i] = weir_properties_origin(properties, rows[i].name);
    }
    WEIR_TRY(check_names(a, err));
    WEIR_TRY(check_effect(a, err));
    WEIR_TRY(check_pairs(a, err));
    WEIR_TRY(check_files(a, err));
    if (is_set(a, JAAS)) {
        weir_status status = weir_jaas_parse(a->value[JAAS], &a->jaas, err);
        if (status != WEIR_OK) {
            return weir_error_wrap(err, status, "%s", rows[JAAS].name);
        }
        a->value[USERNAME] = a->jaas.username;
        a->value[PASSWORD] = a->jaas.password;
    }
    return WEIR_OK;
}

weir_status weir_kafka_settings_init(weir_kafka_settings *out_settings,
                                     const weir_properties *properties, weir_error *err)
{
    *out_settings = (weir_kafka_settings){0};
    WEIR_AUTO(weir_kafka_settings) settings = {0};
    WEIR_AUTO(answers) given = {0};
    WEIR_TRY(read_answers(properties, &given, err));
    settings.bootstrap_servers = weir_strdup(given.value[SERVERS]);
    if (is_set(&given, PROTOCOL)) {
        add(&settings, "security.protocol", given.value[PROTOCOL], rows[PROTOCOL].name);
    }
    WEIR_TRY(take_sasl(&settings, &given, err));
    WEIR_TRY(take_tls(&settings, &given, err));
    WEIR_TRY(take_overrides(&settings, properties, err));
    *out_settings = settings;
    settings = (weir_kafka_settings){0};
    return WEIR_OK;
}

weir_kafka_oauth weir_kafka_oauth_copy(const weir_kafka_oauth *oauth)
{
    return (weir_kafka_oauth){
        .principal = weir_strdup(oauth->principal),
        .token_url = weir_strdup(oauth->token_url),
        .client_id = weir_strdup(oauth->client_id),
        .client_secret = weir_strdup(oauth->client_secret),
        .scope = weir_strdup(oauth->scope),
    };
}

void weir_kafka_oauth_cleanup(weir_kafka_oauth *oauth)
{
    free(oauth->principal);
    free(oauth->token_url);
    free(oauth->client_id);
    free(oauth->client_secret);
    free(oauth->scope);
    *oauth = (weir_kafka_oauth){0};
}

void weir_kafka_settings_cleanup(weir_kafka_settings *settings)
{
    for (size_t i = 0; i < settings->client_count; i++) {
        free(settings->client[i].name);
        free(settings->client[i].value);
        free(settings->client[i].origin);
    }
    free(settings->bootstrap_servers);
    weir_kafka_oauth_cleanup(&settings->oauth);
    *settings = (weir_kafka_settings){0};
}
