/* origin: which Host and Origin headers are let in. Pure.
 *
 * Without it any web page a developer visits could talk to a gateway on his
 * own machine. */
#ifndef GATEWAY_ORIGIN_H
#define GATEWAY_ORIGIN_H

#include <stdbool.h>

/* Loopback names if `loopback`, and the names in `hosts`
 * ("chat.example,*.example.org"; a star covers the name itself too). With
 * neither, everything is let in. Schemes and ports are not compared. */
struct origin_policy {
	bool loopback;
	const char *hosts; /* "" if none */
};

/* For upgrades and REST requests alike: every one is checked. An absent
 * Origin (NULL) is let in, an absent Host is not. */
bool origin_host_allowed(const struct origin_policy *policy, const char *host);
bool origin_allowed(const struct origin_policy *policy, const char *origin);

#endif
