/* Objects <-> structs, by walking the tables of shapes. */

#include "proto/codec.h"
#include "shared/clock.h"
#include "shared/text.h"
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t LATEST_TIME_MS = INT64_C(253402300799999); /* year 9999 */

/* --- decoding --------------------------------------------------------------
 */

/* Where we are: a field of an object, or (name NULL) an item of a list. The
 * body itself is NULL. */
struct place {
	const struct place *up;
	const char *name;
	uint32_t index;
};

struct decoder {
	struct arena *arena;
	struct codec_fault *fault;
};

static void put_path(struct buf *out, const struct place *at)
{
	if (!at)
		return;
	put_path(out, at->up);
	if (at->name)
		buf_printf(out, "%s%s", out->len ? "." : "", at->name);
	else
		buf_printf(out, "[%u]", (unsigned)at->index);
}

/* "items[3].content" + " is longer than 32000 bytes" */
__attribute__((format(printf, 4, 5))) static enum status refuse(
	const struct decoder *d, const struct place *at, enum status status,
	const char *format, ...)
{
	char reason[64];
	struct buf path;
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	buf_init(&path, sizeof(d->fault->text) - sizeof(reason) - 1);
	put_path(&path, at);
	snprintf(d->fault->text, sizeof(d->fault->text), "%s %s",
		path.len ? path.data : "the body", reason);
	buf_clear(&path);
	return status;
}

static enum status decode_object(const struct decoder *d,
	const struct shape *shape, const struct json *object,
	const struct place *at, void *out);

static enum status decode_text(const struct decoder *d,
	const struct json *value, bool name, uint32_t limit,
	const struct place *at, const char **out)
{
	const char *text = json_text(value);
	size_t len;

	if (!text)
		return refuse(d, at, BAD_REQUEST, "must be text");
	len = strlen(text);
	if (len > limit)
		return refuse(d, at, TOO_LARGE,
			"is longer than %" PRIu32 " bytes", limit);
	if (name && len && !ascii_printable(text, limit))
		return refuse(d, at, BAD_REQUEST, "must be printable ASCII");
	*out = name && !len ? NULL : arena_strndup(d->arena, text, len);
	return OK;
}

static enum status decode_time(const struct decoder *d,
	const struct json *value, const struct place *at, int64_t *out)
{
	const char *text = json_text(value);

	if (!text || !clock_parse_iso(text, out) || *out < 0 ||
		*out > LATEST_TIME_MS)
		return refuse(d, at, BAD_REQUEST,
			"must be a time like 2026-11-22T14:05:09.123Z");
	return OK;
}

static enum status decode_u32(const struct decoder *d, const struct json *value,
	uint32_t limit, const struct place *at, uint32_t *out)
{
	double number = json_is_number(value) ? json_number(value) : -1;

	if (!(number >= 0 && number <= limit) || number != (uint32_t)number)
		return refuse(d, at, BAD_REQUEST,
			"must be a whole number from 0 to %" PRIu32, limit);
	*out = (uint32_t)number;
	return OK;
}

static enum status decode_u64(const struct decoder *d, const struct json *value,
	const struct place *at, uint64_t *out)
{
	const char *digits = json_text(value);
	size_t len = digits ? strlen(digits) : 0;
	uint64_t number = 0;

	if (len < 1 || len > 20 || strspn(digits, "0123456789") != len)
		goto bad;
	for (size_t i = 0; i < len; i++) {
		uint64_t digit = (uint64_t)(digits[i] - '0');

		if (number > (UINT64_MAX - digit) / 10)
			goto bad;
		number = number * 10 + digit;
	}
	*out = number;
	return OK;
bad:
	return refuse(d, at, BAD_REQUEST,
		"must be a 64-bit number as digits in a string");
}

static int depth_of(const struct json *value)
{
	int deepest = 0;

	if (!json_is_object(value) && !json_is_array(value))
		return 0;
	for (const struct json *item = json_first(value); item;
		item = json_next(item)) {
		int depth = depth_of(item);

		deepest = depth > deepest ? depth : deepest;
	}
	return deepest + 1;
}

static enum status decode_json(const struct decoder *d, const struct field *f,
	const struct json *value, const struct place *at, struct span *out)
{
	struct buf text;
	enum status status = OK;

	/* A body of the log is the outermost wrapping and holds values that
	 * were measured before; the parser's limit is enough for it. */
	if (f->limit < EVENTS_PAGE_BYTES && depth_of(value) > CODEC_JSON_DEPTH)
		return refuse(d, at, BAD_REQUEST,
			"is nested deeper than %d levels", CODEC_JSON_DEPTH);
	buf_init(&text, f->limit);
	json_print(&text, value);
	if (text.full)
		status = refuse(d, at, TOO_LARGE,
			"is longer than %" PRIu32 " bytes", f->limit);
	else if (strcmp(text.data,
			 "null")) /* a number too large becomes null */
		*out = (struct span){
			arena_strndup(d->arena, text.data, text.len), text.len};
	buf_clear(&text);
	return status;
}

static enum status decode_list(const struct decoder *d, const struct field *f,
	const struct json *list, const struct place *at, void *items_out,
	uint32_t *count_out)
{
	size_t size = f->element ? f->element->size : sizeof(char *);
	struct place place = {at, NULL, 0};
	enum status status;
	char *items;
	int count;

	if (!json_is_array(list))
		return refuse(d, at, BAD_REQUEST, "must be a list");
	count = json_size(list);
	if ((uint32_t)count > f->limit)
		return refuse(d, at, TOO_LARGE,
			"has more than %" PRIu32 " items", f->limit);
	items = count ? arena_alloc(d->arena, (size_t)count * size) : NULL;
	for (const struct json *item = json_first(list); item;
		item = json_next(item), place.index++) {
		void *out = items + place.index * size;

		if (f->element)
			status =
				decode_object(d, f->element, item, &place, out);
		else
			status =
				decode_text(d, item, true, ID_MAX, &place, out);
		if (status != OK)
			return status;
		if (!f->element && !*(const char **)out)
			return refuse(d, &place, BAD_REQUEST, "is empty");
	}
	memcpy(items_out, &items, sizeof(items));
	*count_out = (uint32_t)count;
	return OK;
}

static enum status decode_field(const struct decoder *d, const struct field *f,
	const struct json *value, const struct place *at, char *out)
{
	void *member = out + f->offset, *object;
	enum status status;

	switch (f->type) {
	case FIELD_TEXT:
	case FIELD_NAME:
		return decode_text(
			d, value, f->type == FIELD_NAME, f->limit, at, member);
	case FIELD_TIME:
		return decode_time(d, value, at, member);
	case FIELD_U32:
		return decode_u32(d, value, f->limit, at, member);
	case FIELD_U64:
		return decode_u64(d, value, at, member);
	case FIELD_BOOL:
		if (!json_is_bool(value))
			return refuse(
				d, at, BAD_REQUEST, "must be true or false");
		*(bool *)member = json_true(value);
		return OK;
	case FIELD_JSON:
		return decode_json(d, f, value, at, member);
	case FIELD_NAMES:
	case FIELD_LIST:
		return decode_list(d, f, value, at, member,
			(uint32_t *)(void *)(out + f->count_offset));
	case FIELD_OBJECT:
		object = arena_alloc(d->arena, f->element->size);
		status = decode_object(d, f->element, value, at, object);
		memcpy(member, &object, sizeof(object));
		return status;
	}
	abort();
}

/* True if the member holds something that stands for "here". */
static bool present(const struct field *f, const char *in)
{
	const void *member = in + f->offset;

	switch (f->type) {
	case FIELD_TEXT:
	case FIELD_NAME:
	case FIELD_OBJECT:
		return *(const char *const *)member != NULL;
	case FIELD_TIME:
		return *(const int64_t *)member != 0;
	case FIELD_U32:
		return *(const uint32_t *)member != 0;
	case FIELD_U64:
		return *(const uint64_t *)member != 0;
	case FIELD_BOOL:
		return *(const bool *)member;
	case FIELD_JSON:
		return ((const struct span *)member)->at != NULL;
	case FIELD_NAMES:
	case FIELD_LIST:
		return *(const uint32_t *)(const void *)(in +
							 f->count_offset) != 0;
	}
	abort();
}

/* Members come in the order of the list from our own encoder, so each look-up
 * starts where the last one ended. */
static int find_field(const struct shape *shape, const char *name, int start)
{
	const struct field *fields = shape->fields();

	for (int i = 0; i < shape->n_fields; i++) {
		int at = (start + i) % shape->n_fields;

		if (!strcmp(fields[at].name, name))
			return at;
	}
	return -1;
}

static enum status decode_object(const struct decoder *d,
	const struct shape *shape, const struct json *object,
	const struct place *at, void *out)
{
	const struct field *fields = shape->fields();
	uint64_t seen = 0;
	int found, next = 0;

	assert(shape->n_fields <= 64);
	memset(out, 0, shape->size);
	if (!json_is_object(object))
		return refuse(d, at, BAD_REQUEST, "must be an object");
	for (const struct json *member = json_first(object); member;
		member = json_next(member)) {
		struct place place = {at, NULL, 0};
		enum status status;

		found = find_field(shape, json_name(member), next);
		if (found < 0)
			continue;
		next = found + 1;
		if (json_is_null(member))
			continue;
		place.name = fields[found].name;
		status = decode_field(d, &fields[found], member, &place, out);
		if (status != OK)
			return status;
		seen |= UINT64_C(1) << found;
	}
	for (int i = 0; i < shape->n_fields; i++) {
		const struct field *f = &fields[i];
		struct place place = {at, f->name, 0};
		bool here = seen >> i & 1;

		/* What cannot stand for itself when it is empty. */
		if (f->type == FIELD_NAME || f->type == FIELD_JSON)
			here = present(f, out);
		if (f->must && !here)
			return refuse(d, &place, MISSING_FIELD, "is missing");
	}
	return OK;
}

enum status codec_decode(const struct shape *shape, const struct json *object,
	struct arena *arena, void *out, struct codec_fault *fault)
{
	const struct decoder d = {arena, fault};

	return decode_object(&d, shape, object, NULL, out);
}

/* --- encoding --------------------------------------------------------------
 */

static void encode_fields(
	const struct shape *shape, const char *in, struct json_writer *w);

static void encode_list(
	const struct field *f, const char *in, struct json_writer *w)
{
	uint32_t count;
	const char *items;

	memcpy(&count, in + f->count_offset, sizeof(count));
	memcpy(&items, in + f->offset, sizeof(items));
	json_open(w, f->name, '[');
	for (uint32_t i = 0; i < count; i++) {
		if (f->element) {
			json_open(w, NULL, '{');
			encode_fields(
				f->element, items + i * f->element->size, w);
			json_shut(w, '}');
		} else {
			json_put_str(w, NULL,
				((const char *const *)(const void *)items)[i]);
		}
	}
	json_shut(w, ']');
}

static void encode_field(
	const struct field *f, const char *in, struct json_writer *w)
{
	const void *member = in + f->offset;
	const struct span *span = member;
	char text[ISO_SIZE];

	switch (f->type) {
	case FIELD_TEXT:
	case FIELD_NAME:
		json_put_str(w, f->name, *(const char *const *)member);
		return;
	case FIELD_TIME:
		clock_iso(text, *(const int64_t *)member);
		json_put_str(w, f->name, text);
		return;
	case FIELD_U32:
		json_put_int(w, f->name, *(const uint32_t *)member);
		return;
	case FIELD_U64:
		snprintf(text, sizeof(text), "%" PRIu64,
			*(const uint64_t *)member);
		json_put_str(w, f->name, text);
		return;
	case FIELD_BOOL:
		json_put_bool(w, f->name, *(const bool *)member);
		return;
	case FIELD_JSON:
		json_put_raw(w, f->name, span->at, span->len);
		return;
	case FIELD_NAMES:
	case FIELD_LIST:
		encode_list(f, in, w);
		return;
	case FIELD_OBJECT:
		codec_encode(
			f->element, *(const void *const *)member, w, f->name);
		return;
	}
	abort();
}

/* Zero is a value, no text is none. */
static bool has_nothing_to_say(enum field_type type)
{
	return type == FIELD_TEXT || type == FIELD_NAME || type == FIELD_JSON ||
	       type == FIELD_OBJECT;
}

static void encode_fields(
	const struct shape *shape, const char *in, struct json_writer *w)
{
	const struct field *fields = shape->fields();

	for (int i = 0; i < shape->n_fields; i++) {
		const struct field *f = &fields[i];
		bool here = present(f, in);

		assert(here || !f->must || !has_nothing_to_say(f->type));
		if (here || f->must)
			encode_field(f, in, w);
	}
}

void codec_encode(const struct shape *shape, const void *in,
	struct json_writer *w, const char *key)
{
	json_open(w, key, '{');
	encode_fields(shape, in, w);
	json_shut(w, '}');
}
