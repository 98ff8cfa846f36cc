/* head: the first request head of a connection, read and judged. Pure.
 *
 * Upgrades are checked and refused by it (the only way to answer with the
 * statuses of the protocol); what it lets in as an upgrade is one. */
#ifndef GATEWAY_HEAD_H
#define GATEWAY_HEAD_H

#include "gateway/head_read.h"
#include "gateway/origin.h"
#include "gateway/query.h"
#include "shared/json.h"
#include "shared/mem.h"

/* What an upgrade said about itself. */
struct upgrade {
	int serializer; /* 1 or 2 */
	bool text_format; /* format=text: this client escapes by itself */
	char business_id[65]; /* connect parameters; "" if absent, */
	char user_id[129]; /* "?" if too long or no text */
	char *token; /* from the subprotocol or ?token=; NULL if none */
};

void upgrade_free(struct upgrade *upgrade); /* NULL is fine */

/* The application's word on an upgrade that the protocol has nothing against:
 * 0 lets it in, else the HTTP status to refuse it with. */
typedef int upgrade_check_fn(
	void *ctx, const struct upgrade *upgrade, struct span query);

struct head_rules {
	struct origin_policy origins;
	upgrade_check_fn *check; /* NULL: none */
	void *ctx;
};

enum head_verdict {
	HEAD_MORE, /* incomplete so far */
	HEAD_REST, /* plain HTTP: hand over unchanged */
	HEAD_UPGRADE, /* `upgrade` is filled, `canonical` is what lws gets */
	HEAD_REFUSE /* answer `status` with `reason` as text, then close */
};

struct head_result {
	enum head_verdict verdict;
	int status;
	const char *reason; /* constant; "" for an empty body */
	size_t head_len; /* bytes of the first head, blank line included */
	struct upgrade *upgrade; /* the caller's */
};

/* Looks at the first request head in data only. `canonical` (emptied first)
 * receives the head for libwebsockets. */
void head_parse(const char *data, size_t len, const struct head_rules *rules,
	struct head_result *out, struct buf *canonical);

#endif
