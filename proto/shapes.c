/* The tables of shapes, operations and events, made from message.h's lists.
 *
 * A row of a list does not know whose member it is, so each table stands in a
 * function in which its struct is called `self`. */

#include "proto/codec.h"
#include "proto/heads.h"
#include <string.h>

#define NEED_MUST true
#define NEED_MAY false
#define MORE_TEXT(m, e) 0, NULL
#define MORE_NAME(m, e) 0, NULL
#define MORE_TIME(m, e) 0, NULL
#define MORE_U32(m, e) 0, NULL
#define MORE_U64(m, e) 0, NULL
#define MORE_BOOL(m, e) 0, NULL
#define MORE_JSON(m, e) 0, NULL
#define MORE_NAMES(m, e) offsetof(self, n_##m), NULL
#define MORE_OBJECT(m, e) 0, &e##_shape
#define MORE_LIST(m, e) offsetof(self, n_##m), &e##_shape
#define ROW(type, m, wire, need, limit, e) \
	{wire, FIELD_##type, NEED_##need, limit, offsetof(self, m), \
		MORE_##type(m, e)},
#define ONE_MORE(...) +1

#define X(name, FIELDS) \
	static const struct field *name##_fields(void) \
	{ \
		typedef struct name self; \
		static const struct field fields[] = {FIELDS(ROW)}; \
		return fields; \
	} \
	const struct shape name##_shape = {#name, sizeof(struct name), \
		name##_fields, 0 FIELDS(ONE_MORE)};
SHAPES(X)
HEADS(X)
#undef X

const struct op_info op_infos[OP_COUNT] = {
#define X(constant, name, request, reply) \
	[constant] = {name, &request##_shape, &reply##_shape},
	OPS(X)
#undef X
};

const struct event_info event_infos[EV_COUNT] = {
#define X(constant, name, shape) [constant] = {name, &shape##_shape},
	EVENTS(X)
#undef X
};

int op_from_name(const char *name)
{
	for (int op = 0; name && op < OP_COUNT; op++)
		if (!strcmp(op_infos[op].name, name))
			return op;
	return -1;
}

int event_from_name(const char *name)
{
	for (int event = 0; name && event < EV_COUNT; event++)
		if (!strcmp(event_infos[event].name, name))
			return event;
	return -1;
}
