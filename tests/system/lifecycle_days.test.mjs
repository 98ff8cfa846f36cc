// Where one day's session ends and the next one's begins: midnight is the
// tenant's, whatever the season and wherever the browser.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tenant, withCore } from '../lib/core.mjs';
import { until } from '../lib/until.mjs';

const SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR;

// Days on which clocks were changed: when they began and ended, and how many
// hours they had. In Cairo and Beirut there is no midnight in spring, and in
// autumn the hour before it comes twice.
const CHANGES = {
	'Europe/Bucharest': [
		['2026-03-29', '2026-03-28T22:00:00Z', '2026-03-29T21:00:00Z', 23],
		['2026-10-25', '2026-10-24T21:00:00Z', '2026-10-25T22:00:00Z', 25]],
	'Africa/Cairo': [
		['2026-04-24', '2026-04-23T22:00:00Z', '2026-04-24T21:00:00Z', 23],
		['2026-10-29', '2026-10-28T21:00:00Z', '2026-10-29T22:00:00Z', 25]],
	'Asia/Beirut': [
		['2026-03-29', '2026-03-28T22:00:00Z', '2026-03-29T21:00:00Z', 23],
		['2026-10-24', '2026-10-23T21:00:00Z', '2026-10-24T22:00:00Z', 25]],
	'America/New_York': [
		['2026-03-08', '2026-03-08T05:00:00Z', '2026-03-09T04:00:00Z', 23],
		['2026-11-01', '2026-11-01T04:00:00Z', '2026-11-02T05:00:00Z', 25]],
	'Pacific/Auckland': [
		['2026-04-05', '2026-04-04T11:00:00Z', '2026-04-05T12:00:00Z', 25],
		['2026-09-27', '2026-09-26T12:00:00Z', '2026-09-27T11:00:00Z', 23]],
};

// A stack without agents whose clock stands at `time`, tenant `here` in `zone`.
const withClock = (zone, time, story) => withCore({ gateways: 1,
	tenants: { here: tenant({}, zone) },
	clockOffset: new Date(time).getTime() - Date.now() }, (core, t) => {
	core.business = 'here';
	return story(core, core.stack, t);
});

const person = (stack, user, options) =>
	stack.client({ business: 'here', user, ...options });

async function history(stack, id) {
	const { status, json } = await stack.rest(
		`/api/sessions/${encodeURIComponent(id)}/messages?format=text`);

	assert.equal(status, 200, JSON.stringify(json));
	return json;
}

// The sessions of a user, by day, through the gateway.
async function listed(stack, user, query = '') {
	const { json } = await stack.rest(
		`/api/business/here/users/${user}/sessions?${query}`);

	return json.sessions;
}

// --- midnight -----------------------------------------------------------------

for (const [zone, changes] of Object.entries(CHANGES))
	for (const [day, start, end, hours] of changes)
		test(`${zone}, ${day}: a day of ${hours} hours has one session`, withClock(
			zone, Date.parse(start) - 5 * SECOND, async (core, stack) => {
				const begins = Date.parse(start), ends = Date.parse(end);
				const ana = await person(stack, 'ana');
				const said = new Map(); // by session: what was said, when
				const say = async (time) => {
					core.setNow(time);
					const sent = await ana.send(new Date(time).toISOString());

					assert.equal(sent.status, 'ok', JSON.stringify(sent));
					// A browser of this zone, loaded today or just now.
					for (const midnight of [begins, time])
						if (midnight <= time && time < midnight + 25 * HOUR)
							assert.equal((await history(stack,
								`here:ana:${midnight}`)).sessionId,
							sent.sessionId);
					said.set(sent.sessionId,
						[...said.get(sent.sessionId) ?? [], time]);
					return sent.sessionId;
				};

				assert.equal(ends - begins, hours * HOUR);
				const before = await say(begins - 5 * SECOND);
				const today = [];

				for (const time of [begins, begins + SECOND, begins + HOUR,
					begins + 2 * HOUR + SECOND, begins + 12 * HOUR,
					ends - 90 * MINUTE, ends - 30 * MINUTE, ends - 5 * SECOND])
					today.push(await say(time));
				const after = await say(ends);

				assert.equal(new Set(today).size, 1, 'one session all day');
				assert.equal(new Set([before, ...today, after]).size, 3);
				// What was open is closed by the new day's first message.
				const sessions = await listed(stack, 'ana');

				assert.deepEqual(sessions.map((s) => [s.sessionId, s.status]), [
					[after, 'active'], [today[0], 'closed'], [before, 'closed']]);
				assert.deepEqual((await listed(stack, 'ana',
					`from=${day}&to=${day}`)).map((s) => s.sessionId),
				[today[0]]);
				const told = (await stack.history(today[0]))
					.filter((m) => m.type !== 'agent');

				assert.deepEqual(told.map((m) => m.metadata.kind ?? m.content), [
					...said.get(today[0]).map((t) => new Date(t).toISOString()),
					'rollover']);
				await ana.waitFor('session_update', (u) => u.status === 'closed' &&
					u.sessionId === today[0] && u.reason === 'rollover');
			}));

// --- browsers everywhere ------------------------------------------------------

const OFFSETS = [...Array.from({ length: 26 }, (_, i) => i - 11), -3.5, 5.5, 5.75,
	9.5, 12.75];
const midnightAt = (offset, time) =>
	Math.floor((time + offset * HOUR) / DAY) * DAY - offset * HOUR;
const dateAt = (offset, time) =>
	new Date(time + offset * HOUR).toISOString().slice(0, 10);

test('wherever a browser is, its alias means the tenant\'s today', withClock(
	'Europe/Bucharest', '2026-07-10T12:00:00Z', async (core, stack) => {
		const times = ['2026-07-14T21:00:01Z', '2026-07-15T00:30:00Z',
			'2026-07-15T10:00:00Z', '2026-07-15T14:00:00Z', '2026-07-15T20:59:00Z'];
		const users = new Map();

		for (const time of times) {
			const now = Date.parse(time);

			core.setNow(time);
			for (const offset of OFFSETS) {
				const user = `u${offset}`;
				const alias = `here:${user}:${midnightAt(offset, now)}`;
				const client = users.get(user) ?? await person(stack, user);
				const known = users.has(user);

				users.set(user, client);
				if (!known)
					assert.deepEqual((await history(stack, alias)).messages, []);
				const sent = await client.send(time, { sessionId: alias });
				const page = await history(stack, alias);

				assert.equal(page.sessionId, sent.sessionId, `${time} ${user}`);
				assert.equal(page.messages.at(-1).content, time);
			}
		}
		for (const user of users.keys())
			assert.equal((await listed(stack, user)).length, 1, user);
	}));

test('a page that stayed open shows the day it was opened', withClock(
	'Europe/Bucharest', '2026-07-12T12:00:00Z', async (core, stack) => {
		const ana = await person(stack, 'ana');
		const days = new Map();

		for (const day of [12, 13, 14, 15, 16]) {
			const date = `2026-07-${day}`;

			core.setNow(`${date}T10:00:00Z`);
			days.set(date, (await ana.send(date)).sessionId);
		}
		// By now it is two days later everywhere.
		core.setNow('2026-07-18T12:00:00Z');
		for (const offset of OFFSETS.filter((o) => o >= -10 && o <= 13)) {
			const opened = Date.parse('2026-07-14T10:00:00Z');
			const { sessionId } = await history(stack,
				`here:ana:${midnightAt(offset, opened)}`);

			assert.equal(sessionId, days.get(dateAt(offset, opened)), `${offset}`);
		}
		// Its messages go to today's all the same.
		const late = await ana.send('late', { sessionId: days.get('2026-07-14') });

		assert(![...days.values()].includes(late.sessionId));
		assert.equal(late.seq, 1);
	}));

// --- what goes on over midnight -----------------------------------------------

const EVENING = '2026-11-22T21:59:00Z'; // 23:59 in Bucharest
const MORNING = '2026-11-22T22:00:30Z';

const take = (agent) => until(async () => (await agent.claim(1))[0]);

test('an answer begun before midnight is stored with its question', withClock(
	'Europe/Bucharest', EVENING, async (core, stack) => {
		const agent = core.agent();
		const ana = await person(stack, 'ana');
		const asked = await ana.send('when do you open?');
		const grant = await take(agent);

		await agent.progress(grant);
		core.setNow(MORNING);
		const next = await ana.send('and today?');

		assert.notEqual(next.sessionId, asked.sessionId);
		assert.equal((await agent.finish(grant, 'at eight')).status, 'ok');
		const answer = await ana.answerTo(asked);

		assert.deepEqual([answer.sessionId, answer.inReplyTo],
			[asked.sessionId, [asked.messageId]]);
		assert.deepEqual((await stack.history(asked.sessionId))
			.map((m) => m.metadata.kind ?? m.content),
		['when do you open?', 'rollover', 'at eight']);
		// The new day's first turn knows what was said.
		const second = await take(agent);

		assert.equal(second.sessionId, next.sessionId);
		assert.deepEqual(second.context.filter((m) => m.type !== 'system')
			.map((m) => m.content), ['when do you open?', 'at eight']);
		await agent.finish(second, 'at nine');
		assert.equal((await ana.answerTo(next)).sessionId, next.sessionId);
		const [today, yesterday] = await listed(stack, 'ana');

		assert.deepEqual([today.status, yesterday.status], ['active', 'closed']);
	}));

test('what was said long before midnight is no context', withClock(
	'Europe/Bucharest', '2026-11-22T15:00:00Z', async (core, stack) => {
		const agent = core.agent();
		const ana = await person(stack, 'ana');
		const asked = await ana.send('a question of the afternoon');

		await agent.finish(await take(agent), 'its answer');
		await ana.answerTo(asked);
		core.setNow(MORNING);
		await ana.send('good morning');
		assert.deepEqual((await take(agent)).context, []);
	}));

test('who handles a user still does after midnight', withClock(
	'Europe/Bucharest', EVENING, async (core, stack) => {
		const ana = await person(stack, 'ana');

		await ana.send('a person, please');
		assert.equal((await stack.rest('/api/business/here/users/ana/handler', {
			method: 'POST', body: JSON.stringify({ handler: 'person' }),
			headers: { 'content-type': 'application/json' } })).status, 200);
		core.setNow(MORNING);
		const { sessionId, messageId } = await ana.send('still there?');
		const processed = await ana.waitFor('message_processed',
			(p) => p.messageIds.includes(messageId));

		assert.deepEqual([processed.status, processed.sessionId],
			['left_to_person', sessionId]);
		const { json } = await stack.rest(`/api/sessions/${sessionId}/conversation`);

		assert.deepEqual([json.handler, json.openTurns], ['person', []]);
	}));

test('after midnight a user means today, and names yesterday', withClock(
	'Europe/Bucharest', EVENING, async (core, stack) => {
		const ana = await person(stack, 'ana');
		const { sessionId } = await ana.send('hello');
		const push = (event, payload) => new Promise((done) => {
			ana.channel.push(event, payload, 60000).receive('ok', done)
				.receive('error', done);
		});

		core.setNow(MORNING);
		assert.equal((await push('resolve', {})).code, 'not_found');
		assert.equal((await push('resolve', { sessionId })).status, 'resolved');
		assert.equal((await push('reopen', { sessionId })).status, 'active');
		const today = await ana.send('good morning');

		assert.notEqual(today.sessionId, sessionId);
		assert.deepEqual((await push('close', {})).sessionId, today.sessionId);
		assert.deepEqual((await listed(stack, 'ana')).map((s) => s.status),
			['closed', 'closed']);
	}));
