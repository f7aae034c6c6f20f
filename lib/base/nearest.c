/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_nearest.h"

#include <string.h>

/* How many insertions, deletions, replacements and swaps of neighbours lead from a to b (optimal
 * string alignment). Both at most DISTANCE_MAX long. */
#define DISTANCE_MAX 40
static int distance(const char *a, const char *b)
{
	int rows[3][DISTANCE_MAX + 1];
	int *before = rows[0], *last = rows[1], *now = rows[2];
	int n = (int)strlen(a), m = (int)strlen(b);

	for (int j = 0; j <= m; j++)
		last[j] = j;
	for (int i = 1; i <= n; i++) {
		int *oldest = before;

		now[0] = i;
		for (int j = 1; j <= m; j++) {
			int best = last[j - 1] + (a[i - 1] != b[j - 1]);

			if (last[j] + 1 < best)
				best = last[j] + 1;
			if (now[j - 1] + 1 < best)
				best = now[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			now[j] = best;
		}
		before = last;
		last = now;
		now = oldest;
	}
	return last[m];
}

const char *el_nearest(const char *word, const char *const *words, size_t n)
{
	const char *nearest = NULL;
	int best = (int)(strlen(word) + 1) / 2 + 1;

	if (strlen(word) > DISTANCE_MAX)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		int d;

		if (strlen(words[i]) > DISTANCE_MAX)
			continue;
		d = distance(word, words[i]);
		if (d < best) {
			best = d;
			nearest = words[i];
		}
	}
	return nearest;
}
