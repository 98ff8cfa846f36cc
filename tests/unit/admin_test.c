#include "shared/json.h"
#include "shared/metrics.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct loop *loop;
static struct admin *admin;
static const char *not_ready; /* the reason */

/* What a client on a thread of its own sent and got. */
static const char *request;
static char answer[65536];

static const char *ready(void *ctx)
{
	(void)ctx;
	return not_ready;
}

static int setup(void **state)
{
	(void)state;
	loop = loop_open();
	admin = admin_open(loop, "127.0.0.1:0", ready, NULL);
	not_ready = NULL;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	admin_close(admin);
	loop_close(loop);
	return 0;
}

static int dial(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)admin_port(admin)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (connect(fd, (struct sockaddr *)&address, sizeof(address)))
		abort();
	return fd;
}

/* Sends the request and reads until the other side closes. */
static void talk(void *ctx)
{
	size_t len = 0;
	ssize_t got;
	int fd = dial();

	(void)ctx;
	if (write(fd, request, strlen(request)) < 0)
		abort();
	while ((got = read(fd, answer + len, sizeof(answer) - 1 - len)) > 0)
		len += (size_t)got;
	answer[len] = '\0';
	close(fd);
}

static void talked(void *ctx)
{
	(void)ctx;
	loop_stop(loop);
}

static const char *ask(const char *text)
{
	request = text;
	loop_work(loop, talk, talked, NULL);
	loop_run(loop);
	return answer;
}

/* The status of the answer; the body is what follows the head. */
static int status(void)
{
	assert_memory_equal(answer, "HTTP/1.1 ", 9);
	return atoi(answer + 9);
}

static const char *body(void)
{
	const char *end = strstr(answer, "\r\n\r\n");

	assert_non_null(end);
	return end + 4;
}

static void a_turning_loop_is_healthy(void **state)
{
	(void)state;
	ask("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_int_equal(status(), 200);
	assert_string_equal(body(), "ok\n");
	ask("HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_int_equal(status(), 200);
	assert_string_equal(body(), "");
}

static void readiness_is_told_with_its_reason(void **state)
{
	(void)state;
	ask("GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_int_equal(status(), 200);
	assert_string_equal(body(), "{\"ready\":true}");
	not_ready = "no \"sessiond\" yet";
	ask("GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_int_equal(status(), 503);
	assert_string_equal(body(),
		"{\"ready\":false,\"reason\":\"no \\\"sessiond\\\" yet\"}");
}

static void metrics_are_served_as_prometheus_reads_them(void **state)
{
	(void)state;
	metric_set(metric_open(METRIC_GAUGE, "taifas_test_seconds", NULL,
			   "of this test"),
		42);
	ask("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_int_equal(status(), 200);
	assert_non_null(strstr(answer, "text/plain; version=0.0.4"));
	assert_non_null(strstr(body(), "\ntaifas_test_seconds 42\n"));
}

static void anything_else_is_refused(void **state)
{
	(void)state;
	ask("GET /secrets HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_int_equal(status(), 404);
	ask("POST /readyz HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
	assert_int_equal(status(), 405);
	assert_non_null(strstr(answer, "Allow: GET, HEAD"));
	ask("DELETE /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_int_equal(status(), 405);
}

static void every_answer_ends_its_connection(void **state)
{
	(void)state;
	ask("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
	    "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_int_equal(status(), 200);
	assert_non_null(strstr(answer, "Connection: close"));
	assert_null(strstr(body(), "HTTP/1.1"));
}

static void a_half_request_is_dropped_after_a_while(void **state)
{
	(void)state;
	ask("GET /healthz HT");
	assert_null(strstr(answer, "200"));
	ask("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_int_equal(status(), 200);
}

static void off_means_no_port(void **state)
{
	(void)state;
	assert_null(admin_open(loop, "off", ready, NULL));
	assert_int_equal(admin_port(NULL), 0);
	admin_close(NULL);
}

static int exit_status_with(const char *address)
{
	int result;
	pid_t child = fork();

	if (!child) {
		assert_non_null(freopen("/dev/null", "w", stdout));
		assert_non_null(freopen("/dev/null", "w", stderr));
		admin_open(loop, address, ready, NULL);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &result, 0), child);
	return WIFEXITED(result) ? WEXITSTATUS(result) : -1;
}

static void an_address_that_cannot_be_had_ends_the_process(void **state)
{
	char taken[32];

	(void)state;
	snprintf(taken, sizeof(taken), "127.0.0.1:%d", admin_port(admin));
	assert_int_equal(exit_status_with(taken), 1);
	assert_int_equal(exit_status_with("127.0.0.1"), 1);
	assert_int_equal(exit_status_with(":9101"), 1);
	assert_int_equal(exit_status_with("127.0.0.1:"), 1);
	assert_int_equal(exit_status_with("127.0.0.1:port"), 1);
	assert_int_equal(exit_status_with("127.0.0.1:0"), 0);
}

int main(void)
{
#define served(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		/* first: it forks, while there is one thread only */
		served(an_address_that_cannot_be_had_ends_the_process),
		served(a_turning_loop_is_healthy),
		served(readiness_is_told_with_its_reason),
		served(metrics_are_served_as_prometheus_reads_them),
		served(anything_else_is_refused),
		served(every_answer_ends_its_connection),
		served(a_half_request_is_dropped_after_a_while),
		served(off_means_no_port),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
