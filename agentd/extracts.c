#include "agentd/extracts.h"
#include <string.h>

struct maker {
	struct arena *arena;
	enum language language;
	struct candidate *out;
	int n;
};

static const char *stems(struct maker *m, const char *text)
{
	struct buf out;
	const char *kept;

	buf_init(&out, 8 * PASSAGE_MAX);
	rank_stems(&out, text, m->language);
	kept = out.len ? arena_strndup(m->arena, out.data, out.len) : "";
	buf_clear(&out);
	return kept;
}

static void add(struct maker *m, const char *title, const char *heading,
	const struct text *text)
{
	struct candidate *c = &m->out[m->n];

	if (!text->in[m->language])
		return;
	c->passage = (struct passage){"business.json", title, heading,
		text->in[m->language], m->language};
	c->title_stems = stems(m, title);
	c->heading_stems = stems(m, heading);
	c->text_stems = stems(m, text->in[m->language]);
	m->n++;
}

/* Rules under a usual name are told by a name people use. */
static const char *rule_name(const struct policy *policy, enum language l)
{
	static const struct {
		const char *name;
		const char *in[LANGS];
	} usual[] = {
		{"cancellation", {"Anularea programărilor", "Cancellation"}},
		{"payment", {"Plata", "Payment"}},
		{"emergency", {"Urgențe", "Emergencies"}},
		{"refund", {"Rambursarea banilor", "Refunds"}},
		{"returns", {"Retururi", "Returns"}},
		{"delivery", {"Livrare", "Delivery"}},
		{"privacy", {"Confidențialitate", "Privacy"}},
		{"pets", {"Animale", "Pets"}},
		{"parking", {"Parcare", "Parking"}},
	};

	for (size_t i = 0; i < COUNT(usual); i++)
		if (!strcmp(policy->name, usual[i].name))
			return usual[i].in[l];
	return policy->name;
}

const struct candidate *extracts_make(struct arena *arena,
	const struct business *business, enum language language, int *n)
{
	static const char *const way[LANGS] = {"Cum ajungeți", "Getting here"};
	struct maker m = {arena, language, NULL, 0};

	m.out = arena_alloc(
		arena, (size_t)(1 + business->n_locations +
				business->n_services + business->n_policies) *
			       sizeof(*m.out));
	add(&m, business->name, "", &business->description);
	for (int i = 0; i < business->n_locations; i++) {
		const struct location *l = &business->locations[i];
		const char *name = l->name.in[language];

		add(&m, way[language], name ? name : "", &l->directions);
	}
	for (int i = 0; i < business->n_services; i++) {
		const struct service *s = &business->services[i];

		add(&m, s->name.in[language], "", &s->description);
	}
	for (int i = 0; i < business->n_policies; i++)
		add(&m, rule_name(&business->policies[i], language), "",
			&business->policies[i].text);
	*n = m.n;
	return m.out;
}
