/*-------------------------------------------------------------------------
 *
 * probe.c
 *	  What a search does for one row: what is looked for, and under which
 *	  keys something may change what was found (changes.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "probe.h"

#define NOTHING_FOUND (-1000.0) /* a score */

CpSearchState *
cp_search_state_create(const CpPerson *row, int64 except)
{
	CpSearchState *state = palloc0(sizeof(CpSearchState));

	state->row = row;
	state->except = except;
	cp_prefilter_init(&state->filter, row, cp_possible_threshold, cp_guard_threshold);
	state->best = NOTHING_FOUND;
	state->at = cp_changes_now();
	return state;
}

static void
add_keys(CpSearchState *state, int n)
{
	if (state->keys == NULL)
	{
		state->keys_size = Max(n, 32);
		state->keys = palloc(state->keys_size * sizeof(int32));
	}
	else if (state->nkeys + n > state->keys_size)
	{
		state->keys_size = (state->nkeys + n) * 2;
		state->keys = repalloc(state->keys, state->keys_size * sizeof(int32));
	}
}

/* Notes the keys of a list of probes as those of the row. */
static void
note_keys(CpSearchState *state, int list)
{
	int			versions[CP_KEY_VERSIONS];
	int			nversions = cp_key_versions(versions);

	add_keys(state, state->nprobes[list] * nversions);
	for (int i = 0; i < state->nprobes[list]; i++)
		for (int v = 0; v < nversions; v++)
			state->keys[state->nkeys++] = cp_key_stir(state->probes[list][i].key, versions[v]);
}

/*
 * What deep search finds depends on the words that are spelt like the row's:
 * they count as keys too.
 */
static void
note_words(CpSearchState *state)
{
	add_keys(state, state->filter.nwords + 2);
	for (int i = 0; i < state->filter.nwords; i++)
		state->keys[state->nkeys++] = cp_key_similar(state->filter.words[i]);
	if (cp_key_may_be_torn(state->row))
		state->keys[state->nkeys++] = cp_key_similar(CP_NO_WORD);
}

void
cp_search_make_probes(CpSearchState *state, int list, bool always)
{
	if (state->probes[list] != NULL)
		return;
	if (list == DEEP_PROBES)
		note_words(state);
	state->probes[list] = list == GUARD_PROBES ? cp_guard_probes(state->row, always, &state->nprobes[list]) :
		cp_match_probes(&state->filter, list == DEEP_PROBES, &state->nprobes[list]);
	note_keys(state, list);
}

void
cp_search_note_found(CpSearchState *state)
{
	for (int pass = 0; pass < lengthof(state->found); pass++)
	{
		int			n = list_length(state->found[pass]);

		add_keys(state, n - state->nshown[pass]);
		for (int i = state->nshown[pass]; i < n; i++)
		{
			const CpCandidate *candidate = list_nth(state->found[pass], i);

			state->keys[state->nkeys++] = cp_changes_key_of(candidate->child_id);
		}
		state->nshown[pass] = n;
	}
}

bool
cp_search_passes(CpSearchState *state, bool guarded, CpBlock block, DateADT birth,
				 int32 given, int32 family, int64 traits)
{
	if (guarded)
		return cp_guard_passes(&state->filter, block, birth, given, family, traits);
	return cp_prefilter_passes(&state->filter, block, birth, given, family, traits);
}

bool
cp_search_leads_to(CpSearchState *state, const CpPerson *record)
{
	for (int list = 0; list < PROBE_LISTS; list++)
	{
		bool		guarded = list == GUARD_PROBES;
		int			nkeys;
		const CpKey *keys;
		DateADT		birth = record->date_of_birth;

		if (state->nprobes[list] == 0)
			continue;
		keys = guarded ? cp_guard_keys(record, &nkeys) : cp_match_keys(record, &nkeys);
		for (int p = 0; p < state->nprobes[list]; p++)
		{
			const CpProbe *probe = &state->probes[list][p];
			int32		key = cp_key_stir(probe->key, record->key_version);

			for (int k = 0; k < nkeys; k++)
				if (keys[k].key == key && birth >= probe->first && birth <= probe->last &&
					cp_search_passes(state, guarded, probe->block, birth, keys[k].given, keys[k].family, keys[k].traits))
					return true;
		}
	}
	return false;
}
