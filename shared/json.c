/* Trees of JSON: a struct json is a cJSON. Text is checked in json_text.c and
 * written in json_write.c. */

#include "shared/json.h"
#include <cjson/cJSON.h>
#include <math.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const cJSON *node(const struct json *value)
{
	return (const cJSON *)value;
}

static const struct json *value_of(const cJSON *item)
{
	return (const struct json *)item;
}

/* --- growing and felling ------------------------------------------------ */

/* All memory of a tree comes from one arena, which lies before its root: a
 * block for each node and text, taken and freed one by one, cost more than
 * the parsing. */
struct soil {
	_Alignas(max_align_t) struct arena arena;
};

static _Thread_local struct arena *growing;

static void *take(size_t size_bytes)
{
	char *memory;

	if (growing->blocks)
		return arena_alloc(growing, size_bytes);
	memory = arena_alloc(growing, sizeof(struct soil) + size_bytes);
	return memory + sizeof(struct soil); /* the root is made first */
}

static void leave(void *memory)
{
	(void)memory; /* goes with its tree */
}

static void use_arenas(void)
{
	cJSON_Hooks hooks = {take, leave};

	cJSON_InitHooks(&hooks);
}

struct json *json_parse(const char *text, size_t len)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct arena arena = {0};
	cJSON *root;

	if (!json_parsable(text, len))
		return NULL;
	pthread_once(&once, use_arenas);
	growing = &arena;
	root = cJSON_ParseWithLength(text, len);
	growing = NULL;
	if (!root)
		abort(); /* the text is good, and memory is never refused */
	((struct soil *)(void *)root)[-1].arena = arena;
	return (struct json *)root;
}

void json_free(struct json *root)
{
	struct arena arena;

	if (!root)
		return;
	arena = ((struct soil *)(void *)root)[-1].arena;
	arena_clear(&arena);
}

/* --- looking ------------------------------------------------------------ */

const struct json *json_get(const struct json *object, const char *name)
{
	const cJSON *item, *found = NULL;

	if (!json_is_object(object))
		return NULL;
	/* The last one, as json_find: cJSON's own look-up takes the first. */
	for (item = node(object)->child; item; item = item->next)
		if (!strcmp(item->string, name))
			found = item;
	return value_of(found);
}

const char *json_str(const struct json *object, const char *name)
{
	return json_text(json_get(object, name));
}

bool json_bool(const struct json *object, const char *name, bool fallback)
{
	const struct json *value = json_get(object, name);

	return json_is_bool(value) ? json_true(value) : fallback;
}

int64_t json_int(const struct json *object, const char *name, int64_t fallback)
{
	double number = json_num(object, name, NAN);

	if (!(fabs(number) <= JSON_MAX_WHOLE) || number != trunc(number))
		return fallback;
	return (int64_t)number;
}

double json_num(const struct json *object, const char *name, double fallback)
{
	const struct json *value = json_get(object, name);

	return json_is_number(value) ? json_number(value) : fallback;
}

bool json_is_object(const struct json *value)
{
	return cJSON_IsObject(node(value));
}

bool json_is_array(const struct json *value)
{
	return cJSON_IsArray(node(value));
}

bool json_is_string(const struct json *value)
{
	return cJSON_IsString(node(value));
}

bool json_is_number(const struct json *value)
{
	/* 1e400 is JSON, but cJSON makes it infinite. */
	return cJSON_IsNumber(node(value)) && isfinite(json_number(value));
}

bool json_is_bool(const struct json *value)
{
	return cJSON_IsBool(node(value));
}

bool json_is_null(const struct json *value)
{
	return cJSON_IsNull(node(value));
}

const char *json_text(const struct json *string)
{
	return json_is_string(string) ? node(string)->valuestring : NULL;
}

double json_number(const struct json *number)
{
	return node(number)->valuedouble;
}

bool json_true(const struct json *value)
{
	return cJSON_IsTrue(node(value));
}

const char *json_name(const struct json *member)
{
	return node(member)->string;
}

const struct json *json_first(const struct json *container)
{
	if (!json_is_array(container) && !json_is_object(container))
		return NULL;
	return value_of(node(container)->child);
}

const struct json *json_next(const struct json *item)
{
	return value_of(node(item)->next);
}

int json_size(const struct json *container)
{
	int size = 0;

	for (const struct json *item = json_first(container); item;
		item = json_next(item))
		size++;
	return size;
}

static void print(
	struct json_writer *w, const char *key, const struct json *value)
{
	if (json_is_object(value) || json_is_array(value)) {
		bool object = json_is_object(value);

		json_open(w, key, object ? '{' : '[');
		for (const struct json *item = json_first(value); item;
			item = json_next(item))
			print(w, json_name(item), item);
		json_shut(w, object ? '}' : ']');
	} else if (json_is_string(value)) {
		json_put_str(w, key, json_text(value));
	} else if (json_is_number(value)) {
		json_put_num(w, key, json_number(value));
	} else if (json_is_bool(value)) {
		json_put_bool(w, key, json_true(value));
	} else {
		json_put_null(w, key);
	}
}

void json_print(struct buf *out, const struct json *value)
{
	struct json_writer w;

	json_begin(&w, out);
	print(&w, NULL, value);
}
