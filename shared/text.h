/* text: UTF-8, ASCII classes and HTML escaping. Pure. */
#ifndef SHARED_TEXT_H
#define SHARED_TEXT_H

#include "shared/mem.h"

/* Well-formed UTF-8 as RFC 3629 has it: no overlong forms, no surrogates,
 * nothing past U+10FFFF. */
bool utf8_valid(const char *text, size_t len);

/* Bytes of the code point that text begins with, 1 to 4; 0 if it is not well
 * formed (or len is 0). */
size_t utf8_step(const char *text, size_t len);

/* Code points of a valid text. */
size_t utf8_count(const char *text, size_t len);

/* The longest prefix of at most max_bytes that cuts no code point. */
size_t utf8_prefix(const char *text, size_t len, size_t max_bytes);

/* True if text has 1 to max_len bytes, all printable ASCII (0x20-0x7e). */
bool ascii_printable(const char *text, size_t max_len);

/* Puts text with & < > " ' replaced by entities: what the legacy page writes
 * into innerHTML. */
void html_escape(struct buf *out, const char *text, size_t len);
const char *html_entity(char c); /* NULL: stands for itself */

/* Lower-cases and strips diacritics: "Prețuri" and "Preţuri" both become
 * "preturi", whether the marks are part of the letters or follow them. Latin
 * letters only; everything else is copied, broken UTF-8 too. */
void text_fold(struct buf *out, const char *text, size_t len);

#endif
