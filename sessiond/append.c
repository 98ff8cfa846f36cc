#include "sessiond/append.h"

#include "sessiond/sessions.h"
#include "shared/clock.h"
#include "shared/days.h"
#include "shared/log.h"
#include "shared/metrics.h"
#include "shared/text.h"
#include <stdlib.h>
#include <string.h>

struct append_job {
	struct job job;
	struct core *core;
	struct asked *asked;
	const struct append_request *request;
	const struct terms **terms; /* by item; NULL: refused before */
	struct append_reply reply;
};

/* One item inside the transaction. */
struct entry {
	struct batch *batch;
	struct arena *arena; /* lives until the reply */
	const struct append_item *item;
	const struct terms *terms;
	struct append_result *result;
	struct user_row user;
	bool user_known;
};

static void refuse(
	struct append_result *result, enum status status, const char *why)
{
	result->status = status_code(status);
	result->error = why ? why : status_text(status);
}

/* --- before the transaction: what needs no store ------------------------ */

static bool blank(const char *text)
{
	return text[strspn(text, " \t\r\n")] == 0;
}

static bool item_acceptable(
	const struct append_item *item, struct append_result *result)
{
	enum message_source source;
	const char *fault = NULL;
	if (!business_id_valid(item->business_id))
		fault = "businessId is not a business id";
	else if (!user_id_valid(item->user_id))
		fault = "userId is not a user id";
	else if (!location_id_valid(item->location_id))
		fault = "locationId is not a location id";
	else if (!source_from_name(item->source, &source))
		fault = "source is not websocket, webhook or cron";
	else if (item->metadata.len && item->metadata.at[0] != '{')
		fault = "metadata is not an object";
	if (fault) {
		refuse(result, BAD_REQUEST, fault);
		return false;
	}
	if (blank(item->content)) {
		refuse(result, MISSING_FIELD, "content is empty");
		return false;
	}
	if (utf8_count(item->content, strlen(item->content)) >
		CONTENT_MAX_POINTS) {
		refuse(result, TOO_LARGE,
			"content is longer than 8000 characters");
		return false;
	}
	return true;
}

/* --- inside the transaction --------------------------------------------- */

static const char *keep(struct entry *entry, const char *text)
{
	return arena_strndup(entry->arena, text, strlen(text));
}

static void answer(
	struct entry *entry, const struct receipt *receipt, bool duplicate)
{
	char turn[TURN_NAME_SIZE];
	turn_name(turn, receipt->session, receipt->turn);
	entry->result->status = status_code(OK);
	entry->result->session_id = keep(entry, receipt->session_id);
	entry->result->message_id = keep(entry, receipt->message_id);
	entry->result->seq = receipt->seq;
	entry->result->timestamp = receipt->timestamp;
	entry->result->turn_id = keep(entry, turn);
	entry->result->duplicate = duplicate;
}

/* True if the item was seen before: the first result, or a conflict. */
static bool seen_before(
	struct entry *entry, enum table table, struct key key, uint64_t hash)
{
	struct receipt receipt;
	if (!get_receipt(entry->batch->tx, table, key_span(&key), &receipt))
		return false;
	if (receipt.hash == hash)
		answer(entry, &receipt, true);
	else
		refuse(entry->result, IDEMPOTENCY_CONFLICT, NULL);
	return true;
}

static void make_user(struct entry *entry)
{
	if (entry->user_known)
		return;
	entry->user = (struct user_row){
		.no = ++entry->batch->counters.user, .by = ""};
	entry->user_known = true;
}

/* The day before's session ends where the new day's begins; its turns go on. */
static void roll_over(struct entry *entry)
{
	struct held old;
	if (!session_hold(entry->batch, entry->user.session, &old) ||
		old.row.status != ST_ACTIVE)
		return;
	session_become(entry->batch, &old, ST_CLOSED, "rollover", "system",
		entry->terms->language);
	session_save(entry->batch, &old);
}

static void make_session(
	struct entry *entry, const char *date, struct held *held)
{
	struct batch *batch = entry->batch;
	const struct append_item *item = entry->item;
	char id[UUID_SIZE];
	roll_over(entry);
	uuid_fresh(id);
	*held = (struct held){.no = ++batch->counters.session,
		.fresh = true,
		.row = {.id = keep(entry, id),
			.business = item->business_id,
			.user = item->user_id,
			.location = item->location_id,
			.day = arena_strndup(entry->arena, date, strlen(date)),
			.type = entry->terms->type,
			.status = ST_ACTIVE,
			.created = batch->now,
			.updated = batch->now,
			.last_message = batch->now,
			.rev = 1,
			.user_no = entry->user.no}};
	session_save(batch, held);
	entry->user.session = held->no;
	put_user(batch->tx, item->business_id, item->user_id, &entry->user);
	log_session(batch, held, "", "user_message", item->user_id);
}

static void todays_session(struct entry *entry, struct held *held)
{
	char date[DATE_SIZE];
	const struct append_item *item = entry->item;
	days_date(date, entry->terms->zone, entry->batch->now);
	uint64_t no = find_day(
		entry->batch->tx, item->business_id, item->user_id, date);
	if (!session_hold(entry->batch, no, held))
		make_session(entry, date, held);
	else if (held->row.status != ST_ACTIVE)
		session_become(entry->batch, held, ST_ACTIVE, "user_message",
			item->user_id, entry->terms->language);
}

static void store_message(struct entry *entry, uint64_t hash)
{
	const struct append_item *item = entry->item;
	struct held held;
	struct turn_held turn;
	struct message_row message = {.type = MSG_USER,
		.author = item->user_id,
		.content = item->content,
		.client_message_id = item->client_message_id,
		.external_id = item->external_id,
		.client_timestamp = item->client_timestamp,
		.metadata = item->metadata};
	source_from_name(item->source, &message.source);
	make_user(entry);
	todays_session(entry, &held);
	turn_choose(entry->batch, entry->terms, &held, &entry->user, &turn);
	message.turn = turn.no;
	message_add(entry->batch, &held, &message, item->append_id);
	session_save(entry->batch, &held);
	turn_add(entry->batch, entry->terms, &held, &entry->user, &turn,
		held.row.last_seq, item->append_id);
	struct receipt receipt = {.at = entry->batch->now,
		.hash = hash,
		.seq = held.row.last_seq,
		.timestamp = message.timestamp,
		.session = held.no,
		.session_id = held.row.id,
		.message_id = message.id,
		.turn = turn.no};
	struct key key = key_text(item->append_id);
	put_receipt(entry->batch->tx, T_APPEND_ID, key_span(&key), &receipt);
	if (item->client_message_id) {
		receipt.hash = item_hash(item, false);
		key = key_client(entry->user.no, item->client_message_id);
		put_receipt(entry->batch->tx, T_CLIENT_ID, key_span(&key),
			&receipt);
		struct key expiry = key_client_expiry(
			entry->batch->now + CLIENT_ID_KEPT_MS, key_span(&key));
		tx_put(entry->batch->tx, T_CLIENT_EXPIRY, key_span(&expiry),
			(struct span){"", 0});
	}
	answer(entry, &receipt, false);
}

static void append_one(struct entry *entry)
{
	struct batch *batch = entry->batch;
	const struct append_item *item = entry->item;
	struct turn_held open;
	uint64_t hash = item_hash(item, true);
	if (seen_before(entry, T_APPEND_ID, key_text(item->append_id), hash))
		return;
	entry->user_known = get_user(
		batch->tx, item->business_id, item->user_id, &entry->user);
	if (entry->user_known && item->client_message_id &&
		seen_before(entry, T_CLIENT_ID,
			key_client(entry->user.no, item->client_message_id),
			item_hash(item, false)))
		return;
	if (batch->no_room) {
		refuse(entry->result, STORE_FULL, NULL);
		batch->refused++;
	} else if (entry->user_known &&
		   entry->terms->concurrency == CONCURRENCY_REJECT &&
		   turn_first(batch, entry->user.no, &open)) {
		refuse(entry->result, RATE_LIMITED,
			"the answer to the last message is still being "
			"written");
	} else {
		store_message(entry, hash);
	}
}

static void append_run(struct job *job, struct batch *batch)
{
	struct append_job *append = (struct append_job *)job;
	for (uint32_t i = 0; i < append->request->n_items; i++) {
		if (!append->terms[i])
			continue; /* refused already */
		struct entry entry = {.batch = batch,
			.arena = asked_arena(append->asked),
			.item = &append->request->items[i],
			.terms = append->terms[i],
			.result = &append->reply.results[i]};
		*entry.result = (struct append_result){
			.append_id = entry.item->append_id};
		append_one(&entry);
	}
}

static void append_done(struct job *job, enum status status)
{
	struct append_job *append = (struct append_job *)job;
	for (uint32_t i = 0; i < append->reply.n_results; i++) {
		struct append_result *result = &append->reply.results[i];
		if (append->terms[i] && status != OK) {
			*result = (struct append_result){
				.append_id = result->append_id};
			refuse(result, status, NULL);
		}
		log_debug("append", log_str("trace", result->append_id),
			log_str("status", result->status),
			log_str("session", result->session_id),
			log_str("turn", result->turn_id));
	}
	asked_reply(append->asked, OK, NULL, &append->reply);
	free(append);
}

void append_handle(struct core *core, struct asked *asked,
	const struct append_request *request)
{
	struct arena *arena = asked_arena(asked);
	struct append_job *append = xalloc(sizeof *append);
	append->job.run = append_run;
	append->job.done = append_done;
	append->job.weight = (int)request->n_items;
	append->core = core;
	append->asked = asked;
	append->request = request;
	append->reply.n_results = request->n_items;
	append->reply.results = arena_alloc(
		arena, (request->n_items + 1) * sizeof *append->reply.results);
	append->terms = arena_alloc(
		arena, (request->n_items + 1) * sizeof *append->terms);
	for (uint32_t i = 0; i < request->n_items; i++) {
		const struct append_item *item = &request->items[i];
		struct append_result *result = &append->reply.results[i];
		result->append_id = item->append_id;
		if (!item_acceptable(item, result))
			continue;
		append->terms[i] = core_terms(core, item->business_id, arena);
		if (!append->terms[i])
			refuse(result, UNKNOWN_BUSINESS, NULL);
	}
	writer_submit(core->writer, &append->job);
}
