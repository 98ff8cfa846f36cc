/* reply: what is understood and found, in words. Pure.
 *
 * Every fact comes from the record or from a passage, and says from where.
 * What neither knows is admitted, with the way to someone who does. */
#ifndef AGENTD_REPLY_H
#define AGENTD_REPLY_H

#include "agentd/ask.h"
#include "agentd/facts.h"
#include "agentd/retrieve.h"

enum { REPLY_MAX = 16 * 1024, QUOTE_MAX = 700 };

/* True if the record answers the part; else a page has to. */
bool reply_from_record(const struct business *business,
	const struct location *location, const struct part *part);

/* `found` has one entry for each part of the question. The parts of the
 * result live in its buffers: reply_clear. */
void reply_write(struct facts *out, const struct business *business,
	const struct location *location, const struct today *today,
	const struct ask *ask, const struct search_part *found);

/* For a message that asks nothing: a greeting, thanks, an empty one. */
void reply_manners(struct facts *out, const struct business *business,
	enum language language, unsigned manners);

void reply_too_long(struct facts *out, enum language language);

#endif
