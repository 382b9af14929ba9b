/* SPDX-License-Identifier: Apache-2.0
 *
 * test_orders_with_customers.c - orders_with_customers.c at work.
 */
#include "docs/examples/trial.h"

TEST(order_gets_the_name_of_its_customer)
{
    WEIR_AUTO(trial) t = trial_of(orders_with_customers());
    trial_send_text(&t, "customers", "c1", "Ada", 0);
    trial_send_text(&t, "orders", "o1", "{\"customer\": \"c1\", \"item\": \"tea\"}", 1);
    trial_send_text(&t, "orders", "o2", "{\"customer\": \"c2\", \"item\": \"milk\"}", 2);
    trial_expect_text(&t, "orders-full", "o1", "tea for Ada");
    trial_expect_nothing(&t, "orders-full");
    trial_send_text(&t, "customers", "c2", "Bob", 3);
    trial_expect_text(&t, "orders-full", "o2", "milk for Bob");
}

TEST(customer_who_is_renamed_is_renamed_in_all_orders)
{
    WEIR_AUTO(trial) t = trial_of(orders_with_customers());
    trial_send_text(&t, "customers", "c1", "Ada", 0);
    trial_send_text(&t, "orders", "o1", "{\"customer\": \"c1\", \"item\": \"tea\"}", 1);
    trial_send_text(&t, "orders", "o2", "{\"customer\": \"c1\", \"item\": \"milk\"}", 2);
    trial_send_text(&t, "customers", "c1", "Ada L.", 3);
    trial_expect_text(&t, "orders-full", "o1", "tea for Ada");
    trial_expect_text(&t, "orders-full", "o2", "milk for Ada");
    trial_expect_text(&t, "orders-full", "o1", "tea for Ada L.");
    trial_expect_text(&t, "orders-full", "o2", "milk for Ada L.");
    trial_send_text(&t, "orders", "o1", NULL, 4);
    trial_expect_text(&t, "orders-full", "o1", NULL);
}
