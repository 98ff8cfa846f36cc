/* trim: what has served its time goes, in small steps between other work: the
 * event log and append ids after 24 h, client message ids after 72 h, the rows
 * of forgotten sessions. */
#ifndef SESSIOND_TRIM_H
#define SESSIOND_TRIM_H

#include "sessiond/core.h"

struct trim;
struct trim *trim_open(struct core *core);
void trim_close(struct trim *trim); /* before the writer is closed */

#endif
