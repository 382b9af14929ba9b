/* SPDX-License-Identifier: Apache-2.0
 *
 * embedded_journal.h - the one file whose frames are commit points: committed transactions, offsets
 * of groups, epochs of transactional ids, first offsets of partitions.
 *
 * It is a table of bytes to bytes, kept in memory, whose changes are frames of a file: one frame is
 * one atomic change of any number of entries. Rewriting the file with the table alone keeps it
 * small. What it holds of committed transactions is needed at the next start only, so the table
 * has just the number below which all are finished.
 *
 * Errors     WEIR_IO; WEIR_CORRUPT with file and position for damage at the start of the broker.
 * Threads    Any; one mutex, taken after all others.
 */
#ifndef WEIR_CONNECTORS_EMBEDDED_JOURNAL_H
#define WEIR_CONNECTORS_EMBEDDED_JOURNAL_H

#include "connectors/embedded_frame.h"

typedef struct weir_journal weir_journal;

/* Changes in the making, all-zero to begin with. */
typedef struct weir_journal_change {
    weir_frame_writer entries;
} weir_journal_change;

void weir_journal_change_cleanup(weir_journal_change *change);

/* key becomes value; the null value removes key. Keys begin with a letter of weir_journal_kind. */
void weir_journal_change_put(weir_journal_change *change, weir_bytes key, weir_bytes value);

enum weir_journal_kind {
    WEIR_JOURNAL_TRANSACTION = 'T', /* T transaction -> empty: it is committed. */
    WEIR_JOURNAL_FINISHED = 'F',    /* F -> i64: all transactions below it are finished. */
    WEIR_JOURNAL_EPOCH = 'E',       /* E transactional id -> i64 */
    WEIR_JOURNAL_START = 'S',       /* S topic partition -> i64 */
    WEIR_JOURNAL_OFFSET = 'O',      /* O topic partition group -> i64 metadata */
};

/* Keys and values in these forms; *to is replaced. */
weir_bytes weir_journal_key_of_number(weir_buf *to, enum weir_journal_kind kind, int64_t number);
weir_bytes weir_journal_key_of_text(weir_buf *to, enum weir_journal_kind kind, const char *text);
weir_bytes weir_journal_key_of_partition(weir_buf *to, enum weir_journal_kind kind, int32_t topic,
                                         int32_t partition, const char *group);

/* Opens directory/journal, cuts an unfinished change at its end. */
weir_status weir_journal_open(weir_disk *disk, const char *directory, weir_journal **out_journal,
                              int64_t *out_cut_bytes, weir_error *err);
void weir_journal_free(weir_journal *journal);
WEIR_DEFINE_AUTO_PTR(weir_journal);

/* A number for a new transaction. */
int64_t weir_journal_next_transaction(weir_journal *journal);

/* Whether a transaction of an earlier run of the process was committed; until
 * weir_journal_forget_transactions. user is the journal. */
bool weir_journal_is_committed(void *user, int64_t transaction);
void weir_journal_forget_transactions(weir_journal *journal);

/* True if key is there; *out_value (may be NULL) is replaced. */
bool weir_journal_get(weir_journal *journal, weir_bytes key, weir_buf *out_value);

/* The number in the value of key, or fallback. */
int64_t weir_journal_get_number(weir_journal *journal, weir_bytes key, int64_t fallback);

/* Writes the change (and syncs it where each commit is synced): the commit point. On failure
 * *out_unknown (may be NULL) tells whether the change may be there at the next start. */
weir_status weir_journal_apply(weir_journal *journal, weir_journal_change *change,
                               bool *out_unknown, weir_error *err);

/* Calls visit for each key of a kind, under the mutex; removes the key where it answers false. */
void weir_journal_sift(weir_journal *journal, enum weir_journal_kind kind,
                       bool (*keeps)(void *user, weir_bytes key), void *user);

/* Puts every earlier entry on disk. */
weir_status weir_journal_sync(weir_journal *journal, weir_error *err);

/* True where the file has grown so much over its table that rewriting it pays. */
bool weir_journal_is_large(weir_journal *journal);

/* Replaces the file by one with the table alone. No transaction may be between
 * weir_journal_next_transaction and its end. */
weir_status weir_journal_rewrite(weir_journal *journal, weir_error *err);

#endif
