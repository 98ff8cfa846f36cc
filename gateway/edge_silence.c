/* A wheel of slots instead of a timer per connection; and nothing per message,
 * since the kernel knows when the last byte came. */

#include "gateway/edge_inside.h"
#include <netinet/tcp.h>
#include <sys/socket.h>

enum { LEAST_TICK_MS = 10 };

void conn_schedule(struct conn *conn, uint64_t after_ms)
{
	struct edge *edge = conn->edge;
	uint64_t ticks = after_ms / edge->tick_ms + 1;

	if (ticks >= WHEEL_SLOTS)
		ticks = WHEEL_SLOTS - 1;
	conn->due_ms = loop_now_ms(edge->loop) + after_ms;
	node_out(&conn->slot);
	node_in(&edge->slots[(edge->hand + ticks) % WHEEL_SLOTS], &conn->slot);
}

static uint64_t silent_ms(const struct conn *conn)
{
	struct tcp_info info = {0};
	socklen_t size = sizeof(info);

	if (getsockopt(lws_get_socket_fd(conn->wsi), IPPROTO_TCP, TCP_INFO,
		    &info, &size))
		return 0;
	/* While we send, what is taken counts as a sign of life. */
	return lws_partial_buffered(conn->wsi) ? info.tcpi_last_ack_recv
					       : info.tcpi_last_data_recv;
}

static void on_due(struct conn *conn)
{
	uint64_t idle_ms = conn->edge->limits.idle_ms, silent;

	if (!conn->wsi)
		return;
	if (conn->close_code || conn->finished) {
		conn_doom(conn);
		return;
	}
	silent = silent_ms(conn);
	if (silent < idle_ms)
		conn_schedule(conn, idle_ms - silent);
	else
		conn_close(conn, CLOSE_GONE);
}

static void on_tick(void *ctx)
{
	struct edge *edge = ctx;
	uint64_t now = loop_now_ms(edge->loop);
	struct node *node, *next;

	edge->hand = (edge->hand + 1) % WHEEL_SLOTS;
	for (node = edge->slots[edge->hand]; node; node = next) {
		struct conn *conn = CONN_OF(node, slot);

		next = node->next;
		if (conn->due_ms > now) {
			conn_schedule(conn, conn->due_ms - now);
			continue;
		}
		node_out(&conn->slot);
		on_due(conn);
	}
}

void silence_open(struct edge *edge)
{
	edge->tick_ms = edge->limits.idle_ms / (WHEEL_SLOTS / 2);
	if (edge->tick_ms < LEAST_TICK_MS)
		edge->tick_ms = LEAST_TICK_MS;
	edge->wheel = timer_open(edge->loop, on_tick, edge);
	timer_start(edge->wheel, edge->tick_ms, edge->tick_ms);
}

void silence_close(struct edge *edge)
{
	timer_close(edge->wheel);
}
