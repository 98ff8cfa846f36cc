/* lanes: messages that wait for sessiond's word, by who wrote them. Plain data
 * of appends.c: a lane holds the messages of one (business, user), in order;
 * all messages also lie in one list by age. */
#ifndef GATEWAY_LANES_H
#define GATEWAY_LANES_H

#include "gateway/appends.h"

enum { APPEND_ID_SIZE = 65, BOOT_LEN = 8 };

struct item { /* one message */
	struct append_item wire; /* what it points to is in `texts` */
	struct lane *lane;
	struct item *next; /* in the lane */
	struct item *older, *younger;
	struct pending *pending;
	size_t bytes; /* of the request it will be in */
	uint64_t since_ms;
	bool flying; /* asked, not answered */
	bool unanswered; /* an earlier attempt may have stored it */
	append_fn *done;
	void *ctx;
	char texts[];
};

/* The first `head` messages are asked together, again and again until each
 * is answered. */
struct lane {
	char *key;
	size_t key_len;
	struct item *first, **last;
	int head;
	bool flying;
	int attempts; /* of the head */
	uint64_t retry_ms; /* when a pausing lane may go again */
	struct lane *next; /* in a list; a lane that flies is in none */
};

struct lane_list {
	struct lane *first, **last;
};

void lane_list_put(struct lane_list *list, struct lane *lane);
struct lane *lane_list_take(struct lane_list *list); /* NULL if empty */

struct lanes {
	struct map *by_user, *pendings;
	struct item *oldest, *youngest;
	int count;
	size_t bytes;
};

void lanes_init(struct lanes *lanes);
void lanes_clear(struct lanes *lanes); /* once no message is left */

/* How many messages of a connection are in here. */
int lanes_pending(const struct lanes *lanes, uint64_t conn_serial);

/* Copies `from`. */
struct item *item_new(const struct append_item *from, const char *append_id);
void item_free(struct item *item);

/* At the end of its lane. True if the lane is new, and thus in no list. */
bool lanes_add(struct lanes *lanes, struct item *item, uint64_t conn_serial);
/* Out of its lane, which stays, perhaps empty. */
void lanes_remove(struct lanes *lanes, struct item *item);
void lane_free(struct lanes *lanes, struct lane *lane);

#endif
