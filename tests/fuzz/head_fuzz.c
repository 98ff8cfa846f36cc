/* Whatever the bytes: nothing is read past them, a complete head is judged
 * alike whatever follows it, and what is let in keeps its promises. */

#include "gateway/edge_inside.h"
#include "shared/text.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct head_rules rules = {
	.origins = {.loopback = true, .hosts = "*.ex.com,a.test"}};

static void parse(const uint8_t *data, size_t size, struct head_result *result,
	struct buf *canonical)
{
	char *copy = malloc(size ? size : 1);

	memcpy(copy, data, size);
	buf_init(canonical, HEAD_MAX);
	head_parse(copy, size, &rules, result, canonical);
	free(copy);
}

static void look_at_upgrade(
	const struct head_result *result, const struct buf *canonical)
{
	const struct upgrade *upgrade = result->upgrade;

	assert(upgrade->serializer == 1 || upgrade->serializer == 2);
	assert(utf8_valid(upgrade->user_id, strlen(upgrade->user_id)));
	assert(canonical->len > 100 && !canonical->full);
	assert(!memcmp(canonical->data, "GET /w HTTP/1.1\r\n", 17));
	assert(!strcmp(canonical->data + canonical->len - 4, "\r\n\r\n"));
	/* Nothing of the client's but its key can be in it. */
	assert(!memmem(canonical->data, canonical->len - 2, "\r\n\r\n", 4));
}

static void look_at_request(const uint8_t *data, size_t size)
{
	char *copy = malloc(size);
	struct http http = {0};
	size_t head_len, body_len;
	struct refusal refusal;
	struct head head;

	memcpy(copy, data, size);
	refusal = head_read(&head, copy, size, &head_len);
	assert(!refusal.status && head_len);
	refusal = http_check(&head, 65536, &body_len);
	assert(refusal.status || body_len <= 65536);
	if (!http_read(&http, &head).status) {
		const char *path = http.request.path;

		assert(*path == '/' && utf8_valid(path, strlen(path)));
		assert(!strstr(path, "/../"));
		for (int i = 0; i < http.n_params; i++)
			assert(http_param(&http, http.params[i].name));
	}
	arena_clear(&http.arena);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct head_result whole, alone;
	struct buf canonical, again;

	parse(data, size, &whole, &canonical);
	assert(whole.head_len <= size);
	switch (whole.verdict) {
	case HEAD_MORE:
		assert(size < HEAD_MAX && !whole.head_len);
		break;
	case HEAD_REFUSE:
		assert(whole.status >= 400 && whole.status < 600);
		break;
	case HEAD_UPGRADE:
		look_at_upgrade(&whole, &canonical);
		break;
	case HEAD_REST:
		look_at_request(data, size);
		break;
	}
	if (whole.head_len) {
		parse(data, whole.head_len, &alone, &again);
		assert(alone.verdict == whole.verdict);
		assert(alone.status == whole.status);
		assert(alone.head_len == whole.head_len);
		upgrade_free(alone.upgrade);
		buf_clear(&again);
	}
	upgrade_free(whole.upgrade);
	buf_clear(&canonical);
	return 0;
}
