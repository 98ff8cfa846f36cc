#include "gateway/origin.h"
#include "gateway/span.h"
#include <arpa/inet.h>

enum { NAME_MAX_LEN = 255 };

/* The name in "name:port", "[address]:port" or without a port, lower-cased.
 * False if it is none. */
static bool read_name(struct span text, char name[NAME_MAX_LEN + 1])
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789.-_";
	struct span rest = text, host;
	bool v6 = text.len && text.at[0] == '[';

	if (v6) {
		rest.at++;
		rest.len--;
		if (!memchr(rest.at, ']', rest.len))
			return false;
	}
	host = span_cut(&rest, v6 ? ']' : ':');
	if (v6 && rest.len && *rest.at == ':') {
		rest.at++;
		rest.len--;
	} else if (v6 && rest.len) {
		return false;
	}
	for (size_t i = 0; i < rest.len; i++)
		if (rest.at[i] < '0' || rest.at[i] > '9')
			return false;
	if (!host.len || host.len > NAME_MAX_LEN)
		return false;
	for (size_t i = 0; i < host.len; i++) {
		char c = host.at[i];

		if (c >= 'A' && c <= 'Z')
			c |= 0x20;
		if (!c || (!strchr(allowed, c) && !(v6 && c == ':')))
			return false;
		name[i] = c;
	}
	name[host.len] = '\0';
	return true;
}

static bool ends_with(const char *name, const char *suffix)
{
	size_t len = strlen(name), suffix_len = strlen(suffix);

	return len >= suffix_len && !strcmp(name + len - suffix_len, suffix);
}

static bool is_loopback(const char *name)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (!strcmp(name, "localhost") || ends_with(name, ".localhost"))
		return true;
	if (inet_pton(AF_INET, name, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	return inet_pton(AF_INET6, name, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

static bool matches(const char *name, struct span pattern)
{
	size_t len = strlen(name);

	if (!span_starts(pattern, "*."))
		return span_is_nocase(pattern, name);
	pattern.at += 2;
	pattern.len -= 2;
	if (len > pattern.len + 1 && name[len - pattern.len - 1] == '.')
		name += len - pattern.len;
	return span_is_nocase(pattern, name);
}

static bool allowed(const struct origin_policy *policy, struct span host)
{
	struct span hosts = span_of(policy->hosts);
	char name[NAME_MAX_LEN + 1];

	if (!read_name(host, name))
		return false;
	if (policy->loopback && is_loopback(name))
		return true;
	while (hosts.len)
		if (matches(name, span_trim(span_cut(&hosts, ','))))
			return true;
	return false;
}

static bool checks_nothing(const struct origin_policy *policy)
{
	return !policy->loopback && !*policy->hosts;
}

bool origin_host_allowed(const struct origin_policy *policy, const char *host)
{
	return checks_nothing(policy) ||
	       (host && allowed(policy, span_of(host)));
}

/* scheme://host[:port]; "null" and the like have no host. */
bool origin_allowed(const struct origin_policy *policy, const char *origin)
{
	const char *host;

	if (!origin || checks_nothing(policy))
		return true;
	host = strstr(origin, "://");
	return host && host != origin && allowed(policy, span_of(host + 3));
}
