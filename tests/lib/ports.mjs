// Ports nobody listens on, below those the kernel gives to outgoing
// connections: one that was free stays free until a daemon takes it.
import { readFileSync } from 'node:fs';
import net from 'node:net';

const LOWEST = 15000;
const given = new Set();

function highest() {
	try {
		const range = readFileSync(
			'/proc/sys/net/ipv4/ip_local_port_range', 'utf8');

		return Math.max(LOWEST + 5000, parseInt(range, 10) - 1);
	} catch {
		return 32767;
	}
}

function isFree(port) {
	return new Promise((done) => {
		const server = net.createServer();

		server.once('error', () => done(false));
		server.listen(port, '127.0.0.1', () => server.close(() => done(true)));
	});
}

export async function freePort() {
	const top = highest();

	for (;;) {
		const port = LOWEST + Math.floor(Math.random() * (top - LOWEST));

		if (!given.has(port) && await isFree(port)) {
			given.add(port);
			return port;
		}
	}
}
