/* PROTOCOL.md and message.h say the same. */

#include "proto/codec.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *document;

/* The text under the heading, up to the next one; NULL if there is none. */
static char *section(const char *kind, const char *name)
{
	char heading[100];
	const char *start, *end;

	snprintf(heading, sizeof(heading), "\n### %s`%s`\n", kind, name);
	start = strstr(document, heading);
	if (!start)
		return NULL;
	start += strlen(heading);
	end = strstr(start, "\n#");
	return end ? xstrndup(start, (size_t)(end - start)) : xstrdup(start);
}

/* True if the section names the field, in bold where it must be there. */
static bool documents(const char *text, const struct field *field)
{
	char code[70];

	snprintf(code, sizeof(code), field->must ? "**`%s`**" : "`%s`",
		field->name);
	return strstr(text, code) != NULL;
}

static int undocumented(const char *kind, const char *name, const char *text,
	const struct shape *shape)
{
	int missing = 0;

	for (int i = 0; i < shape->n_fields; i++) {
		const struct field *field = &shape->fields()[i];

		if (text && documents(text, field))
			continue;
		print_error("PROTOCOL.md, %s`%s`: %s of %s is not there\n",
			kind, name, field->name, shape->name);
		missing++;
	}
	return missing;
}

static void every_operation_is_documented_with_all_fields(void **state)
{
	int missing = 0;

	(void)state;
	for (int op = 0; op < OP_COUNT; op++) {
		const struct op_info *info = &op_infos[op];
		char *text = section("", info->name);

		missing += undocumented("", info->name, text, info->request);
		missing += undocumented("", info->name, text, info->reply);
		free(text);
	}
	assert_int_equal(missing, 0);
}

static void every_event_is_documented_with_all_fields(void **state)
{
	int missing = 0;

	(void)state;
	for (int event = 0; event < EV_COUNT; event++) {
		const struct event_info *info = &event_infos[event];
		char *text = section("event ", info->name);

		/* Its body is a shape with a section of its own. */
		if (info->shape == &message_shape)
			missing += !text || !strstr(text, "`message`");
		else
			missing += undocumented(
				"event ", info->name, text, info->shape);
		free(text);
	}
	assert_int_equal(missing, 0);
}

static void every_element_is_documented_with_all_fields(void **state)
{
	static const struct shape *const elements[] = {&message_shape,
		&session_shape, &append_item_shape, &append_result_shape,
		&grant_shape, &logged_event_shape, &effect_shape};
	int missing = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(elements); i++) {
		char *text = section("shape ", elements[i]->name);

		missing += undocumented(
			"shape ", elements[i]->name, text, elements[i]);
		free(text);
	}
	assert_int_equal(missing, 0);
}

static void every_status_is_documented(void **state)
{
	char code[70];

	(void)state;
#define X(name, wire, http, text) \
	snprintf(code, sizeof(code), "`%s`", wire); \
	assert_non_null(strstr(document, code));
	STATUSES(X)
#undef X
}

/* The bodies of the examples that are whole messages. */
static void every_example_decodes(void **state)
{
	int examples = 0;

	(void)state;
	for (char *at = strstr(document, "   {\"v\":1,\"op\":"); at;
		at = strstr(at + 1, "   {\"v\":1,\"op\":")) {
		const char *text = strchr(at, '{'), *end = strchr(at, '\n');
		struct arena arena = {0};
		struct codec_fault fault;
		struct request request;

		/* Those with an ellipsis only show the envelope. */
		if (memmem(text, (size_t)(end - text), "…", strlen("…")))
			continue;
		assert_int_equal(request_decode(text, (size_t)(end - text),
					 &arena, &request, &fault),
			OK);
		arena_clear(&arena);
		examples++;
	}
	assert_true(examples > 0);
}

static int read_document(void **state)
{
	FILE *file = fopen("proto/PROTOCOL.md", "r");
	struct buf text;
	char part[4096];
	size_t len;

	(void)state;
	if (!file)
		return -1;
	buf_init(&text, 1000000);
	while ((len = fread(part, 1, sizeof(part), file)) > 0)
		buf_put(&text, part, len);
	fclose(file);
	document = buf_take(&text);
	return 0;
}

static int free_document(void **state)
{
	(void)state;
	free(document);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_operation_is_documented_with_all_fields),
		cmocka_unit_test(every_event_is_documented_with_all_fields),
		cmocka_unit_test(every_element_is_documented_with_all_fields),
		cmocka_unit_test(every_status_is_documented),
		cmocka_unit_test(every_example_decodes),
	};
	return cmocka_run_group_tests(tests, read_document, free_document);
}
