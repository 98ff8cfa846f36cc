// The fixture application of the protocol's test cases as a process.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Daemon } from './daemon.mjs';
import { until } from './until.mjs';

export async function startFixture(env = {}) {
	const folder = mkdtempSync(path.join(tmpdir(), 'phoenix-'));
	const daemon = new Daemon('phoenix_fixture', {
		name: 'fixture', env, logFile: path.join(folder, 'log'),
	}).start();
	const ready = await until(() => daemon.ended ||
		daemon.events.find((e) => e.event === 'ready'), { timeout: 60000 });

	return {
		daemon,
		port: ready.port,
		async stop() {
			try {
				await daemon.stop();
			} catch (error) {
				error.message += `\n${daemon.tail()}`;
				throw error;
			} finally {
				rmSync(folder, { recursive: true, force: true });
			}
		},
	};
}
