/* reason: the words that go with an HTTP status. */
#ifndef GATEWAY_REASON_H
#define GATEWAY_REASON_H

const char *http_reason(int status); /* "" for one we never send */

#endif
