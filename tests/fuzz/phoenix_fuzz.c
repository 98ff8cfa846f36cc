/* Whatever the bytes: nothing is read past them, and what decodes and is
 * written again as a push decodes to the same. The first byte chooses V1, V2
 * text or V2 binary. */

#include "proto/phoenix.h"
#include "shared/text.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 1 << 22 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool same(struct span a, struct span b)
{
	return a.len == b.len && (!a.len || !memcmp(a.at, b.at, a.len));
}

/* From a copy of exactly that size. */
static bool decode(enum phoenix_version version, bool binary, const void *data,
	size_t len, char **copy, struct phoenix_frame *frame,
	struct buf *scratch)
{
	*copy = malloc(len ? len : 1);
	memcpy(*copy, data, len);
	buf_init(scratch, MOST);
	return phoenix_decode(version, binary, *copy, len, frame, scratch);
}

/* What a client sends is a reply's layout under the kind of a push. */
static bool write_again(const struct phoenix_frame *frame,
	enum phoenix_version version, struct buf *out)
{
	if (!frame->binary) {
		phoenix_push(out, version, frame->join_ref, frame->ref,
			frame->topic_json, frame->event, frame->payload);
		return true;
	}
	if (!phoenix_binary_reply(out, frame->join_ref, frame->ref,
		    frame->topic, frame->event, frame->payload))
		return false; /* Latin-1 may outgrow its field */
	out->data[0] = 0;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum phoenix_version version;
	struct phoenix_frame first, second;
	struct buf scratch, scratch_again, out;
	char *copy, *again;
	bool binary, has_nul, good;

	if (!size)
		return 0;
	version = data[0] % 3 ? PHOENIX_V2 : PHOENIX_V1;
	binary = data[0] % 3 == 2;
	if (!decode(version, binary, data + 1, size - 1, &copy, &first,
		    &scratch))
		goto done;
	assert(first.binary == binary);
	assert(json_valid(first.ref.at, first.ref.len));
	assert(json_valid(first.join_ref.at, first.join_ref.len));
	assert(json_valid(first.topic_json.at, first.topic_json.len));
	assert(utf8_valid(first.topic, strlen(first.topic)));
	assert(utf8_valid(first.event, strlen(first.event)));

	/* A NUL in a binary ref has no way back through a C string. */
	has_nul =
		binary && (memmem(first.ref.at, first.ref.len, "\\u0000", 6) ||
				  memmem(first.join_ref.at, first.join_ref.len,
					  "\\u0000", 6));
	buf_init(&out, MOST);
	if (!has_nul && write_again(&first, version, &out)) {
		assert(!out.full);
		good = decode(version, binary, out.data, out.len, &again,
			&second, &scratch_again);
		assert(good);
		assert(version == PHOENIX_V1 ||
			same(first.join_ref, second.join_ref));
		assert(same(first.ref, second.ref));
		assert(!strcmp(first.topic, second.topic));
		assert(!strcmp(first.event, second.event));
		assert(binary || same(first.topic_json, second.topic_json));
		assert(same(first.payload, second.payload));
		free(again);
		buf_clear(&scratch_again);
	}
	buf_clear(&out);
done:
	free(copy);
	buf_clear(&scratch);
	return 0;
}
