/* tenant_look: what is in the folder of tenants just now. Touches nothing but
 * the disk, so it runs on any thread. */
#ifndef SHARED_TENANT_LOOK_H
#define SHARED_TENANT_LOOK_H

#include "shared/mem.h"
#include <stdint.h>

enum { TENANTS_MAX = 10000 };

/* Differs whenever a file or folder does; 0: it is not there. */
typedef uint64_t stamp;

struct seen {
	struct seen *next;
	const char *name; /* of the folder */
	const char *refused; /* NULL, or why it is no tenant */
	stamp folder, record, knowledge_folder, knowledge;
};

struct look {
	struct arena arena;
	struct seen *first;
	int count;
	stamp folder;
	const char *fault; /* it could not be read: nothing is known */
};

void tenant_look(struct look *look, const char *folder);
void tenant_look_clear(struct look *look);

/* Appends business.json of a tenant's folder; NULL if it could be read, else
 * the reason. */
const char *tenant_read_record(struct buf *out, const char *folder);

#endif
