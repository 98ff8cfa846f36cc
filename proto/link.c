/* What all sockets have in common: addresses, limits, TLS, and the way from
 * nng's threads to the loop. Only link*.c know nng.
 *
 * Of nng 1.5.2: the largest message it accepts is not limited unless we say
 * so; an ipc:// listener can be made deaf by one rude client, so there is only
 * TCP; closing sockets while others use them is fragile, so they are opened
 * once and closed at exit (link_pipes.c tells how). Who dials does so over
 * nng's streams (link_wire.c tells why). */

#include "proto/link_nng.h"
#include "shared/log.h"
#include "shared/mem.h"
#include <nng/supplemental/tls/tls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PEM_MAX_BYTES = 1024 * 1024 };

/* A connection that breaks while nng 1.5.2 greets or sends leaks a little there
 * (its issue 1713 and others): what it allocates is not asked after. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LEAKS_ARE_LOOKED_FOR
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define LEAKS_ARE_LOOKED_FOR
#endif
#ifdef LEAKS_ARE_LOOKED_FOR
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libnng.so";
}

const char *__lsan_default_options(void);
const char *__lsan_default_options(void)
{
	return "print_suppressions=0";
}
#endif

/* --- addresses -------------------------------------------------------------
 */

static const char *after(const char *text, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(text, prefix, len) ? NULL : text + len;
}

/* Splits HOST:PORT; false if it is not that. An IPv6 host keeps its brackets.
 */
static bool split_address(const char *address, char *host, size_t size)
{
	const char *colon = strrchr(address, ':'), *port;
	size_t len = colon ? (size_t)(colon - address) : 0;
	unsigned long number;

	if (!len || len >= size)
		return false;
	memcpy(host, address, len);
	host[len] = '\0';
	port = colon + 1;
	if (strspn(port, "0123456789") != strlen(port) || strlen(port) > 5)
		return false;
	number = strtoul(port, NULL, 10);
	if (number < 1 || number > 65535)
		return false;
	if (host[0] == '[')
		return len > 2 && host[len - 1] == ']' &&
		       strspn(host + 1, "0123456789abcdefABCDEF:.") == len - 2;
	return !strcmp(host, "*") ||
	       strspn(host, "abcdefghijklmnopqrstuvwxyz"
			    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") == len;
}

static bool is_loopback(const char *host)
{
	/* 127.example.com is a name like any other. */
	if (after(host, "127."))
		return strspn(host, "0123456789.") == strlen(host);
	return !strcmp(host, "localhost") || !strcmp(host, "[::1]");
}

static bool is_wildcard(const char *host)
{
	return !strcmp(host, "*") || !strcmp(host, "0.0.0.0") ||
	       !strcmp(host, "[::]");
}

const char *link_url_fault(const char *url, bool trusted, bool listen)
{
	const char *plain = after(url, "tcp://");
	const char *address = plain ? plain : after(url, "tls+tcp://");
	char host[256];

	if (!address || !split_address(address, host, sizeof(host)))
		return "must be tcp://HOST:PORT or tls+tcp://HOST:PORT";
	if (!listen && is_wildcard(host))
		return "must name the host to connect to";
	if (plain && !trusted && !is_loopback(host))
		return "must be on loopback (127.0.0.1, localhost, [::1]), or "
		       "tls+tcp://, or the network trusted by LINKS=trusted";
	return NULL;
}

/* --- sockets ---------------------------------------------------------------
 */

void link_must(int rv, const char *what)
{
	if (rv)
		die(what, nng_strerror(rv));
}

void link_limit(nng_socket socket)
{
	link_must(nng_socket_set_size(
			  socket, NNG_OPT_RECVMAXSZ, LINK_RECEIVE_BYTES),
		"limit on messages");
}

static char *read_pem(const char *path)
{
	FILE *file = path ? fopen(path, "r") : NULL;
	struct buf text;
	char part[4096];
	size_t len;

	if (!file)
		die(path ? path : "TLS", "cannot be read");
	buf_init(&text, PEM_MAX_BYTES);
	while ((len = fread(part, 1, sizeof(part), file)) > 0)
		buf_put(&text, part, len);
	if (ferror(file) || text.full)
		die(path, "cannot be read");
	fclose(file);
	return buf_take(&text);
}

/* Both sides show a certificate of the same authority; whoever dials checks
 * the name too, which nng takes from the URL. NULL for a plain URL. */
static nng_tls_config *tls_config(
	const char *url, const struct link_tls *tls, nng_tls_mode mode)
{
	nng_tls_config *config;
	char *ca, *cert, *key;

	if (!after(url, "tls+tcp://"))
		return NULL;
	if (!tls || !tls->ca_file || !tls->cert_file || !tls->key_file)
		die(url, "needs the files of certificate, key and authority");
	ca = read_pem(tls->ca_file);
	cert = read_pem(tls->cert_file);
	key = read_pem(tls->key_file);
	link_must(nng_tls_config_alloc(&config, mode), "TLS");
	link_must(nng_tls_config_auth_mode(config, NNG_TLS_AUTH_MODE_REQUIRED),
		"TLS");
	link_must(nng_tls_config_ca_chain(config, ca, NULL), tls->ca_file);
	link_must(nng_tls_config_own_cert(config, cert, key, NULL),
		tls->cert_file);
	free(ca);
	free(cert);
	explicit_bzero(key, strlen(key));
	free(key);
	return config;
}

nng_stream_dialer *link_dialer(const char *url, const struct link_tls *tls)
{
	nng_tls_config *config = tls_config(url, tls, NNG_TLS_MODE_CLIENT);
	nng_stream_dialer *dialer;

	link_must(nng_stream_dialer_alloc(&dialer, url), url);
	if (config) {
		link_must(nng_stream_dialer_set_ptr(
				  dialer, NNG_OPT_TLS_CONFIG, config),
			url);
		nng_tls_config_free(config); /* the dialer holds it */
	}
	link_must(nng_stream_dialer_set_bool(dialer, NNG_OPT_TCP_NODELAY, true),
		url);
	link_must(
		nng_stream_dialer_set_bool(dialer, NNG_OPT_TCP_KEEPALIVE, true),
		url);
	return dialer;
}

void link_listen(nng_socket socket, const char *url, const struct link_tls *tls)
{
	nng_tls_config *config = tls_config(url, tls, NNG_TLS_MODE_SERVER);
	nng_listener listener;

	link_must(nng_listener_create(&listener, socket, url), url);
	if (config)
		link_must(nng_listener_set_ptr(
				  listener, NNG_OPT_TLS_CONFIG, config),
			url);
	if (config)
		nng_tls_config_free(config);
	link_must(nng_listener_set_bool(listener, NNG_OPT_TCP_NODELAY, true),
		url);
	link_must(nng_listener_set_bool(listener, NNG_OPT_TCP_KEEPALIVE, true),
		url);
	link_must(nng_listener_start(listener, 0), url);
}

nng_msg *link_message(const char *text, size_t len)
{
	nng_msg *message;

	if (nng_msg_alloc(&message, len))
		abort(); /* no memory */
	if (len)
		memcpy(nng_msg_body(message), text, len);
	return message;
}

/* --- from nng's threads to the loop ----------------------------------------
 */

void inbox_open(struct inbox *inbox, struct loop *loop, loop_fn *fn, void *ctx)
{
	pthread_mutex_init(&inbox->lock, NULL);
	inbox->first = NULL;
	inbox->last = &inbox->first;
	inbox->wake = wake_open(loop, fn, ctx);
}

void inbox_close(struct inbox *inbox)
{
	wake_close(inbox->wake);
	pthread_mutex_destroy(&inbox->lock);
}

void inbox_leave(struct inbox *inbox)
{
	pthread_mutex_lock(&inbox->lock);
	wake_close(inbox->wake);
	inbox->wake = NULL;
	pthread_mutex_unlock(&inbox->lock);
}

void inbox_put(struct inbox *inbox, struct inbox_item *item)
{
	item->next = NULL;
	pthread_mutex_lock(&inbox->lock);
	if (!inbox->first && inbox->wake)
		wake_send(inbox->wake);
	*inbox->last = item;
	inbox->last = &item->next;
	pthread_mutex_unlock(&inbox->lock);
}

struct inbox_item *inbox_take(struct inbox *inbox)
{
	struct inbox_item *all;

	pthread_mutex_lock(&inbox->lock);
	all = inbox->first;
	inbox->first = NULL;
	inbox->last = &inbox->first;
	pthread_mutex_unlock(&inbox->lock);
	return all;
}
