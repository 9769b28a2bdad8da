/*
 * replay.c
 *	  Runs a fuzz target once over each file named: its corpus as a test
 *	  without a fuzzer.
 */
#include <stdio.h>
#include <stdlib.h>

#include "fuzz.h"

static void
run_file(const char *name)
{
	FILE	   *file = fopen(name, "rb");
	static uint8 data[65536];
	size_t		size;

	if (file == NULL)
	{
		perror(name);
		exit(1);
	}
	size = fread(data, 1, sizeof(data), file);
	fclose(file);
	fprintf(stderr, "%s\n", name);
	LLVMFuzzerTestOneInput(data, size);
}

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		run_file(argv[i]);
	printf("%d inputs, every property holds\n", argc - 1);
	return 0;
}
