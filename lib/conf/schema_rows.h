/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* How rows of the table are written. */
#include "schema.h"

/* A row's field; a member of a list's item is the whole item. */
#define FIELD(type, member)                                                                        \
	.offset = offsetof(struct type, member), .size = sizeof(((struct type *)0)->member)
#define ITEM(type) .offset = 0, .size = sizeof(type)
#define MAP(rows) .keys = (rows), .count = sizeof(rows) / sizeof((rows)[0])

#define U32_MAX 4294967295.0
#define CORES_MAX 1023

/* What conf_array_get relies on. */
#define IS_ARRAY(type, pointer, number)                                                            \
	_Static_assert(offsetof(struct type, number) ==                                            \
			   offsetof(struct type, pointer) + sizeof(void *),                        \
		       "a list is a pointer and a count")
