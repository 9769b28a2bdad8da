/*
 * turns.c
 *	  Statements on several servers that take turns.
 *
 *	  turns [OPTION]... {LABEL CONNINFO SETUP STATEMENT}...
 *		-r NUMBER			of the round, told on and seed of the keys
 *		-t SECONDS			for each side
 *		-c CLIENTS			of each side, who work at the same time
 *		-b EXECUTIONS		in a block, of each client
 *		-w TURNS			before it counts, for plans and caches; default 20
 *		-q FRACTION			the block that counts: 0.5 is the median
 *		-k FIRST:COUNT:STEP	keys, of which $1 of a statement is one at random
 *
 *	  The sides take turns, a block of executions each, and the other way round
 *	  every other time.  A block lasts some milliseconds or less, so what the
 *	  rest of the machine does touches all sides alike, which runs of a second
 *	  each cannot promise; and of the many blocks one that was not disturbed can
 *	  be taken.  All sides get the same keys.  A statement is prepared, unless it
 *	  begins with "simple:": then it is parsed and planned each time.
 *
 *	  Prints for each side: LABEL round executions/second microseconds of CPU
 *	  of the backends for each.
 */
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <libpq-fe.h>

#define MAX_SIDES 8
#define MAX_CLIENTS 64
#define MAX_BLOCK 10000			/* executions, of all clients */
#define MAX_BLOCKS 100000

typedef struct Key
{
	char		text[24];
} Key;

typedef struct Side
{
	const char *label;
	PGconn	   *conns[MAX_CLIENTS];
	char		schedstat[MAX_CLIENTS][64]; /* files about the CPU time of
											 * backends */
	const char *before;			/* statement up to $1 */
	const char *after;			/* and from there on */
	bool		prepared;
	int			nblocks;
	double		seconds[MAX_BLOCKS];
	double		cpu[MAX_BLOCKS];
} Side;

static Side sides[MAX_SIDES];
static int	nsides;
static int	clients = 1;
static int	block = 10;
static int	warm_up = 20;
static double quantile = 0.5;
static int64_t first_key = 1;
static int64_t nkeys = 1;
static int64_t step = 1;

static void
fail(const char *what, PGconn *conn)
{
	fprintf(stderr, "turns: %s: %s\n", what, conn != NULL ? PQerrorMessage(conn) : "");
	exit(1);
}

static void
check(PGresult *result, const char *label, PGconn *conn)
{
	if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK)
		fail(label, conn);
	PQclear(result);
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/*
 * Seconds of CPU that a side's backends have used; exact, since they wait.
 */
static double
cpu_used(const Side *side)
{
	uint64_t	sum = 0;

	for (int i = 0; i < clients; i++)
	{
		FILE	   *file = fopen(side->schedstat[i], "r");
		uint64_t	nanoseconds;

		if (file == NULL || fscanf(file, "%" SCNu64, &nanoseconds) != 1)
			fail("cannot read the CPU time of a backend", NULL);
		fclose(file);
		sum += nanoseconds;
	}
	return sum / 1e9;
}

static PGconn *
open_client(Side *side, int number, const char *conninfo, const char *setup, const char *statement)
{
	static const Oid bigint[1] = {20};
	PGconn	   *conn = PQconnectdb(conninfo);

	if (PQstatus(conn) != CONNECTION_OK)
		fail(side->label, conn);
	snprintf(side->schedstat[number], sizeof(side->schedstat[number]),
			 "/proc/%d/schedstat", PQbackendPID(conn));
	if (*setup != '\0')
		check(PQexec(conn, setup), side->label, conn);
	if (side->prepared)
		check(PQprepare(conn, "turn", statement, 1, bigint), side->label, conn);
	return conn;
}

static void
open_side(const char *label, const char *conninfo, const char *setup, const char *statement)
{
	Side	   *side = &sides[nsides++];

	side->label = label;
	side->prepared = strncmp(statement, "simple:", 7) != 0;
	if (!side->prepared)
	{
		char	   *text = strdup(statement + 7);
		char	   *parameter = text != NULL ? strstr(text, "$1") : NULL;

		if (parameter == NULL)
			fail("a statement has no $1", NULL);
		*parameter = '\0';
		side->before = text;
		side->after = parameter + 2;
	}
	for (int i = 0; i < clients; i++)
		side->conns[i] = open_client(side, i, conninfo, setup, statement);
}

static void
begin(const Side *side, PGconn *conn, const Key *key)
{
	const char *values[1] = {key->text};
	char		text[1000];

	snprintf(text, sizeof(text), "%s%s%s", side->prepared ? "" : side->before, key->text,
			 side->prepared ? "" : side->after);
	if (!(side->prepared ? PQsendQueryPrepared(conn, "turn", 1, values, NULL, NULL, 0) :
		  PQsendQuery(conn, text)))
		fail(side->label, conn);
}

/*
 * Takes what has arrived; true once the statement is done.
 */
static bool
finish(const Side *side, PGconn *conn)
{
	if (!PQconsumeInput(conn))
		fail(side->label, conn);
	while (!PQisBusy(conn))
	{
		PGresult   *result = PQgetResult(conn);

		if (result == NULL)
			return true;
		check(result, side->label, conn);
	}
	return false;
}

static void
execute(const Side *side, const Key *keys, int n)
{
	struct pollfd ready[MAX_CLIENTS];
	int			begun = 0;
	int			done = 0;

	for (int i = 0; i < clients; i++)
	{
		ready[i].fd = PQsocket(side->conns[i]);
		ready[i].events = POLLIN;
		begin(side, side->conns[i], &keys[begun++]);
	}
	while (done < n)
	{
		if (poll(ready, clients, -1) < 0)
			fail("poll", NULL);
		for (int i = 0; i < clients; i++)
			if (ready[i].revents != 0 && finish(side, side->conns[i]))
			{
				done++;
				if (begun < n)
					begin(side, side->conns[i], &keys[begun++]);
				else
					ready[i].fd = -1;
			}
	}
}

static void
run_block(Side *side, const Key *keys, int n)
{
	double		cpu = cpu_used(side);
	double		start = now();

	execute(side, keys, n);
	if (side->nblocks == MAX_BLOCKS)
		fail("too many blocks", NULL);
	side->seconds[side->nblocks] = (now() - start) / n;
	side->cpu[side->nblocks++] = (cpu_used(side) - cpu) / n;
}

/*
 * Every side once, with the same keys.
 */
static void
run_turn(int turn)
{
	static Key	keys[MAX_BLOCK];
	int			n = block * clients;

	for (int i = 0; i < n; i++)
		snprintf(keys[i].text, sizeof(keys[i].text), "%" PRId64,
				 first_key + ((int64_t) random() << 20 ^ random()) % nkeys * step);
	for (int i = 0; i < nsides; i++)
		run_block(&sides[turn % 2 ? nsides - 1 - i : i], keys, n);
}

static int
compare(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return (x > y) - (x < y);
}

static double
typical(double *values, int n)
{
	qsort(values, n, sizeof(double), compare);
	return values[(int) (n * quantile)];
}

static void
run_turns(double seconds)
{
	double		end;

	for (int turn = 0; turn < warm_up; turn++)
		run_turn(turn);
	for (int i = 0; i < nsides; i++)
		sides[i].nblocks = 0;
	end = now() + seconds * nsides;
	for (int turn = 0; turn == 0 || now() < end; turn++)
		run_turn(turn);
}

static void
usage(void)
{
	fprintf(stderr, "usage: turns [-r round] [-t seconds] [-c clients] [-b block] [-w turns] [-q fraction] [-k first:count:step] {LABEL CONNINFO SETUP STATEMENT}...\n");
	exit(2);
}

int
main(int argc, char **argv)
{
	int			round = 1;
	double		seconds = 1;
	int			option;

	while ((option = getopt(argc, argv, "r:t:c:b:w:q:k:")) != -1)
		switch (option)
		{
			case 'r':
				round = atoi(optarg);
				break;
			case 't':
				seconds = atof(optarg);
				break;
			case 'c':
				clients = atoi(optarg);
				break;
			case 'b':
				block = atoi(optarg);
				break;
			case 'w':
				warm_up = atoi(optarg);
				break;
			case 'q':
				quantile = atof(optarg);
				break;
			case 'k':
				if (sscanf(optarg, "%" SCNd64 ":%" SCNd64 ":%" SCNd64, &first_key, &nkeys, &step) != 3)
					usage();
				break;
			default:
				usage();
		}
	if (clients < 1 || clients > MAX_CLIENTS || block < 1 || block > MAX_BLOCK / clients ||
		quantile < 0 || quantile >= 1 || nkeys < 1 ||
		optind == argc || (argc - optind) % 4 != 0 || (argc - optind) / 4 > MAX_SIDES)
		usage();

	srandom(round);
	for (; optind < argc; optind += 4)
		open_side(argv[optind], argv[optind + 1], argv[optind + 2], argv[optind + 3]);
	run_turns(seconds);
	for (int i = 0; i < nsides; i++)
	{
		printf("%s %d %.3f %.3f\n", sides[i].label, round,
			   1 / typical(sides[i].seconds, sides[i].nblocks),
			   typical(sides[i].cpu, sides[i].nblocks) * 1e6);
		for (int j = 0; j < clients; j++)
			PQfinish(sides[i].conns[j]);
	}
	return 0;
}
