/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_probe.h"

#include <netinet/in.h>
#include <netinet/ip_icmp.h>

#include "wire.h"

const struct el_probe_ops *const el_probe_ops[EL_PROBE_TYPES] = {
    [EL_PROBE_TCPSYN] = &el_probe_tcpsyn,
    [EL_PROBE_ICMPPING] = &el_probe_icmpping,
    [EL_PROBE_UDPUNREACHABLE] = &el_probe_udpunreachable,
    [EL_PROBE_STAMP] = &el_probe_stamp,
};

static enum el_verdict recognise_error(const struct el_id_key *key, const struct el_pkt *pkt,
				       struct el_answer *ret_answer)
{
	if (pkt->quote.l3 == NULL)
		return EL_VERDICT_QUOTE_SHORT;
	for (int type = 0; type < EL_PROBE_TYPES; type++) {
		const struct el_probe_ops *ops = el_probe_ops[type];

		if (pkt->quote.protocol ==
		    (pkt->quote.family == 4 ? ops->protocol : ops->protocol_v6))
			return ops->recognise_quote(key, pkt, ret_answer);
	}
	return EL_VERDICT_OTHER;
}

static enum el_verdict recognise_icmp(const struct el_id_key *key, const struct el_pkt *pkt,
				      struct el_answer *ret_answer)
{
	switch (pkt->l4[0]) {
	case ICMP_DEST_UNREACH:
	case ICMP_TIME_EXCEEDED:
	case ICMP_PARAMETERPROB:
		return recognise_error(key, pkt, ret_answer);
	}
	return el_probe_icmpping.recognise(key, pkt, ret_answer);
}

static enum el_verdict recognise_icmp6(const struct el_id_key *key, const struct el_pkt *pkt,
				       struct el_answer *ret_answer)
{
	switch (pkt->l4[0]) {
	case ICMP6_DST_UNREACH:
	case ICMP6_PACKET_TOO_BIG:
	case ICMP6_TIME_EXCEEDED:
	case ICMP6_PARAM_PROB:
		return recognise_error(key, pkt, ret_answer);
	}
	return el_probe_icmpping.recognise(key, pkt, ret_answer);
}

enum el_verdict el_probe_recognise(const struct el_id_key *key, const struct el_pkt *pkt,
				   struct el_answer *ret_answer)
{
	switch (pkt->protocol) {
	case IPPROTO_TCP:
		return el_probe_tcpsyn.recognise(key, pkt, ret_answer);
	case IPPROTO_UDP:
		return el_probe_stamp.recognise(key, pkt, ret_answer);
	case IPPROTO_ICMP:
		return recognise_icmp(key, pkt, ret_answer);
	case IPPROTO_ICMPV6:
		return recognise_icmp6(key, pkt, ret_answer);
	}
	return EL_VERDICT_OTHER;
}
