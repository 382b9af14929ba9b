/* SPDX-License-Identifier: Apache-2.0
 *
 * fault_broker.h - what the programs of the fault and placement tests have in common: the broker
 * that they work on and their settings, by the command line; commands on standard input; what each
 * does when it cannot go on.
 */
#ifndef WEIR_TESTS_FAULTS_FAULT_BROKER_H
#define WEIR_TESTS_FAULTS_FAULT_BROKER_H

#include "streams/broker.h"
#include "streams/config.h"

/* "embedded:DIRECTORY", else the bootstrap servers of a Kafka cluster. */
weir_status fault_broker_open(const char *where, weir_broker **out_broker, weir_error *err);

/* The same for those who make input or judge output: they wait out what the tests do to brokers. */
weir_status fault_broker_open_patient(const char *where, weir_broker **out_broker, weir_error *err);

/* The settings of count words NAME=VALUE, which it takes apart; the caller's to clean up. */
weir_status fault_config_init(weir_config *out_config, char **words, int count, weir_error *err);

typedef enum fault_command {
    FAULT_COMMAND_NONE, /* The time is over. */
    FAULT_COMMAND_LINE,
    FAULT_COMMAND_END, /* Standard input has ended: nobody commands any more. */
} fault_command;

/* Waits for a line on standard input, which it stores without its end; size bytes at most. */
fault_command fault_command_wait(int timeout_ms, char *out_line, size_t size);

/* Ends the program with the message unless status is WEIR_OK. */
void fault_must(weir_status status, const weir_error *err);

#endif
