#include "shared/metrics.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct buf page;

/* The page as it is now. */
static const char *print(void)
{
	buf_clear(&page);
	buf_init(&page, 100000);
	metrics_print(&page);
	return page.data;
}

static void numbers_count_and_are_set(void **state)
{
	struct metric *sent = metric_open(
		METRIC_COUNTER, "taifas_sent_total", NULL, "messages sent");
	struct metric *open = metric_open(
		METRIC_GAUGE, "taifas_open_connections", NULL, "open now");

	(void)state;
	metric_add(sent, 2);
	metric_add(sent, 3);
	metric_set(open, 7);
	metric_add(open, -1);
	assert_int_equal(metric_value(sent), 5);
	assert_int_equal(metric_value(open), 6);
}

static void the_page_has_help_and_type_once_per_name_in_order(void **state)
{
	(void)state;
	metric_add(metric_open(METRIC_COUNTER, "taifas_replies_total",
			   "code=\"ok\"", "replies by code"),
		4);
	metric_add(metric_open(METRIC_COUNTER, "taifas_replies_total",
			   "code=\"conflict\"", "not used"),
		1);
	assert_string_equal(print(),
		"# HELP taifas_open_connections open now\n"
		"# TYPE taifas_open_connections gauge\n"
		"taifas_open_connections 6\n"
		"# HELP taifas_replies_total replies by code\n"
		"# TYPE taifas_replies_total counter\n"
		"taifas_replies_total{code=\"conflict\"} 1\n"
		"taifas_replies_total{code=\"ok\"} 4\n"
		"# HELP taifas_sent_total messages sent\n"
		"# TYPE taifas_sent_total counter\n"
		"taifas_sent_total 5\n");
}

static void the_same_name_and_labels_are_the_same_metric(void **state)
{
	struct metric *one = metric_open(METRIC_COUNTER, "taifas_replies_total",
		"code=\"ok\"", "replies by code");
	struct metric *two = metric_open(METRIC_COUNTER, "taifas_replies_total",
		"code=\"ok\"", "replies by code");

	(void)state;
	assert_ptr_equal(one, two);
}

static void a_histogram_counts_what_is_at_most_each_bound(void **state)
{
	static const int64_t bounds[] = {1, 2, 5};
	struct histogram *sizes = histogram_open(
		"taifas_batch_messages", "messages per batch", bounds, 3, 1);

	(void)state;
	for (int value = 0; value <= 6; value++)
		histogram_add(sizes, value);
	assert_non_null(strstr(print(),
		"# HELP taifas_batch_messages messages per batch\n"
		"# TYPE taifas_batch_messages histogram\n"
		"taifas_batch_messages_bucket{le=\"1\"} 2\n"
		"taifas_batch_messages_bucket{le=\"2\"} 3\n"
		"taifas_batch_messages_bucket{le=\"5\"} 6\n"
		"taifas_batch_messages_bucket{le=\"+Inf\"} 7\n"
		"taifas_batch_messages_sum 21\n"
		"taifas_batch_messages_count 7\n"));
}

static void latencies_are_measured_in_microseconds_and_told_in_seconds(
	void **state)
{
	struct histogram *latency =
		histogram_open("taifas_reply_seconds", "time to reply",
			latency_bounds_us, LATENCY_BOUNDS, LATENCY_PER_SECOND);

	(void)state;
	histogram_add(latency, 100);
	histogram_add(latency, 1500000);
	histogram_add(latency, 31000000);
	print();
	assert_non_null(strstr(
		page.data, "taifas_reply_seconds_bucket{le=\"0.0001\"} 1\n"));
	assert_non_null(
		strstr(page.data, "taifas_reply_seconds_bucket{le=\"1\"} 1\n"));
	assert_non_null(strstr(
		page.data, "taifas_reply_seconds_bucket{le=\"30\"} 2\n"));
	assert_non_null(strstr(
		page.data, "taifas_reply_seconds_bucket{le=\"+Inf\"} 3\n"));
	assert_non_null(
		strstr(page.data, "taifas_reply_seconds_sum 32.5001\n"));
}

static void latency_bounds_ascend(void **state)
{
	(void)state;
	assert_int_equal(latency_bounds_us[0], 100);
	for (int i = 1; i < LATENCY_BOUNDS; i++)
		assert_true(latency_bounds_us[i] > latency_bounds_us[i - 1]);
	assert_int_equal(latency_bounds_us[LATENCY_BOUNDS - 1], 30000000);
}

static int teardown(void **state)
{
	(void)state;
	buf_clear(&page);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_count_and_are_set),
		cmocka_unit_test(
			the_page_has_help_and_type_once_per_name_in_order),
		cmocka_unit_test(the_same_name_and_labels_are_the_same_metric),
		cmocka_unit_test(a_histogram_counts_what_is_at_most_each_bound),
		cmocka_unit_test(
			latencies_are_measured_in_microseconds_and_told_in_seconds),
		cmocka_unit_test(latency_bounds_ascend),
	};
	return cmocka_run_group_tests(tests, NULL, teardown);
}
