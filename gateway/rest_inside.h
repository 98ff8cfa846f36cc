/* rest_inside: what rest.c (which request goes where), rest_answer.c (asking
 * sessiond, and answering) and the endpoints share. */
#ifndef GATEWAY_REST_INSIDE_H
#define GATEWAY_REST_INSIDE_H

#include "gateway/rest.h"
#include "gateway/rest_query.h"
#include "shared/json.h"
#include "shared/metrics.h"

enum { REST_STATUSES = 18 };

struct rest {
	struct caller *caller;
	struct messages *messages;
	const struct pages *pages;
	struct rest_settings settings;
	struct metric *answers[REST_STATUSES];
};

struct asking;
typedef void replied_fn(
	struct asking *asking, const struct call_result *result);

/* A request of the API. It ends with its answer. */
struct asking {
	struct rest *rest;
	struct http *http; /* NULL: nobody waits for the answer any more */
	struct call *call; /* sessiond is asked */
	replied_fn *replied;
	struct rest_ids ids; /* out of the path */
	const char *argument; /* of the route */
	bool escape; /* unless format=text */
	bool writes; /* "perhaps" is told as such */
};

/* --- rest_answer.c -------------------------------------------------------- */

void rest_count_open(struct rest *rest);
void rest_count(const struct rest *rest, int status);

/* What every answer of the API carries, and up to four headers more. `body`
 * is JSON; NULL: none. */
void rest_answer(const struct rest *rest, struct http *http, int status,
	const struct buf *body, const struct http_header *more, int n_more);
void rest_fault(const struct rest *rest, struct http *http, int status,
	const char *code, const char *message, const struct http_header *more,
	int n_more);
void rest_refuse(const struct rest *rest, struct http *http, enum status status,
	const char *message);

/* Each ends it. `body` is cleared; NULL: none. `message` NULL: the usual. */
void asking_answer(struct asking *asking, int status, struct buf *body);
void asking_refuse(
	struct asking *asking, enum status status, const char *message);
void asking_fault(struct asking *asking, int status, const char *code,
	const char *message);

/* Asks sessiond; `replied` ends it or asks again. */
void asking_ask(struct asking *asking, enum op op, const void *request,
	replied_fn *replied);
/* True, and ended, if the reply is a refusal. */
bool asking_failed(struct asking *asking, const struct call_result *result);

/* --- rest_body.c ---------------------------------------------------------- */

/* The JSON object it carries, for the caller to free; NULL if it carries
 * nothing. False, and ended, if it carries something else. */
bool rest_body(struct asking *asking, struct json **body);
/* A body, if there is one, says that it is JSON. False, and ended, if not. */
bool rest_body_is_json(struct asking *asking);
/* A member of 1 to `max` printable ASCII characters, or absent: NULL. False,
 * and ended, if it is anything else. */
bool rest_body_name(struct asking *asking, const struct json *body,
	const char *name, size_t max, const char **text);

/* --- endpoints ------------------------------------------------------------ */

/* Each ends it or asks. */
void rest_history(struct asking *asking);
void rest_active(struct asking *asking);
void rest_business(struct asking *asking);
void rest_sessions(struct asking *asking); /* of a business, or of a user */
void rest_conversation(struct asking *asking);
void rest_openapi(struct asking *asking);
void rest_transition(struct asking *asking); /* argument: to which state */
void rest_cancel(struct asking *asking);
void rest_forget(struct asking *asking);
void rest_handler(struct asking *asking);
void rest_requeue(struct asking *asking);
void rest_message(struct asking *asking);

#endif
