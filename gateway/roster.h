/* roster: who is in which room.
 *
 * A room is what one fan-out reaches: the sockets of one (business, user), or
 * the coordinators of a business, or those of a business that have not said
 * who they are. It exists while somebody is in it. */
#ifndef GATEWAY_ROSTER_H
#define GATEWAY_ROSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum room_kind { ROOM_USER, ROOM_COORDINATORS, ROOM_UNNAMED };

/* The last message of the agent shown to a socket that cannot reload, for
 * each of the two sessions that midnight leaves open. Times rise within a
 * session, also after a restored backup, where numbers come again. */
struct shown {
	uint64_t session; /* hash of its id; 0: none */
	int64_t timestamp;
};

struct member;

/* One member's place. */
struct seat {
	struct member *member;
	bool text; /* format=text */
	uint64_t joined_ms; /* loop time */
	struct shown shown[2]; /* newest first */
	struct room *room; /* NULL: in none */
	struct seat *next, **self;
};

struct room {
	enum room_kind kind;
	char *business_id, *user_id; /* user_id "" unless ROOM_USER */
	struct seat *first;
};

struct roster;
struct roster *roster_open(void);
void roster_close(struct roster *roster); /* once every seat has left */

/* `user_id` counts for ROOM_USER only. NULL if nobody is there. */
struct room *roster_find(const struct roster *roster, enum room_kind kind,
	const char *business_id, const char *user_id);
void roster_enter(struct roster *roster, struct seat *seat, enum room_kind kind,
	const char *business_id, const char *user_id);
void roster_leave(struct roster *roster, struct seat *seat);

/* Like map_next: nobody may come or go meanwhile. */
struct room *roster_next(const struct roster *roster, size_t *at);

#endif
