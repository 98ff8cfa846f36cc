// The table: each line as soon as it is known, and all of it as JSON.
import { writeFileSync } from 'node:fs';

const WIDTHS = [52, 11, 11, 8];

function digits(value) {
	if (value === undefined)
		return '';
	if (value >= 1000)
		return Math.round(value).toLocaleString('en');
	return value >= 100 ? value.toFixed(0)
		: value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

function line([what, ...rest], goal = '') {
	const columns = rest.map((text, i) => text.padStart(WIDTHS[i + 1]));

	console.log(`${what.padEnd(WIDTHS[0])}${columns.join('')}   ${goal}`
		.trimEnd());
}

export class Table {
	constructor(about) {
		this.about = about;
		this.rows = [];
	}

	// What the floor, or whatever stands beside ours, is here.
	group(title, floor) {
		this.title = title;
		console.log(`\n${title}; floor: ${floor}`);
		line(['', 'ours', 'floor', 'ratio'], 'goal');
	}

	// `goal` {text, reached(value, floor)}, if there is one.
	row(what, value, floor, goal) {
		const ratio = floor ? value / floor : undefined;
		const reached = goal ? goal.reached(value, floor) : undefined;

		this.rows.push({ group: this.title, what, value, floor, ratio,
			goal: goal ? goal.text : undefined, reached });
		line([what, digits(value), digits(floor), ratio ? `${digits(ratio)}×`
			: ''], goal ? `${goal.text}${reached ? '' : '   MISSED'}` : '');
	}

	save(file) {
		writeFileSync(file, `${JSON.stringify({ ...this.about,
			rows: this.rows }, null, '\t')}\n`);
	}
}

export const atMost = (limit) => ({ text: `≤ ${limit.toLocaleString('en')}`,
	reached: (value) => value <= limit });
export const atLeast = (limit) => ({ text: `≥ ${limit.toLocaleString('en')}`,
	reached: (value) => value >= limit });
export const timesFloor = (factor) => ({ text: `≥ ${factor}×`,
	reached: (value, floor) => value >= factor * floor });
export const floorPlus = (more, unit) => ({ text: `≤ floor + ${more} ${unit}`,
	reached: (value, floor) => value <= floor + more });
// "As fast as", within what this kind of measurement can tell.
export const asFast = { text: 'as fast (±25 %)',
	reached: (value, floor) => value <= 1.25 * floor };
