#include "agentd/index.h"
#include "shared/log.h"
#include "shared/text.h"
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

/* Stems are stored as words of their own columns, made by words.c for pages
 * and questions alike; FTS5 only has to find equal ones and beginnings.
 *
 * Of the 175 questions of tests/agent/questions.json are answered rightly:
 * 144 by whole folded words, 159 if words may continue each other ("program*"),
 * 163 by stems, 166 by stems that may continue each other by a few letters,
 * as stems_alike has it: Romanian stems of one word often differ a little
 * ("tiroid", "tiroide"). */
static const char schema[] =
	"PRAGMA locking_mode = EXCLUSIVE;"
	"PRAGMA journal_mode = TRUNCATE;"
	"PRAGMA synchronous = NORMAL;"
	"BEGIN;"
	"CREATE TABLE IF NOT EXISTS page (id INTEGER PRIMARY KEY,"
	" name TEXT NOT NULL, ctime INTEGER, size INTEGER, inode INTEGER);"
	"CREATE TABLE IF NOT EXISTS passage (id INTEGER PRIMARY KEY,"
	" page INTEGER NOT NULL, language INTEGER, path TEXT, title TEXT,"
	" heading TEXT, text TEXT);"
	"CREATE INDEX IF NOT EXISTS passage_page ON passage (page);"
	"CREATE VIRTUAL TABLE IF NOT EXISTS stems USING fts5(title, heading,"
	" text, tokenize = 'unicode61 remove_diacritics 0');"
	"PRAGMA user_version = 1;"
	"COMMIT;";

enum { SCHEMA_VERSION = 1 };

enum statement {
	PAGE_ADD,
	PAGE_DROP,
	PASSAGE_ADD,
	PASSAGE_DROP,
	STEMS_ADD,
	STEMS_DROP,
	PAGE_ALL,
	COUNT_ALL,
	COUNT_HOLDING,
	FIND,
	STATEMENTS
};

static const char *const sql[STATEMENTS] = {
	[PAGE_ADD] = "INSERT INTO page (name, ctime, size, inode)"
		     " VALUES (?, ?, ?, ?)",
	[PAGE_DROP] = "DELETE FROM page WHERE id = ?",
	[PASSAGE_ADD] = "INSERT INTO passage (page, language, path, title,"
			" heading, text) VALUES (?, ?, ?, ?, ?, ?)",
	[PASSAGE_DROP] = "DELETE FROM passage WHERE page = ?",
	[STEMS_ADD] = "INSERT INTO stems (rowid, title, heading, text)"
		      " VALUES (?, ?, ?, ?)",
	[STEMS_DROP] = "DELETE FROM stems WHERE rowid IN"
		       " (SELECT id FROM passage WHERE page = ?)",
	[PAGE_ALL] = "SELECT id, name, ctime, size, inode FROM page",
	[COUNT_ALL] = "SELECT count(*) FROM passage",
	[COUNT_HOLDING] = "SELECT count(*) FROM stems WHERE stems MATCH ?",
	[FIND] = "SELECT p.language, p.path, p.title, p.heading, p.text,"
		 " stems.title, stems.heading, stems.text FROM stems"
		 " JOIN passage p ON p.id = stems.rowid WHERE stems MATCH ?"
		 " ORDER BY bm25(stems, 2, 3, 1) LIMIT 24",
};
_Static_assert(CANDIDATES == 24, "as FIND says");

struct index {
	sqlite3 *db;
	sqlite3_stmt *statements[STATEMENTS];
	bool failed; /* the database refused something */
	struct buf stems[3], match;
};

static sqlite3_stmt *statement(struct index *index, enum statement which)
{
	sqlite3_stmt *s = index->statements[which];

	sqlite3_reset(s);
	sqlite3_clear_bindings(s);
	return s;
}

static void bind_text(sqlite3_stmt *s, int at, const char *text)
{
	sqlite3_bind_text(s, at, text, -1, SQLITE_TRANSIENT);
}

/* True if there is a row. */
static bool step(struct index *index, sqlite3_stmt *s)
{
	int rc = sqlite3_step(s);

	if (rc == SQLITE_ROW)
		return true;
	if (rc != SQLITE_DONE && !index->failed) {
		index->failed = true;
		log_warn("index refused a statement",
			log_str("why", sqlite3_errmsg(index->db)));
	}
	return false;
}

static void run_on(struct index *index, enum statement which, int64_t id)
{
	sqlite3_stmt *s = statement(index, which);

	sqlite3_bind_int64(s, 1, id);
	step(index, s);
}

static bool execute(struct index *index, const char *text)
{
	return sqlite3_exec(index->db, text, NULL, NULL, NULL) == SQLITE_OK;
}

static int64_t first_number(struct index *index, const char *query)
{
	sqlite3_stmt *s = NULL;
	int64_t value = -1;

	if (sqlite3_prepare_v2(index->db, query, -1, &s, NULL) == SQLITE_OK &&
		sqlite3_step(s) == SQLITE_ROW)
		value = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return value;
}

void index_close(struct index *index)
{
	if (!index)
		return;
	for (int i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(index->statements[i]);
	sqlite3_close(index->db);
	for (int i = 0; i < 3; i++)
		buf_clear(&index->stems[i]);
	buf_clear(&index->match);
	free(index);
}

static bool prepare(struct index *index, const char *file)
{
	int64_t version;

	if (sqlite3_open_v2(file, &index->db,
		    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
			    SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW,
		    NULL) != SQLITE_OK)
		return false;
	sqlite3_limit(index->db, SQLITE_LIMIT_ATTACHED, 0);
	version = first_number(index, "PRAGMA user_version");
	if (version != 0 && version != SCHEMA_VERSION)
		return false;
	if (!execute(index, schema))
		return false;
	for (int i = 0; i < STATEMENTS; i++)
		if (sqlite3_prepare_v3(index->db, sql[i], -1,
			    SQLITE_PREPARE_PERSISTENT, &index->statements[i],
			    NULL) != SQLITE_OK)
			return false;
	return true;
}

struct index *index_open(const char *file, bool *busy)
{
	struct index *index = xalloc(sizeof(*index));
	int why;

	for (int i = 0; i < 3; i++)
		buf_init(&index->stems[i], 8 * PASSAGE_MAX);
	buf_init(&index->match, 65536);
	if (prepare(index, file))
		return index;
	why = sqlite3_errcode(index->db);
	if (busy)
		*busy = why == SQLITE_BUSY || why == SQLITE_LOCKED;
	log_warn("index cannot be opened", log_str("why", sqlite3_errstr(why)));
	index_close(index);
	return NULL;
}

bool index_pages(struct index *index, index_page_fn *each, void *ctx)
{
	sqlite3_stmt *s = statement(index, PAGE_ALL);

	while (step(index, s)) {
		const char *name = (const char *)sqlite3_column_text(s, 1);
		struct stamp stamp = {sqlite3_column_int64(s, 2),
			sqlite3_column_int64(s, 3), sqlite3_column_int64(s, 4)};

		each(ctx, sqlite3_column_int64(s, 0), name ? name : "", &stamp);
	}
	return !index->failed;
}

/* --- changing ------------------------------------------------------------- */

void index_begin(struct index *index)
{
	if (!execute(index, "BEGIN"))
		index->failed = true;
}

bool index_commit(struct index *index)
{
	if (!execute(index, index->failed ? "ROLLBACK" : "COMMIT"))
		index->failed = true;
	return !index->failed;
}

int64_t index_page_add(
	struct index *index, const char *name, const struct stamp *stamp)
{
	sqlite3_stmt *s = statement(index, PAGE_ADD);

	bind_text(s, 1, name);
	sqlite3_bind_int64(s, 2, stamp->ctime_ns);
	sqlite3_bind_int64(s, 3, stamp->size);
	sqlite3_bind_int64(s, 4, stamp->inode);
	step(index, s);
	return sqlite3_last_insert_rowid(index->db);
}

void index_passage_add(
	struct index *index, int64_t page, const struct passage *passage)
{
	const char *texts[3] = {
		passage->title, passage->heading, passage->text};
	sqlite3_stmt *s = statement(index, PASSAGE_ADD);

	sqlite3_bind_int64(s, 1, page);
	sqlite3_bind_int(s, 2, (int)passage->language);
	bind_text(s, 3, passage->path);
	for (int i = 0; i < 3; i++)
		bind_text(s, 4 + i, texts[i]);
	step(index, s);

	s = statement(index, STEMS_ADD);
	sqlite3_bind_int64(s, 1, sqlite3_last_insert_rowid(index->db));
	for (int i = 0; i < 3; i++) {
		struct buf *stems = &index->stems[i];

		buf_reset(stems);
		rank_stems(stems, texts[i], passage->language);
		bind_text(s, 2 + i, stems->len ? stems->data : "");
	}
	step(index, s);
}

void index_page_drop(struct index *index, int64_t page)
{
	run_on(index, STEMS_DROP, page);
	run_on(index, PASSAGE_DROP, page);
	run_on(index, PAGE_DROP, page);
}

/* --- finding -------------------------------------------------------------- */

static void put_term(struct buf *out, const char *stem, size_t len, bool prefix)
{
	if (out->len)
		buf_puts(out, " OR ");
	/* A string of FTS5's query language: nothing in it is syntax. Words
	 * hold no quotes (words.c); they are doubled all the same. */
	buf_putc(out, '"');
	for (size_t i = 0; i < len; i++) {
		if (stem[i] == '"')
			buf_putc(out, '"');
		buf_putc(out, stem[i]);
	}
	buf_puts(out, prefix ? "\" *" : "\"");
}

/* The word in all the forms that stems_alike takes for the same. */
static void put_word(struct buf *out, const struct word *word)
{
	for (int l = 0; l < LANGS; l++) {
		const char *stem = word->stem[l];
		size_t len = strlen(stem);

		if (l && !strcmp(stem, word->stem[0]))
			continue;
		put_term(out, stem, len, len >= 4);
		for (size_t n = len - 1; len > 4 && n >= 4 && n + 3 >= len; n--)
			if (utf8_prefix(stem, len, n) == n)
				put_term(out, stem, n, false);
	}
}

static const char *column(sqlite3_stmt *s, int at, struct arena *arena)
{
	const char *text = (const char *)sqlite3_column_text(s, at);

	return text ? arena_strndup(arena, text, strlen(text)) : "";
}

int index_size(struct index *index)
{
	sqlite3_stmt *s = statement(index, COUNT_ALL);
	int n = step(index, s) ? sqlite3_column_int(s, 0) : 0;

	sqlite3_reset(s);
	return n;
}

int index_holding(struct index *index, const struct word *word)
{
	sqlite3_stmt *s = statement(index, COUNT_HOLDING);
	int n;

	buf_reset(&index->match);
	put_word(&index->match, word);
	bind_text(s, 1, index->match.data);
	n = step(index, s) ? sqlite3_column_int(s, 0) : 0;
	sqlite3_reset(s);
	return n;
}

int index_find(struct index *index, const struct query *query,
	struct arena *arena, struct candidate *out)
{
	sqlite3_stmt *s = statement(index, FIND);
	int n = 0;

	buf_reset(&index->match);
	for (int i = 0; i < query->n; i++)
		if (query->words[i].need != NEED_HINT)
			put_word(&index->match, query->words[i].word);
	if (!index->match.len)
		return 0;
	bind_text(s, 1, index->match.data);
	while (n < CANDIDATES && step(index, s)) {
		struct candidate *c = &out[n++];

		c->passage.language =
			sqlite3_column_int(s, 0) == LANG_EN ? LANG_EN : LANG_RO;
		c->passage.path = column(s, 1, arena);
		c->passage.title = column(s, 2, arena);
		c->passage.heading = column(s, 3, arena);
		c->passage.text = column(s, 4, arena);
		c->title_stems = column(s, 5, arena);
		c->heading_stems = column(s, 6, arena);
		c->text_stems = column(s, 7, arena);
	}
	sqlite3_reset(s);
	return n;
}
