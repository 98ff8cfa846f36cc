/* listener: owns the port, reads the first request head of each connection
 * and hands the socket to the edge.
 *
 * Upgrades are checked and refused here (the only way to answer with the
 * statuses of the protocol); a socket that is handed over as an upgrade is
 * one. Limits: head 8 KB (431), URL 4 KB (414), whole head within 10 s (408).
 */
#ifndef GATEWAY_LISTENER_H
#define GATEWAY_LISTENER_H

#include "shared/loop.h"
#include "shared/mem.h"

/* What an upgrade said about itself. */
struct upgrade {
	int serializer; /* 1 or 2 */
	bool text_format; /* format=text: this client escapes by itself */
	bool test_reject, test_limit; /* connect params of the test fixture */
	char business_id[65]; /* connect parameters; "" if absent or too long */
	char user_id[129];
	char *token; /* from the subprotocol or ?token=; NULL if none */
};

struct upgrade *upgrade_new(void);
void upgrade_free(struct upgrade *upgrade);

/* Which Host and Origin headers are let in. */
struct origin_policy {
	bool loopback_only; /* open mode: Host must be a loopback name or one of
			       `hosts`; Origin, if present, likewise */
	const char *hosts; /* more names, separated by commas; "" if none */
};

/* For the listener and for REST requests alike (every one is checked). */
bool origin_host_allowed(const struct origin_policy *policy, const char *host);
bool origin_allowed(const struct origin_policy *policy, const char *origin);

/* A refusal by status for a parsed upgrade, after the checks of the protocol
 * passed: 0 lets it in. Lets tests add their own. */
typedef int upgrade_check_fn(void *ctx, const struct upgrade *upgrade);

struct edge;
struct listener;
/* `address` is HOST:PORT; port 0 picks one. Calls die() if it cannot. */
struct listener *listener_open(struct loop *loop, const char *address,
	const struct origin_policy *policy, struct edge *edge,
	upgrade_check_fn *check, void *ctx);
int listener_port(const struct listener *listener);
/* Stops accepting and drops half-read heads. */
void listener_close(struct listener *listener);

/* --- the head, for the parser's tests and its fuzzer ------------------------ */

enum head_verdict {
	HEAD_MORE, /* incomplete so far */
	HEAD_REST, /* plain HTTP: hand over unchanged */
	HEAD_UPGRADE, /* *upgrade is filled, `canonical` is what lws gets */
	HEAD_REFUSE /* answer `status` with `reason` as text, then close */
};

struct head_result {
	enum head_verdict verdict;
	int status;
	char reason[96]; /* "" for an empty body */
	size_t head_len; /* bytes of the first head, blank line included */
	struct upgrade *upgrade; /* the caller's */
};

/* Pure. Looks at the first request head in data only. `canonical` (may be
 * NULL) receives the head for libwebsockets. */
void head_parse(const char *data, size_t len,
	const struct origin_policy *policy, struct head_result *out,
	struct buf *canonical);

#endif
