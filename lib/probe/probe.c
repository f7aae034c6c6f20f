/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_probe.h"

#include <netinet/in.h>
#include <netinet/ip_icmp.h>

#include "wire.h"

const struct el_probe_ops *const el_probe_ops[EL_PROBE_TYPES] = {
    [EL_PROBE_TCPSYN] = &el_probe_tcpsyn,
    [EL_PROBE_ICMPPING] = &el_probe_icmpping,
    [EL_PROBE_UDPUNREACHABLE] = &el_probe_udpunreachable,
};

static enum el_no_answer recognise_error(const struct el_pkt *pkt, struct el_answer *ret_answer)
{
	if (pkt->quote.l3 == NULL)
		return EL_NO_ANSWER_QUOTE_SHORT;
	if (pkt->quote.family != 4)
		return EL_NO_ANSWER_OTHER;
	switch (pkt->quote.protocol) {
	case IPPROTO_TCP:
		return el_probe_tcpsyn.recognise_quote(pkt, ret_answer);
	case IPPROTO_UDP:
		return el_probe_udpunreachable.recognise_quote(pkt, ret_answer);
	case IPPROTO_ICMP:
		return el_probe_icmpping.recognise_quote(pkt, ret_answer);
	}
	return EL_NO_ANSWER_OTHER;
}

enum el_no_answer el_probe_recognise(const struct el_pkt *pkt, struct el_answer *ret_answer)
{
	if (pkt->family != 4)
		return EL_NO_ANSWER_OTHER;
	switch (pkt->protocol) {
	case IPPROTO_TCP:
		return el_probe_tcpsyn.recognise(pkt, ret_answer);
	case IPPROTO_UDP:
		return el_probe_udpunreachable.recognise(pkt, ret_answer);
	case IPPROTO_ICMP:
		switch (pkt->l4[0]) {
		case ICMP_DEST_UNREACH:
		case ICMP_TIME_EXCEEDED:
		case ICMP_PARAMETERPROB:
			return recognise_error(pkt, ret_answer);
		}
		return el_probe_icmpping.recognise(pkt, ret_answer);
	}
	return EL_NO_ANSWER_OTHER;
}
