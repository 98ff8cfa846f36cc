/* pages: the files of the chat page, read once at start. */
#ifndef GATEWAY_PAGES_H
#define GATEWAY_PAGES_H

#include "gateway/edge.h"

enum { PAGES_MAX = 256, PAGE_MAX_BYTES_EACH = 4 * 1024 * 1024 };

struct pages;
/* The plain files of a folder; hidden ones and subfolders are left out. NULL
 * if it cannot be read. */
struct pages *pages_open(const char *dir);
void pages_close(struct pages *pages); /* NULL is fine */

/* Answers a request for a page, "/" being index.html; what was answered. False
 * if there is none. `pages` NULL: there is none. */
bool pages_answer(const struct pages *pages, struct http *http, int *status);

#endif
