/* SPDX-License-Identifier: Apache-2.0
 *
 * fault_process.c - see fault_process.h.
 */
#include "tests/faults/fault_process.h"

#include "tests/faults/fault_broker.h"
#include "tests/harness/count_topology.h"

#include <stdio.h>

enum { ARG_BROKER = 1, ARG_STATE_DIR, ARG_PROCESS_ID, ARG_SETTINGS };

fault_process fault_process_open(int argc, char **argv)
{
    WEIR_ASSERT(argc >= ARG_SETTINGS);
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    weir_error err = {0};
    fault_process p = {.process_id = argv[ARG_PROCESS_ID]};
    fault_must(fault_config_init(&p.config, argv + ARG_SETTINGS, argc - ARG_SETTINGS, &err), &err);
    fault_must(fault_broker_open(argv[ARG_BROKER], &p.broker, &err), &err);
    const weir_database_options database = {.directory = argv[ARG_STATE_DIR]};
    fault_must(weir_database_open(&database, &p.database, &err), &err);
    p.topology = count_topology_new(&(count_topology_options){.engine = WEIR_ENGINE_ROCKSDB});
    return p;
}

void fault_process_cleanup(fault_process *process)
{
    weir_topology_free(process->topology);
    weir_database_free(process->database);
    weir_broker_free(process->broker);
    weir_config_cleanup(&process->config);
}
