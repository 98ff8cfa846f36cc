/* figures: what sessiond tells about itself that belongs to no other part:
 * requests by operation, what the store holds, how full it is. */
#ifndef SESSIOND_FIGURES_H
#define SESSIOND_FIGURES_H

#include "sessiond/core.h"

struct figures;
struct figures *figures_open(struct core *core);
void figures_close(struct figures *figures);

void figures_request(struct figures *figures, enum op op);

#endif
