/* SPDX-License-Identifier: Apache-2.0
 *
 * Settings of the connection to Kafka become the client library's, or are refused with a sentence.
 */
#include "connectors/kafka_jaas.h"
#include "connectors/kafka_settings.h"
#include "tests/harness/check.h"

#include <stdlib.h>
#include <string.h>

static weir_error err;

/* Makes settings of lines of a properties file. */
static weir_status make(const char *lines, weir_kafka_settings *out_settings)
{
    WEIR_AUTO_PTR(weir_properties) properties = weir_properties_new();
    CHECK_OK(weir_properties_parse(properties, weir_bytes_of_text(lines), "f", &err), &err);
    return weir_kafka_settings_init(out_settings, properties, &err);
}

/* The client settings that lines lead to, "name=value name=value". */
static void check_client(const char *lines, const char *wanted)
{
    WEIR_AUTO(weir_kafka_settings) settings = {0};
    WEIR_AUTO(weir_buf) text = {0};
    CHECK_OK(make(lines, &settings), &err);
    for (size_t i = 0; i < settings.client_count; i++) {
        weir_buf_append_format(&text, "%s%s=%s", i == 0 ? "" : " ", settings.client[i].name,
                               settings.client[i].value);
    }
    CHECK_STR(weir_buf_text(&text), wanted);
}

static void check_refused(const char *lines, const char *words)
{
    WEIR_AUTO(weir_kafka_settings) settings = {0};
    CHECK_STATUS(make(lines, &settings), WEIR_INVALID);
    if (strstr(err.message, words) == NULL) {
        CHECK_STR(err.message, words);
    }
}

#define SASL(mechanism) "security.protocol=SASL_SSL\nsasl.mechanism=" mechanism "\n"

TEST(nothing_said_is_no_cluster_and_plain_text)
{
    WEIR_AUTO(weir_kafka_settings) settings = {0};
    CHECK_OK(make("", &settings), &err);
    CHECK(settings.bootstrap_servers == NULL);
    CHECK_I64(settings.client_count, ==, 0);
}

TEST(password_mechanisms_take_user_and_password)
{
    check_client(SASL("PLAIN") "sasl.username=ann\nsasl.password=pw\n",
                 "security.protocol=SASL_SSL sasl.mechanisms=PLAIN sasl.username=ann "
                 "sasl.password=pw");
    check_client(SASL("SCRAM-SHA-512") "sasl.jaas.config=org.apache.kafka.common.security.scram."
                                       "ScramLoginModule "
                                       "required username=\"ann\" password=\"p;\\\\\"w\";\n",
                 "security.protocol=SASL_SSL sasl.mechanisms=SCRAM-SHA-512 sasl.username=ann "
                 "sasl.password=p;\"w");
}

TEST(certificates_of_java_become_those_of_the_client_library)
{
    check_client("security.protocol=SSL\nssl.ca.location=/dev/null\n"
                 "ssl.certificate.location=/dev/null\nssl.key.location=/dev/null\n"
                 "ssl.key.password=pw\n",
                 "security.protocol=SSL ssl.ca.location=/dev/null "
                 "ssl.certificate.location=/dev/null ssl.key.location=/dev/null "
                 "ssl.key.password=pw");
    check_client("security.protocol=SSL\nssl.keystore.location=/dev/null\n"
                 "ssl.keystore.type=PEM\nssl.truststore.location=/dev/null\n"
                 "ssl.truststore.type=PEM\nssl.endpoint.identification.algorithm=\n",
                 "security.protocol=SSL ssl.certificate.location=/dev/null "
                 "ssl.key.location=/dev/null ssl.ca.location=/dev/null "
                 "ssl.endpoint.identification.algorithm=none");
    check_client("security.protocol=SSL\nssl.keystore.location=/dev/null\n"
                 "ssl.keystore.type=PKCS12\nssl.keystore.password=pw\n",
                 "security.protocol=SSL ssl.keystore.password=pw ssl.keystore.location=/dev/null");
}

TEST(oauth_takes_a_token_endpoint_or_an_unsigned_principal)
{
    WEIR_AUTO(weir_kafka_settings) settings = {0};
    CHECK_OK(make(SASL("OAUTHBEARER") "sasl.oauthbearer.token.endpoint.url=https://idp/token\n"
                                      "sasl.username=id\nsasl.password=secret\nsasl.oauthbearer."
                                      "scope=kafka\n",
                  &settings),
             &err);
    CHECK_STR(settings.oauth.token_url, "https://idp/token");
    CHECK_STR(settings.oauth.client_id, "id");
    CHECK_STR(settings.oauth.client_secret, "secret");
    CHECK_STR(settings.oauth.scope, "kafka");
    WEIR_AUTO(weir_kafka_settings) unsigned_settings = {0};
    CHECK_OK(make(SASL("OAUTHBEARER") "sasl.jaas.config=org.apache.kafka.common.security."
                                      "oauthbearer.OAuthBearerLoginModule required "
                                      "unsecuredLoginStringClaim_sub=\"ann\";\n",
                  &unsigned_settings),
             &err);
    CHECK_STR(unsigned_settings.oauth.principal, "ann");
    check_refused(SASL("OAUTHBEARER") "sasl.username=id\n", "token.endpoint.url");
}

TEST(settings_of_librdkafka_pass_but_for_those_that_weir_rests_on)
{
    check_client("librdkafka.socket.timeout.ms=5\nother.thing=1\n", "socket.timeout.ms=5");
    check_refused("librdkafka.enable.auto.commit=true\n", "what weir promises rests on it");
    check_refused("librdkafka.consumer.isolation.level=read_uncommitted\n",
                  "what weir promises rests on it");
    check_client("librdkafka.consumer.fetch.wait.max.ms=5\n", "consumer.fetch.wait.max.ms=5");
    check_refused("librdkafka.ssl.ca.location=/x\n", "set ssl.ca.location instead");
    CHECK(weir_kafka_settings_knows("librdkafka.x"));
    CHECK(weir_kafka_settings_knows("bootstrap.servers"));
    CHECK(!weir_kafka_settings_knows("application.id"));
}

TEST(contradictions_are_refused_with_what_to_do)
{
    check_refused("bootstrap.servers=kafka\n", "f:1: bootstrap.servers is a list of host:port");
    check_refused("bootstrap.servers=a:1,:2\n", "is a list of host:port");
    check_refused("security.protocol=TLS\n", "is PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL");
    check_refused("security.protocol=SASL_SSL\n", "needs KAFKA_SASL_MECHANISM");
    check_refused(SASL("GSSAPI"), "is PLAIN, SCRAM-SHA-256");
    check_refused(SASL("PLAIN") "sasl.username=ann\n", "KAFKA_USERNAME and KAFKA_PASSWORD");
    check_refused("sasl.password=x\n", "is without effect: set security.protocol");
    check_refused("ssl.ca.location=/dev/null\n", "is without effect: set security.protocol");
    check_refused("security.protocol=SSL\nssl.ca.location=/no/such\n", "cannot be read: No such");
    check_refused("security.protocol=SSL\nssl.key.location=/dev/null\n", "needs its key");
    check_refused("security.protocol=SSL\nssl.key.password=x\n", "is the password of no key");
    check_refused("security.protocol=SSL\nssl.keystore.location=/dev/null\n", "keytool");
    check_refused("security.protocol=SSL\nssl.truststore.location=/dev/null\n", "keytool");
    check_refused(SASL("PLAIN") "sasl.username=a\nsasl.password=b\nsasl.oauthbearer.scope=c\n",
                  "OAUTHBEARER only");
    check_refused(SASL("PLAIN") "sasl.username=a\nsasl.jaas.config=x\n", "say the same");
}

TEST(secrets_are_in_no_message)
{
    check_refused(SASL("PLAIN") "sasl.password=hidden\n", "needs a user");
    CHECK(strstr(err.message, "hidden") == NULL);
    check_refused(SASL("PLAIN") "sasl.jaas.config=org.apache.kafka.common.security.plain."
                                "PlainLoginModule required password=\"hidden\" user=\"ann\";\n",
                  "sasl.jaas.config: option user");
    CHECK(strstr(err.message, "hidden") == NULL);
}

static const char *variable(const char *name)
{
    if (strcmp(name, "KAFKA_BOOTSTRAP_SERVERS") == 0) {
        return "from-environment:1";
    }
    return strcmp(name, "KAFKA_USERNAME") == 0 ? "" : NULL;
}

TEST(environment_is_taken_where_no_property_is_set)
{
    WEIR_AUTO_PTR(weir_properties) properties = weir_properties_new();
    CHECK_OK(weir_kafka_settings_read_environment(variable, properties, &err), &err);
    CHECK_STR(weir_properties_get(properties, "bootstrap.servers"), "from-environment:1");
    CHECK_STR(weir_properties_origin(properties, "bootstrap.servers"), "KAFKA_BOOTSTRAP_SERVERS");
    CHECK(weir_properties_get(properties, "sasl.username") == NULL); /* Empty is not set. */
    CHECK_OK(weir_properties_set(properties, "bootstrap.servers", "from-file:1", "f", &err), &err);
    CHECK_OK(weir_kafka_settings_read_environment(variable, properties, &err), &err);
    CHECK_STR(weir_properties_get(properties, "bootstrap.servers"), "from-file:1");
}

static void check_jaas_refused(const char *line, const char *words)
{
    WEIR_AUTO(weir_jaas) jaas = {0};
    CHECK_STATUS(weir_jaas_parse(line, &jaas, &err), WEIR_INVALID);
    if (strstr(err.message, words) == NULL) {
        CHECK_STR(err.message, words);
    }
}

#define PLAIN_MODULE "org.apache.kafka.common.security.plain.PlainLoginModule"

TEST(lines_of_jaas_that_are_malformed_are_refused)
{
    WEIR_AUTO(weir_jaas) jaas = {0};
    CHECK_OK(
        weir_jaas_parse(" " PLAIN_MODULE "\n required\tusername='a b' password=c ; ", &jaas, &err),
        &err);
    CHECK_STR(jaas.username, "a b");
    CHECK_STR(jaas.password, "c");
    check_jaas_refused("", "the module is");
    check_jaas_refused("com.sun.Krb5LoginModule required;", "the module is");
    check_jaas_refused(PLAIN_MODULE " optional;", "\"required\"");
    check_jaas_refused(PLAIN_MODULE " required username=\"a", "does not end");
    check_jaas_refused(PLAIN_MODULE " required username=\"a\\", "does not end");
    check_jaas_refused(PLAIN_MODULE " required username", "name=\"value\"");
    check_jaas_refused(PLAIN_MODULE " required username=\"a\"", "ends with a semicolon");
    check_jaas_refused(PLAIN_MODULE " required; x", "nothing follows");
}
