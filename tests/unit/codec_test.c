#include "proto/codec.h"
#include "shared/clock.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct shape *const shapes[] = {
#define X(name, FIELDS) &name##_shape,
	SHAPES(X)
#undef X
};

/* --- generated messages ----------------------------------------------------
 */

static uint32_t seed;

static uint32_t below(uint32_t limit)
{
	seed = seed * 1664525 + 1013904223;
	return (uint32_t)(((uint64_t)seed * limit) >> 32);
}

static char *text_of(struct arena *arena, size_t len, char c)
{
	char *text = arena_alloc(arena, len + 1);

	memset(text, c, len);
	return text;
}

static const char *some_text(struct arena *arena, bool name, uint32_t limit)
{
	static const char *const words[] = {
		"a", "ștăț", "\"quoted\\\"", "\x01\x1f\n", "😀", "</script>"};
	const char *word = words[below(COUNT(words))];

	if (name || below(2) || strlen(word) > limit)
		return text_of(arena, 1 + below(limit < 40 ? limit : 40),
			(char)('!' + below(90)));
	return arena_strndup(arena, word, strlen(word));
}

static void fill(struct arena *arena, const struct shape *shape, char *out,
	bool everything);

static void fill_list(
	struct arena *arena, const struct field *f, char *out, uint32_t count)
{
	size_t size = f->element ? f->element->size : sizeof(char *);
	char *items = arena_alloc(arena, count * size);

	for (uint32_t i = 0; i < count; i++) {
		if (f->element)
			fill(arena, f->element, items + i * size, below(2));
		else
			((const char **)(void *)items)[i] =
				some_text(arena, true, 32);
	}
	memcpy(out + f->offset, &items, sizeof(items));
	memcpy(out + f->count_offset, &count, sizeof(count));
}

static void fill_field(struct arena *arena, const struct field *f, char *out)
{
	static const char *const values[] = {"{}", "[1,2.5,\"x\"]", "true",
		"{\"a\":{\"b\":[null]}}", "\"text\"", "-1.5e+30"};
	void *member = out + f->offset, *object;
	const char *text;

	switch (f->type) {
	case FIELD_TEXT:
	case FIELD_NAME:
		*(const char **)member =
			some_text(arena, f->type == FIELD_NAME, f->limit);
		return;
	case FIELD_TIME:
		*(int64_t *)member = 1 + (int64_t)below(2000000000) * 123;
		return;
	case FIELD_U32:
		*(uint32_t *)member = 1 + below(f->limit);
		return;
	case FIELD_U64:
		*(uint64_t *)member = UINT64_MAX >> below(64);
		return;
	case FIELD_BOOL:
		*(bool *)member = true;
		return;
	case FIELD_JSON:
		text = values[below(COUNT(values))];
		*(struct span *)member = (struct span){text, strlen(text)};
		return;
	case FIELD_NAMES:
	case FIELD_LIST:
		fill_list(
			arena, f, out, 1 + below(f->limit < 4 ? f->limit : 4));
		return;
	case FIELD_OBJECT:
		object = arena_alloc(arena, f->element->size);
		fill(arena, f->element, object, true);
		memcpy(member, &object, sizeof(object));
		return;
	}
	abort();
}

static void fill(struct arena *arena, const struct shape *shape, char *out,
	bool everything)
{
	memset(out, 0, shape->size);
	for (int i = 0; i < shape->n_fields; i++) {
		const struct field *f = &shape->fields()[i];

		if (f->must || everything || below(2))
			fill_field(arena, f, out);
	}
}

static void encode(struct buf *out, const struct shape *shape, const void *in)
{
	struct json_writer w;

	buf_init(out, 8 * LINK_MAX_BYTES);
	json_begin(&w, out);
	codec_encode(shape, in, &w, NULL);
	assert_false(out->full);
}

static enum status decode(const struct shape *shape, const char *text,
	struct arena *arena, void *out, struct codec_fault *fault)
{
	struct json *root = json_parse(text, strlen(text));
	enum status status;

	assert_non_null(root);
	status = codec_decode(shape, root, arena, out, fault);
	json_free(root);
	return status;
}

/* --- objects ---------------------------------------------------------------
 */

static void what_is_encoded_decodes_to_the_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(shapes) * 50; i++) {
		const struct shape *shape = shapes[i % COUNT(shapes)];
		struct arena arena = {0};
		struct codec_fault fault = {{0}};
		char *in = arena_alloc(&arena, shape->size);
		char *out = arena_alloc(&arena, shape->size);
		struct buf first, second;

		seed = (uint32_t)i;
		fill(&arena, shape, in, i < COUNT(shapes));
		encode(&first, shape, in);
		if (decode(shape, first.data, &arena, out, &fault) != OK)
			fail_msg("%s: %s", shape->name, fault.text);
		encode(&second, shape, out);
		assert_string_equal(first.data, second.data);
		buf_clear(&first);
		buf_clear(&second);
		arena_clear(&arena);
	}
}

static void every_member_of_a_struct_has_its_field(void **state)
{
	struct arena arena = {0};
	struct codec_fault fault;
	struct append_item item;

	(void)state;
	assert_int_equal(
		decode(&append_item_shape,
			"{\"appendId\":\"a1\",\"businessId\":\"b1\","
			"\"userId\":\"u1\",\"locationId\":\"l1\","
			"\"content\":\"bun\\u0103\",\"source\":\"websocket\","
			"\"clientTimestamp\":\"2026-11-22T14:05:09.123Z\","
			"\"metadata\":{ \"k\" : [1] }}",
			&arena, &item, &fault),
		OK);
	assert_string_equal(item.append_id, "a1");
	assert_string_equal(item.business_id, "b1");
	assert_string_equal(item.user_id, "u1");
	assert_string_equal(item.location_id, "l1");
	assert_string_equal(item.content, "bună");
	assert_string_equal(item.source, "websocket");
	assert_null(item.client_message_id);
	assert_int_equal(item.client_timestamp, INT64_C(1795356309123));
	assert_int_equal(item.metadata.len, strlen("{\"k\":[1]}"));
	assert_memory_equal(item.metadata.at, "{\"k\":[1]}", 9);
	arena_clear(&arena);
}

/* A full message in which one field was made wrong by `spoil`. */
typedef void spoil_fn(struct arena *arena, const struct field *f, char *out);

static enum status decode_spoiled(const struct shape *shape,
	const struct field *f, spoil_fn *spoil, struct codec_fault *fault)
{
	struct arena arena = {0};
	char *message = arena_alloc(&arena, shape->size);
	struct buf text;
	enum status status;

	seed = 7;
	fill(&arena, shape, message, true);
	spoil(&arena, f, message);
	encode(&text, shape, message);
	*fault = (struct codec_fault){{0}};
	status = decode(shape, text.data, &arena, message, fault);
	buf_clear(&text);
	arena_clear(&arena);
	return status;
}

static void sized(
	const struct field *f, char *out, struct arena *arena, uint32_t size)
{
	void *member = out + f->offset;
	char *text;

	switch (f->type) {
	case FIELD_TEXT:
	case FIELD_NAME:
		*(const char **)member = text_of(arena, size, 'x');
		return;
	case FIELD_U32:
		*(uint32_t *)member = size;
		return;
	case FIELD_JSON:
		text = text_of(arena, size, 'x');
		text[0] = text[size - 1] = '"';
		*(struct span *)member = (struct span){text, size};
		return;
	case FIELD_NAMES:
	case FIELD_LIST:
		fill_list(arena, f, out, size);
		return;
	default:
		abort();
	}
}

static void at_limit(struct arena *arena, const struct field *f, char *out)
{
	sized(f, out, arena, f->limit);
}

static void over_limit(struct arena *arena, const struct field *f, char *out)
{
	sized(f, out, arena, f->limit + 1);
}

static bool has_limit(const struct field *f)
{
	return f->type != FIELD_TIME && f->type != FIELD_U64 &&
	       f->type != FIELD_BOOL && f->type != FIELD_OBJECT &&
	       f->limit < UINT32_MAX;
}

static void limits_hold_for_every_field_of_every_shape(void **state)
{
	struct codec_fault fault;

	(void)state;
	for (size_t s = 0; s < COUNT(shapes); s++)
		for (int i = 0; i < shapes[s]->n_fields; i++) {
			const struct field *f = &shapes[s]->fields()[i];
			size_t len = strlen(f->name);

			if (!has_limit(f))
				continue;
			if (decode_spoiled(shapes[s], f, at_limit, &fault))
				fail_msg("%s: %s", shapes[s]->name, fault.text);
			assert_int_equal(decode_spoiled(shapes[s], f,
						 over_limit, &fault),
				f->type == FIELD_U32 ? BAD_REQUEST : TOO_LARGE);
			assert_memory_equal(fault.text, f->name, len);
			assert_int_equal(fault.text[len], ' ');
		}
}

/* Renames a member of the outermost object. */
static void hide_member(char *text, const char *name)
{
	struct span value = json_find(text, strlen(text), name);

	assert_non_null(value.at);
	text[value.at - text - 2 - (ptrdiff_t)strlen(name)] = '_';
}

static void a_required_field_that_is_missing_is_named(void **state)
{
	(void)state;
	for (size_t s = 0; s < COUNT(shapes); s++)
		for (int i = 0; i < shapes[s]->n_fields; i++) {
			const struct field *f = &shapes[s]->fields()[i];
			struct arena arena = {0};
			char *message = arena_alloc(&arena, shapes[s]->size);
			struct codec_fault fault;
			char expected[64];
			struct buf text;
			enum status status;

			fill(&arena, shapes[s], message, true);
			encode(&text, shapes[s], message);
			hide_member(text.data, f->name);
			status = decode(
				shapes[s], text.data, &arena, message, &fault);
			assert_int_equal(status, f->must ? MISSING_FIELD : OK);
			snprintf(expected, sizeof(expected), "%s is missing",
				f->name);
			if (f->must)
				assert_string_equal(fault.text, expected);
			buf_clear(&text);
			arena_clear(&arena);
		}
}

static void fields_of_no_meaning_here_are_ignored(void **state)
{
	struct arena arena = {0};
	struct codec_fault fault;
	struct forget_request forget;

	(void)state;
	assert_int_equal(decode(&forget_request_shape,
				 "{\"later\":{\"a\":[1]},\"sessionId\":\"s\","
				 "\"sessionID\":7,\"ifRev\":\"5\"}",
				 &arena, &forget, &fault),
		OK);
	assert_string_equal(forget.session_id, "s");
	assert_int_equal(forget.if_rev, 5);
	arena_clear(&arena);
}

static void null_and_an_empty_name_are_the_same_as_absent(void **state)
{
	struct arena arena = {0};
	struct codec_fault fault;
	struct sessions_request sessions;

	(void)state;
	assert_int_equal(decode(&sessions_request_shape,
				 "{\"businessId\":\"b\",\"userId\":\"\","
				 "\"limit\":null}",
				 &arena, &sessions, &fault),
		OK);
	assert_null(sessions.user_id);
	assert_int_equal(sessions.limit, 0);
	assert_int_equal(
		decode(&sessions_request_shape, "{\"businessId\":\"\"}", &arena,
			&sessions, &fault),
		MISSING_FIELD);
	assert_int_equal(
		decode(&sessions_request_shape, "{\"businessId\":null}", &arena,
			&sessions, &fault),
		MISSING_FIELD);
	arena_clear(&arena);
}

static void wrong_types_and_values_are_refused_with_the_path(void **state)
{
	static const struct {
		const struct shape *shape;
		const char *text, *fault;
	} cases[] = {
		{&claim_reply_shape, "[]", "the body must be an object"},
		{&forget_request_shape, "{\"sessionId\":5}",
			"sessionId must be text"},
		{&forget_request_shape, "{\"sessionId\":\"\\u0103\"}",
			"sessionId must be printable ASCII"},
		{&forget_request_shape, "{\"sessionId\":\"a\\nb\"}",
			"sessionId must be printable ASCII"},
		{&forget_request_shape, "{\"sessionId\":\"s\",\"ifRev\":5}",
			"ifRev must be a 64-bit number as digits in a string"},
		{&forget_request_shape, "{\"sessionId\":\"s\",\"ifRev\":\"\"}",
			"ifRev must be a 64-bit number as digits in a string"},
		{&forget_request_shape,
			"{\"sessionId\":\"s\",\"ifRev\":\"-1\"}",
			"ifRev must be a 64-bit number as digits in a string"},
		{&forget_request_shape,
			"{\"sessionId\":\"s\","
			"\"ifRev\":\"18446744073709551616\"}",
			"ifRev must be a 64-bit number as digits in a string"},
		{&forget_request_shape,
			"{\"sessionId\":\"s\","
			"\"ifRev\":\"000000000000000000001\"}",
			"ifRev must be a 64-bit number as digits in a string"},
		{&forget_reply_shape, "{\"deleted\":1}",
			"deleted must be true or false"},
		{&history_request_shape, "{\"sessionId\":\"s\",\"limit\":201}",
			"limit must be a whole number from 0 to 200"},
		{&history_request_shape, "{\"sessionId\":\"s\",\"limit\":1.5}",
			"limit must be a whole number from 0 to 200"},
		{&history_request_shape, "{\"sessionId\":\"s\",\"limit\":-1}",
			"limit must be a whole number from 0 to 200"},
		{&history_request_shape,
			"{\"sessionId\":\"s\",\"limit\":1e400}",
			"limit must be a whole number from 0 to 200"},
		{&history_request_shape,
			"{\"sessionId\":\"s\",\"limit\":\"5\"}",
			"limit must be a whole number from 0 to 200"},
		{&history_request_shape,
			"{\"sessionId\":\"s\",\"before\":\"yesterday\"}",
			"before must be a time like 2026-11-22T14:05:09.123Z"},
		{&history_request_shape, "{\"sessionId\":\"s\",\"before\":7}",
			"before must be a time like 2026-11-22T14:05:09.123Z"},
		{&append_request_shape, "{\"items\":{}}",
			"items must be a list"},
		{&append_request_shape, "{\"items\":[7]}",
			"items[0] must be an object"},
		{&set_status_reply_shape, "{\"session\":[]}",
			"session must be an object"},
		{&set_status_reply_shape, "{\"session\":{\"sessionId\":true}}",
			"session.sessionId must be text"},
		{&cancel_reply_shape, "{\"endedTurns\":[\"t1\",\"\"]}",
			"endedTurns[1] is empty"},
		{&cancel_reply_shape, "{\"endedTurns\":[\"t1\",3]}",
			"endedTurns[1] must be text"},
		{&claim_reply_shape,
			"{\"claimNo\":\"1\",\"turns\":[{\"messages\":"
			"[{\"seq\":1},{\"seq\":\"2\"}]}]}",
			"turns[0].messages[0].messageId is missing"},
	};
	struct codec_fault fault;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct arena arena = {0};
		void *out = arena_alloc(&arena, cases[i].shape->size);

		assert_int_not_equal(decode(cases[i].shape, cases[i].text,
					     &arena, out, &fault),
			OK);
		assert_string_equal(fault.text, cases[i].fault);
		arena_clear(&arena);
	}
}

static void a_json_value_may_be_so_deep_and_no_deeper(void **state)
{
	static const char format[] =
		"{\"businessId\":\"b\",\"record\":%.*s1%.*s}";
	struct arena arena = {0};
	struct codec_fault fault;
	struct tenant_reply reply;
	char text[200];
	char open[] = "[[[[[[[[[[[[[[[[[", close[] = "]]]]]]]]]]]]]]]]]";

	(void)state;
	snprintf(text, sizeof(text), format, CODEC_JSON_DEPTH, open,
		CODEC_JSON_DEPTH, close);
	assert_int_equal(
		decode(&tenant_reply_shape, text, &arena, &reply, &fault), OK);
	snprintf(text, sizeof(text), format, CODEC_JSON_DEPTH + 1, open,
		CODEC_JSON_DEPTH + 1, close);
	assert_int_equal(
		decode(&tenant_reply_shape, text, &arena, &reply, &fault),
		BAD_REQUEST);
	assert_string_equal(
		fault.text, "record is nested deeper than 16 levels");
	arena_clear(&arena);
}

/* What was accepted in an append must fit, with all its wrapping, into the
 * largest of our messages: else a stored message could never be claimed. */
static void the_deepest_metadata_still_fits_into_a_claims_reply(void **state)
{
	char metadata[2 * CODEC_JSON_DEPTH + 1];
	struct message message;
	struct grant grant;
	struct claim_reply claim = {
		.claim_no = 1, .turns = &grant, .n_turns = 1};
	struct arena arena = {0};
	struct codec_fault fault;
	struct reply reply;
	struct buf text;

	(void)state;
	memset(metadata, '[', CODEC_JSON_DEPTH);
	memset(metadata + CODEC_JSON_DEPTH, ']', CODEC_JSON_DEPTH);
	fill(&arena, &message_shape, (char *)&message, true);
	fill(&arena, &grant_shape, (char *)&grant, true);
	message.metadata = (struct span){metadata, 2 * CODEC_JSON_DEPTH};
	grant.messages = &message;
	grant.n_messages = 1;
	buf_init(&text, LINK_MAX_BYTES);
	reply_encode(&text, OP_CLAIM, OK, NULL, &claim);
	assert_int_equal(reply_decode(OP_CLAIM, text.data, text.len, &arena,
				 &reply, &fault),
		OK);
	buf_clear(&text);
	arena_clear(&arena);
}

/* --- envelopes -------------------------------------------------------------
 */

static enum status request_of(const char *text, struct arena *arena,
	struct request *out, struct codec_fault *fault)
{
	return request_decode(text, strlen(text), arena, out, fault);
}

static void a_request_is_read_as_it_was_written(void **state)
{
	struct forget_request forget = {.session_id = "s1", .if_rev = 9};
	struct arena arena = {0};
	struct codec_fault fault;
	struct request request;
	struct buf text;

	(void)state;
	buf_init(&text, LINK_MAX_BYTES);
	request_encode(&text, OP_FORGET, &forget, 8000, "7f3a");
	assert_string_equal(text.data,
		"{\"v\":1,\"op\":\"forget\",\"ttlMs\":8000,\"trace\":\"7f3a\","
		"\"body\":{\"sessionId\":\"s1\",\"ifRev\":\"9\"}}");
	assert_int_equal(request_of(text.data, &arena, &request, &fault), OK);
	assert_int_equal(request.version, 1);
	assert_int_equal(request.op, OP_FORGET);
	assert_int_equal(request.ttl_ms, 8000);
	assert_string_equal(request.trace, "7f3a");
	assert_int_equal(((struct forget_request *)request.body)->if_rev, 9);

	buf_reset(&text);
	request_encode(&text, OP_FORGET, &forget, 0, NULL);
	assert_int_equal(request_of(text.data, &arena, &request, &fault), OK);
	assert_int_equal(request.ttl_ms, 0);
	assert_null(request.trace);
	buf_clear(&text);
	arena_clear(&arena);
}

static void a_bad_request_says_why_and_what_it_was(void **state)
{
	static const struct {
		const char *text;
		enum status status;
		int op;
		const char *fault;
	} cases[] = {
		{"", BAD_REQUEST, -1, "the message is not a JSON object"},
		{"{\"v\":1", BAD_REQUEST, -1,
			"the message is not a JSON object"},
		{"[1]", BAD_REQUEST, -1, "the message is not a JSON object"},
		{"{\"op\":\"tenant\"}", MISSING_FIELD, OP_TENANT,
			"v is missing"},
		{"{\"v\":\"1\",\"op\":\"tenant\"}", BAD_REQUEST, OP_TENANT,
			"v must be a whole number"},
		{"{\"v\":2,\"op\":\"tenant\",\"trace\":{}}",
			UNSUPPORTED_VERSION, OP_TENANT,
			"only protocol versions 1 to 1 are spoken here"},
		{"{\"v\":0,\"op\":\"soon\"}", UNSUPPORTED_VERSION, -1,
			"only protocol versions 1 to 1 are spoken here"},
		{"{\"v\":1}", MISSING_FIELD, -1, "op is missing"},
		{"{\"v\":1,\"op\":5}", BAD_REQUEST, -1, "op must be text"},
		{"{\"v\":1,\"op\":\"soon\",\"body\":{}}", UNKNOWN_OP, -1,
			"no such operation here"},
		{"{\"v\":1,\"op\":\"tenant\"}", MISSING_FIELD, OP_TENANT,
			"body is missing"},
		{"{\"v\":1,\"op\":\"tenant\",\"body\":{}}", MISSING_FIELD,
			OP_TENANT, "businessId is missing"},
		{"{\"v\":1,\"op\":\"tenant\",\"ttlMs\":-1,\"body\":{}}",
			BAD_REQUEST, OP_TENANT,
			"ttlMs must be a whole number from 0 to 4294967295"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct arena arena = {0};
		struct codec_fault fault;
		struct request request;

		assert_int_equal(
			request_of(cases[i].text, &arena, &request, &fault),
			cases[i].status);
		assert_string_equal(fault.text, cases[i].fault);
		assert_int_equal(request.op, cases[i].op);
		assert_null(request.body);
		arena_clear(&arena);
	}
}

static void a_message_over_the_limit_is_not_even_parsed(void **state)
{
	struct arena arena = {0};
	struct codec_fault fault;
	struct request request;
	char *text = text_of(&arena, LINK_MAX_BYTES + 1, ' ');

	(void)state;
	assert_int_equal(request_of(text, &arena, &request, &fault), TOO_LARGE);
	arena_clear(&arena);
}

static enum status reply_of(enum op op, const char *text, struct arena *arena,
	struct reply *out, struct codec_fault *fault)
{
	return reply_decode(op, text, strlen(text), arena, out, fault);
}

static void a_reply_is_read_as_it_was_written(void **state)
{
	struct forget_reply forgot = {.deleted = true};
	struct arena arena = {0};
	struct codec_fault fault;
	struct reply reply;
	struct buf text;

	(void)state;
	buf_init(&text, LINK_MAX_BYTES);
	reply_encode(&text, OP_FORGET, OK, NULL, &forgot);
	assert_string_equal(text.data, "{\"v\":1,\"op\":\"forget\","
				       "\"status\":\"ok\","
				       "\"body\":{\"deleted\":true}}");
	assert_int_equal(
		reply_of(OP_FORGET, text.data, &arena, &reply, &fault), OK);
	assert_int_equal(reply.status, OK);
	assert_true(((struct forget_reply *)reply.body)->deleted);

	buf_reset(&text);
	reply_encode(&text, OP_FORGET, NOT_FOUND, "no such session", NULL);
	assert_int_equal(
		reply_of(OP_FORGET, text.data, &arena, &reply, &fault), OK);
	assert_int_equal(reply.status, NOT_FOUND);
	assert_string_equal(reply.message, "no such session");
	assert_null(reply.body);
	buf_clear(&text);
	arena_clear(&arena);
}

static void a_refusal_may_carry_a_body(void **state)
{
	const char *allowed[] = {"active", "closed"};
	struct set_status_reply body = {.allowed = allowed, .n_allowed = 2};
	struct session session;
	struct arena arena = {0};
	struct codec_fault fault;
	struct reply reply;
	struct buf text;

	(void)state;
	fill(&arena, &session_shape, (char *)&session, true);
	body.session = &session;
	buf_init(&text, LINK_MAX_BYTES);
	reply_encode(&text, OP_SET_STATUS, CONFLICT, "not from there", &body);
	assert_int_equal(
		reply_of(OP_SET_STATUS, text.data, &arena, &reply, &fault), OK);
	assert_int_equal(reply.status, CONFLICT);
	assert_string_equal(
		((struct set_status_reply *)reply.body)->allowed[1], "closed");
	buf_clear(&text);
	arena_clear(&arena);
}

static void replies_that_cannot_be_right_are_refused(void **state)
{
	static const struct {
		const char *text;
		enum status status, answer;
	} cases[] = {
		/* ok without a body, or for something else */
		{"{\"v\":1,\"op\":\"forget\",\"status\":\"ok\"}", MISSING_FIELD,
			OK},
		{"{\"v\":1,\"op\":\"cancel\",\"status\":\"ok\",\"body\":{}}",
			BAD_REQUEST, OK},
		{"{\"v\":1,\"status\":\"ok\",\"body\":{\"deleted\":true}}",
			BAD_REQUEST, OK},
		{"{\"v\":1,\"op\":\"forget\",\"body\":{\"deleted\":true}}",
			MISSING_FIELD, INTERNAL},
		{"{\"v\":7,\"op\":\"forget\",\"status\":\"ok\"}",
			UNSUPPORTED_VERSION, INTERNAL},
		/* refusals keep their status whatever else they hold */
		{"{\"v\":1,\"status\":\"unknown_op\"}", OK, UNKNOWN_OP},
		{"{\"v\":1,\"op\":\"forget\",\"status\":\"conflict\","
		 "\"body\":{}}",
			OK, CONFLICT},
		{"{\"v\":1,\"op\":\"forget\",\"status\":\"of_tomorrow\"}", OK,
			INTERNAL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct arena arena = {0};
		struct codec_fault fault;
		struct reply reply;

		assert_int_equal(reply_of(OP_FORGET, cases[i].text, &arena,
					 &reply, &fault),
			cases[i].status);
		assert_int_equal(reply.status, cases[i].answer);
		assert_null(reply.body);
		arena_clear(&arena);
	}
}

static enum status event_of(const char *text, struct arena *arena,
	struct event_message *out, struct codec_fault *fault)
{
	return event_decode(text, strlen(text), arena, out, fault);
}

static void an_event_is_read_as_it_was_written(void **state)
{
	struct beat beat = {.boot = "b1"};
	struct turn_ready ready = {.turn_id = "t1"};
	struct arena arena = {0};
	struct codec_fault fault;
	struct event_message event;
	struct buf text;

	(void)state;
	buf_init(&text, LINK_MAX_BYTES);
	event_encode(&text, EV_BEAT, "e1", UINT64_MAX, &beat);
	assert_string_equal(text.data,
		"{\"v\":1,\"event\":\"beat\",\"epoch\":\"e1\","
		"\"n\":\"18446744073709551615\",\"body\":{\"boot\":\"b1\"}}");
	assert_int_equal(event_of(text.data, &arena, &event, &fault), OK);
	assert_int_equal(event.event, EV_BEAT);
	assert_string_equal(event.epoch, "e1");
	assert_true(event.n == UINT64_MAX);

	buf_reset(&text);
	event_encode(&text, EV_TURN_READY, NULL, 0, &ready);
	assert_int_equal(event_of(text.data, &arena, &event, &fault), OK);
	assert_int_equal(event.event, EV_TURN_READY);
	assert_null(event.epoch);
	assert_string_equal(((struct turn_ready *)event.body)->turn_id, "t1");
	buf_clear(&text);
	arena_clear(&arena);
}

static void an_unknown_event_still_counts(void **state)
{
	struct arena arena = {0};
	struct codec_fault fault;
	struct event_message event;

	(void)state;
	assert_int_equal(event_of("{\"v\":1,\"event\":\"news\",\"epoch\":\"e\","
				  "\"n\":\"8\",\"body\":[1]}",
				 &arena, &event, &fault),
		OK);
	assert_int_equal(event.event, -1);
	assert_int_equal(event.n, 8);
	assert_string_equal(event.epoch, "e");
	assert_null(event.body);
	arena_clear(&arena);
}

static void an_event_without_its_place_in_the_log_is_refused(void **state)
{
	static const char *const cases[] = {
		"{\"v\":1,\"event\":\"beat\",\"body\":{\"boot\":\"b\"}}",
		"{\"v\":1,\"event\":\"beat\",\"epoch\":\"e\","
		"\"body\":{\"boot\":\"b\"}}",
		"{\"v\":1,\"event\":\"beat\",\"n\":\"1\","
		"\"body\":{\"boot\":\"b\"}}",
		"{\"v\":1,\"event\":\"turn_ready\",\"epoch\":\"e\",\"n\":\"1\","
		"\"body\":{\"turnId\":\"t\"}}",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct arena arena = {0};
		struct codec_fault fault;
		struct event_message event;

		assert_int_not_equal(
			event_of(cases[i], &arena, &event, &fault), OK);
		arena_clear(&arena);
	}
}

static void names_lead_to_operations_and_events(void **state)
{
	(void)state;
	for (int op = 0; op < OP_COUNT; op++)
		assert_int_equal(op_from_name(op_infos[op].name), op);
	for (int event = 0; event < EV_COUNT; event++)
		assert_int_equal(
			event_from_name(event_infos[event].name), event);
	assert_int_equal(op_from_name("Append"), -1);
	assert_int_equal(op_from_name(NULL), -1);
	assert_int_equal(event_from_name(""), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_encoded_decodes_to_the_same),
		cmocka_unit_test(every_member_of_a_struct_has_its_field),
		cmocka_unit_test(limits_hold_for_every_field_of_every_shape),
		cmocka_unit_test(a_required_field_that_is_missing_is_named),
		cmocka_unit_test(fields_of_no_meaning_here_are_ignored),
		cmocka_unit_test(null_and_an_empty_name_are_the_same_as_absent),
		cmocka_unit_test(
			wrong_types_and_values_are_refused_with_the_path),
		cmocka_unit_test(a_json_value_may_be_so_deep_and_no_deeper),
		cmocka_unit_test(
			the_deepest_metadata_still_fits_into_a_claims_reply),
		cmocka_unit_test(a_request_is_read_as_it_was_written),
		cmocka_unit_test(a_bad_request_says_why_and_what_it_was),
		cmocka_unit_test(a_message_over_the_limit_is_not_even_parsed),
		cmocka_unit_test(a_reply_is_read_as_it_was_written),
		cmocka_unit_test(a_refusal_may_carry_a_body),
		cmocka_unit_test(replies_that_cannot_be_right_are_refused),
		cmocka_unit_test(an_event_is_read_as_it_was_written),
		cmocka_unit_test(an_unknown_event_still_counts),
		cmocka_unit_test(
			an_event_without_its_place_in_the_log_is_refused),
		cmocka_unit_test(names_lead_to_operations_and_events),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
