/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The commands that are not in telemetry.c, and what they are answered from. Called on any number
 * of threads at once. Private to lib/telemetry. */
#include <rte_telemetry.h>

#include "el_facts.h"
#include "el_paths.h"
#include "el_stats.h"

/* References, NULL while there is nothing. */
struct el_snapshot *telemetry_take_snapshot(void);
struct el_facts *telemetry_take_facts(void);
struct el_paths *telemetry_take_paths(const char *target);

/* figures.c */
int telemetry_series(const char *cmd, const char *params, struct rte_tel_data *d);
int telemetry_target(const char *cmd, const char *params, struct rte_tel_data *d);
int telemetry_top(const char *cmd, const char *params, struct rte_tel_data *d);

/* answers.c, of facts */
int telemetry_neighbours(const char *cmd, const char *params, struct rte_tel_data *d);
int telemetry_routes(const char *cmd, const char *params, struct rte_tel_data *d);
int telemetry_plan(const char *cmd, const char *params, struct rte_tel_data *d);
int telemetry_rounds(const char *cmd, const char *params, struct rte_tel_data *d);
int telemetry_clock(const char *cmd, const char *params, struct rte_tel_data *d);
int telemetry_reload(const char *cmd, const char *params, struct rte_tel_data *d);
