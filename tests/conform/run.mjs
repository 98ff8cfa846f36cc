// run.mjs DAEMON COMMAND: holds any program against PROTOCOL.md, as gateway,
// sessiond, agentd or cleanupd. One line per case; exit code 1 if one failed.
//
//	ONLY=3,17   only these cases
//	JOBS=6      how many at once
//	TALLY=FILE  adds a line "conform-DAEMON passed failed"
import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { Kit, Skip } from './kit.mjs';
import { paragraphs } from './spec.mjs';

const DAEMONS = ['gateway', 'sessiond', 'agentd', 'cleanupd'];
const CASE_MS = 90000;
const [daemon, command] = process.argv.slice(2);

if (!DAEMONS.includes(daemon) || !command) {
	console.error(`run.mjs ${DAEMONS.join('|')} COMMAND`);
	process.exit(2);
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
	process.on(signal, () => process.exit(1));

const all = (await import(`./${daemon}.mjs`)).default
	.map((one, i) => ({ ...one, id: i + 1 }));
const only = process.env.ONLY?.split(',').map(Number);
const cases = all.filter(({ id }) => !only || only.includes(id));

for (const { at, what } of all)
	assert(paragraphs.has(at), `${what}: PROTOCOL.md has no ${at}`);

function deadline() {
	let timer;
	const late = new Promise((_, fail) => timer = setTimeout(() =>
		fail(new Error(`no end within ${CASE_MS} ms`)), CASE_MS));

	return { late, over: () => clearTimeout(timer) };
}

// Sets one.result: {how: 'ok' | 'skipped' | 'FAILED', why, log}.
async function attempt(one) {
	const kit = new Kit(command);
	const { late, over } = deadline();

	try {
		await Promise.race([late, kit.died, one.run(kit)]);
		one.result = { how: 'ok' };
	} catch (error) {
		one.result = error instanceof Skip
			? { how: 'skipped', why: error.message }
			: { how: 'FAILED', why: error.stack, cause: error.cause,
				log: kit.tail() };
	}
	over();
	await kit.close();
}

let told = 0;

// Prints in order whatever is over.
function tell() {
	for (; cases[told]?.result; told++) {
		const { id, at, what, result } = cases[told];
		const { how, why, cause, log } = result;

		console.log(`${daemon} ${String(id).padStart(2)}  ${at}: ${what} ... ` +
			`${how}${how === 'skipped' ? `: ${why}` : ''}`);
		if (how !== 'FAILED')
			continue;
		console.log(why.replace(/^/gm, '\t'));
		if (cause)
			console.log(`\tbecause: ${cause.message ??
				JSON.stringify(cause)}`);
		console.log(`\tthe program's last words:\n${log.replace(/^/gm, '\t| ')}`);
	}
}

// The long ones first, so that the short ones fill the time.
const waiting = [...cases].sort((a, b) => !!b.long - !!a.long);
const worker = async () => {
	for (let one; (one = waiting.shift());) {
		await attempt(one);
		tell();
	}
};

console.log(`${daemon}: ${command}`);
await Promise.all(Array.from({ length: Number(process.env.JOBS ?? 6) }, worker));

const number = (how) => cases.filter((c) => c.result.how === how).length;
const passed = number('ok'), failed = number('FAILED');
const skipped = number('skipped');

console.log(`${daemon}: ${passed} passed, ${failed} failed` +
	(skipped ? `, ${skipped} skipped` : ''));
if (process.env.TALLY)
	appendFileSync(process.env.TALLY,
		`conform-${daemon} ${passed} ${failed}\n`);
process.exit(failed || !passed ? 1 : 0);
