// Ports nobody listens on, below those the kernel gives to outgoing
// connections: one that was free stays free until a daemon takes it. Among
// tests that run at once a port is reserved by holding it for UDP.
import dgram from 'node:dgram';
import { readFileSync } from 'node:fs';
import net from 'node:net';

const LOWEST = 15000;

function highest() {
	try {
		const range = readFileSync(
			'/proc/sys/net/ipv4/ip_local_port_range', 'utf8');

		return Math.max(LOWEST + 5000, parseInt(range, 10) - 1);
	} catch {
		return 32767;
	}
}

// Until this process ends, or the result is called.
function reserve(port) {
	return new Promise((done) => {
		const socket = dgram.createSocket('udp4').unref();

		socket.once('error', () => done(null));
		socket.bind({ port, address: '127.0.0.1', exclusive: true },
			() => done(() => socket.close()));
	});
}

function isFree(port) {
	return new Promise((done) => {
		const server = net.createServer();

		server.once('error', () => done(false));
		server.listen(port, '127.0.0.1', () => server.close(() => done(true)));
	});
}

// The first of `count` neighbouring ports.
export async function freePort(count = 1) {
	const top = highest() - count;

	for (;;) {
		const first = LOWEST + Math.floor(Math.random() * (top - LOWEST));
		const held = [];

		for (let port = first; port < first + count; port++) {
			const release = await reserve(port);

			if (release)
				held.push(release);
			if (!release || !await isFree(port))
				break;
			if (port === first + count - 1)
				return first;
		}
		for (const release of held)
			release();
	}
}
