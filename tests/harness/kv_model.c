/* SPDX-License-Identifier: Apache-2.0
 *
 * kv_model.c - the sorted array, searched by halves and moved by memmove: nothing to get wrong.
 */
#include "tests/harness/kv_model.h"

#include "streams/base/serde.h"
#include "tests/harness/check.h"

#include <stdlib.h>
#include <string.h>

void kv_model_cleanup(kv_model *model)
{
    for (size_t i = 0; i < model->count; i++) {
        weir_buf_cleanup(&model->rows[i].key);
        weir_buf_cleanup(&model->rows[i].value);
    }
    free(model->rows);
    *model = (kv_model){0};
}

size_t kv_model_lower_bound(const kv_model *model, weir_bytes key)
{
    size_t low = 0;
    size_t high = model->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (weir_bytes_compare(weir_buf_bytes(&model->rows[middle].key), key) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool is_at(const kv_model *model, size_t index, weir_bytes key)
{
    return index < model->count && weir_bytes_equal(weir_buf_bytes(&model->rows[index].key), key);
}

weir_bytes kv_model_get(const kv_model *model, weir_bytes key)
{
    size_t index = kv_model_lower_bound(model, key);
    return is_at(model, index, key) ? weir_buf_bytes(&model->rows[index].value) : WEIR_BYTES_NULL;
}

void kv_model_put(kv_model *model, weir_bytes key, weir_bytes value)
{
    size_t index = kv_model_lower_bound(model, key);
    if (!is_at(model, index, key)) {
        model->rows = weir_grow(model->rows, model->count, &model->capacity, sizeof(kv_model_row));
        memmove(model->rows + index + 1, model->rows + index,
                (model->count - index) * sizeof(kv_model_row));
        model->rows[index] = (kv_model_row){0};
        weir_buf_set(&model->rows[index].key, key);
        model->count++;
    }
    weir_buf_set(&model->rows[index].value, value);
}

void kv_model_remove(kv_model *model, weir_bytes key)
{
    size_t index = kv_model_lower_bound(model, key);
    if (is_at(model, index, key)) {
        weir_buf_cleanup(&model->rows[index].key);
        weir_buf_cleanup(&model->rows[index].value);
        model->count--;
        memmove(model->rows + index, model->rows + index + 1,
                (model->count - index) * sizeof(kv_model_row));
    }
}

void kv_model_copy(kv_model *to, const kv_model *from)
{
    kv_model_cleanup(to);
    for (size_t i = 0; i < from->count; i++) {
        kv_model_put(to, weir_buf_bytes(&from->rows[i].key), weir_buf_bytes(&from->rows[i].value));
    }
}

/* Random operations. */

static void append_short(weir_random *random, weir_buf *out)
{
    static const uint8_t alphabet[] = {0x00, 'a', 'b', 0xff};
    for (uint64_t left = weir_random_below(random, 6); left > 0; left--) {
        weir_buf_append_byte(out, alphabet[weir_random_below(random, sizeof alphabet)]);
    }
}

void kv_model_random_key(weir_random *random, weir_buf *out_key)
{
    weir_buf_clear(out_key);
    uint64_t number = weir_random_below(random, 700);
    switch (weir_random_below(random, 4)) {
    case 0:
        append_short(random, out_key);
        break;
    case 1:
        weir_buf_append_format(out_key, "https://www.example.org/some/folder/page-%06d",
                               (int)number);
        break;
    case 2:
        append_short(random, out_key);
        weir_buf_append_i64_be(out_key, (int64_t)(number / 8) * 60000);
        weir_buf_append_i32_be(out_key, (int32_t)(number % 8));
        break;
    default:
        weir_buf_append_i64_be(out_key, (int64_t)(number * UINT64_C(0x9E3779B97F4A7C15)));
        break;
    }
}

static void random_value(weir_random *random, weir_buf *out)
{
    weir_buf_clear(out);
    size_t size = (size_t)weir_random_below(random, 60);
    if (weir_random_below(random, 50) == 0) {
        size = (size_t)weir_random_below(random, 5000);
    }
    memset(weir_buf_reserve(out, size), (int)weir_random_below(random, 256), size);
    out->size = size;
}

static void write_key(kv_model *model, weir_kv *kv, weir_random *random, weir_bytes key)
{
    weir_error err = {0};
    if (weir_random_below(random, 3) == 0) {
        CHECK_OK(weir_kv_remove(kv, key, &err), &err);
        kv_model_remove(model, key);
        return;
    }
    WEIR_AUTO(weir_buf) value = {0};
    random_value(random, &value);
    CHECK_OK(weir_kv_put(kv, key, weir_buf_bytes(&value), &err), &err);
    kv_model_put(model, key, weir_buf_bytes(&value));
}

void kv_model_write(kv_model *model, weir_kv *kv, weir_random *random)
{
    WEIR_AUTO(weir_buf) key = {0};
    kv_model_random_key(random, &key);
    write_key(model, kv, random, weir_buf_bytes(&key));
}

/* Checks. */

static void check_row(const kv_model_row *row, weir_bytes key, weir_bytes value)
{
    CHECK_BYTES(key, weir_buf_bytes(&row->key));
    CHECK_BYTES(value, weir_buf_bytes(&row->value));
}

/* Checks that it gives the rows first <= index < end, and then ends for good. */
static void check_rows(const kv_model *model, weir_kv_iterator *it, size_t first, size_t end,
                       bool backwards)
{
    weir_error err = {0};
    weir_bytes key;
    weir_bytes value;
    for (size_t i = first; i < end; i++) {
        CHECK_OK(weir_kv_iterator_next(it, &key, &value, &err), &err);
        check_row(&model->rows[backwards ? end - 1 - (i - first) : i], key, value);
    }
    CHECK_STATUS(weir_kv_iterator_next(it, &key, &value, &err), WEIR_NOT_FOUND);
    CHECK_STATUS(weir_kv_iterator_next(it, &key, &value, &err), WEIR_NOT_FOUND);
}

static void check_range(const kv_model *model, weir_kv *kv, weir_bytes from, weir_bytes to,
                        bool backwards)
{
    weir_error err = {0};
    WEIR_AUTO_PTR(weir_kv_iterator) it = NULL;
    CHECK_OK(weir_kv_range(kv, from, to, backwards, &it, &err), &err);
    size_t first = from.data == NULL ? 0 : kv_model_lower_bound(model, from);
    size_t end = to.data == NULL ? model->count : kv_model_lower_bound(model, to);
    check_rows(model, it, first, end < first ? first : end, backwards);
}

static void check_prefix(const kv_model *model, weir_kv *kv, weir_bytes prefix)
{
    weir_error err = {0};
    WEIR_AUTO_PTR(weir_kv_iterator) it = NULL;
    CHECK_OK(weir_kv_prefix(kv, prefix, &it, &err), &err);
    size_t first = kv_model_lower_bound(model, prefix);
    size_t end = first;
    while (end < model->count &&
           weir_bytes_starts_with(weir_buf_bytes(&model->rows[end].key), prefix)) {
        end++;
    }
    check_rows(model, it, first, end, false);
}

void kv_model_check_some(const kv_model *model, weir_kv *kv, weir_random *random)
{
    weir_error err = {0};
    WEIR_AUTO(weir_buf) a = {0};
    WEIR_AUTO(weir_buf) b = {0};
    WEIR_AUTO(weir_buf) value = {0};
    kv_model_random_key(random, &a);
    kv_model_random_key(random, &b);
    weir_bytes wanted = kv_model_get(model, weir_buf_bytes(&a));
    weir_status status = weir_kv_get(kv, weir_buf_bytes(&a), &value, &err);
    CHECK_STATUS(status, wanted.data == NULL ? WEIR_NOT_FOUND : WEIR_OK);
    if (status == WEIR_OK) {
        CHECK_BYTES(weir_buf_bytes(&value), wanted);
    }
    bool open_from = weir_random_below(random, 8) == 0;
    bool open_to = weir_random_below(random, 8) == 0;
    check_range(model, kv, open_from ? WEIR_BYTES_NULL : weir_buf_bytes(&a),
                open_to ? WEIR_BYTES_NULL : weir_buf_bytes(&b), weir_random_below(random, 2) == 0);
    b.size = b.size / 2;
    check_prefix(model, kv, weir_buf_bytes(&b));
}

void kv_model_check_all(const kv_model *model, weir_kv *kv)
{
    check_range(model, kv, WEIR_BYTES_NULL, WEIR_BYTES_NULL, false);
    check_range(model, kv, WEIR_BYTES_NULL, WEIR_BYTES_NULL, true);
}

/* Every row of before in the range that nobody touched and that is not in seen is a loss. */
static void check_met(const kv_model *before, const kv_model *touched, const kv_model *seen,
                      weir_bytes from, weir_bytes to)
{
    size_t end = kv_model_lower_bound(before, to);
    for (size_t i = kv_model_lower_bound(before, from); i < end; i++) {
        weir_bytes key = weir_buf_bytes(&before->rows[i].key);
        if (kv_model_get(touched, key).data == NULL) {
            CHECK(kv_model_get(seen, key).data != NULL);
        }
    }
}

void kv_model_check_walk_while_writing(kv_model *model, weir_kv *kv, weir_random *random)
{
    weir_error err = {0};
    WEIR_AUTO(kv_model) before = {0};
    WEIR_AUTO(kv_model) touched = {0};
    WEIR_AUTO(kv_model) seen = {0};
    WEIR_AUTO(weir_buf) from = {0};
    WEIR_AUTO(weir_buf) to = {0};
    WEIR_AUTO(weir_buf) last = {0};
    WEIR_AUTO(weir_buf) written = {0};
    kv_model_copy(&before, model);
    kv_model_random_key(random, &from);
    kv_model_random_key(random, &to);
    bool backwards = weir_random_below(random, 2) == 0;
    WEIR_AUTO_PTR(weir_kv_iterator) it = NULL;
    CHECK_OK(weir_kv_range(kv, weir_buf_bytes(&from), weir_buf_bytes(&to), backwards, &it, &err),
             &err);
    weir_bytes key;
    weir_bytes value;
    while (weir_kv_iterator_next(it, &key, &value, &err) == WEIR_OK) {
        if (seen.count > 0) {
            CHECK_I64(weir_bytes_compare(key, weir_buf_bytes(&last)) < 0, ==, backwards);
            CHECK(!weir_bytes_equal(key, weir_buf_bytes(&last)));
        }
        weir_buf_set(&last, key);
        kv_model_put(&seen, key, WEIR_BYTES("1"));
        if (weir_random_below(random, 3) == 0) { /* The key that is borrowed, too. */
            kv_model_put(&touched, key, WEIR_BYTES("1"));
            write_key(model, kv, random, key);
        }
        kv_model_random_key(random, &written);
        kv_model_put(&touched, weir_buf_bytes(&written), WEIR_BYTES("1"));
        write_key(model, kv, random, weir_buf_bytes(&written));
    }
    check_met(&before, &touched, &seen, weir_buf_bytes(&from), weir_buf_bytes(&to));
}
