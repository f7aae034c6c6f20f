/* SPDX-License-Identifier: BSD-3-Clause */
#include "when.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

/* `n` digits; returns what follows them, NULL if there are not as many. */
static const char *read_digits(const char *p, int n, int *ret_value)
{
	int value = 0;

	for (; n > 0; n--, p++) {
		if (*p < '0' || *p > '9')
			return NULL;
		value = 10 * value + (*p - '0');
	}
	*ret_value = value;
	return p;
}

/* Fields as `format` has them: a digit stands for a number of as many digits, anything else for
 * itself. */
static const char *read_fields(const char *p, const char *format, int *values)
{
	for (; *format && p; format++) {
		if (*format >= '0' && *format <= '9')
			p = read_digits(p, *format - '0', values++);
		else
			p = *p == *format ? p + 1 : NULL;
	}
	return p;
}

static int days_of_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

/* "Z" or an offset such as +02:00, and the end. */
static bool read_zone(const char *p, int *ret_offset_s)
{
	int zone[2], sign = *p == '-' ? -1 : 1;

	*ret_offset_s = 0;
	if (*p == 'Z' || *p == 'z')
		return p[1] == '\0';
	if (*p != '+' && *p != '-')
		return false;
	p = read_fields(p + 1, "2:2", zone);
	if (!p || *p || zone[0] > 23 || zone[1] > 59)
		return false;
	*ret_offset_s = sign * (zone[0] * 3600 + zone[1] * 60);
	return true;
}

int conf_time_parse(const char *text, int64_t *ret_s)
{
	int date[3], clock[3], offset_s;
	const char *p = read_fields(text, "4-2-2", date);
	struct tm tm = {0};
	int64_t s;

	if (!p || !*p || !strchr("Tt ", *p))
		return -EINVAL;
	p = read_fields(p + 1, "2:2:2", clock);
	if (!p)
		return -EINVAL;
	if (*p == '.') {
		size_t digits = strspn(p + 1, "0123456789");

		if (digits == 0)
			return -EINVAL;
		p += 1 + digits;
	}
	if (!read_zone(p, &offset_s) || date[1] < 1 || date[1] > 12 || date[2] < 1 ||
	    date[2] > days_of_month(date[0], date[1]) || clock[0] > 23 || clock[1] > 59 ||
	    clock[2] > 60)
		return -EINVAL;
	tm.tm_year = date[0] - 1900;
	tm.tm_mon = date[1] - 1;
	tm.tm_mday = date[2];
	tm.tm_hour = clock[0];
	tm.tm_min = clock[1];
	tm.tm_sec = clock[2];
	s = (int64_t)timegm(&tm) - offset_s;
	if (s < 0)
		return -EINVAL;
	*ret_s = s;
	return 0;
}

int conf_duration_parse(const char *text, int64_t *ret_s)
{
	static const char units[] = "dhms";
	static const int64_t unit_s[] = {86400, 3600, 60, 1};
	bool used[sizeof(unit_s) / sizeof(unit_s[0])] = {false};
	const char *p = text + strspn(text, " ");
	int64_t sum = 0;

	do {
		size_t digits = strspn(p, "0123456789"), unit = 3;
		int value;

		if (digits == 0 || digits > 9)
			return -EINVAL;
		p = read_digits(p, (int)digits, &value);
		if (*p && strchr(units, *p))
			unit = (size_t)(strchr(units, *p++) - units);
		else if (*p || sum || used[unit]) /* a bare number stands alone */
			return -EINVAL;
		if (used[unit])
			return -EINVAL;
		used[unit] = true;
		sum += value * unit_s[unit];
		p += strspn(p, " ");
	} while (*p);
	*ret_s = sum;
	return 0;
}
