/* SPDX-License-Identifier: BSD-3-Clause */
#include "neigh_log.h"

#include <stdio.h>

#define LINES_MAX 8 /* at once */
#define LINE_NS (10 * EL_NS_PER_S)

#define MAC_STRLEN 18

static const char *mac_text(const uint8_t mac[6], char text[MAC_STRLEN])
{
	snprintf(text, MAC_STRLEN, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
		 mac[4], mac[5]);
	return text;
}

static bool may_say(struct neigh_log *log, uint64_t now_ns)
{
	if (log->full_ns < now_ns)
		log->full_ns = now_ns;
	if (log->full_ns + LINE_NS > now_ns + LINES_MAX * LINE_NS) {
		log->left_out++;
		return false;
	}
	log->full_ns += LINE_NS;
	return true;
}

void neigh_log_event(struct neigh_log *log, const struct el_neigh_event *event, const char *port,
		     uint64_t now_ns)
{
	char ip[EL_IP_STRLEN], mac[MAC_STRLEN], other[MAC_STRLEN];

	if (!may_say(log, now_ns))
		return;
	if (log->left_out)
		el_log(EL_LOG_WARNING, "network", "%llu messages on neighbours were left out",
		       (unsigned long long)log->left_out);
	log->left_out = 0;
	el_ip_format(&event->ip, ip);
	mac_text(event->mac, mac);
	mac_text(event->other, other);
	switch (event->kind) {
	case EL_NEIGH_OWN_CONFLICT:
		el_log(EL_LOG_WARNING, "network",
		       "port %s: address conflict: %s, which is ours (%s), is used by %s", port, ip,
		       mac, other);
		break;
	case EL_NEIGH_NEIGHBOUR_CONFLICT:
		el_log(EL_LOG_WARNING, "network",
		       "port %s: address conflict: %s claims to be %s, but %s still answers and is "
		       "kept",
		       port, other, ip, mac);
		break;
	case EL_NEIGH_MOVED:
		el_log(EL_LOG_WARNING, "network", "port %s: %s answers at %s now, it was %s before",
		       port, ip, other, mac);
		break;
	}
}
