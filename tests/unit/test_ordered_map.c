/* SPDX-License-Identifier: Apache-2.0
 *
 * Both versions of a value stand in their entry or apart from it (statestore/ordered_map.c), as
 * there is room, and are what was set last wherever that is.
 */
#include "statestore/ordered_map.h"
#include "streams/base/random.h"
#include "tests/harness/check.h"

#include <string.h>

enum { KEY_BYTES = 24, VALUE_BYTES_MAX = 1500, STEPS = 20000 };

static const weir_bytes a_key = {(const uint8_t *)"key of 24 bytes, as text", KEY_BYTES};

/* What a version is: absent, removed, or so many times its letter. */
typedef struct expected {
    bool is_there;
    bool is_removed;
    size_t size;
    uint8_t letter;
} expected;

static weir_bytes bytes_of(const expected *version, uint8_t room[VALUE_BYTES_MAX])
{
    memset(room, version->letter, VALUE_BYTES_MAX);
    return version->is_removed ? WEIR_BYTES_NULL : weir_bytes_of(room, version->size);
}

static void check_version(const weir_ordered_entry *entry, weir_version version,
                          const expected *wanted)
{
    uint8_t room[VALUE_BYTES_MAX];
    CHECK(weir_ordered_has(entry, version) == wanted->is_there);
    weir_bytes value = weir_ordered_value(entry, version);
    CHECK((value.data == NULL) == (!wanted->is_there || wanted->is_removed));
    CHECK(!wanted->is_there || weir_bytes_equal(value, bytes_of(wanted, room)));
}

static size_t random_size(weir_random *random)
{
    static const size_t sizes_max[] = {8, 40, 600, VALUE_BYTES_MAX};
    return weir_random_below(random,
                             sizes_max[weir_random_below(random, WEIR_COUNT_OF(sizes_max))] + 1);
}

/* Sets, drops, commits or forwards a version of entry, and of wanted. */
static void change(weir_random *random, weir_ordered_map *map, weir_ordered_entry *entry,
                   expected wanted[3])
{
    uint8_t room[VALUE_BYTES_MAX];
    weir_version version = (weir_version)weir_random_below(random, 2);
    switch (weir_random_below(random, 6)) {
    case 0:
        weir_ordered_drop(map, entry, version);
        wanted[version] = (expected){0};
        break;
    case 1:
        if (wanted[WEIR_STAGED].is_there) {
            weir_ordered_commit(map, entry);
            wanted[WEIR_COMMITTED] = wanted[WEIR_STAGED];
            wanted[WEIR_STAGED] = (expected){0};
        }
        break;
    case 2:
        weir_ordered_drop(map, entry, WEIR_FORWARDED);
        weir_ordered_forward(entry);
        wanted[WEIR_FORWARDED] = wanted[WEIR_STAGED];
        wanted[WEIR_STAGED] = (expected){0};
        break;
    default:
        wanted[version] = (expected){true, weir_random_below(random, 8) == 0, random_size(random),
                                     (uint8_t)weir_random_below(random, 256)};
        weir_ordered_set(map, entry, version, bytes_of(&wanted[version], room));
    }
}

TEST(versions_are_what_was_set_last_in_their_entry_or_apart_from_it)
{
    static const size_t reserved[] = {0, 8, 100, 512, 600};
    weir_random random = weir_random_of(check_seed(1));
    for (size_t i = 0; i < WEIR_COUNT_OF(reserved); i++) {
        WEIR_AUTO_PTR(weir_ordered_map) map = weir_ordered_map_new_holding();
        weir_ordered_entry *entry = weir_ordered_map_insert(map, a_key, reserved[i]);
        expected wanted[3] = {0};
        for (size_t step = 0; step < STEPS; step++) {
            change(&random, map, entry, wanted);
            check_version(entry, WEIR_COMMITTED, &wanted[WEIR_COMMITTED]);
            check_version(entry, WEIR_STAGED, &wanted[WEIR_STAGED]);
            check_version(entry, WEIR_FORWARDED, &wanted[WEIR_FORWARDED]);
        }
        CHECK(weir_ordered_map_find(map, a_key) == entry);
        weir_ordered_map_remove(map, entry);
        CHECK(weir_ordered_map_count(map) == 0);
    }
}

TEST(value_apart_is_given_back_also_where_it_lies_just_behind_an_entry_without_room)
{
    static const uint8_t value[600];
    WEIR_AUTO_PTR(weir_ordered_map) map = weir_ordered_map_new();
    weir_ordered_entry *entry = weir_ordered_map_insert(map, a_key, sizeof(value));
    weir_ordered_set(map, entry, WEIR_STAGED, weir_bytes_of(value, sizeof(value)));
    size_t held = weir_ordered_map_held_bytes(map);
    for (size_t i = 0; i < 1000; i++) {
        weir_ordered_drop(map, entry, WEIR_STAGED);
        weir_ordered_set(map, entry, WEIR_STAGED, weir_bytes_of(value, sizeof(value)));
    }
    CHECK(weir_ordered_map_held_bytes(map) == held);
}
