#include "shared/status.h"
#include <string.h>

static const struct {
	const char *code, *text;
	int http;
} statuses[] = {
#define X(name, code, http, text) [name] = {code, text, http},
	STATUSES(X)
#undef X
};

enum { STATUS_COUNT = sizeof(statuses) / sizeof(statuses[0]) };

const char *status_code(enum status status)
{
	return statuses[status].code;
}

const char *status_text(enum status status)
{
	return statuses[status].text;
}

int status_http(enum status status)
{
	return statuses[status].http;
}

enum status status_from_code(const char *code)
{
	for (int i = 0; i < STATUS_COUNT; i++)
		if (!strcmp(statuses[i].code, code))
			return (enum status)i;
	return INTERNAL;
}
