#include "gateway/head.h"
#include "gateway/span.h"
#include "proto/phoenix.h"
#include <stdio.h>
#include <stdlib.h>

static const struct refusal none = {0, ""};

static struct refusal refuse(int status, const char *reason)
{
	return (struct refusal){status, reason};
}

void upgrade_free(struct upgrade *upgrade)
{
	if (!upgrade)
		return;
	free(upgrade->token);
	free(upgrade);
}

typedef bool policy_fn(const struct origin_policy *policy, const char *value);

static bool header_allowed(const struct head *head, const char *name,
	policy_fn *allowed, const struct origin_policy *policy)
{
	struct span value = head_get(head, name);
	char *text = value.at ? xstrndup(value.at, value.len) : NULL;
	bool good = !text || allowed(policy, text);

	free(text);
	return good;
}

/* --- the subprotocol and its token --------------------------------------- */

static int base64_digit(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789";
	const char *found = memchr(digits, c, sizeof(digits) - 1);

	if (found)
		return (int)(found - digits);
	if (c == '+' || c == '-')
		return 62;
	return c == '/' || c == '_' ? 63 : -1;
}

/* Both alphabets, padded or not: clients write the standard one although the
 * name says otherwise. NULL if it is neither, or holds a NUL. */
static char *decode_base64(struct span text)
{
	unsigned bits = 0, n_bits = 0;
	struct buf out;

	while (text.len && text.at[text.len - 1] == '=')
		text.len--;
	buf_init(&out, HEAD_MAX);
	for (size_t i = 0; i < text.len; i++) {
		int digit = base64_digit(text.at[i]);

		if (digit < 0)
			goto bad;
		bits = bits << 6 | (unsigned)digit;
		n_bits += 6;
		if (n_bits < 8)
			continue;
		n_bits -= 8;
		if (!(bits >> n_bits & 0xff))
			goto bad;
		buf_putc(&out, (char)(bits >> n_bits & 0xff));
	}
	if (text.len % 4 != 1)
		return buf_take(&out);
bad:
	buf_clear(&out);
	return NULL;
}

struct offer {
	struct span token; /* of the last item that is one, without prefix */
	int n_tokens, n_others;
	bool phoenix;
};

static struct offer read_offer(const struct head *head)
{
	static const char prefix[] = "base64url.bearer.phx.";
	struct offer offer = {0};
	struct span list;
	int at = 0;

	while ((list = head_next(head, "sec-websocket-protocol", &at)).at) {
		while (list.len) {
			struct span item = span_trim(span_cut(&list, ','));

			if (span_starts(item, prefix)) {
				item.at += sizeof(prefix) - 1;
				item.len -= sizeof(prefix) - 1;
				offer.token = item;
				offer.n_tokens++;
			} else if (span_is(item, "phoenix")) {
				offer.phoenix = true;
			} else if (item.len) {
				offer.n_others++;
			}
		}
	}
	return offer;
}

/* --- upgrades ------------------------------------------------------------ */

/* What follows the patch number: nothing, -pre-release or +build. */
static bool version_end_ok(const char *text)
{
	size_t len = strspn(text, "0123456789abcdefghijklmnopqrstuvwxyz"
				  "ABCDEFGHIJKLMNOPQRSTUVWXYZ-.+");

	return !*text ||
	       ((*text == '-' || *text == '+') && len > 1 && text[len] == '\0');
}

/* Semantic versions 1.0.x and 2.0.x; a pre-release of x.0.0 is before it. 0
 * for anything else. */
static int serializer_of(const char *vsn)
{
	const char *patch = vsn + 4;
	size_t digits;

	if ((vsn[0] != '1' && vsn[0] != '2') || strncmp(vsn + 1, ".0.", 3))
		return 0;
	digits = strspn(patch, "0123456789");
	if (!digits || (digits > 1 && *patch == '0') ||
		!version_end_ok(patch + digits) ||
		(*patch == '0' && patch[digits] == '-'))
		return 0;
	return vsn[0] == '1' ? PHOENIX_V1 : PHOENIX_V2;
}

static int read_vsn(struct span query)
{
	char vsn[64];

	if (query_has_nested(query, "vsn"))
		return 0;
	if (!query_has(query, "vsn"))
		return PHOENIX_V1;
	return query_param(query, "vsn", vsn, sizeof(vsn)) ? serializer_of(vsn)
							   : 0;
}

/* What does not fit is no id, and must not pass for none having been said. */
static void read_id(struct span query, const char *name, char *id, size_t size)
{
	if (query_has(query, name) && !query_param(query, name, id, size))
		snprintf(id, size, "?");
}

static void read_params(struct upgrade *upgrade, struct span query)
{
	char format[8], token[URL_MAX + 1];

	if (query_param(query, "format", format, sizeof(format)))
		upgrade->text_format = !strcmp(format, "text");
	read_id(query, "businessId", upgrade->business_id,
		sizeof(upgrade->business_id));
	read_id(query, "userId", upgrade->user_id, sizeof(upgrade->user_id));
	if (!upgrade->token &&
		query_param(query, "token", token, sizeof(token)))
		upgrade->token = xstrdup(token);
}

static bool key_ok(struct span key)
{
	if (key.len != 24 || memcmp(key.at + 22, "==", 2))
		return false;
	for (int i = 0; i < 22; i++)
		if (base64_digit(key.at[i]) < 0)
			return false;
	return true;
}

/* The last step: whether it is an upgrade at all. */
static struct refusal check_handshake(const struct head *head)
{
	if (!head->http11)
		return refuse(400, "an upgrade needs HTTP/1.1");
	if (!head_get(head, "host").len || head_has_twice(head, "host"))
		return refuse(400, "'host' header must be there once");
	if (!head_has_word(head, "connection", "upgrade"))
		return refuse(
			400, "'connection' header must contain 'upgrade'");
	if (!head_has_word(head, "upgrade", "websocket"))
		return refuse(400, "'upgrade' header must contain 'websocket'");
	if (!span_is(head_get(head, "sec-websocket-version"), "13"))
		return refuse(400, "'sec-websocket-version' header must be 13");
	if (!key_ok(head_get(head, "sec-websocket-key")))
		return refuse(400,
			"'sec-websocket-key' header must be 16 bytes in "
			"base64");
	return none;
}

static struct refusal read_upgrade(const struct head *head,
	const struct head_rules *rules, struct upgrade *upgrade,
	struct offer *offer)
{
	int status;

	if (!span_is(head->method, "GET"))
		return refuse(400, "");
	if (!header_allowed(head, "origin", origin_allowed, &rules->origins) ||
		!header_allowed(
			head, "host", origin_host_allowed, &rules->origins))
		return refuse(403, "");
	*offer = read_offer(head);
	if (offer->n_tokens == 1) {
		upgrade->token = decode_base64(offer->token);
		if (!upgrade->token)
			return refuse(403, "");
	}
	if (!offer->phoenix && (offer->n_others || offer->n_tokens > 1))
		return refuse(403, "");
	upgrade->serializer = read_vsn(head->query);
	if (!upgrade->serializer)
		return refuse(403, "");
	read_params(upgrade, head->query);
	status = rules->check ? rules->check(rules->ctx, upgrade, head->query)
			      : 0;
	if (status)
		return refuse(status, status == 429 ? "Too many requests" : "");
	return check_handshake(head);
}

/* libwebsockets never sees URL, token or cookies: it takes no subprotocol
 * header over 127 bytes. */
static void write_canonical(
	struct buf *out, const struct head *head, const struct offer *offer)
{
	struct span key = head_get(head, "sec-websocket-key");

	buf_printf(out,
		"GET /w HTTP/1.1\r\n"
		"Host: w\r\n"
		"Upgrade: websocket\r\n"
		"Connection: Upgrade\r\n"
		"Sec-WebSocket-Version: 13\r\n"
		"Sec-WebSocket-Key: %.*s\r\n"
		"%s\r\n",
		(int)key.len, key.at,
		offer->phoenix ? "Sec-WebSocket-Protocol: phoenix\r\n" : "");
}

/* --- the verdict --------------------------------------------------------- */

static struct refusal judge(const struct head *head,
	const struct head_rules *rules, struct head_result *out,
	struct buf *canonical)
{
	struct offer offer;
	struct refusal refusal;
	bool socket = span_is(head->path, "/socket/websocket");

	if (!socket && head_get(head, "upgrade").at)
		return head_has_word(head, "upgrade", "websocket")
			       ? refuse(404, "")
			       : refuse(400,
					 "only 'websocket' is an upgrade here");
	if (!socket) {
		out->verdict = HEAD_REST;
		return none;
	}
	out->upgrade = xalloc(sizeof(*out->upgrade));
	refusal = read_upgrade(head, rules, out->upgrade, &offer);
	if (refusal.status) {
		upgrade_free(out->upgrade);
		out->upgrade = NULL;
		return refusal;
	}
	write_canonical(canonical, head, &offer);
	out->verdict = HEAD_UPGRADE;
	return none;
}

void head_parse(const char *data, size_t len, const struct head_rules *rules,
	struct head_result *out, struct buf *canonical)
{
	struct refusal refusal;
	struct head head;

	*out = (struct head_result){.verdict = HEAD_MORE, .reason = ""};
	buf_reset(canonical);
	refusal = head_read(&head, data, len, &out->head_len);
	if (!refusal.status && out->head_len)
		refusal = judge(&head, rules, out, canonical);
	if (refusal.status) {
		out->verdict = HEAD_REFUSE;
		out->status = refusal.status;
		out->reason = refusal.reason;
	}
}
