/* services: which services of the record a text names. Pure. */
#ifndef AGENTD_SERVICES_H
#define AGENTD_SERVICES_H

#include "agentd/business.h"

struct named {
	const struct service *service;
	bool broad; /* one word, which the names of others hold too */
};

/* At most `max`, in the order they are said. Of several names that fit the
 * same words the longest wins; one wrong letter is forgiven. `used` has a flag
 * for each word: those that are set are not looked at, those that name a
 * service get set. */
int services_find(struct named *out, int max, const struct words *words,
	const struct business *business, bool *used);

/* True if some name of the service holds the word. */
bool service_holds(const struct service *service, const struct word *word);

#endif
