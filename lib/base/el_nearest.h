/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* "Did you mean ...?" */
#include <stddef.h>

/* The one of `n` words that `word` is nearest to, NULL if none is near: at most half of its letters
 * are wrong. */
const char *el_nearest(const char *word, const char *const *words, size_t n);
