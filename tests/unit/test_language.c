/* SPDX-License-Identifier: Apache-2.0
 *
 * Languages are named in BCP 47 (topologies/language.h).
 */
#include "tests/harness/check.h"
#include "topologies/language.h"

static void check_language(const char *text, const char *code)
{
    weir_language language = weir_language_of_text(weir_bytes_of_text(text));
    CHECK_STR(language.code, code);
    CHECK(language.confidence > 0.5 && language.confidence <= 1);
}

TEST(common_languages_are_told_apart)
{
    check_language("The weir holds back the water of the river so that boats can pass through the "
                   "lock beside it.",
                   "en");
    check_language("Das Wehr staut das Wasser des Flusses, damit die Schiffe durch die Schleuse "
                   "daneben fahren können.",
                   "de");
    check_language("Le barrage retient les eaux de la rivière pour que les bateaux puissent passer "
                   "par l'écluse voisine.",
                   "fr");
    check_language("Плотина удерживает воду реки, чтобы суда могли проходить через соседний шлюз.",
                   "ru");
    check_language("堰は川の水をせき止め、船が隣の水門を通れるようにする。", "ja");
    check_language("הסכר עוצר את מי הנהר כדי שסירות יוכלו לעבור דרך התעלה הסמוכה.", "he");
}

TEST(no_text_and_no_language_are_undetermined)
{
    CHECK_STR(weir_language_of_text(WEIR_BYTES_NULL).code, "und");
    CHECK_STR(weir_language_of_text(WEIR_BYTES("123 456 !?")).code, "und");
    CHECK(weir_language_of_text(WEIR_BYTES("\xff\xfe\xfd")).confidence == 0);
}

TEST(long_text_is_judged_by_samples_of_whole_characters)
{
    WEIR_AUTO(weir_buf) text = {0};
    weir_buf_append_text(&text, "The preface of this book is written in English. ");
    while (text.size < 3 * WEIR_LANGUAGE_TEXT_BYTES_MAX) {
        weir_buf_append_text(&text, "Плотина удерживает воду большой реки. ");
    }
    CHECK_STR(weir_language_of_text(weir_buf_bytes(&text)).code, "ru");
}
