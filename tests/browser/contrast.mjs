// The contrast of every text in sight with what is behind it, as WCAG 2
// computes it: at least 4.5, or 3 for large text.
export function poorContrasts(page) {
	return page.evaluate(() => {
		const parse = (colour) => {
			const [r, g, b, a = 1] = colour.match(/[\d.]+/g).map(Number);

			// color(srgb 0..1) is how mixed colours are told
			return colour.startsWith('color(')
				? [r * 255, g * 255, b * 255, a] : [r, g, b, a];
		};
		const over = ([r, g, b, a], [R, G, B]) => [
			r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a), 1];
		const background = (element) => {
			if (!element)
				return [255, 255, 255, 1];

			const own = parse(getComputedStyle(element).backgroundColor);

			return own[3] === 1 ? own
				: over(own, background(element.parentElement));
		};
		const luminance = (colour) => colour.slice(0, 3)
			.map((c) => c / 255)
			.map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
			.reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
		const ownText = (element) => [...element.childNodes].some((node) =>
			node.nodeType === Node.TEXT_NODE && node.data.trim());
		const inSight = (element) => {
			const box = element.getBoundingClientRect();

			// What has a mask is a drawing; its text is for the ear.
			return box.width > 1 && box.height > 1 &&
				element.checkVisibility() &&
				getComputedStyle(element).maskImage === 'none';
		};
		const poor = [];

		for (const element of document.querySelectorAll('body *')) {
			if (!ownText(element) || !inSight(element) ||
				element.matches(':disabled, noscript'))
				continue;

			const style = getComputedStyle(element);
			const behind = background(element);
			const [a, b] = [over(parse(style.color), behind), behind]
				.map(luminance).sort((x, y) => y - x);
			const ratio = (a + 0.05) / (b + 0.05);
			const px = parseFloat(style.fontSize);
			const large = px >= 24 || px >= 18.66 && style.fontWeight >= 700;

			if (ratio < (large ? 3 : 4.5))
				poor.push(`${ratio.toFixed(2)} ${element.outerHTML
					.slice(0, 120)}`);
		}
		return poor;
	});
}
