/* status: the result codes of the whole tree.
 *
 * The same value travels from the layer that found the fault to the reply a
 * client reads, so nothing is translated on the way. Codes on the wire are
 * the lower-case names below; a used name is never given another meaning. */
#ifndef SHARED_STATUS_H
#define SHARED_STATUS_H

/*      constant              code on the wire         HTTP  meaning */
#define STATUSES(X) \
	X(OK, "ok", 200, "done") \
	X(BAD_REQUEST, "bad_request", 400, "the request is malformed") \
	X(MISSING_FIELD, "missing_field", 400, "a required field is missing") \
	X(UNAUTHORIZED, "unauthorized", 401, "who you are is not proved") \
	X(FORBIDDEN, "forbidden", 403, "not yours to see or do") \
	X(NOT_FOUND, "not_found", 404, "there is no such thing") \
	X(UNKNOWN_BUSINESS, "unknown_business", 404, \
		"this business is not served here") \
	X(CONFLICT, "conflict", 409, "not possible in the present state") \
	X(IDEMPOTENCY_CONFLICT, "idempotency_conflict", 409, \
		"the same id was used before for something else") \
	X(STALE_LEASE, "stale_lease", 409, \
		"this lease is no longer the current one") \
	X(TOO_LARGE, "too_large", 413, "larger than the limit") \
	X(RATE_LIMITED, "rate_limited", 429, "too many at once, try later") \
	X(INTERNAL, "internal", 500, "a fault of ours") \
	X(UNKNOWN_OP, "unknown_op", 501, "no such operation here") \
	X(UNSUPPORTED_VERSION, "unsupported_version", 505, \
		"no common protocol version") \
	X(UNAVAILABLE, "unavailable", 503, \
		"not possible just now; nothing was done") \
	X(UNCONFIRMED, "unconfirmed", 504, \
		"no answer in time; it may or may not have been done") \
	X(STORE_FULL, "store_full", 507, \
		"the disk is full; reading still works")

enum status {
#define X(name, code, http, text) name,
	STATUSES(X)
#undef X
};

/* The code on the wire, e.g. "not_found". */
const char *status_code(enum status status);

/* One English sentence without a full stop. */
const char *status_text(enum status status);

int status_http(enum status status);

/* INTERNAL for a code this build does not know. */
enum status status_from_code(const char *code);

#endif
