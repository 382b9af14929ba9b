/* SPDX-License-Identifier: Apache-2.0
 *
 * language.h - which language a text is in.
 *
 * Threads    Any.
 */
#ifndef WEIR_TOPOLOGIES_LANGUAGE_H
#define WEIR_TOPOLOGIES_LANGUAGE_H

#include "streams/base/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    WEIR_LANGUAGE_CODE_BYTES_MAX = 16,
    WEIR_LANGUAGE_TEXT_BYTES_MAX = 8 << 10, /* A longer text is judged by three samples. */
};

typedef struct weir_language {
    char code[WEIR_LANGUAGE_CODE_BYTES_MAX]; /* BCP 47: "en", "zh-Hant"; "und" where unknown. */
    double confidence; /* 0 to 1: the part of the text in that language, halved if unreliable. */
} weir_language;

/* The main language of text, which is UTF-8 (what follows an ill-formed byte is not looked at). */
weir_language weir_language_of_text(weir_bytes text);

#ifdef __cplusplus
}
#endif

#endif
