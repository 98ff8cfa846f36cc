#include "gateway/dto_write.h"
#include "gateway/dto.h"
#include "gateway/span.h"
#include "shared/clock.h"
#include "shared/text.h"
#include <string.h>

struct dto_writer dto_begin(struct buf *out, bool escape)
{
	struct dto_writer w = {.escape = escape};

	json_begin(&w.json, out);
	json_open(&w.json, NULL, '{');
	return w;
}

void dto_end(struct dto_writer *w)
{
	json_shut(&w->json, '}');
}

void dto_put_text(struct dto_writer *w, const char *key, const char *text)
{
	struct buf safe;
	size_t len;

	if (!text)
		return;
	len = strlen(text);
	if (!w->escape || strcspn(text, "&<>\"'") == len) {
		json_put_strn(&w->json, key, text, len);
		return;
	}
	buf_init(&safe, len * 6 + 1);
	html_escape(&safe, text, len);
	json_put_strn(&w->json, key, safe.data, safe.len);
	buf_clear(&safe);
}

void dto_put_time(struct dto_writer *w, const char *key, int64_t wall_ms)
{
	char iso[ISO_SIZE];

	if (!wall_ms)
		return;
	clock_iso(iso, wall_ms);
	json_put_str(&w->json, key, iso);
}

void dto_put_json(struct dto_writer *w, const char *key, struct span json)
{
	if (!json.at)
		return;
	if (!w->escape) {
		json_put_raw(&w->json, key, json.at, json.len);
		return;
	}
	json_put_raw(&w->json, key, "", 0);
	dto_escape_json(w->json.out, json);
}

void dto_put_list(struct dto_writer *w, const char *key, struct span json)
{
	if (json.at && *json.at == '[')
		dto_put_json(w, key, json);
	else
		json_put_raw(&w->json, key, "[]", 2);
}

void dto_put_names(
	struct dto_writer *w, const char *key, const char **names, uint32_t n)
{
	json_open(&w->json, key, '[');
	for (uint32_t i = 0; i < n; i++)
		dto_put_text(w, NULL, names[i]);
	json_shut(&w->json, ']');
}

/* --- escaping inside JSON ------------------------------------------------- */

static unsigned hex4(const char *digits)
{
	unsigned value = 0;

	for (int i = 0; i < 4; i++)
		value = value << 4 | (unsigned)hex_digit(digits[i]);
	return value;
}

/* The text is walked, not parsed: what need not change is copied to the
 * letter, numbers of any size among it. The five characters may stand for
 * themselves, behind a backslash or as \u00XX. */
void dto_escape_json(struct buf *out, struct span json)
{
	const char *at = json.at, *stop = json.at + json.len, *done = at;
	bool inside = false;

	while (at < stop) {
		size_t step = 1;
		unsigned code;
		const char *entity = NULL;

		if (*at == '"') {
			inside = !inside;
		} else if (inside && *at == '\\' && at[1] == 'u') {
			step = 6;
			code = hex4(at + 2);
			entity = code < 0x80 ? html_entity((char)code) : NULL;
		} else if (inside && *at == '\\') {
			step = 2;
			entity = at[1] == '"' ? html_entity('"') : NULL;
		} else if (inside) {
			entity = html_entity(*at);
		}
		if (entity) {
			buf_put(out, done, (size_t)(at - done));
			buf_puts(out, entity);
			done = at + step;
		}
		at += step;
	}
	buf_put(out, done, (size_t)(stop - done));
}

/* --- messages ------------------------------------------------------------- */

static bool is(const char *a, const char *b)
{
	return a && !strcmp(a, b);
}

const char *dto_sender_of(const struct message *m)
{
	if (is(m->type, "system"))
		return "system";
	if (!is(m->type, "agent"))
		return NULL;
	return strncmp(m->user_id, "coordinator:", 12) ? "agent" : "person";
}

void dto_put_sent(
	struct dto_writer *w, const struct append_result *r, bool duplicate)
{
	dto_put_text(w, "sessionId", r->session_id);
	dto_put_text(w, "messageId", r->message_id);
	json_put_int(&w->json, "seq", r->seq);
	dto_put_time(w, "timestamp", r->timestamp);
	if (duplicate)
		json_put_bool(&w->json, "duplicate", true);
}
