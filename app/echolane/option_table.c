/* SPDX-License-Identifier: BSD-3-Clause */
#include "option_table.h"

#include "el_rank.h"
#include "options.h"

#define WORD(id, name, help) " " name

const struct command_row command_table[] = {
    {.name = "run",
     .command = COMMAND_RUN,
     .takes_file = true,
     .help = "probe until stopped by SIGINT or SIGTERM (the default)"},
    {.name = "check",
     .command = COMMAND_CHECK,
     .takes_file = true,
     .help = "only read CONFIG, report everything that is wrong with it, and what would not be "
	     "probed and why, and end; opens no port, needs no rights, asks for no name"},
    {.name = "ports",
     .command = COMMAND_PORTS,
     .takes_file = true,
     .help = "list the NICs of this machine, and the ports of CONFIG where one is given: what they "
	     "are, who has them, what they lack for DPDK, and the command that mends it; touches "
	     "nothing, and needs no rights to tell what it may know"},
    {.name = "reference",
     .command = COMMAND_REFERENCE,
     .help = "print the reference of all configuration keys"},
    {.name = "top",
     .command = COMMAND_TOP,
     .help = "look at the prober that runs on this machine: the worst targets first, its ports and "
	     "workers; needs the rights of its user"},
};
const size_t n_commands = sizeof(command_table) / sizeof(command_table[0]);

const struct option_row option_table[] = {
    {.name = "port",
     .id = OPT_PORT,
     .value = "DEVICE[,KEY=VALUE]...",
     .help =
	 "probe from this port, besides those of CONFIG or in place of the one of the same name. "
	 "DEVICE: af_packet:eth1, af_xdp:eth1, tap:probe0, 0000:3b:00.0, net_memif0,... KEY: "
	 "address (A/LEN), gateway, route (TO>VIA), name, profile, vlan, outer_vlan, dad, "
	 "accept_ra, ping, mtu, checksum. May be repeated, and address, gateway and route within "
	 "it; one device by several VLANs is several ports"},
    {.name = "rounds", .id = OPT_ROUNDS, .value = "N", .help = "end after N rounds"},
    {.name = "table",
     .id = OPT_TABLE,
     .value = "plain",
     .optional = true,
     .help = "show a table of the results that refreshes each round; plain: print a new one each "
	     "round (a reader that is slower does not get all)"},
    {.name = "print-metrics",
     .id = OPT_PRINT_METRICS,
     .help = "at the end print the metrics page to standard output"},
    {.name = "print-config",
     .id = OPT_PRINT_CONFIG,
     .help = "with check: print the configuration as it was understood"},
    {.name = "probe",
     .id = OPT_PROBE,
     .only_for = FOR(COMMAND_PORTS),
     .help =
	 "with ports: ask the drivers of those of CONFIG's ports that vfio-pci has, and that no "
	 "process uses, what they can do (root; it resets them)"},
    {.name = "profiles",
     .id = OPT_PROFILES,
     .value = "DIR",
     .is_folder = true,
     .help = "where the driver profiles are (default: drivers-cfg beside the build folder, else "
	     "where they were installed)"},
    {.name = "once",
     .id = OPT_ONCE,
     .only_for = FOR(COMMAND_TOP),
     .help = "with top: print the worst series to standard output, and end"},
    {.name = "format",
     .id = OPT_FORMAT,
     .value = "FORMAT",
     .words = " table json csv",
     .only_for = FOR(COMMAND_TOP) | FOR(COMMAND_PORTS),
     .help = "with --once: table (the default), json or csv; times are nanoseconds in the latter "
	     "two. With "
	     "ports: table or json"},
    {.name = "sort",
     .id = OPT_SORT,
     .value = "KEY",
     .words = EL_RANK_KEYS(WORD),
     .only_for = FOR(COMMAND_TOP),
     .help = "with top: what the worst are by: loss (the default), lost, rtt, max, late, local, "
	     "unknown, uncertain, state or number"},
    {.name = "filter",
     .id = OPT_FILTER,
     .value = "TEXT",
     .only_for = FOR(COMMAND_TOP),
     .help = "with top: only what has this text in target, group, address, type or state"},
    {.name = "rows",
     .id = OPT_ROWS,
     .value = "N",
     .only_for = FOR(COMMAND_TOP),
     .help = "with --once: how many (default 20; 0: all)"},
    {.name = "socket",
     .id = OPT_SOCKET,
     .value = "PATH",
     .is_file = true,
     .only_for = FOR(COMMAND_TOP),
     .help = "with top: the prober's telemetry socket (default: that of the first prober that is "
	     "found, by /run/echolane, /var/run/dpdk, $XDG_RUNTIME_DIR and /tmp)"},
    {.name = "help", .id = 'h', .help = "print a summary of this"},
    {.name = "version", .id = 'V', .help = "print the versions of echolane and DPDK"},
};
const size_t n_options = sizeof(option_table) / sizeof(option_table[0]);
_Static_assert(sizeof(option_table) / sizeof(option_table[0]) <= OPTIONS_MAX, "OPTIONS_MAX");
