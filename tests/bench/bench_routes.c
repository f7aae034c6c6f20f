/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_routes: what looking a destination up takes among 10 to 65,536 routes, without their index
 * and with it, and what the index takes to be made. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "el_neigh.h"

#define DESTINATIONS 4096

static uint64_t random_state = 1;

static uint32_t random_32(void)
{
	random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(random_state >> 32);
}

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* As those of a table of the Internet: most are /24, none is longer, a few are much shorter. */
static struct el_route random_route(uint8_t family)
{
	struct el_prefix to = {.ip.family = family, .len = 24};
	uint32_t number = random_32();

	for (size_t i = 0; i < (family == 4 ? 4 : 8); i++)
		to.ip.bytes[i] = (uint8_t)(random_32() >> 24);
	if (number % 10 >= 6)
		to.len = (uint8_t)(8 + number / 10 % 17);
	if (family == 6)
		to.len = (uint8_t)(to.len * 2);
	return (struct el_route){.to = el_prefix_network(&to)};
}

/* ns a look-up. */
static double look_up(const struct el_routes *routes, const struct el_ip *destinations,
		      uint32_t times)
{
	struct el_route_hop hops[8];
	double start = now_ns();
	size_t found = 0;

	for (uint32_t i = 0; i < times; i++)
		found +=
		    el_routes_lookup(routes, &destinations[i % DESTINATIONS], UINT32_MAX, hops, 8);
	start = now_ns() - start;
	return found ? start / times : 0; /* there is a default route */
}

static void measure(uint8_t family, uint32_t n)
{
	static struct el_ip destinations[DESTINATIONS];
	struct el_route any = {.to.ip.family = family};
	struct el_routes routes = {0};
	double linear, made;

	el_routes_add(&routes, &any);
	while (routes.count < n) {
		struct el_route r = random_route(family);

		if (el_routes_add(&routes, &r) < 0)
			exit(1);
	}
	for (uint32_t i = 0; i < DESTINATIONS; i++)
		destinations[i] = random_route(family).to.ip;
	linear = look_up(&routes, destinations, 4000000 / n + 1);
	made = now_ns();
	if (el_routes_index(&routes) < 0)
		exit(1);
	made = now_ns() - made;
	printf("IPv%u %6u routes: %9.0f ns a look-up without an index, %6.0f with one, which takes "
	       "%.2f ms\n",
	       family, n, linear, look_up(&routes, destinations, 400000), made / 1e6);
	el_routes_fini(&routes);
}

int main(void)
{
	static const uint32_t numbers[] = {10, 300, 10000, 65536};

	for (int family = 4; family <= 6; family += 2) {
		for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
			measure((uint8_t)family, numbers[i]);
	}
	return 0;
}
