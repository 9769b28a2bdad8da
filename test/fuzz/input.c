/*
 * input.c
 *	  Bytes of a fuzzer as arguments, and what is said when a property fails.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "fuzz.h"

#define MAX_SHOWN 8

static struct
{
	const char *label;
	const char *text;
}			shown[MAX_SHOWN];
static int	nshown = 0;

uint8
fuzz_byte(FuzzInput *input)
{
	if (input->left == 0)
		return 0;
	input->left--;
	return *input->data++;
}

int
fuzz_below(FuzzInput *input, int n)
{
	return fuzz_byte(input) % n;
}

char *
fuzz_text(FuzzInput *input, int max)
{
	char	   *text = palloc(max + 1);
	int			length = 0;

	while (input->left > 0)
	{
		int			n = pg_utf_mblen(input->data);

		if (*input->data == 0x1F)
		{
			fuzz_byte(input);
			break;
		}
		if (*input->data == 0 || n > input->left || !pg_utf8_islegal(input->data, n))
		{
			fuzz_byte(input);
			continue;
		}
		if (length + n <= max)
		{
			memcpy(text + length, input->data, n);
			length += n;
		}
		input->data += n;
		input->left -= n;
	}
	text[length] = '\0';
	return text;
}

FuzzInput
fuzz_begin(const uint8 *data, size_t size)
{
	FuzzInput	input = {data, size};

	fuzz_reset();
	nshown = 0;
	return input;
}

void
fuzz_show(const char *label, const char *text)
{
	int			n = 0;

	while (n < nshown && strcmp(shown[n].label, label) != 0)
		n++;
	if (n == MAX_SHOWN)
		abort();
	shown[n].label = label;
	shown[n].text = text;
	nshown = n + 1;
}

static void
print_readably(const char *text)
{
	while (*text != '\0')
	{
		int			n = pg_utf_mblen((const unsigned char *) text);
		pg_wchar	wide[2];

		pg_mb2wchar_with_len(text, wide, n);
		if (wide[0] > ' ' && wide[0] < 0x7F)
			fprintf(stderr, "%c", (char) wide[0]);
		else
			fprintf(stderr, "<%04X>", wide[0]);
		text += n;
	}
}

void
fuzz_fail(const char *file, int line, const char *property)
{
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, property);
	for (int i = 0; i < nshown; i++)
	{
		fprintf(stderr, "  %s: ", shown[i].label);
		print_readably(shown[i].text);
		fprintf(stderr, "\n");
	}
	abort();
}
