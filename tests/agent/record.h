/* A small record for the agent's unit tests, and days to ask it on. */
#ifndef TESTS_AGENT_RECORD_H
#define TESTS_AGENT_RECORD_H

#include "agentd/dates.h"
#include <string.h>

/* Wednesday, half past ten */
static const struct today wednesday = {"2026-11-25", 10 * 60 + 30};

static const char record_text[] =
	"{\"name\":\"Atelier Ana\",\"type\":\"repair\","
	"\"timezone\":\"Europe/Bucharest\",\"languages\":[\"en\",\"ro\"],"
	"\"description\":{\"ro\":\"Reparăm biciclete.\",\"en\":\"We mend "
	"bicycles.\"},"
	"\"locations\":["
	" {\"id\":\"L1\",\"name\":\"Ana Centru\",\"address\":\"Strada Lungă "
	"1\"},"
	" {\"id\":\"L2\",\"name\":\"Ana Gară\",\"address\":\"Piața Gării 2\","
	"  \"phone\":\"+40 268 000 "
	"002\",\"hours\":{\"mon\":[[\"10:00\",\"12:00\"]]}}],"
	"\"hours\":{\"mon\":[[\"09:00\",\"13:00\"],[\"14:00\",\"18:00\"]],"
	" \"tue\":[[\"09:00\",\"18:00\"]],\"wed\":[[\"09:00\",\"18:00\"]],"
	" \"thu\":[[\"09:00\",\"18:00\"]],\"fri\":[[\"09:00\",\"18:00\"]],"
	" \"sat\":[[\"10:00\",\"14:00\"]],\"sun\":[]},"
	"\"holidays\":[{\"date\":\"12-25\",\"name\":{\"ro\":\"Crăciunul\","
	"  \"en\":\"Christmas Day\"}},"
	" {\"date\":\"11-30\",\"name\":\"Sfântul Andrei\"},"
	" {\"date\":\"2026-12-06\",\"name\":\"Ziua "
	"orașului\",\"closed\":false},"
	" {\"date\":\"2027-05-02\",\"name\":{\"ro\":\"Paștele\",\"en\":"
	"\"Easter\"}}],"
	"\"overrides\":[{\"date\":\"2026-12-24\",\"hours\":[[\"09:00\",\"12:"
	"00\"]],"
	"  \"note\":{\"ro\":\"Ajun\",\"en\":\"Christmas Eve\"}},"
	" {\"from\":\"2026-12-25\",\"to\":\"2026-12-27\",\"hours\":[]}],"
	"\"services\":["
	" {\"id\":\"revizie\",\"name\":{\"ro\":\"Revizie "
	"generală\",\"en\":\"Full service\"},"
	"  \"aliases\":[\"revizie\",\"tune-up\"],"
	"  \"price\":{\"amount\":150,\"currency\":\"RON\"},\"durationMin\":60},"
	" {\"id\":\"revizie-e\",\"name\":{\"ro\":\"Revizie bicicletă "
	"electrică\","
	"  \"en\":\"E-bike service\"},\"aliases\":[\"revizie electrică\"],"
	"  \"price\":{\"amount\":250,\"currency\":\"RON\"},\"durationMin\":95},"
	" {\"id\":\"camera\",\"name\":{\"ro\":\"Schimbat "
	"cameră\",\"en\":\"Inner tube change\"},"
	"  \"aliases\":[\"pană\",\"puncture\"],"
	"  "
	"\"price\":{\"from\":20,\"to\":35.5,\"currency\":\"RON\"},"
	"\"durationMin\":19},"
	" {\"id\":\"sfat\",\"name\":{\"ro\":\"Sfat\",\"en\":\"Advice\"},"
	"  \"price\":{\"amount\":0,\"currency\":\"RON\"}},"
	" {\"id\":\"spitat\",\"name\":{\"ro\":\"Spițat roată\",\"en\":\"Wheel "
	"building\"}}],"
	"\"contact\":{\"phone\":\"+40 268 000 "
	"001\",\"email\":\"ana@atelier.example\"},"
	"\"policies\":{\"concurrency\":\"enqueue\","
	" \"fallback\":\"Nu putem răspunde.\","
	" \"warranty\":{\"ro\":\"Garanția lucrărilor este de 90 de zile.\","
	"  \"en\":\"Our work is under warranty for 90 days.\"}}}";

static inline void record_read(struct business *out, struct arena *arena)
{
	struct json *record = json_parse(record_text, strlen(record_text));

	business_read(out, arena, record, "B1");
	json_free(record);
}

#endif
