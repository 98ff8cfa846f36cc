/* theme: the chosen theme, before anything is painted. A module would come
 * too late, hence a script of its own. */
try {
	const theme = localStorage.getItem("taifas:theme");
	if (theme === "dark" || theme === "light")
		document.documentElement.dataset.theme = theme;
} catch {
	/* No storage, no choice: the system's theme. */
}
