/* SPDX-License-Identifier: Apache-2.0
 *
 * orders_with_customers.c - orders with the names of those who gave them. A customer who is renamed
 * is renamed in all of his orders.
 *
 *   orders       order -> {"customer": "c1", "item": "tea"}
 *   customers    customer -> name
 *   orders-full  order -> "tea for Ada"
 */
#include "docs/examples/examples.h"

#include "streams/base/json_read.h"

enum { ORDER_BYTES_MAX = 64 << 10 };

/* A member of an order, in the memory of the call. */
static weir_status order_member(weir_call *call, weir_bytes order, const char *member,
                                weir_bytes *out_text)
{
    WEIR_AUTO_PTR(weir_json_value) root = NULL;
    WEIR_TRY(weir_json_parse(order, ORDER_BYTES_MAX, &root, call->err));
    weir_bytes text = WEIR_BYTES_NULL;
    weir_status status = weir_json_get_text(root, member, &text, call->err);
    if (status == WEIR_NOT_FOUND) {
        return weir_error_set(call->err, WEIR_BAD_RECORD, "an order without %s", member);
    }
    WEIR_TRY(status);
    *out_text = weir_call_concat(call, text, WEIR_BYTES_NULL);
    return WEIR_OK;
}

static weir_status customer_of_order(weir_call *call, const weir_record *order, weir_bytes *out_key)
{
    return order_member(call, order->value, "customer", out_key);
}

static weir_status item_for_name(weir_call *call, weir_bytes key, weir_bytes order, weir_bytes name,
                                 weir_bytes *out_value)
{
    (void)key;
    weir_bytes item = WEIR_BYTES_NULL;
    WEIR_TRY(order_member(call, order, "item", &item));
    *out_value = weir_call_text(call, "%.*s for %.*s", (int)item.size, (const char *)item.data,
                                (int)name.size, (const char *)name.data);
    return WEIR_OK;
}

weir_builder *orders_with_customers(void)
{
    weir_builder *builder = weir_builder_new();
    weir_ktable *orders = weir_builder_table(builder, "orders", NULL, NULL);
    weir_ktable *customers = weir_builder_table(builder, "customers", NULL, NULL);
    weir_ktable *full =
        weir_ktable_join_foreign(orders, customers, customer_of_order, item_for_name, NULL);
    weir_kstream_to(weir_ktable_to_stream(full, NULL), "orders-full", NULL);
    return builder;
}
