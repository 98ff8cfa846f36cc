/* say: sentences, days, hours and prices in Romanian and English. Pure. */
#ifndef AGENTD_SAY_H
#define AGENTD_SAY_H

#include "agentd/business.h"

/*      phrase           Romanian, English; {1} {2} {3} are filled in */
#define PHRASES(X) \
	X(P_HELLO, "Bună ziua!", "Hello!") \
	X(P_BOT, "Sunt asistentul automat de la {1}.", \
		"I am the automatic assistant of {1}.") \
	X(P_HOW_HELP, "Cu ce vă pot ajuta?", "How can I help you?") \
	X(P_WELCOME, "Cu drag! Dacă mai aveți întrebări, sunt aici.", \
		"You are welcome! If anything else comes up, I am here.") \
	X(P_BYE, "La revedere, o zi bună!", "Goodbye, and have a good day!") \
	X(P_ACK, "Dacă vă mai pot ajuta cu ceva, scrieți-mi.", \
		"If there is anything else, just write to me.") \
	X(P_RUDE, \
		"Îmi pare rău dacă ceva nu a mers bine. Spuneți-mi, vă rog, " \
		"cu ce vă pot ajuta.", \
		"I am sorry if something went wrong. Please tell me how I " \
		"can help.") \
	X(P_UNCLEAR, "Nu am înțeles mesajul. Cu ce vă pot ajuta?", \
		"I did not understand the message. How can I help you?") \
	X(P_TOO_LONG, \
		"Mesajul este prea lung pentru mine. Scrieți-mi, vă rog, pe " \
		"scurt ce doriți să aflați.", \
		"This message is too long for me. Please tell me briefly " \
		"what " \
		"you would like to know.") \
	X(P_UNKNOWN, "Îmi pare rău, nu am această informație.", \
		"I am sorry, I do not have this information.") \
	X(P_UNKNOWN_ABOUT, "Despre „{1}” nu am informații.", \
		"I have no information about “{1}”.") \
	X(P_PARTLY, "Nu am găsit un răspuns exact, dar poate vă ajută asta:", \
		"I have not found an exact answer, but this may help:") \
	X(P_BLANK, "Încă nu am informații despre {1}.", \
		"I do not have any information about {1} yet.") \
	X(P_ASK_US, "Vă răspund colegii mei la {1}.", \
		"My colleagues will gladly answer: {1}.") \
	X(P_PERSON, "Ca să vorbiți cu un coleg, ne găsiți la {1}.", \
		"To talk to a person, please reach us at {1}.") \
	X(P_OTHER_LANGUAGE, "Am găsit informația în engleză:", \
		"I found this in Romanian:") \
	X(P_OPEN_ON, "{1} suntem deschiși {2}.", "{1} we are open {2}.") \
	X(P_OPEN_WHY, "{1} suntem deschiși {2} ({3}).", \
		"{1} we are open {2} ({3}).") \
	X(P_CLOSED_ON, "{1} suntem închiși.", "{1} we are closed.") \
	X(P_CLOSED_WHY, "{1} suntem închiși ({3}).", \
		"{1} we are closed ({3}).") \
	X(P_USUALLY, "De obicei: {1}.", "Usually: {1}.") \
	X(P_OPEN_AT, "Da, la {1} suntem deschiși.", \
		"Yes, we are open at {1}.") \
	X(P_CLOSED_AT, "Nu, la {1} suntem închiși.", \
		"No, we are closed at {1}.") \
	X(P_NOW_OPEN, "Da, acum suntem deschiși, până la {1}.", \
		"Yes, we are open now, until {1}.") \
	X(P_NOW_ALWAYS, "Da, acum suntem deschiși.", "Yes, we are open now.") \
	X(P_NOW_CLOSED, "Acum suntem închiși.", "We are closed right now.") \
	X(P_OPENS, "Deschidem {1} la {2}.", "We open {1} at {2}.") \
	X(P_NEXT_OPEN, "Următoarea zi deschisă: {1}, {2}.", \
		"We are open again {1}, {2}.") \
	X(P_WEEK, "Programul nostru: {1}.", "Our opening hours: {1}.") \
	X(P_WEEK_OF, "Program {1}: {2}.", "Opening hours of {1}: {2}.") \
	X(P_OTHER_DAYS, "Zile cu alt program: {1}.", \
		"Days with other hours: {1}.") \
	X(P_NO_OTHER_DAYS, \
		"În perioada următoare nu sunt zile cu alt program.", \
		"There are no days with other hours in the near future.") \
	X(P_CLOSED, "închis", "closed") \
	X(P_ALL_DAY, "non-stop", "around the clock") \
	X(P_AND, " și ", " and ") \
	X(P_COSTS, "„{1}” costă {2}.", "“{1}” costs {2}.") \
	X(P_COSTS_TAKES, "„{1}” costă {2} și durează {3}.", \
		"“{1}” costs {2} and takes {3}.") \
	X(P_IS_FREE, "„{1}” este gratuit.", "“{1}” is free of charge.") \
	X(P_TAKES, "„{1}” durează {2}.", "“{1}” takes {2}.") \
	X(P_NO_PRICE, "Nu am prețul pentru „{1}”.", \
		"I do not have the price of “{1}”.") \
	X(P_NO_DURATION, "Nu știu cât durează „{1}”.", \
		"I do not know how long “{1}” takes.") \
	X(P_WE_OFFER, "Da, oferim „{1}”.", "Yes, we offer “{1}”.") \
	X(P_ALSO, "Mai avem: {1}.", "There is also: {1}.") \
	X(P_SERVICES, "Iată ce oferim:", "Here is what we offer:") \
	X(P_FREE, "gratuit", "free of charge") \
	X(P_BETWEEN, "între {1} și {2} {3}", "between {1} and {2} {3}") \
	X(P_FROM, "de la {1} {3}", "from {1} {3}") \
	X(P_ADDRESS, "Ne găsiți la adresa: {1}.", "You can find us at: {1}.") \
	X(P_REACH, "Ne puteți contacta la {1}.", "You can reach us at {1}.") \
	X(P_PHONE, "telefon {1}", "phone {1}") \
	X(P_WHATSAPP, "WhatsApp {1}", "WhatsApp {1}") \
	X(P_EMAIL, "e-mail {1}", "e-mail {1}") \
	X(P_WEBSITE, "site {1}", "website {1}") \
	X(P_TITLE_HOURS, "Program", "Opening hours") \
	X(P_TITLE_PRICES, "Prețuri", "Prices") \
	X(P_TITLE_SERVICES, "Servicii", "Services") \
	X(P_TITLE_ADDRESS, "Adresă", "Address") \
	X(P_TITLE_CONTACT, "Contact", "Contact") \
	X(P_TITLE_ABOUT, "Despre noi", "About us")

enum phrase {
#define X(phrase, ro, en) phrase,
	PHRASES(X)
#undef X
		PHRASE_COUNT
};

void say(struct buf *out, enum language language, enum phrase phrase);
void say1(struct buf *out, enum language language, enum phrase phrase,
	const char *one);
/* Any of the three may be NULL if the phrase does not use it. */
void say3(struct buf *out, enum language language, enum phrase phrase,
	const char *one, const char *two, const char *three);

/* "azi (duminică, 22 noiembrie)", "sâmbătă, 28 noiembrie"; the year if it is
 * another. */
enum day_place {
	DAY_LISTED, /* "Saturday, 28 November" */
	DAY_INSIDE, /* a sentence: "on Saturday, 28 November" */
	DAY_FIRST /* in a sentence: "on Saturday, 28 November," */
};
void say_day(struct buf *out, enum language language, const char *date,
	const char *today, enum day_place place);

void say_time(struct buf *out, int minute); /* 08:00 */
void say_hours(
	struct buf *out, enum language language, const struct hours *hours);

/* "luni–vineri 08:00–20:00, sâmbătă 09:00–14:00, duminică închis" */
void say_week(struct buf *out, enum language language, const struct week *week);

void say_price(
	struct buf *out, enum language language, const struct service *service);
void say_minutes(struct buf *out, enum language language, int minutes);

/* Makes the first letter of what begins at `from` a capital. */
void say_capital(struct buf *out, size_t from);

#endif
