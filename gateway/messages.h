/* messages: the topic messages:{businessId}: who joins as whom, what they
 * send, and what they are told. */
#ifndef GATEWAY_MESSAGES_H
#define GATEWAY_MESSAGES_H

#include "gateway/appends.h"
#include "gateway/channels.h"
#include "gateway/feed.h"

struct messages;

/* Takes the feed's events (feed_listen). */
struct messages *messages_open(struct loop *loop, struct feed *feed,
	const struct append_limits *limits);
/* Before feed_close, after the last member has left. What is still pending
 * is told as such. NULL is fine. */
void messages_close(struct messages *messages);

struct topic_handler messages_handler(struct messages *messages);
/* Where replies go; to be called once, before the loop runs. */
void messages_attach(struct messages *messages, struct channels *channels);

/* A message that did not come through a channel goes the same way: see
 * appends_submit. */
enum status messages_send(struct messages *messages, uint64_t conn_serial,
	const struct append_item *item, append_fn *done, void *ctx);

/* Sends that sessiond has not answered yet. */
int messages_pending(const struct messages *messages);

#endif
