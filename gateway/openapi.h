/* openapi: the description of the HTTP API, gateway/openapi.json, as it was
 * when this was built. */
#ifndef GATEWAY_OPENAPI_H
#define GATEWAY_OPENAPI_H

#include "shared/json.h"

struct span openapi_document(void);

#endif
