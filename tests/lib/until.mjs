// Waiting for conditions instead of sleeping.

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

// Calls fn until it returns something true, which is the result. What fn
// throws counts as "not yet"; the last of it is told when time is up.
export async function until(fn, { timeout = 30000, every = 20, what } = {}) {
	const deadline = performance.now() + timeout;
	let last;

	for (;;) {
		try {
			last = await fn();
			if (last)
				return last;
		} catch (error) {
			last = error;
		}
		if (performance.now() > deadline)
			throw new Error(`not within ${timeout} ms: ${what ?? fn}`, {
				cause: last,
			});
		await sleep(every);
	}
}
