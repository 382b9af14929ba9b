/* SPDX-License-Identifier: Apache-2.0
 *
 * kv_model.h - what a store should hold: a sorted array, and random operations on both.
 *
 * Ownership  Keys and values are copied.
 * Threads    One at a time.
 */
#ifndef WEIR_TESTS_HARNESS_KV_MODEL_H
#define WEIR_TESTS_HARNESS_KV_MODEL_H

#include "statestore/kv_store.h"
#include "streams/base/random.h"

typedef struct kv_model_row {
    weir_buf key;
    weir_buf value;
} kv_model_row;

/* All-zero is empty. */
typedef struct kv_model {
    kv_model_row *rows; /* In the order of keys. */
    size_t count;
    size_t capacity;
} kv_model;

void kv_model_cleanup(kv_model *model);
void kv_model_put(kv_model *model, weir_bytes key, weir_bytes value);
void kv_model_remove(kv_model *model, weir_bytes key);
void kv_model_copy(kv_model *to, const kv_model *from);

/* The value of key, or null. */
weir_bytes kv_model_get(const kv_model *model, weir_bytes key);

/* The index of the first row whose key is not smaller. */
size_t kv_model_lower_bound(const kv_model *model, weir_bytes key);

/* A key of one of several shapes (short with 0x00 and 0xff, with a long shared beginning, a window
 * key, random), out of few enough that keys meet again. */
void kv_model_random_key(weir_random *random, weir_buf *out_key);

/* One random put or remove, of both. */
void kv_model_write(kv_model *model, weir_kv *kv, weir_random *random);

/* Checks a random key, a random range in a random direction and a random prefix of kv. */
void kv_model_check_some(const kv_model *model, weir_kv *kv, weir_random *random);

/* Checks that kv holds just the rows of model, in both directions. */
void kv_model_check_all(const kv_model *model, weir_kv *kv);

/* Walks a random range while writing at random. Checks the order, and that every row that was not
 * written meanwhile is met once. */
void kv_model_check_walk_while_writing(kv_model *model, weir_kv *kv, weir_random *random);

#endif
