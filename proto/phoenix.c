#include "proto/phoenix.h"
#include "shared/text.h"
#include <string.h>

/* Kinds of binary frames. What a client sends is KIND_PUSH with a ref. */
enum { KIND_PUSH, KIND_REPLY, KIND_BROADCAST };

enum { FIELD_MAX = 255 }; /* bytes, in a binary frame */

#define TEXT_SPAN(text) \
	{ \
		text, sizeof(text) - 1 \
	}

const struct span phoenix_null = TEXT_SPAN("null");
const struct span phoenix_empty = TEXT_SPAN("{}");

static bool same_bytes(struct span a, struct span b)
{
	return a.len == b.len && (a.len == 0 || !memcmp(a.at, b.at, a.len));
}

bool phoenix_is_null(struct span ref)
{
	return same_bytes(ref, phoenix_null);
}

static bool is_string(struct span value)
{
	return value.len >= 2 && value.at[0] == '"';
}

static bool has_escape(struct span value)
{
	return memchr(value.at, '\\', value.len) != NULL;
}

bool phoenix_same_ref(struct span a, struct span b)
{
	struct buf x, y;
	bool same;

	if (same_bytes(a, b))
		return true;
	if (!is_string(a) || !is_string(b) || !(has_escape(a) || has_escape(b)))
		return false;
	buf_init(&x, PHOENIX_REF_MAX);
	buf_init(&y, PHOENIX_REF_MAX);
	same = json_unquote(a, &x) && json_unquote(b, &y) && x.len == y.len &&
	       !memcmp(x.data, y.data, x.len);
	buf_clear(&x);
	buf_clear(&y);
	return same;
}

/* --- decoding ------------------------------------------------------------ */

/* Puts a terminated text and tells where it begins: the buffer may still
 * move. What is no such text becomes "". */
static size_t put_text(struct buf *scratch, struct span json)
{
	size_t at = scratch->len;

	json_unquote(json, scratch);
	buf_putc(scratch, '\0');
	return at;
}

static bool fields(struct phoenix_frame *out, const struct span parts[5],
	struct buf *scratch)
{
	size_t topic, event;

	out->join_ref = parts[0];
	out->ref = parts[1];
	out->topic_json = parts[2];
	out->payload = parts[4];
	if (out->join_ref.len > PHOENIX_REF_MAX ||
		out->ref.len > PHOENIX_REF_MAX)
		return false;
	topic = put_text(scratch, parts[2]);
	event = put_text(scratch, parts[3]);
	if (scratch->full)
		return false;
	out->topic = scratch->data + topic;
	out->event = scratch->data + event;
	return true;
}

static bool decode_v1(const char *data, size_t len, struct phoenix_frame *out,
	struct buf *scratch)
{
	static const char *const names[5] = {
		"join_ref", "ref", "topic", "event", "payload"};
	struct span parts[5];

	if (!json_valid(data, len))
		return false;
	for (int i = 0; i < 5; i++)
		parts[i] = json_find(data, len, names[i]);
	if (!parts[0].at)
		parts[0] = phoenix_null;
	for (int i = 1; i < 5; i++)
		if (!parts[i].at)
			return false;
	return fields(out, parts, scratch);
}

static bool decode_text(const char *data, size_t len, struct phoenix_frame *out,
	struct buf *scratch)
{
	struct span parts[5];

	return json_valid(data, len) && json_split(data, len, parts, 5) >= 5 &&
	       fields(out, parts, scratch);
}

/* Clients 1.5.7 to 1.8.6 write the low bytes of UTF-16 units, which for most
 * of Europe is Latin-1: what is no UTF-8 is read as that. */
static size_t to_utf8(char out[2 * FIELD_MAX], const char *text, size_t len)
{
	size_t used = 0;

	if (utf8_valid(text, len)) {
		memcpy(out, text, len);
		return len;
	}
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c >= 0x80) {
			out[used++] = (char)(0xc0 | c >> 6);
			c = 0x80 | (c & 0x3f);
		}
		out[used++] = (char)c;
	}
	return used;
}

/* Where the two forms of a binary field are in the scratch buffer. */
struct field {
	size_t text, json, json_len;
};

static void put_field(
	struct field *field, struct buf *scratch, const char *data, size_t size)
{
	char text[2 * FIELD_MAX];
	size_t len = to_utf8(text, data, size);

	field->text = scratch->len;
	if (!memchr(text, '\0', len))
		buf_put(scratch, text, len);
	buf_putc(scratch, '\0');
	field->json = scratch->len;
	json_quote(scratch, text, len);
	field->json_len = scratch->len - field->json;
}

static struct span field_json(const struct field *field, const struct buf *buf)
{
	return (struct span){buf->data + field->json, field->json_len};
}

static bool decode_binary(const char *data, size_t len,
	struct phoenix_frame *out, struct buf *scratch)
{
	enum { JOIN_REF, REF, TOPIC, EVENT, FIELDS };
	struct field found[FIELDS];
	size_t used = 1 + FIELDS;

	if (len < used || data[0] != KIND_PUSH)
		return false;
	for (int i = 0; i < FIELDS; i++) {
		size_t size = (unsigned char)data[1 + i];

		if (size > len - used)
			return false;
		put_field(&found[i], scratch, data + used, size);
		used += size;
	}
	if (scratch->full)
		return false;
	out->binary = true;
	out->join_ref = field_json(&found[JOIN_REF], scratch);
	out->ref = field_json(&found[REF], scratch);
	out->topic_json = field_json(&found[TOPIC], scratch);
	out->topic = scratch->data + found[TOPIC].text;
	out->event = scratch->data + found[EVENT].text;
	out->payload = (struct span){data + used, len - used};
	return out->join_ref.len <= PHOENIX_REF_MAX &&
	       out->ref.len <= PHOENIX_REF_MAX;
}

bool phoenix_decode(enum phoenix_version version, bool binary, const char *data,
	size_t len, struct phoenix_frame *out, struct buf *scratch)
{
	*out = (struct phoenix_frame){0};
	buf_reset(scratch);
	if (version == PHOENIX_V1) /* in whatever kind of frame */
		return decode_v1(data, len, out, scratch);
	if (binary)
		return decode_binary(data, len, out, scratch);
	return decode_text(data, len, out, scratch);
}

/* --- encoding ------------------------------------------------------------ */

static void put_span(struct buf *out, struct span span)
{
	buf_put(out, span.at, span.len);
}

static void put_quoted(struct buf *out, const char *text)
{
	json_quote(out, text, strlen(text));
}

/* Everything before the payload. */
static void begin(struct buf *out, enum phoenix_version version,
	struct span join_ref, struct span ref, struct span topic_json,
	const char *event)
{
	if (version == PHOENIX_V1) {
		buf_puts(out, "{\"topic\":");
		put_span(out, topic_json);
		buf_puts(out, ",\"event\":");
		put_quoted(out, event);
		buf_puts(out, ",\"ref\":");
		put_span(out, ref);
		buf_puts(out, ",\"payload\":");
		return;
	}
	buf_putc(out, '[');
	put_span(out, join_ref);
	buf_putc(out, ',');
	put_span(out, ref);
	buf_putc(out, ',');
	put_span(out, topic_json);
	buf_putc(out, ',');
	put_quoted(out, event);
	buf_putc(out, ',');
}

static void end(struct buf *out, enum phoenix_version version)
{
	buf_putc(out, version == PHOENIX_V1 ? '}' : ']');
}

void phoenix_reply(struct buf *out, enum phoenix_version version,
	struct span join_ref, struct span ref, struct span topic_json,
	const char *status, struct span response)
{
	begin(out, version, join_ref, ref, topic_json, "phx_reply");
	buf_puts(out, "{\"status\":");
	put_quoted(out, status);
	buf_puts(out, ",\"response\":");
	put_span(out, response);
	buf_putc(out, '}');
	end(out, version);
}

void phoenix_push(struct buf *out, enum phoenix_version version,
	struct span join_ref, struct span ref, struct span topic_json,
	const char *event, struct span payload)
{
	begin(out, version, join_ref, ref, topic_json, event);
	put_span(out, payload);
	end(out, version);
}

static struct span text_span(const char *text)
{
	return (struct span){text, strlen(text)};
}

static bool put_binary(struct buf *out, char kind, const struct span *parts,
	int n_parts, struct span data)
{
	for (int i = 0; i < n_parts; i++)
		if (parts[i].len > FIELD_MAX)
			return false;
	buf_putc(out, kind);
	for (int i = 0; i < n_parts; i++)
		buf_putc(out, (char)parts[i].len);
	for (int i = 0; i < n_parts; i++)
		put_span(out, parts[i]);
	put_span(out, data);
	return !out->full;
}

/* A ref as binary frames have it: a string's text, nothing for null, and
 * the JSON of anything else. */
static struct span plain_ref(struct span ref, struct buf *text)
{
	if (phoenix_is_null(ref))
		return (struct span){0};
	buf_init(text, PHOENIX_REF_MAX);
	if (json_unquote(ref, text))
		return (struct span){text->data, text->len};
	return ref;
}

bool phoenix_binary_reply(struct buf *out, struct span join_ref,
	struct span ref, const char *topic, const char *status,
	struct span data)
{
	struct buf join_text = {0}, ref_text = {0};
	const struct span parts[] = {plain_ref(join_ref, &join_text),
		plain_ref(ref, &ref_text), text_span(topic), text_span(status)};
	bool fits = put_binary(out, KIND_REPLY, parts, COUNT(parts), data);

	buf_clear(&join_text);
	buf_clear(&ref_text);
	return fits;
}

bool phoenix_binary_push(struct buf *out, struct span join_ref,
	const char *topic, const char *event, struct span data)
{
	struct buf join_text = {0};
	const struct span parts[] = {plain_ref(join_ref, &join_text),
		text_span(topic), text_span(event)};
	bool fits = put_binary(out, KIND_PUSH, parts, COUNT(parts), data);

	buf_clear(&join_text);
	return fits;
}

bool phoenix_binary_broadcast(
	struct buf *out, const char *topic, const char *event, struct span data)
{
	const struct span parts[] = {text_span(topic), text_span(event)};

	return put_binary(out, KIND_BROADCAST, parts, COUNT(parts), data);
}
