/* dto_write: how dto.c and dto_rest.c write. Escapes if the client needs it;
 * what is absent (NULL, 0) is left out. */
#ifndef GATEWAY_DTO_WRITE_H
#define GATEWAY_DTO_WRITE_H

#include "proto/message.h"
#include <stdbool.h>

struct dto_writer {
	struct json_writer json;
	bool escape;
};

/* Around one JSON object. */
struct dto_writer dto_begin(struct buf *out, bool escape);
void dto_end(struct dto_writer *w);

void dto_put_text(struct dto_writer *w, const char *key, const char *text);
void dto_put_time(struct dto_writer *w, const char *key, int64_t wall_ms);
void dto_put_json(struct dto_writer *w, const char *key, struct span json);
/* Clients iterate over these without looking: always a list. */
void dto_put_list(struct dto_writer *w, const char *key, struct span json);
void dto_put_names(
	struct dto_writer *w, const char *key, const char **names, uint32_t n);

/* Where and when a message was stored. */
void dto_put_sent(
	struct dto_writer *w, const struct append_result *r, bool duplicate);
/* Who is speaking; NULL: the user. */
const char *dto_sender_of(const struct message *m);

#endif
