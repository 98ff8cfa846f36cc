/* extracts: the texts of a tenant's record as passages, to be searched like
 * pages: rules of the house, directions, what services are. Pure. */
#ifndef AGENTD_EXTRACTS_H
#define AGENTD_EXTRACTS_H

#include "agentd/rank.h"

/* In one language; *n is set. They live in the arena. */
const struct candidate *extracts_make(struct arena *arena,
	const struct business *business, enum language language, int *n);

#endif
