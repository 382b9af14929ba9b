/* SPDX-License-Identifier: Apache-2.0
 *
 * fault_broker.h - the broker that the programs of the fault tests work on, by its name on the
 * command line, and what each of them does when it cannot go on.
 */
#ifndef WEIR_TESTS_FAULTS_FAULT_BROKER_H
#define WEIR_TESTS_FAULTS_FAULT_BROKER_H

#include "streams/broker.h"

/* "embedded:DIRECTORY", else the bootstrap servers of a Kafka cluster. */
weir_status fault_broker_open(const char *where, weir_broker **out_broker, weir_error *err);

/* The same for those who make input or judge output: they wait out what the tests do to brokers. */
weir_status fault_broker_open_patient(const char *where, weir_broker **out_broker, weir_error *err);

/* Ends the program with the message unless status is WEIR_OK. */
void fault_must(weir_status status, const weir_error *err);

#endif
