/*-------------------------------------------------------------------------
 *
 * generate.c
 *	  Makes up a registry's children, and rows that feeds would send about
 *	  them, as CSV for COPY.  Usage and files: README.md beside this file.
 *
 *	  A household is a function of seed and number alone: nothing is kept in
 *	  memory, and an upload is made by making its household once more.  Names
 *	  come with the frequencies of test/data/names.
 *
 *	  Invariants: the same arguments give the same bytes; rows of one number
 *	  of children are no prefix of those of another, but households are the
 *	  same; truth.csv has one line for each upload.
 *
 *-------------------------------------------------------------------------
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FIRST_YEAR 2007
#define LAST_YEAR 2025
#define NAME_YEARS 4			/* 2008, 2012, 2016, 2020 */
#define MAX_CHILDREN 4			/* of a household, one not yet known included */
#define MAX_GIVEN 3
#define NAME_SIZE 48
#define DATE_SIZE 40
#define NERRORS 7

typedef struct Random
{
	uint64_t	state;
} Random;

typedef struct Date
{
	int			year;
	int			month;
	int			day;
} Date;

typedef struct Child
{
	int64_t		child_id;
	char		sex;
	Date		birth;
	int			ngiven;
	char		given[MAX_GIVEN][NAME_SIZE];
	char		family[2 * NAME_SIZE];
	char		birth_family[NAME_SIZE];	/* hidden name, or empty */
	bool		twin;			/* of the child before */
} Child;

typedef struct Place
{
	char		address[96];
	char		postcode[12];
} Place;

typedef struct Household
{
	int64_t		number;
	int			size;			/* children that the registry knows */
	const char *category;		/* of the shield, or NULL */
	Place		place;
	char		carer[3 * NAME_SIZE];
	char		contact[24];
	int			authority;
	Child		children[MAX_CHILDREN];
} Household;

/* A row of upload; an empty field was not sent. */
typedef struct Row
{
	const char *source;
	char		reference[32];
	char		given[MAX_GIVEN * NAME_SIZE];
	char		family[MAX_GIVEN * NAME_SIZE];
	char		sex[2];
	char		birth[DATE_SIZE];
	Place		place;
	char		carer[3 * NAME_SIZE];
	char		contact[24];
	char		school[3 * NAME_SIZE];
} Row;

/* ---------- what was asked for ---------- */

static struct
{
	int64_t		children;
	int64_t		seed;
	int64_t		unchanged;
	int64_t		changed;
	int64_t		matched;
	int64_t		new_children;
	int64_t		shielded_rows;
	int64_t		least_errors;
	int64_t		most_errors;
	double		shielded;
	double		aliases;
	int64_t		details;
}			ask =
{
	1000, 1, 0, 0, 0, 0, 0, 1, 3, 0.005, 0.001, 1
};

static int64_t households;		/* that are known */

/* ---------- chance ---------- */

static uint64_t
mix(uint64_t x)
{
	/* the finaliser of SplitMix64, Steele, Lea and Flood, OOPSLA 2014 */
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

static Random
chance_of(const char *what, int64_t number)
{
	Random		r = {(uint64_t) ask.seed};

	for (; *what != '\0'; what++)
		r.state = mix(r.state + (unsigned char) *what + 0x9e3779b97f4a7c15u);
	r.state = mix(r.state + (uint64_t) number);
	return r;
}

static uint64_t
next(Random *r)
{
	r->state += 0x9e3779b97f4a7c15u;
	return mix(r->state);
}

/* 0 to n - 1 */
static int
pick(Random *r, int64_t n)
{
	return (int) (next(r) % (uint64_t) n);
}

static double
uniform(Random *r)
{
	return (double) (next(r) >> 11) / 9007199254740992.0;
}

static bool
happens(Random *r, double probability)
{
	return uniform(r) < probability;
}

/* ---------- names ---------- */

typedef struct Names
{
	int			n;
	int			size;
	char	  **name;
	double	   *sum;			/* of the frequencies up to here */
} Names;

static Names girls[NAME_YEARS];
static Names boys[NAME_YEARS];
static Names families;
static Names variants;			/* name and variant, by turns */
static Names postcodes;

static void
fail(const char *format,...)
{
	va_list		args;

	va_start(args, format);
	fputs("generate: ", stderr);
	vfprintf(stderr, format, args);
	fputs("\n", stderr);
	va_end(args);
	exit(1);
}

static void
add_name(Names *names, const char *name, double frequency)
{
	if (names->n == names->size)
	{
		names->size = names->size * 2 + 64;
		names->name = realloc(names->name, names->size * sizeof(char *));
		names->sum = realloc(names->sum, names->size * sizeof(double));
		if (names->name == NULL || names->sum == NULL)
			fail("out of memory");
	}
	names->name[names->n] = strdup(name);
	names->sum[names->n] = frequency + (names->n > 0 ? names->sum[names->n - 1] : 0);
	names->n++;
}

/* A capital at the start and after anything that is no letter. */
static void
capitalize(char *name)
{
	bool		start = true;

	for (; *name != '\0'; name++)
	{
		*name = (char) (start ? toupper((unsigned char) *name) : tolower((unsigned char) *name));
		start = !isalpha((unsigned char) *name);
	}
}

static FILE *
open_names(const char *directory, const char *name)
{
	char		path[1024];
	char		heading[256];
	FILE	   *file;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "r");
	if (file == NULL || fgets(heading, sizeof(heading), file) == NULL)
		fail("could not read %s: %s", path, strerror(errno));
	return file;
}

static void
read_names(const char *directory)
{
	char		line[256];
	char		name[128];
	char		other[128];
	char		sex;
	int			year;
	double		frequency;
	FILE	   *file;

	file = open_names(directory, "given_names.csv");
	while (fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "%c,%d,%40[^,],%lf", &sex, &year, name, &frequency) == 4)
		{
			capitalize(name);
			add_name(&(sex == 'F' ? girls : boys)[(year - 2008) / 4 % NAME_YEARS], name, frequency);
		}
	fclose(file);
	file = open_names(directory, "family_names.csv");
	while (fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "%40[^,],%lf", name, &frequency) == 2)
		{
			capitalize(name);
			add_name(&families, name, frequency);
		}
	fclose(file);
	file = open_names(directory, "variants.csv");
	while (fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "%40[^,],%40[a-z]", name, other) == 2)
		{
			add_name(&variants, name, 1);
			add_name(&variants, other, 1);
		}
	fclose(file);
	file = open_names(directory, "postcodes.csv");
	while (fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "%10[A-Z0-9 ]", name) == 1 && strlen(name) >= 6)
			add_name(&postcodes, name, 1);
	fclose(file);
}

static const char *
draw(Random *r, const Names *names)
{
	double		at = uniform(r) * names->sum[names->n - 1];
	int			low = 0;
	int			high = names->n - 1;

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (names->sum[middle] > at)
			high = middle;
		else
			low = middle + 1;
	}
	return names->name[low];
}

/* One in twenty-five is a name too rare for the list. */
static void
draw_family(Random *r, char *family)
{
	static const char *const first[] = {"Ash", "Barn", "Birk", "Brad", "Bram", "Burn", "Cald", "Chad", "Clay", "Coln",
		"Cran", "Dun", "East", "Eld", "Fairn", "Farn", "Gart", "Gold", "Grims", "Hal", "Har", "Hazel", "Heath", "High",
		"Hol", "Horn", "Hux", "Kel", "Kings", "Lang", "Leigh", "Lind", "Long", "Mar", "Mill", "Nor", "Oak", "Old", "Orm",
	"Pem", "Quil", "Rad", "Red", "Row", "Sand", "Shel", "Stan", "Stock", "Thorn", "Tun", "Wal", "Wick", "Win", "Wool"};
	static const char *const second[] = {"acre", "beck", "borne", "bridge", "brough", "burgh", "by", "combe", "croft",
		"dale", "den", "fell", "field", "fold", "ford", "gate", "grave", "ham", "haugh", "hurst", "ing", "ington", "land",
		"ley", "low", "mere", "mond", "over", "pole", "ridge", "royd", "sett", "shaw", "sley", "stead", "stow", "sworth",
	"thorpe", "thwaite", "ton", "tree", "twick", "wald", "ward", "well", "wick", "with", "wood", "worth", "yard"};

	if (happens(r, 0.04))
		sprintf(family, "%s%s", first[pick(r, sizeof(first) / sizeof(*first))],
				second[pick(r, sizeof(second) / sizeof(*second))]);
	else
		strcpy(family, draw(r, &families));
}

static int
name_year(int year)
{
	int			y = (year - 2006) / 4;

	return y < 0 ? 0 : y >= NAME_YEARS ? NAME_YEARS - 1 : y;
}

/* ---------- dates ---------- */

static int
days_of(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return days[month - 1] + (month == 2 && year % 4 == 0 ? 1 : 0);
}

static Date
draw_date(Random *r, int first_year, int last_year)
{
	Date		date;

	date.year = first_year + pick(r, last_year - first_year + 1);
	date.month = 1 + pick(r, 12);
	date.day = 1 + pick(r, days_of(date.year, date.month));
	return date;
}

/* Of a child born to the same mother, ten months to six years later. */
static Date
later_date(Random *r, Date date)
{
	int			last = date.year + 5;
	Date		later;

	do
		later = draw_date(r, date.year, last > LAST_YEAR ? LAST_YEAR : last);
	while ((later.year * 12 + later.month) - (date.year * 12 + date.month) < 11);
	return later;
}

static bool
date_exists(Date date)
{
	return date.year >= FIRST_YEAR && date.year <= LAST_YEAR && date.month >= 1 && date.month <= 12 &&
		date.day >= 1 && date.day <= days_of(date.year, date.month);
}

/* Another date with one part of it wrong. */
static Date
wrong_date(Random *r, Date right)
{
	for (;;)
	{
		Date		date = right;
		double		kind = uniform(r);

		if (kind < 0.35)
			date.day = 1 + pick(r, 31);
		else if (kind < 0.6)
			date.month = 1 + pick(r, 12);
		else if (kind < 0.8)
			date.year += pick(r, 2) == 0 ? 1 : -1;
		else if (kind < 0.87)
			date.year = FIRST_YEAR + pick(r, LAST_YEAR - FIRST_YEAR + 1);
		else if (kind < 0.97)
		{
			date.day = right.month;
			date.month = right.day;
		}
		else
			date.day = date.month = 1;
		if (date_exists(date) && (date.year != right.year || date.month != right.month || date.day != right.day))
			return date;
	}
}

/* ---------- households ---------- */

/* Payload and Damm's check digit, as src/child_number.c. */
static int64_t
child_number(int64_t place)
{
	static const unsigned char damm[10][10] = {
		{0, 3, 1, 7, 5, 9, 8, 6, 4, 2}, {7, 0, 9, 2, 1, 5, 4, 8, 6, 3},
		{4, 2, 0, 6, 8, 7, 1, 3, 5, 9}, {1, 7, 5, 0, 9, 8, 3, 4, 2, 6},
		{6, 1, 2, 3, 0, 4, 5, 9, 7, 8}, {3, 6, 7, 4, 2, 0, 9, 5, 8, 1},
		{5, 8, 6, 9, 7, 2, 0, 1, 3, 4}, {8, 9, 4, 5, 3, 6, 2, 0, 1, 7},
		{9, 4, 3, 8, 6, 1, 7, 2, 0, 5}, {2, 5, 8, 1, 4, 3, 6, 7, 9, 0}
	};

	/* a prime step goes once through all numbers, in no order */
	int64_t		payload = 10000000000 + (int64_t) ((unsigned __int128) place * 55555555567u % 90000000000u);
	char		digits[24];
	int			interim = 0;

	snprintf(digits, sizeof(digits), "%" PRId64, payload);
	for (const char *d = digits; *d != '\0'; d++)
		interim = damm[interim][*d - '0'];
	return payload * 10 + interim;
}

static int
household_size(int64_t number)
{
	Random		r = chance_of("size", number);
	int			of = pick(&r, 100);

	return of < 45 ? 1 : of < 83 ? 2 : 3;
}

static void
draw_place(Random *r, Place *place)
{
	static const char *const kinds[] = {"Road", "Road", "Street", "Street", "Avenue", "Close", "Close", "Lane", "Drive", "Way", "Court"};
	static const char letters[] = "ABDEFGHJLNPQRSTUWXYZ";
	/* about seven children share a postcode: a few houses of one street */
	Random		unit = chance_of("unit", (int64_t) pick(r, ask.children / 7 + 20));
	const char *sample = postcodes.name[pick(&unit, postcodes.n)];
	int			length = (int) strlen(sample);
	char		street[NAME_SIZE];

	memcpy(place->postcode, sample, length + 1);
	place->postcode[length - 1] = letters[pick(&unit, 20)];
	place->postcode[length - 2] = letters[pick(&unit, 20)];
	draw_family(&unit, street);
	if (happens(r, 0.12))
		snprintf(place->address, sizeof(place->address), "Flat %d, %d %s %s", 1 + pick(r, 20), 1 + pick(&unit, 90), street,
				 kinds[pick(&unit, sizeof(kinds) / sizeof(*kinds))]);
	else
		snprintf(place->address, sizeof(place->address), "%d %s %s", 1 + pick(r, 60), street,
				 kinds[pick(&unit, sizeof(kinds) / sizeof(*kinds))]);
}

static void
draw_given(Random *r, Child *child)
{
	const Names *names = &(child->sex == 'F' ? girls : boys)[name_year(child->birth.year)];
	int			of = pick(r, 100);

	child->ngiven = of < 25 ? 1 : of < 92 ? 2 : 3;
	for (int i = 0; i < child->ngiven; i++)
		do
			strcpy(child->given[i], draw(r, names));
		while (i > 0 && strcmp(child->given[i], child->given[i - 1]) == 0);
}

static const char *
draw_category(int64_t number)
{
	Random		r = chance_of("shield", number);
	double		of = uniform(&r) / ask.shielded;

	if (of >= 1)
		return NULL;
	return of < 0.08 ? "adoption" : of < 0.12 ? "new identity" : of < 0.20 ? "fled" : of < 0.85 ? "harm" : "other";
}

/* Are ten months between this birth and those of the children before it? */
static bool
born_apart(const Household *home, int n, Date date)
{
	for (int i = 0; i < n; i++)
	{
		const Date *other = &home->children[i].birth;

		if (abs((date.year * 12 + date.month) - (other->year * 12 + other->month)) < 11)
			return false;
	}
	return true;
}

static void
draw_children(Household *home, Random *r)
{
	char		family[2 * NAME_SIZE];
	char		own[NAME_SIZE];

	draw_family(r, family);
	if (happens(r, 0.07))
	{
		draw_family(r, own);
		strcat(strcat(family, "-"), own);
	}
	snprintf(home->carer, sizeof(home->carer), "%s %s", draw(r, happens(r, 0.7) ? &girls[0] : &boys[0]), family);
	snprintf(home->contact, sizeof(home->contact), "07700 %06d", pick(r, 1000000));
	for (int i = 0; i < MAX_CHILDREN; i++)
	{
		Child	   *child = &home->children[i];
		Child	   *elder = i > 0 ? child - 1 : NULL;

		child->child_id = child_number(home->number * MAX_CHILDREN + i);
		child->sex = happens(r, 0.513) ? 'M' : 'F';
		child->twin = elder != NULL && happens(r, 0.03);
		if (elder == NULL)
			child->birth = draw_date(r, FIRST_YEAR, LAST_YEAR - (home->size - 1) * 2);
		else if (child->twin)
			child->birth = elder->birth;
		else if (elder->birth.year < LAST_YEAR - 1)
			child->birth = later_date(r, elder->birth);
		else
			child->birth = home->children[0].birth;
		if (elder != NULL && !child->twin && !born_apart(home, i, child->birth))
		{
			/* no time is left: the next one came before all of them */
			int			year = home->children[0].birth.year - 2 * i;

			child->birth = draw_date(r, year, year);
		}
		/* brothers and sisters do not share a first name */
		do
			draw_given(r, child);
		while ((i > 0 && strcmp(child->given[0], home->children[0].given[0]) == 0) ||
			   (i > 1 && strcmp(child->given[0], elder->given[0]) == 0));
		strcpy(child->family, family);
		if (i > 0 && happens(r, 0.06))
			draw_family(r, child->family);
	}
}

static void
make_household(int64_t number, Household *home)
{
	Random		r = chance_of("household", number);

	memset(home, 0, sizeof(*home));
	home->number = number;
	home->size = household_size(number);
	home->category = number < households || households == 0 ? draw_category(number) : NULL;
	draw_place(&r, &home->place);
	home->authority = 1 + (home->place.postcode[0] + home->place.postcode[1]) % 10;
	draw_children(home, &r);
	if (number > 1 && happens(&r, 0.0005))
	{
		/* somewhere else there is a child of the same name, seldom born on the same day */
		Household	other;

		make_household(pick(&r, number), &other);
		home->children[0].sex = other.children[0].sex;
		if (happens(&r, 0.1))
			home->children[0].birth = other.children[0].birth;
		strcpy(home->children[0].given[0], other.children[0].given[0]);
		strcpy(home->children[0].family, other.children[0].family);
	}
	for (int i = 0; i < home->size; i++)
		if (home->category != NULL ? strcmp(home->category, "adoption") == 0 : happens(&r, ask.aliases))
			draw_family(&r, home->children[i].birth_family);
}

/* ---------- writing ---------- */

static FILE *
create(const char *directory, const char *name)
{
	char		path[1024];
	FILE	   *file;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "w");
	if (file == NULL)
		fail("could not write %s: %s", path, strerror(errno));
	setvbuf(file, NULL, _IOFBF, 1 << 20);
	return file;
}

static void
close_written(FILE *file)
{
	if (ferror(file) || fclose(file) != 0)
		fail("could not write: %s", strerror(errno));
}

static void
join_given(const Child *child, char *given)
{
	given[0] = '\0';
	for (int i = 0; i < child->ngiven; i++)
		strcat(strcat(given, i > 0 ? " " : ""), child->given[i]);
}

static void
school_of(const Household *home, const Child *child, char *school)
{
	Random		r = chance_of("school", child->birth.year > 2021 ? -1 : home->place.postcode[0] * 7 + home->authority * 1000 + home->number % 40);
	char		name[NAME_SIZE];

	draw_family(&r, name);
	snprintf(school, 3 * NAME_SIZE, "%s Primary School", name);
}

static void
print_date(Date date, char *to)
{
	snprintf(to, DATE_SIZE, "%04d-%02d-%02d", date.year, date.month, date.day);
}

/* Sources that know a child: every one has births, those of age have schools. */
static const char *const sources[] = {"births", "schools", "health"};

/* Sources that send what the registry has not had from them. */
static const char *const agencies[] = {"agency1", "agency2", "agency3", "agency4", "agency5", "agency6", "agency7", "agency8"};

static bool
knows(int source, const Household *home, const Child *child)
{
	if (source == 0)
		return true;
	if (source == 1)
		return child->birth.year <= 2021;
	return mix((uint64_t) child->child_id ^ (uint64_t) home->number) % 10 < 6;
}

static void
write_registry(const char *directory)
{
	FILE	   *children = create(directory, "child.csv");
	FILE	   *addresses = create(directory, "address.csv");
	FILE	   *carers = create(directory, "carer.csv");
	FILE	   *involvements = create(directory, "involvement.csv");
	FILE	   *responsibilities = create(directory, "responsibility.csv");
	FILE	   *aliases = create(directory, "alias.csv");
	FILE	   *shields = create(directory, "shield.csv");
	FILE	   *links = create(directory, "source_link.csv");
	int64_t		written = 0;

	for (int64_t h = 0; h < households; h++)
	{
		Household	home;

		make_household(h, &home);
		for (int i = 0; i < home.size && written < ask.children; i++, written++)
		{
			const Child *child = &home.children[i];
			char		given[MAX_GIVEN * NAME_SIZE];
			char		birth[DATE_SIZE];
			char		school[3 * NAME_SIZE];
			char		flag = home.category != NULL ? 't' : 'f';

			join_given(child, given);
			print_date(child->birth, birth);
			fprintf(children, "%" PRId64 ",%s,%s,%c,%s,%c\n", child->child_id, given, child->family, child->sex, birth, flag);
			fprintf(addresses, "%" PRId64 ",%c,\"%s\",%s,births\n", child->child_id, flag, home.place.address, home.place.postcode);
			if (child->birth_family[0] != '\0')
				fprintf(aliases, "%" PRId64 ",birth,,%s,births\n", child->child_id, child->birth_family);
			if (home.category != NULL)
				fprintf(shields, "%" PRId64 ",%s,made up,generator,2030-01-01\n", child->child_id, home.category);
			if (ask.details == 0)
				continue;
			school_of(&home, child, school);
			fprintf(carers, "%" PRId64 ",%c,%s,parent,%s,births\n", child->child_id, flag, home.carer, home.contact);
			fprintf(involvements, "%" PRId64 ",%c,school,%s,births\n", child->child_id, flag, school);
			fprintf(responsibilities, "%" PRId64 ",%c,%d\n", child->child_id, flag, home.authority);
			for (int s = 0; s < 3; s++)
				if (knows(s, &home, child))
					fprintf(links, "%s,%s-%" PRId64 ",%" PRId64 ",%d\n", sources[s], sources[s], child->child_id ^ 0x5a5a5a,
							child->child_id, home.authority);
		}
	}
	close_written(children);
	close_written(addresses);
	close_written(carers);
	close_written(involvements);
	close_written(responsibilities);
	close_written(aliases);
	close_written(shields);
	close_written(links);
}

/* ---------- errors ---------- */

typedef enum Error
{
	TYPING,
	NICKNAME,
	SWAPPED,
	SURNAME,
	BIRTH,
	MOVED,
	MISSING
} Error;

static const char *const error_names[NERRORS] = {"typing", "nickname", "swapped", "surname", "birth", "moved", "missing"};

/* A letter left out, put in, replaced by another, or changed with its neighbour. */
static void
mistype(Random *r, char *word)
{
	char		before[4 * NAME_SIZE];
	int			length = (int) strlen(word);
	int			at;
	int			kind;

	snprintf(before, sizeof(before), "%s", word);
	while (strcmp(before, word) == 0)
	{
		at = pick(r, length);
		kind = pick(r, 4);
		if (!isalpha((unsigned char) word[at]) || length < 2)
		{
			if (length < 2)
				return;
			continue;
		}
		if (kind == 0 && length > 2)
			memmove(word + at, word + at + 1, length - at);
		else if (kind == 1)
		{
			memmove(word + at + 1, word + at, length - at + 1);
			word[at] = (char) ('a' + pick(r, 26));
		}
		else if (kind == 2)
			word[at] = (char) ('a' + pick(r, 26));
		else if (kind == 3 && at + 1 < length && isalpha((unsigned char) word[at + 1]))
		{
			char		letter = word[at];

			word[at] = word[at + 1];
			word[at + 1] = letter;
		}
		/* a capital alone is no slip */
		if (strcasecmp(before, word) == 0)
			strcpy(word, before);
	}
	capitalize(word);
}

/* A usual short form, or the first letters; false where there is none. */
static bool
draw_nickname(Random *r, char *given)
{
	char		name[NAME_SIZE];
	int			found = 0;
	int			wanted;
	int			length = (int) strlen(given);

	for (int i = 0; i <= length; i++)
		name[i] = (char) tolower((unsigned char) given[i]);
	for (int pass = 0; pass < 2; pass++)
	{
		wanted = found > 0 ? pick(r, found) : -1;
		found = 0;
		for (int i = 0; i < variants.n; i += 2)
			if (strcmp(variants.name[i], name) == 0 && found++ == wanted)
			{
				strcpy(given, variants.name[i + 1]);
				capitalize(given);
				return true;
			}
	}
	if (length < 5 || strchr(given, '-') != NULL)
		return false;
	wanted = length > 6 && happens(r, 0.5) ? 4 : 3;
	strcpy(given + wanted, happens(r, 0.5) ? "" : "ie");
	return true;
}

/* Leaves a field out; says which. */
static const char *
leave_out(Random *r, Row *row)
{
	static const char *const fields[] = {"birth", "given", "family", "sex", "address", "postcode", "middle"};
	int			field = pick(r, 7);
	char	   *blank = strchr(row->given, ' ');

	if (field == 6 && blank == NULL)
		field = 4;
	switch (field)
	{
		case 0:
			row->birth[0] = '\0';
			break;
		case 1:
			row->given[0] = '\0';
			break;
		case 2:
			row->family[0] = '\0';
			break;
		case 3:
			row->sex[0] = '\0';
			break;
		case 4:
			row->place.address[0] = '\0';
			row->place.postcode[0] = '\0';
			break;
		case 5:
			row->place.postcode[0] = '\0';
			break;
		default:
			*blank = '\0';
	}
	return fields[field];
}

/* The right row, as the registry has it. */
static void
right_row(const Household *home, const Child *child, Row *row)
{
	join_given(child, row->given);
	strcpy(row->family, child->family);
	row->sex[0] = child->sex;
	row->sex[1] = '\0';
	print_date(child->birth, row->birth);
	row->place = home->place;
	strcpy(row->carer, home->carer);
	strcpy(row->contact, home->contact);
	school_of(home, child, row->school);
}

/* Errors of a set of kinds, in an order that keeps them apart. */
static void
make_errors(Random *r, const Child *child, unsigned kinds, Row *row, char *said)
{
	char	   *blank;
	char		rest[MAX_GIVEN * NAME_SIZE];

	said[0] = '\0';
	if (kinds & 1u << SURNAME)
	{
		do
			draw_family(r, row->family);
		while (strcmp(row->family, child->family) == 0);
	}
	blank = strchr(row->given, ' ');
	strcpy(rest, blank != NULL ? blank : "");
	if (blank != NULL)
		*blank = '\0';
	if (kinds & 1u << NICKNAME && !draw_nickname(r, row->given))
	{
		/* called by the second name, or by one that is typed wrong */
		if (rest[0] != '\0')
		{
			strcpy(row->given, rest + 1);
			rest[0] = '\0';
		}
		else
			mistype(r, row->given);
	}
	if (kinds & 1u << TYPING)
		mistype(r, happens(r, 0.5) || kinds & 1u << SURNAME ? row->given : row->family);
	strcat(row->given, rest);
	if (kinds & 1u << BIRTH)
		print_date(wrong_date(r, child->birth), row->birth);
	if (kinds & 1u << MOVED)
		draw_place(r, &row->place);
	for (int i = 0; i < NERRORS; i++)
		if (kinds & 1u << i && i != MISSING)
			strcat(strcat(said, said[0] != '\0' ? "+" : ""), error_names[i]);
	if (kinds & 1u << MISSING)
		strcat(strcat(strcat(said, said[0] != '\0' ? "+missing " : "missing "), leave_out(r, row)), "");
	if (kinds & 1u << SWAPPED)
	{
		strcpy(rest, row->given);
		strcpy(row->given, row->family);
		strcpy(row->family, rest);
	}
}

/* ---------- uploads ---------- */

static FILE *uploads;
static FILE *truth;
static int64_t references;

static void
write_row(const Row *row, int authority, const char *kind, int64_t child_id, const char *category, const char *said)
{
	fprintf(uploads, "%s,%s,%d,%s,%s,%s,%s,", row->source, row->reference, authority, row->given, row->family, row->sex, row->birth);
	if (row->place.address[0] != '\0')
		fprintf(uploads, "\"%s\"", row->place.address);
	fprintf(uploads, ",%s,", row->place.postcode);
	fprintf(uploads, "\"[{\"\"full_name\"\": \"\"Parent %s\"\", \"\"relationship\"\": \"\"parent\"\", \"\"contact\"\": \"\"%s\"\"}]\",",
			row->carer, row->contact);
	fprintf(uploads, "\"[{\"\"service\"\": \"\"school\"\", \"\"organisation\"\": \"\"%s\"\"}]\"\n", row->school);
	fprintf(truth, "%s,%s,%s,", row->source, row->reference, kind);
	if (child_id != 0)
		fprintf(truth, "%" PRId64, child_id);
	fprintf(truth, ",%s,%s\n", category, said);
}

static void
known_reference(Random *r, const Household *home, const Child *child, Row *row)
{
	int			source;

	do
		source = pick(r, 3);
	while (!knows(source, home, child));
	row->source = sources[source];
	snprintf(row->reference, sizeof(row->reference), "%s-%" PRId64, sources[source], child->child_id ^ 0x5a5a5a);
}

static void
new_reference(Row *row, const char *source)
{
	row->source = source;
	snprintf(row->reference, sizeof(row->reference), "%s-n%" PRId64, source, ++references);
}

static const Child *
draw_known(Random *r, Household *home)
{
	do
		make_household((int64_t) (next(r) % (uint64_t) households), home);
	while (home->category != NULL);
	return &home->children[pick(r, home->size)];
}

static void
upload_known(Random *r, bool changed)
{
	Household	home;
	const Child *child = draw_known(r, &home);
	Row			row;

	right_row(&home, child, &row);
	known_reference(r, &home, child, &row);
	if (changed)
	{
		if (happens(r, 0.6))
			draw_place(r, &row.place);
		else
			snprintf(row.contact, sizeof(row.contact), "07700 %06d", pick(r, 1000000));
	}
	write_row(&row, home.authority, changed ? "changed" : "unchanged", child->child_id, "", "");
}

/* The nth open household of a walk that comes to each once. */
static void
walk_known(int64_t nth, Household *home)
{
	/* a prime step; the last two thirds of the walk stand in for the shielded */
	for (int64_t step = nth;; step += households / 3 + 1)
	{
		make_household((int64_t) ((unsigned __int128) step * 1000000007u % (uint64_t) households), home);
		if (home->category == NULL)
			return;
	}
}

/* How often feeds err in what is not published: these rates are guesses. */
static void
upload_matched(Random *r, int64_t nth)
{
	Household	home;
	const Child *child;
	Row			row;
	unsigned	kinds = 0;
	char		said[128];

	walk_known(nth, &home);
	child = &home.children[pick(r, home.size)];
	right_row(&home, child, &row);
	new_reference(&row, "benefits");
	if (happens(r, 0.10))
		kinds |= 1u << TYPING;
	if (happens(r, 0.04))
		kinds |= 1u << NICKNAME;
	if (happens(r, 0.01))
		kinds |= 1u << SWAPPED;
	if (happens(r, 0.04))
		kinds |= 1u << SURNAME;
	if (happens(r, 0.03))
		kinds |= 1u << BIRTH;
	if (happens(r, 0.20))
		kinds |= 1u << MOVED;
	if (happens(r, 0.08))
		kinds |= 1u << MISSING;
	make_errors(r, child, kinds, &row, said);
	write_row(&row, home.authority, "matched", child->child_id, "", said);
}

/* Two in five are born into a known household, each into another one. */
static void
upload_new(Random *r, int64_t nth)
{
	Household	home;
	const Child *child;
	Row			row;

	if (nth % 5 < 2)
	{
		walk_known(nth, &home);
		child = &home.children[home.size];
	}
	else
	{
		make_household(households + nth, &home);
		child = &home.children[0];
	}
	right_row(&home, child, &row);
	new_reference(&row, happens(r, 0.8) ? "births" : "benefits");
	write_row(&row, home.authority, "new", 0, "", child->twin ? "twin" : nth % 5 < 2 ? "sibling" : "");
}

static void
upload_shielded(Random *r, int64_t nth)
{
	static int64_t *known = NULL;	/* households that are shielded */
	static int64_t nknown = 0;
	Household	home;
	const Child *child;
	Row			row;
	unsigned	kinds = 0;
	char		said[128];
	int			errors = (int) (ask.least_errors + nth % (ask.most_errors - ask.least_errors + 1));
	bool		hidden_name;

	if (known == NULL)
	{
		known = malloc(households * sizeof(int64_t));
		for (int64_t h = 0; h < households && known != NULL; h++)
			if (draw_category(h) != NULL)
				known[nknown++] = h;
		if (nknown == 0)
			fail("no child is shielded");
	}
	make_household(known[next(r) % (uint64_t) nknown], &home);
	child = &home.children[pick(r, home.size)];
	right_row(&home, child, &row);
	/* the adopted also come under the name of their birth */
	hidden_name = child->birth_family[0] != '\0' && happens(r, 0.5);
	if (hidden_name)
		strcpy(row.family, child->birth_family);
	for (int i = 0; i < errors;)
	{
		unsigned	kind = 1u << pick(r, NERRORS);

		if (!(kinds & kind))
		{
			kinds |= kind;
			i++;
		}
	}
	/* a source that knows the child may send it under a second reference */
	new_reference(&row, happens(r, 0.1) ? "health" : agencies[nth % 8]);
	make_errors(r, child, kinds, &row, said);
	write_row(&row, home.authority, "shielded", child->child_id, home.category, said);
}

/* All kinds in one stream, mixed. */
static void
write_uploads(const char *directory)
{
	int64_t		left[] = {ask.unchanged, ask.changed, ask.matched, ask.new_children, ask.shielded_rows};
	int64_t		done[5] = {0};
	Random		r = chance_of("uploads", 0);

	uploads = create(directory, "upload.csv");
	truth = create(directory, "truth.csv");
	for (;;)
	{
		int64_t		all = 0;
		int64_t		at;
		int			kind = 0;

		for (int i = 0; i < 5; i++)
			all += left[i];
		if (all == 0)
			break;
		at = (int64_t) (next(&r) % (uint64_t) all);
		while (at >= left[kind])
			at -= left[kind++];
		left[kind]--;
		switch (kind)
		{
			case 0:
			case 1:
				upload_known(&r, kind == 1);
				break;
			case 2:
				upload_matched(&r, done[kind]);
				break;
			case 3:
				upload_new(&r, done[kind]);
				break;
			default:
				upload_shielded(&r, done[kind]);
		}
		done[kind]++;
	}
	close_written(uploads);
	close_written(truth);
}

/* ---------- arguments ---------- */

static void
read_argument(const char *argument)
{
	static const struct
	{
		const char *name;
		int64_t    *to;
		double	   *share;
	}			names[] = {
		{"children", &ask.children, NULL}, {"seed", &ask.seed, NULL}, {"unchanged", &ask.unchanged, NULL},
		{"changed", &ask.changed, NULL}, {"matched", &ask.matched, NULL}, {"new", &ask.new_children, NULL},
		{"shielded", &ask.shielded_rows, NULL}, {"least_errors", &ask.least_errors, NULL},
		{"most_errors", &ask.most_errors, NULL}, {"details", &ask.details, NULL},
		{"shielded_share", NULL, &ask.shielded}, {"alias_share", NULL, &ask.aliases}
	};
	const char *value = strchr(argument, '=');

	for (size_t i = 0; value != NULL && i < sizeof(names) / sizeof(*names); i++)
		if (strlen(names[i].name) == (size_t) (value - argument) && strncmp(argument, names[i].name, value - argument) == 0)
		{
			if (names[i].to != NULL)
				*names[i].to = strtoll(value + 1, NULL, 10);
			else
				*names[i].share = strtod(value + 1, NULL);
			return;
		}
	fail("unknown argument: %s", argument);
}

int
main(int argc, char **argv)
{
	int64_t		children = 0;

	if (argc < 3)
		fail("usage: generate NAMES DIRECTORY [children=1000] [seed=1] [unchanged=0] [changed=0] [matched=0] [new=0]\n"
			 "	[shielded=0] [least_errors=1] [most_errors=3] [shielded_share=0.005] [alias_share=0.001] [details=1]");
	for (int i = 3; i < argc; i++)
		read_argument(argv[i]);
	if (ask.children < 10 || ask.least_errors < 0 || ask.most_errors < ask.least_errors || ask.most_errors > NERRORS)
		fail("there are at least 10 children, and 0 to %d errors", NERRORS);
	read_names(argv[1]);
	if (mkdir(argv[2], 0777) != 0 && errno != EEXIST)
		fail("could not make %s: %s", argv[2], strerror(errno));
	while (children < ask.children)
		children += household_size(households++);
	/* whole households, so that uploads find every child of them */
	ask.children = children;
	write_registry(argv[2]);
	write_uploads(argv[2]);
	return 0;
}
