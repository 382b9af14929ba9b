/* SPDX-License-Identifier: Apache-2.0
 *
 * run_settings.h - what `weir run` and `weir demo` can be told: a table of settings, each with a
 * name for properties files and, for the common ones, a flag.
 *
 *   --data DIR           is   --set data.dir=DIR
 *   --properties FILE         settings a line; those of Kafka Streams go to the applications
 *
 * Ownership  The settings own their strings.
 * Errors     WEIR_INVALID names the setting, where it comes from, and what is allowed.
 * Threads    One; immutable once made.
 */
#ifndef WEIR_TOPOLOGIES_RUN_SETTINGS_H
#define WEIR_TOPOLOGIES_RUN_SETTINGS_H

#include "streams/base/properties.h"
#include "topologies/pipeline.h"

enum { WEIR_RUN_APPLICATION_SETTINGS_MAX = 48 };

typedef struct weir_run_settings {
    weir_properties *properties;
    const char *data_directory;
    const char *seeds_path; /* NULL: none. */
    const char *rest_address;
    int64_t rest_port; /* 0: any free one. */
    bool until_idle;   /* End when the frontier is empty. */
    bool serve;        /* Keep the REST server up after that. */
    bool quiet;        /* No status lines. */
    weir_pipeline_options pipeline;
    weir_kafka_settings kafka; /* What pipeline.kafka points to. */
    weir_setting application_settings[WEIR_RUN_APPLICATION_SETTINGS_MAX];
} weir_run_settings;

/* Reads argv[1 …]: flags, and names of stages ("all", "fetch", …). *out_help: help was asked for.
 */
weir_status weir_run_settings_init(weir_run_settings *out_settings, int argc, char **argv,
                                   bool *out_help, weir_error *err);

/* Adds what the environment says of a Kafka cluster, and lets the pipeline run on it if one is
 * named. settings stays where it is from then on. */
weir_status weir_run_settings_take_kafka(weir_run_settings *settings,
                                         const char *(*environment)(const char *name),
                                         weir_error *err);
void weir_run_settings_cleanup(weir_run_settings *settings);

/* Appends a line for each setting: flag, name, default, meaning. */
void weir_run_settings_describe(weir_buf *out_text);

#endif
