/* json: checked reading and bounded writing. The only includer of cJSON.h.
 *
 * cJSON accepts more than JSON (trailing bytes, raw control characters, byte
 * order marks, NULs that cut a string), so every text passes json_valid
 * before cJSON sees it. What must be echoed to the letter (Phoenix refs) is
 * never parsed: json_split finds it as a span of the original text. */
#ifndef SHARED_JSON_H
#define SHARED_JSON_H

#include "shared/mem.h"
#include <stdint.h>

enum { JSON_MAX_DEPTH = 32, JSON_MAX_NUMBER = 63 };

/* Beyond +-2^53 a double skips whole numbers. */
#define JSON_MAX_WHOLE 9007199254740992.0

struct json; /* a value inside a parsed tree; borrowed from its root */

struct span {
	const char *at; /* not terminated; NULL if absent */
	size_t len;
};

/* Exactly one RFC 8259 value, valid UTF-8, no lone surrogate escapes, no BOM,
 * nesting at most JSON_MAX_DEPTH, numbers of at most JSON_MAX_NUMBER bytes
 * (cJSON cuts longer ones). */
bool json_valid(const char *text, size_t len);

/* Likewise, and no string or key contains \u0000: what json_parse takes. */
bool json_parsable(const char *text, size_t len);

/* Splits a *valid* array into the spans of its first `max` items (verbatim,
 * without surrounding white space). Returns the number of items in the whole
 * array, or -1 if the value is not an array. */
int json_split(const char *text, size_t len, struct span *items, int max);

/* The span of a member of a *valid* object; the last one if it is there
 * twice. NULL .at if absent or not an object. `name` is compared with the
 * unescaped key. */
struct span json_find(const char *text, size_t len, const char *name);

/* If the span is a JSON string without \u0000, its unescaped text is appended
 * to *out and the result is true. False, and *out is as it was, also if it
 * does not fit. */
bool json_unquote(struct span value, struct buf *out);

/* --- reading ------------------------------------------------------------ */

/* NULL unless json_parsable. */
struct json *json_parse(const char *text, size_t len);
void json_free(struct json *root);

/* Members are looked up by exact name; the last one counts if it is there
 * twice. All return "absent" (NULL, or the fallback) for a missing member and
 * for one of another type. A number too large for a double is none. */
const struct json *json_get(const struct json *object, const char *name);
const char *json_str(const struct json *object, const char *name);
bool json_bool(const struct json *object, const char *name, bool fallback);
/* Whole numbers within +-JSON_MAX_WHOLE only. */
int64_t json_int(const struct json *object, const char *name, int64_t fallback);
double json_num(const struct json *object, const char *name, double fallback);

bool json_is_object(const struct json *value); /* false for NULL */
bool json_is_array(const struct json *value);
bool json_is_string(const struct json *value);
bool json_is_number(const struct json *value);
bool json_is_bool(const struct json *value);
bool json_is_null(const struct json *value);
const char *json_text(const struct json *string); /* NULL if not a string */
double json_number(const struct json *number);
bool json_true(const struct json *value);
const char *json_name(const struct json *member); /* its key; NULL in arrays */

/* Iteration: for (m = json_first(x); m; m = json_next(m)) */
const struct json *json_first(const struct json *container);
const struct json *json_next(const struct json *item);
int json_size(const struct json *container);

/* Compact text of a value, appended. */
void json_print(struct buf *out, const struct json *value);

/* --- writing ------------------------------------------------------------
 * A writer puts commas by itself. `key` is NULL inside arrays. Nothing is
 * ever written that json_valid would refuse, as long as texts are UTF-8. */
struct json_writer {
	struct buf *out;
	bool comma;
};

void json_begin(struct json_writer *w, struct buf *out);
void json_open(struct json_writer *w, const char *key, char bracket); /*{ or [*/
void json_shut(struct json_writer *w, char bracket); /* } or ] */
void json_put_str(struct json_writer *w, const char *key, const char *text);
void json_put_strn(
	struct json_writer *w, const char *key, const char *text, size_t len);
void json_put_int(struct json_writer *w, const char *key, int64_t value);
void json_put_num(struct json_writer *w, const char *key, double value);
void json_put_bool(struct json_writer *w, const char *key, bool value);
void json_put_null(struct json_writer *w, const char *key);
/* `json` is a valid JSON text, copied verbatim. */
void json_put_raw(
	struct json_writer *w, const char *key, const char *json, size_t len);
/* One quoted string without any comma. */
void json_quote(struct buf *out, const char *text, size_t len);

#endif
