/* SPDX-License-Identifier: Apache-2.0
 *
 * test_kafka_security.c - every way to prove who we are, to a cluster that checks it, and what is
 * said to those who cannot.
 */
#include "connectors/broker_kafka.h"
#include "streams/consumer.h"
#include "streams/producer.h"
#include "tests/harness/check.h"
#include "tests/harness/kafka_cluster.h"
#include "tests/harness/web_server.h"

#include <stdlib.h>
#include <string.h>

enum { CONNECT_TIMEOUT_MS = 20000, POLLS_MAX = 300 };

static weir_error err;
static kafka_cluster *cluster; /* Of all tests of this binary. */

static void stop_cluster(void)
{
    kafka_cluster_free(cluster);
}

static kafka_cluster *secure_cluster(void)
{
    if (cluster == NULL) {
        kafka_cluster_options options = {.secure = true};
        CHECK_OK(kafka_cluster_start(&options, &cluster, &err), &err);
        CHECK_I64(atexit(stop_cluster), ==, 0);
    }
    return cluster;
}

/* Opens the broker with settings of a properties file in which %s is the directory of the
 * certificates, and connects. */
static weir_status open_with(const char *servers, const char *lines, weir_broker **out_broker)
{
    WEIR_AUTO_PTR(weir_properties) properties = weir_properties_new();
    WEIR_AUTO(weir_kafka_settings) settings = {0};
    WEIR_AUTO(weir_buf) text = {0};
    weir_buf_append_format(&text, "bootstrap.servers=%s\n", servers);
    const char *at = lines;
    for (const char *mark; (mark = strstr(at, "%s")) != NULL; at = mark + 2) {
        weir_buf_append(&text, at, (size_t)(mark - at));
        weir_buf_append_text(&text, kafka_cluster_certificates(cluster));
    }
    weir_buf_append_text(&text, at);
    CHECK_OK(weir_properties_parse(properties, weir_buf_bytes(&text), "f", &err), &err);
    CHECK_OK(weir_kafka_settings_init(&settings, properties, &err), &err);
    const weir_kafka_options options = {.settings = &settings};
    WEIR_AUTO_PTR(weir_broker) broker = NULL;
    WEIR_TRY(weir_broker_kafka_open(&options, &broker, &err));
    WEIR_TRY(weir_broker_kafka_connect(broker, CONNECT_TIMEOUT_MS, &err));
    *out_broker = weir_take(&broker);
    return WEIR_OK;
}

/* One record to a topic and back, so that a producer and a consumer are let in too. */
static void check_round_trip(weir_broker *broker, const char *topic)
{
    const weir_topic_config config = {.name = topic, .partition_count = 1};
    WEIR_AUTO_PTR(weir_producer) producer = NULL;
    WEIR_AUTO_PTR(weir_consumer) consumer = NULL;
    int32_t number = 0;
    int32_t partition_count = 0;
    CHECK_OK(weir_broker_create_topic(broker, &config, &err), &err);
    CHECK_OK(weir_producer_new(broker, &(weir_producer_options){0}, &producer, &err), &err);
    CHECK_OK(weir_producer_topic(producer, topic, &number, &partition_count, &err), &err);
    const weir_record record = {.timestamp_ms = 1, .value = WEIR_BYTES("secret")};
    CHECK_OK(weir_producer_send(producer, number, &record, &err), &err);
    CHECK_OK(weir_producer_flush(producer, CONNECT_TIMEOUT_MS, &err), &err);
    CHECK_OK(weir_consumer_new(broker, &(weir_consumer_options){0}, &consumer, &err), &err);
    CHECK_OK(weir_consumer_assign(consumer, (weir_topic_partition){topic, 0}, 0, WEIR_RESET_NONE,
                                  NULL, &err),
             &err);
    weir_batch *batch = NULL;
    for (int i = 0; i < POLLS_MAX && batch == NULL; i++) {
        weir_status status = weir_consumer_poll(consumer, 100, &batch, &err);
        CHECK(status == WEIR_OK || status == WEIR_AGAIN);
    }
    CHECK(batch != NULL);
    CHECK_BYTES(batch->records[0].value, WEIR_BYTES("secret"));
    weir_batch_free(batch);
}

static void check_let_in(const char *servers, const char *lines, const char *topic)
{
    WEIR_AUTO_PTR(weir_broker) broker = NULL;
    CHECK_OK(open_with(servers, lines, &broker), &err);
    check_round_trip(broker, topic);
}

static void check_refused(const char *servers, const char *lines, weir_status wanted,
                          const char *words)
{
    WEIR_AUTO_PTR(weir_broker) broker = NULL;
    weir_status status = open_with(servers, lines, &broker);
    if (status != wanted || strstr(err.message, words) == NULL) {
        CHECK_STR(err.message, words);
    }
    CHECK(strstr(err.message, "weir-secret") == NULL);
}

#define SASL(mechanism)                                                                            \
    "security.protocol=SASL_SSL\nssl.ca.location=%s/ca.pem\nsasl.mechanism=" mechanism "\n"
#define WEIR_USER "sasl.username=weir\nsasl.password=weir-secret\n"

TEST(passwords_open_a_cluster)
{
    const char *servers = kafka_cluster_sasl_ssl(secure_cluster());
    check_let_in(servers, SASL("PLAIN") WEIR_USER, "plain");
    if (weir_kafka_library_has_scram()) {
        check_let_in(servers, SASL("SCRAM-SHA-256") WEIR_USER, "scram-256");
        check_let_in(servers, SASL("SCRAM-SHA-512") WEIR_USER, "scram-512");
    } else { /* Debian 12's: Kafka 4 takes its proof for a forged one. */
        check_refused(servers, SASL("SCRAM-SHA-256") WEIR_USER, WEIR_INVALID,
                      "SCRAM of librdkafka before 2.6.1");
    }
}

TEST(certificate_of_the_client_opens_a_cluster)
{
    const char *servers = kafka_cluster_ssl(secure_cluster());
    check_let_in(servers,
                 "security.protocol=SSL\nssl.ca.location=%s/ca.pem\n"
                 "ssl.certificate.location=%s/client.pem\nssl.key.location=%s/client.key\n"
                 "ssl.key.password=weir-key\n",
                 "certificate");
    check_let_in(servers,
                 "security.protocol=SSL\nssl.truststore.location=%s/ca.pem\n"
                 "ssl.keystore.location=%s/client.p12\nssl.keystore.password=weir-key\n",
                 "keystore");
}

TEST(unsigned_token_opens_a_cluster_that_takes_it)
{
    check_let_in(kafka_cluster_sasl_ssl(secure_cluster()),
                 SASL("OAUTHBEARER") "sasl.jaas.config=org.apache.kafka.common.security."
                                     "oauthbearer.OAuthBearerLoginModule required "
                                     "unsecuredLoginStringClaim_sub=\"weir\";\n",
                 "token");
}

/* {"alg":"none"} and {"sub":"weir","iat":1000000000,"exp":4000000000}, not signed. */
#define TOKEN                                                                                      \
    "eyJhbGciOiJub25lIn0."                                                                         \
    "eyJzdWIiOiJ3ZWlyIiwiaWF0IjoxMDAwMDAwMDAwLCJleHAiOjQwMDAwMDAwMDB9."

TEST(token_of_an_endpoint_opens_a_cluster)
{
    web_server *server = web_server_start();
    const web_reply reply = {
        .content_type = "application/json",
        .body = WEIR_BYTES("{\"access_token\": \"" TOKEN "\", \"expires_in\": 3600}")};
    web_server_script(server, NULL, "/token", &reply);
    const char *servers = kafka_cluster_sasl_ssl(secure_cluster());
    WEIR_AUTO_FREE char *lines =
        weir_format("security.protocol=SASL_SSL\nssl.ca.location=%s/ca.pem\n"
                    "sasl.mechanism=OAUTHBEARER\nsasl.username=a client\nsasl.password=p:w\n"
                    "sasl.oauthbearer.scope=kafka write\n"
                    "sasl.oauthbearer.token.endpoint.url=%s/token\n",
                    kafka_cluster_certificates(cluster), web_server_url(server));
    check_let_in(servers, lines, "endpoint");
    web_request request = web_server_request(server, 0);
    CHECK(strncmp(request.head, "POST /token ", 12) == 0);
    CHECK(strstr(request.head, "Basic YSUyMGNsaWVudDpwJTNBdw==\r\n") != NULL);
    web_request_cleanup(&request);
    const web_reply refusal = {.status = 401};
    web_server_script(server, NULL, "/token", &refusal);
    check_refused(servers, lines, WEIR_INVALID, "/token: status 401");
    web_server_stop(server);
}

TEST(wrong_password_is_said)
{
    const char *servers = kafka_cluster_sasl_ssl(secure_cluster());
    if (weir_kafka_library_has_scram()) {
        check_refused(servers, SASL("SCRAM-SHA-256") "sasl.username=weir\nsasl.password=wrong\n",
                      WEIR_INVALID, "see KAFKA_USERNAME, KAFKA_PASSWORD and KAFKA_SASL_MECHANISM");
    }
    check_refused(servers, SASL("PLAIN") "sasl.username=nobody\nsasl.password=x\n", WEIR_INVALID,
                  "Invalid username or password");
}

TEST(broker_that_is_not_trusted_is_said)
{
    const char *servers = kafka_cluster_sasl_ssl(secure_cluster());
    check_refused(servers,
                  "security.protocol=SASL_SSL\nssl.ca.location=%s/other-ca.pem\n"
                  "sasl.mechanism=PLAIN\n" WEIR_USER,
                  WEIR_INVALID, "set KAFKA_SSL_CA_LOCATION");
}

TEST(wrong_protocol_is_said)
{
    const char *plaintext = kafka_cluster_bootstrap(secure_cluster());
    check_refused(plaintext, SASL("PLAIN") WEIR_USER, WEIR_INVALID,
                  "another protocol: see KAFKA_SECURITY_PROTOCOL");
    check_refused(kafka_cluster_ssl(cluster), "security.protocol=SSL\nssl.ca.location=%s/ca.pem\n",
                  WEIR_INVALID, "wants a client certificate");
}

TEST(plain_text_to_a_listener_for_tls_is_said)
{
    WEIR_AUTO_PTR(weir_broker) broker = NULL;
    const weir_kafka_options options = {.bootstrap_servers = kafka_cluster_ssl(secure_cluster())};
    CHECK_OK(weir_broker_kafka_open(&options, &broker, &err), &err);
    weir_status status = weir_broker_kafka_connect(broker, 3000, &err);
    CHECK(status == WEIR_INVALID || status == WEIR_IO); /* librdkafka may know, or only wait. */
    CHECK(strstr(err.message, "another protocol: see KAFKA_SECURITY_PROTOCOL") != NULL);
}

TEST(cluster_that_is_not_there_is_said)
{
    WEIR_AUTO_PTR(weir_broker) broker = NULL;
    const weir_kafka_options options = {.bootstrap_servers = "127.0.0.1:1"};
    CHECK_OK(weir_broker_kafka_open(&options, &broker, &err), &err);
    CHECK_STATUS(weir_broker_kafka_connect(broker, 1000, &err), WEIR_IO);
    CHECK(strstr(err.message, "see whether the brokers run") != NULL);
}

TEST(user_without_permissions_is_told_what_to_ask_for)
{
    const char *servers = kafka_cluster_sasl_ssl(secure_cluster());
    WEIR_AUTO_PTR(weir_broker) broker = NULL;
    CHECK_OK(open_with(servers, SASL("PLAIN") "sasl.username=guest\nsasl.password=weir-secret\n",
                       &broker),
             &err);
    const weir_topic_config config = {.name = "forbidden", .partition_count = 1};
    CHECK_STATUS(weir_broker_create_topic(broker, &config, &err), WEIR_INVALID);
    CHECK(strstr(err.message, "lacks a permission: add an ACL for this topic") != NULL);
    int64_t offset = 0;
    WEIR_AUTO(weir_buf) metadata = {0};
    CHECK_STATUS(weir_broker_group_offset(broker, "readers", (weir_topic_partition){"x", 0},
                                          &offset, &metadata, &err),
                 WEIR_INVALID);
    CHECK(strstr(err.message, "add an ACL for this group") != NULL);
}
