#include "agentd/lexicon.h"
#include <stdlib.h>
#include <string.h>

/* Sorted (a test holds them to it). A word of both lists votes for neither
 * language. */
static const char *const fillers_ro[] = {"a", "abia", "acea", "aceasta",
	"aceea", "acei", "acel", "acela", "acelasi", "acele", "acest", "acesta",
	"aceste", "acestea", "acestei", "acestui", "acolo", "acum", "adica",
	"afl", "afla", "aflam", "ai", "aia", "aici", "al", "ala", "ale", "alt",
	"alta", "alte", "alti", "am", "anume", "apoi", "ar", "are", "as", "asa",
	"asi", "asta", "astea", "asupra", "atat", "ati", "atunci", "au", "avea",
	"aveam", "avem", "aveti", "avut", "ba", "bine", "bun", "buna", "ca",
	"cabinet", "cabinetul", "cabinetului", "cam", "cand", "care", "cat",
	"cate", "cati", "caut", "cautam", "ce", "cea", "cei", "cel", "cele",
	"celor", "cer", "ceva", "chiar", "cine", "cineva", "clinica",
	"clinicii", "compania", "companie", "cu", "cui", "cum", "cumva", "da",
	"daca", "dar", "dat", "dati", "de", "deci", "deja", "deloc", "departe",
	"despre", "din", "dintr", "dintre", "doamna", "doar", "domnule",
	"doresc", "dori", "dorim", "doriti", "dumneata", "dumneavoastra",
	"dupa", "dv", "dvs", "e", "ea", "ei", "el", "ele", "era", "este",
	"esti", "eu", "exact", "exista", "fac", "face", "facem", "faceti",
	"familia", "fara", "fata", "fel", "fi", "fie", "fii", "fiica", "fiind",
	"firma", "firmei", "fiul", "foarte", "folosi", "fost", "gasesc",
	"gasim", "i", "iar", "ii", "il", "imi", "in", "inainte", "inca",
	"incat", "inclusiv", "info", "informatie", "informatii", "insa",
	"intampla", "intr", "intre", "intreb", "intrebare", "intrebari", "isi",
	"iti", "la", "le", "li", "lor", "lucru", "lucruri", "lui", "m", "ma",
	"magazin", "magazinul", "magazinului", "mai", "mama", "mamei", "mea",
	"mei", "mele", "mereu", "merge", "mergem", "meu", "mi", "mie", "mine",
	"mult", "multa", "multe", "multi", "n", "ne", "nevoie", "ni", "nici",
	"niste", "noastra", "noastre", "noi", "nor", "nostri", "nostru", "nu",
	"numai", "o", "oare", "ofera", "oferiti", "ok", "or", "ori", "orice",
	"oricum", "pare", "parea", "patesc", "pe", "pentru", "peste", "plus",
	"poate", "posibil", "pot", "prea", "prietena", "prietenul", "primesc",
	"primi", "primim", "primiti", "prin", "printr", "putea", "putem",
	"puteti", "rog", "s", "sa", "sai", "sale", "salon", "salonul", "sau",
	"se", "si", "sotia", "sotiei", "sotul", "sotului", "spune", "spuneti",
	"sta", "stati", "stau", "sti", "stii", "stiti", "stiu", "sunt",
	"suntem", "sunteti", "ta", "tai", "tale", "tata", "tatal", "te", "ti",
	"tin", "tine", "toata", "toate", "tot", "toti", "totul", "trebui",
	"trebuie", "tu", "un", "una", "unde", "unei", "unele", "unii", "unor",
	"unui", "unul", "va", "vad", "vedea", "veni", "venim", "veniti", "vi",
	"vin", "vine", "voastra", "voastre", "voi", "voie", "vor", "vostri",
	"vostru", "vrea", "vreau", "vreo", "vreti", "vreun", "zi", "zic",
	"zice"};

static const char *const fillers_en[] = {"a", "about", "actually", "after",
	"all", "also", "am", "an", "and", "another", "any", "anyone",
	"anything", "anyway", "are", "as", "ask", "at", "available", "back",
	"be", "because", "been", "before", "being", "both", "business", "but",
	"by", "came", "can", "cannot", "clinic", "company", "could", "d",
	"daughter", "dear", "did", "do", "does", "doing", "don", "done", "each",
	"either", "else", "ever", "every", "everything", "exactly", "family",
	"father", "few", "find", "for", "friend", "from", "further", "get",
	"give", "given", "go", "going", "got", "had", "happen", "happens",
	"has", "have", "having", "he", "hello", "help", "her", "here", "hers",
	"hi", "him", "his", "how", "husband", "i", "if", "in", "info",
	"information", "into", "is", "isn", "it", "its", "just", "kind", "know",
	"let", "like", "likely", "ll", "looking", "m", "madam", "make", "many",
	"may", "maybe", "me", "might", "mine", "more", "most", "mother", "much",
	"must", "my", "need", "needed", "needs", "never", "no", "not", "now",
	"of", "off", "offer", "offered", "offers", "okay", "on", "once", "one",
	"only", "or", "other", "our", "ours", "out", "over", "own", "place",
	"please", "possible", "practice", "provide", "provided", "question",
	"questions", "re", "receive", "received", "regarding", "s", "same",
	"say", "see", "she", "shop", "should", "sir", "so", "some", "someone",
	"something", "son", "still", "store", "such", "sure", "t", "take",
	"takes", "tell", "than", "that", "the", "their", "them", "then",
	"there", "these", "they", "thing", "things", "this", "those", "through",
	"to", "too", "under", "until", "up", "us", "use", "used", "ve", "very",
	"via", "want", "wanted", "was", "way", "we", "well", "were", "what",
	"when", "where", "which", "while", "who", "whom", "whose", "why",
	"wife", "will", "with", "within", "without", "won", "wonder",
	"wondering", "would", "yes", "yet", "you", "your", "yours", "yourself"};

/* Not content either, but it takes one of them to begin a question. */
static const char *const askers[] = {"acceptati", "are", "aveti", "can", "cand",
	"care", "cat", "cate", "cati", "ce", "cine", "could", "cui", "cum",
	"daca", "do", "does", "exista", "faceti", "have", "how", "is", "may",
	"oferiti", "pot", "primiti", "puteti", "se", "should", "trebuie",
	"unde", "what", "when", "where", "which", "who", "will", "would"};

/* Phrases are separated by |. The longest that fits counts; of equal ones the
 * first. */
static const struct phrases {
	unsigned signal;
	enum language language;
	const char *list;
} phrases[] = {
	{SIG_HOURS, LANG_RO,
		"program|programul|programului|orar|orarul|orarului|"
		"ore de functionare|program de lucru|functionati"},
	{SIG_HOURS, LANG_EN,
		"hours|opening hours|opening times|working hours|business "
		"hours|"
		"schedule|timetable"},
	{SIG_OPEN, LANG_RO,
		"deschis|deschisi|deschisa|deschide|deschideti|deschid|inchis|"
		"inchisi|inchisa|inchide|inchideti|inchid|lucrati|lucreaza"},
	{SIG_OPEN, LANG_EN,
		"open|opens|opening|close|closes|closed|closing|closing time"},
	{SIG_WHEN, LANG_RO, "cand|ce zile|in ce zile|in ce zi|ce zi"},
	{SIG_WHEN, LANG_EN, "when|what days|which days|what day|which day"},
	{SIG_CLOCK, LANG_RO,
		"la ce ora|pana la ce ora|pana la|pana cand|pana in|de la ce "
		"ora|ce ora|ora|orele|la "
		"ora|ore|"
		"dimineata|dimineata devreme|seara|la pranz|dupa "
		"amiaza|noaptea"},
	{SIG_CLOCK, LANG_EN,
		"what time|at what time|until what time|till what time|time|"
		"morning|in the morning|afternoon|in the afternoon|evening|"
		"in the evening|night|at night|noon"},
	{SIG_NOW, LANG_RO, "acum|chiar acum|in acest moment|momentan"},
	{SIG_NOW, LANG_EN, "now|right now|at the moment|currently"},
	{SIG_HOLIDAYS, LANG_RO,
		"sarbatori|sarbatoare|sarbatorile|sarbatorilor|sarbatori "
		"legale|"
		"de sarbatori|zile libere|zilele libere|zile nelucratoare"},
	{SIG_HOLIDAYS, LANG_EN,
		"holiday|holidays|the holidays|public holiday|public holidays|"
		"bank holiday|bank holidays|over the holidays"},
	{SIG_PRICE, LANG_RO,
		"cat costa|cost|costa|costul|costuri|costurile|pret|pretul|"
		"pretului|preturi|preturile|preturilor|lista de preturi|tarif|"
		"tariful|tarife|tarifele|tarifelor|cati bani|cati lei|cat "
		"platesc|"
		"cat se plateste|cat ma costa|cat luati"},
	{SIG_PRICE, LANG_EN,
		"how much|price|prices|pricing|price list|cost|costs|fee|fees|"
		"charge|charges|how expensive|rates|how much does|how much is|"
		"how much do you charge|how much are"},
	{SIG_AMOUNT, LANG_RO, "cat e|cat este|cat ar fi|cat face|cat iese"},
	{SIG_DURATION, LANG_RO,
		"cat dureaza|dureaza|durata|cat timp|cat tine|cat timp "
		"dureaza"},
	{SIG_DURATION, LANG_EN,
		"how long|duration|last|lasts|how long does|how long is"},
	{SIG_SERVICES, LANG_RO,
		"servicii|serviciile|serviciu|servicii oferiti|ce oferiti|"
		"ce faceti|oferta|lista de servicii"},
	{SIG_SERVICES, LANG_EN,
		"services|what do you offer|service list|what services"},
	{SIG_ADDRESS, LANG_RO,
		"adresa|adresei|unde sunteti|unde va aflati|unde va gasesc|"
		"unde va gasim|unde este|unde e|unde se afla|unde se gaseste|"
		"unde va pot "
		"gasi|locatia|locatie|locatii|locatiile|sediu|sediul|"
		"sediului|unde aveti cabinetul|unde este cabinetul|"
		"unde e cabinetul"},
	{SIG_ADDRESS, LANG_EN,
		"address|location|locations|where are you|where is|where "
		"s|located|"
		"find you|where can i find you"},
	{SIG_WHERE, LANG_RO, "unde"},
	{SIG_WHERE, LANG_EN, "where"},
	{SIG_DIRECTIONS, LANG_RO,
		"cum ajung|cum ajungem|ajung|ajungem|ajunge|cum se ajunge|cum "
		"vin|"
		"cum ajung la voi|indicatii"},
	{SIG_DIRECTIONS, LANG_EN,
		"get there|get to you|how do i get|how can i get|"
		"how do i get there|how do i get to you|how can i get there|"
		"directions"},
	{SIG_CONTACT, LANG_RO,
		"contact|contacta|contactez|contactam|contactati|date de "
		"contact|"
		"datele de contact|cum va contactez|iau legatura"},
	{SIG_CONTACT, LANG_EN,
		"contact|contact details|get in touch|in touch|reach you|"
		"contact you"},
	{SIG_PHONE, LANG_RO,
		"telefon|telefonul|telefonic|telefonului|numar|numarul|"
		"numar de telefon|numarul de telefon|prin telefon|sun|suna|"
		"sa va sun|va suna|pot suna"},
	{SIG_PHONE, LANG_EN,
		"phone|phone number|telephone|telephone number|call|call you|"
		"number|by phone"},
	{SIG_EMAIL, LANG_RO,
		"emailul|e mail ul|mailul|mail|adresa de email|adresa de e "
		"mail|"
		"adresa de mail"},
	{SIG_EMAIL, LANG_EN,
		"email|e mail|email address|e mail address|by email"},
	{SIG_WEBSITE, LANG_RO,
		"site|site ul|siteul|pagina web|pagina de internet"},
	{SIG_WEBSITE, LANG_EN, "website|web site|web page|webpage"},
	{SIG_WHATSAPP, LANG_RO, "pe whatsapp"},
	{SIG_WHATSAPP, LANG_EN, "whatsapp|on whatsapp"},
	{SIG_ABOUT, LANG_RO,
		"cine sunteti|despre voi|despre dvs|despre dumneavoastra|"
		"cu ce va ocupati|ce sunteti|despre cabinet|prezentare"},
	{SIG_ABOUT, LANG_EN,
		"who are you|about you|what do you do|what are you|"
		"about the practice|about your practice"},
	{SIG_HUMAN, LANG_RO,
		"robot|robotul|om real|persoana reala|cu un om|cu o persoana|"
		"cu cineva|operator|vorbesc cu|vorbi cu|esti om|un om|sa "
		"vorbesc"},
	{SIG_HUMAN, LANG_EN,
		"bot|chatbot|human|real person|a person|talk to|speak to|"
		"speak with|talk with|robot"},
	{SIG_GREETING, LANG_RO,
		"buna ziua|buna|buna seara|buna "
		"dimineata|salut|salutare|salutari|"
		"servus|hei|noroc|alo|ziua buna|neata|saru mana|sarut mana|"
		"va salut"},
	{SIG_GREETING, LANG_EN,
		"hello|hi|hey|good morning|good afternoon|good evening|hello "
		"there|"
		"hi there|greetings|good day"},
	{SIG_THANKS, LANG_RO,
		"multumesc|multumim|multumesc frumos|multumesc mult|va "
		"multumesc|"
		"va multumim|mersi|mersi mult|mersi "
		"frumos|ms|mc|sarumana|multam"},
	{SIG_THANKS, LANG_EN,
		"thanks|thank you|thank you so much|thank you very much|"
		"thanks a lot|many thanks|thx|thank u|much appreciated"},
	{SIG_BYE, LANG_RO,
		"la revedere|pa|pa pa|o zi buna|o seara buna|o zi frumoasa|"
		"noapte buna|numai bine|zi buna|pe curand|o zi faina"},
	{SIG_BYE, LANG_EN,
		"bye|bye bye|goodbye|good bye|good night|see you|have a nice "
		"day|"
		"have a good day"},
	{SIG_RUDE, LANG_RO,
		"prost|prosti|proasta|prostule|idiotule|idioti|tampit|tampita|"
		"tampiti|dobitoc|dobitoci|nesimtit|nesimtiti|nesimtitilor|"
		"dracu|"
		"dracului|naibii|jeg|boule|cretin|cretini|imbecil|imbecili"},
	{SIG_RUDE, LANG_EN,
		"idiot|stupid|dumb|useless|moron|shut "
		"up|fuck|fucking|shit|asshole|"
		"damn|crap|you suck"},
	{SIG_ACK, LANG_RO,
		"am inteles|inteles|in regula|bine|foarte "
		"bine|perfect|da|nu|nimic|"
		"e bine|e ok|excelent|gata"},
	{SIG_ACK, LANG_EN,
		"ok|okay|i see|got it|great|fine|all right|alright|yes|no|cool|"
		"understood|perfect|very good|that s all|nothing"},
	{SIG_FOLLOW, LANG_RO, "si|dar|iar|si pentru|dar pentru|dar la|si la"},
	{SIG_FOLLOW, LANG_EN,
		"and|but|what about|how about|and for|and what about|also"},
};

static int compare(const void *key, const void *item)
{
	return strcmp(key, *(const char *const *)item);
}

static bool among(const char *fold, const char *const *list, size_t n)
{
	return bsearch(fold, list, n, sizeof(*list), compare) != NULL;
}

static bool sorted(const char *const *list, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (strcmp(list[i - 1], list[i]) >= 0)
			return false;
	return true;
}

bool lexicon_sorted(void)
{
	return sorted(fillers_ro, COUNT(fillers_ro)) &&
	       sorted(fillers_en, COUNT(fillers_en)) &&
	       sorted(askers, COUNT(askers));
}

bool lexicon_filler(const char *fold)
{
	return among(fold, fillers_ro, COUNT(fillers_ro)) ||
	       among(fold, fillers_en, COUNT(fillers_en));
}

bool lexicon_asks(const char *fold)
{
	return among(fold, askers, COUNT(askers));
}

/* How many words of the text, from `at`, are exactly the phrase; 0 if not. */
static int fits(
	const struct words *words, int at, const char *phrase, size_t len)
{
	int n = 0;

	for (;;) {
		size_t word;

		if (at + n == words->n)
			return 0;
		word = strlen(words->items[at + n].fold);
		if (word > len ||
			memcmp(words->items[at + n].fold, phrase, word))
			return 0;
		n++;
		if (word == len)
			return n;
		if (phrase[word] != ' ')
			return 0;
		phrase += word + 1;
		len -= word + 1;
	}
}

static const struct phrases *longest(
	const struct words *words, int at, int *n_words)
{
	const struct phrases *best = NULL;
	char first = words->items[at].fold[0];

	*n_words = 0;
	for (size_t i = 0; i < COUNT(phrases); i++) {
		const char *p = phrases[i].list;

		while (p) {
			const char *end = strchr(p, '|');
			int n = *p == first ? fits(words, at, p,
						      end ? (size_t)(end - p)
							  : strlen(p))
					    : 0;

			if (n > *n_words) {
				*n_words = n;
				best = &phrases[i];
			}
			p = end ? end + 1 : NULL;
		}
	}
	return best;
}

unsigned lexicon_signals(const struct words *words, int at, int *n_words)
{
	const struct phrases *found = longest(words, at, n_words);

	return found ? found->signal : 0;
}

/* ă â î ș ț, also with the cedilla of old keyboards, in either case. */
static bool romanian_letters(const char *text, size_t len)
{
	static const char *const letters[] = {"ă", "â", "î", "ș", "ț", "ş", "ţ",
		"Ă", "Â", "Î", "Ș", "Ț", "Ş", "Ţ"};

	for (size_t i = 0; i + 1 < len; i++)
		for (size_t k = 0; k < COUNT(letters); k++)
			if (!memcmp(text + i, letters[k], 2))
				return true;
	return false;
}

static bool ends(const char *fold, const char *ending)
{
	size_t len = strlen(fold), n = strlen(ending);

	return len > n + 1 && !strcmp(fold + len - n, ending);
}

/* Spellings that hardly occur in the other language. */
static enum language looks_like(const char *fold)
{
	static const char *const ro[] = {"ului", "ilor", "elor", "atia", "atie",
		"atii", "eaza", "este", "esc", "ati", "uri", "ul", "ie"};
	static const char *const en[] = {"ing", "tion", "tions", "ed", "ght",
		"ly", "ness", "th", "sh", "ck", "ay", "ey"};

	if (fold[0] == 'w' || strstr(fold, "sh") || strstr(fold, "th") ||
		strstr(fold, "oo") || strstr(fold, "ee"))
		return LANG_EN;
	for (size_t i = 0; i < COUNT(ro); i++)
		if (ends(fold, ro[i]))
			return LANG_RO;
	for (size_t i = 0; i < COUNT(en); i++)
		if (ends(fold, en[i]))
			return LANG_EN;
	return LANGS;
}

static void vote_word(
	const struct words *words, const struct word *word, int votes[LANGS])
{
	bool ro = among(word->fold, fillers_ro, COUNT(fillers_ro));
	bool en = among(word->fold, fillers_en, COUNT(fillers_en));
	enum language look;

	if (romanian_letters(words->text + word->at, word->len))
		votes[LANG_RO] += 4;
	if (ro != en) {
		votes[ro ? LANG_RO : LANG_EN] += 2;
		return;
	}
	look = looks_like(word->fold);
	if (!ro && look != LANGS)
		votes[look]++;
}

void lexicon_vote(const struct words *words, int votes[LANGS])
{
	for (int at = 0; at < words->n;) {
		int n;
		const struct phrases *found = longest(words, at, &n);

		if (found)
			votes[found->language] += 2 * n;
		else
			vote_word(words, &words->items[at], votes);
		at += n ? n : 1;
	}
}
