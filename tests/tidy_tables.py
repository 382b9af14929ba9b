# SPDX-License-Identifier: Apache-2.0
"""tidy_tables.py - what tidy.py bans, and what is allowed nevertheless, each with its reason."""

CLOCK = "time is an argument; the edge of the process reads streams/base/clock.h"
EVENT = "wait for an event, as weir_mailbox_wait and poll do"
RANDOM = "randomness comes from a seed: streams/base/random.h"
ALLOC = "streams/base/alloc.h has weir_alloc, weir_realloc, weir_strdup, weir_format"
PRINT = "a library returns an error or logs (streams/base/logging.h); commands print"
ENVIRONMENT = "only main reads the environment, and passes it on"
NUMBER = "it cannot say that the text is no number: strtol, and look at its end"

BANNED_CALLS = {
    "time": CLOCK, "gettimeofday": CLOCK, "clock_gettime": CLOCK, "clock": CLOCK,
    "sleep": EVENT, "usleep": EVENT, "nanosleep": EVENT,
    "rand": RANDOM, "srand": RANDOM, "random": RANDOM, "drand48": RANDOM, "rand_r": RANDOM,
    "getrandom": RANDOM,
    "getenv": ENVIRONMENT, "secure_getenv": ENVIRONMENT, "setenv": ENVIRONMENT,
    "putenv": ENVIRONMENT,
    "strcpy": "weir_buf_append or memcpy with a size", "strcat": "weir_buf_append_text",
    "strncpy": "it may leave out the NUL: memcpy with a size",
    "sprintf": "snprintf, or weir_buf_append_format", "vsprintf": "vsnprintf",
    "strtok": "it keeps a static pointer: walk a weir_bytes", "gets": "fgets",
    "alloca": "the stack has no named limit",
    "malloc": ALLOC, "calloc": ALLOC, "realloc": ALLOC, "strdup": ALLOC, "strndup": ALLOC,
    "asprintf": ALLOC, "vasprintf": ALLOC, "reallocarray": ALLOC,
    "printf": PRINT, "puts": PRINT, "putchar": PRINT, "fprintf": PRINT, "perror": PRINT,
    "fputs": PRINT, "vprintf": PRINT, "vfprintf": PRINT,
    "atoi": NUMBER, "atol": NUMBER, "atoll": NUMBER, "atof": NUMBER,
    "system": "no shell", "popen": "no shell",
    "exit": "return a status", "_exit": "return a status", "abort": "WEIR_ASSERT says why",
    "assert": "WEIR_ASSERT stays on in release builds",
    "localtime": "it is not thread-safe, and times are UTC: gmtime_r",
    "gmtime": "it is not thread-safe: gmtime_r",
    "setlocale": "it changes how every thread parses numbers",
}

BANNED_WORDS = {
    "goto": "WEIR_TRY and WEIR_AUTO clean up",
    "volatile": "it neither orders nor excludes: streams/base/mailbox.h",
    "_Thread_local": "state belongs to an object that somebody owns",
    "__thread": "state belongs to an object that somebody owns",
}

# (files, words, reason)
ALLOWED_WORDS = [
    (r"streams/dsl/null_handle\.c", "_Thread_local",
     "NULL in place of an object has none that could keep the mistake (decision 0101)"),
]

# (files, calls, reason)
ALLOWED_CALLS = [
    (r"streams/base/alloc\.c", "calloc realloc strdup vasprintf abort fprintf",
     "it is what the others call"),
    (r"streams/base/status\.c", "fprintf abort", "a failed assertion has nobody to return to"),
    (r"streams/base/clock\.c", "clock_gettime", "it is what the others call"),
    (r"streams/base/random\.c", "getrandom", "it is what the others call"),
    (r"docs/examples/main\.c", "puts fprintf", "it is a command, too"),
    (r"topologies/(main|cmd|cmd_\w+|demo\w*|bench\w*|json_lines|run_status)\.c",
     "printf puts putchar fprintf fputs vprintf vfprintf",
     "commands talk to people and pipes"),
    (r"topologies/main\.c", "getenv", "main reads the environment and passes it on"),
    (r"tests/.*", "printf puts putchar fprintf fputs vprintf vfprintf", "tests report on stdout"),
    (r"tests/fuzz/.*", "abort", "it is how a fuzz target says that it has found something"),
    (r"tests/perf/.*", "exit perror", "a benchmark that cannot go on says so and ends"),
    (r"tests/faults/.*", "exit", "a program of the fault tests that cannot go on says so and ends"),
    (r"tests/harness/check\.c", "getenv exit", "it is main of every test"),
    (r"tests/.*/(?:.*kill.*|.*crash.*)\.c", "_exit", "a test of crashes ends its child hard"),
    (r"tests/harness/kafka_\w+\.c", "getenv exit _exit popen",
     "it finds Kafka, starts servers, runs openssl"),
    (r"tests/harness/command\.c", "popen", "it runs the program as a shell sees it"),
]

# (file, function, reason): signatures that are not ours to choose.
FOREIGN_SIGNATURES = [
    ("connectors/kafka_member.c", "note_request", "librdkafka's on_request_sent"),
    ("connectors/kafka_producer.c", "note_request", "librdkafka's on_request_sent"),
    ("connectors/kafka_watch.c", "note_socket", "librdkafka's on_request_sent"),
    ("connectors/rest.c", "handle_request", "libmicrohttpd's MHD_AccessHandlerCallback"),
]

# (files, reason): where threads may meet.
ALLOWED_SYNC = [
    (r"streams/base/mailbox\.c", "it is how threads cross"),
    (r"streams/base/metrics\.c", "counters of all threads, relaxed"),
    (r"connectors/(broker_)?embedded\w*\.[ch]", "a broker is what threads share: it is a server"),
    (r"connectors/kafka_\w+\.[ch]", "threads share a broker, and librdkafka has its own"),
    (r"statestore/rocksdb_(store(_internal)?|batch|file)\.[ch]",
     "workers open the column families of one database"),
    (r"statestore/row_(cache|log)\.c", "a lock a shard: rows of all workers share one memory"),
    (r"statestore/rows\.c", "a switch that is turned on once, and a count of looks"),
    (r"streams/task_figures\.c", "a worker's load and lags, which the coordinator reads, relaxed"),
    (r"streams/snapshot_host\.c", "whoever reads a snapshot does so on a thread of its own"),
    (r"streams/subscription\.c", "a slow reader's queue: of bounded bytes, a lock a commit"),
    (r"connectors/rest_stream\.c", "connections that sleep: the server's threads and their waker"),
    (r"streams/topics_watch\.c", "a question to the broker has a thread, so that nobody waits"),
    (r"streams/membership\.c", "the member: the coordinator polls it, workers commit with it"),
    (r"streams/(application(_internal\.h|(_workers)?\.c)|state_cleanup\.c|trader\.c|"
     r"coordinator(_slots|_placement)?\.c)",
     "any thread asks for the state"),
    (r"streams/base/logging\.c", "the threshold, and whole lines on one descriptor"),
    (r"topologies/run_status\.c", "log lines of any thread go between the lines on the terminal"),
]

# The first part of each header of libc, POSIX, Linux and C++ that we may include.
SYSTEM_HEADERS = set("""
    arpa assert ctype dirent endian errno fcntl float ftw getopt glob iconv ifaddrs inttypes limits
    link linux locale math net netdb netinet poll pthread regex sched setjmp signal spawn stdalign
    stdarg stdatomic stdbool stddef stdint stdio stdlib stdnoreturn string strings sys termios time
    ucontext unistd wchar
    algorithm array cstdint cstdio cstdlib cstring exception memory new string_view vector
""".split())

# (header, the only files that may see it, one a layer)
THIRD_PARTY = [
    (r"xxhash\.h", r"streams/base/hash\.c"),
    (r"openssl/.*", r"streams/base/hash\.c"),
    (r"jansson\.h", r"streams/base/json_read\.c|avro/schema\.c"),
    (r"avro(/.*|\.h)", r"avro/codec\.c"),
    (r"rocksdb/.*", r"statestore/rocksdb_(store|options|batch|file|config)(_internal)?\.[ch]"),
    (r"roaring/.*", r"statestore/bitmap\.c"),
    (r"librdkafka/.*", r"connectors/kafka_\w+\.[ch]"),
    (r"curl/.*", r"connectors/http_curl\.c"),
    (r"microhttpd\.h", r"connectors/rest\w*\.[ch]"),
    (r"zstd\.h", r"(connectors|streams/base)/\w+\.c"),
    (r"gumbo\.h", r"topologies/html_tree\.c"),
    (r"idn2\.h", r"topologies/\w+\.c"),
    (r"libpsl\.h", r"topologies/\w+\.c"),
    (r"uchardet/.*", r"topologies/\w+\.c"),
    (r"cld2/.*", r"topologies/\w+\.cc"),
    (r"jemalloc/.*", r"topologies/\w+\.c"),
]

TOPIC_NAME = r'"(crawl|extract|quality|dedup|index|dlq)\.[a-z_]+(\.[a-z_]+)*(\.v\d+)"'

# (files, reason): where the names of topics may stand.
TOPIC_FILES = [
    (r"topologies/topic_map\.c", "it is the topic map"),
    (r"avro/record_types\.c", "a record type is named after its topic, as its schema file is"),
    (r"tests/.*", "a test says what it expects"),
]

# Folders whose owner writes the README next.
READMES_TO_COME = set()

TOP_LEVEL = set("""
    CMakeLists.txt streams topologies statestore connectors avro helm terraform tests docs
    README.md LICENSE dev
""".split())
