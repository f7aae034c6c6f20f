/* SPDX-License-Identifier: BSD-3-Clause */
/* What a plan has of STAMP: the kinds of its sessions, and the SSID of each. A session is a slice:
 * a target in a group, from one source address. */
#include "plan_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define UDP_LEN 8

static bool same_sender(const struct el_stamp_sender *a, const struct el_stamp_sender *b)
{
	return a->key == b->key && a->authenticated == b->authenticated &&
	       a->ssid_needed == b->ssid_needed && a->format == b->format &&
	       a->tai_offset_s == b->tai_offset_s && a->asks == b->asks && a->dscp == b->dscp &&
	       a->len == b->len;
}

/* What a target asks for, in requests of this length. */
static struct el_stamp_sender sender_of(const struct el_model_stamp *s, uint16_t len)
{
	struct el_stamp_sender sender = {.authenticated = s->authenticated,
					 .format = s->ptp ? EL_STAMP_PTP : EL_STAMP_NTP,
					 .len = len};

	if (s->class_of_service) {
		sender.asks |= 1U << EL_STAMP_TLV_CLASS_OF_SERVICE;
		sender.dscp = s->dscp;
	}
	if (s->direct_measurement)
		sender.asks |= 1U << EL_STAMP_TLV_DIRECT_MEASUREMENT;
	return sender;
}

int el_plan_stamp_kind(struct el_plan_set *set, const struct el_model_target *t,
		       const struct el_probe_stamp_kind **ret, struct el_error *why)
{
	int32_t len = t->ip_payload_size - UDP_LEN;
	const char *file = t->stamp.key_file;
	struct el_stamp_sender sender;
	struct el_probe_stamp_kind kind;
	int rc;

	if (len > UINT16_MAX)
		return -EMSGSIZE;
	sender = sender_of(&t->stamp, len > 0 ? (uint16_t)len : 0);
	if (file && (sender.authenticated || sender.asks)) {
		sender.key = el_stamp_keys_find(set->stamp_keys, file);
		if (!sender.key)
			return el_error_set(why, -ENOKEY, "its key has not been read: %s", file);
	}
	rc = el_probe_stamp_kind_init(&kind, &sender);
	if (rc < 0)
		return rc;
	for (uint32_t i = 0; i < set->n_stamp_kinds; i++) {
		if (same_sender(&set->stamp_kinds[i].sender, &kind.sender)) {
			*ret = &set->stamp_kinds[i];
			return 0;
		}
	}
	if (!set->stamp_kinds) {
		/* never moved: slices are built by pointers to them */
		set->stamp_kinds = calloc(EL_PROBE_STAMP_KINDS_MAX, sizeof(kind));
		set->stamp_ports = calloc(EL_PLAN_PORT_WORDS, sizeof(*set->stamp_ports));
		if (!set->stamp_kinds || !set->stamp_ports)
			return el_error_set(why, -ENOMEM, "not enough memory");
	}
	if (set->n_stamp_kinds == EL_PROBE_STAMP_KINDS_MAX)
		return el_error_set(why, -ENOSPC,
				    "STAMP targets may have %d different combinations of "
				    "ip_payload_size and of what is below stamp at most, and its "
				    "own is one more",
				    EL_PROBE_STAMP_KINDS_MAX);
	set->stamp_kinds[set->n_stamp_kinds] = kind;
	set->has_ptp |= kind.sender.format == EL_STAMP_PTP;
	set->has_asks |= kind.sender.asks != 0;
	*ret = &set->stamp_kinds[set->n_stamp_kinds++];
	return 0;
}

/* ---- SSIDs ---- */

/* Any two addresses that are the same here have the same sessions to be told apart. */
static int compare_addresses(const struct draft *a, const struct draft *b)
{
	return (a->slice.addr_key > b->slice.addr_key) - (a->slice.addr_key < b->slice.addr_key);
}

/* By addresses, then by names, so that who gets which SSID where two would have the same does not
 * depend on the order of the file. */
static int compare_sessions(const void *x, const void *y)
{
	const struct draft *a = *(const struct draft *const *)x;
	const struct draft *b = *(const struct draft *const *)y;
	int by = compare_addresses(a, b);

	if (!by)
		by = strcmp(a->target->name, b->target->name);
	return by ? by : strcmp(a->group->name, b->group->name);
}

/* The SSID that a session has unless another has it: the same in each plan and run. Never 0, which
 * means none. */
static uint16_t wanted_ssid(const struct draft *d)
{
	struct el_siphash_key key = {0x5353494473, 0};
	const uint8_t *target, *own;

	el_slice_addresses(&d->slice, &target, &own);
	key.k1 = el_siphash(&key, d->target->name, strlen(d->target->name));
	key.k1 = el_siphash(&key, d->group->name, strlen(d->group->name));
	return (uint16_t)(1 + el_siphash(&key, own, d->slice.family == 4 ? 4 : 16) % UINT16_MAX);
}

/* Gives the n sessions between two addresses SSIDs that differ, as long as there are any. */
static void number_sessions(const struct el_plan_set *set, struct draft *const *of, uint32_t n,
			    uint64_t *used)
{
	for (uint32_t i = 0; i < n; i++) {
		uint32_t ssid = wanted_ssid(of[i]);

		for (uint32_t k = 0; k < UINT16_MAX && used[ssid / 64] >> ssid % 64 & 1; k++)
			ssid = ssid % UINT16_MAX + 1;
		used[ssid / 64] |= 1ULL << ssid % 64;
		el_probe_stamp_set_ssid(&of[i]->slice, &set->stamp_kinds[of[i]->slice.stamp_kind],
					(uint16_t)ssid);
	}
	for (uint32_t i = 0; i < n; i++)
		used[of[i]->slice.cookie / 64] = 0;
}

int el_plan_number_stamp_sessions(struct el_plan_set *set, struct survey *sv)
{
	struct draft **sessions;
	uint64_t *used;
	uint32_t n = 0;

	if (!set->n_stamp_kinds)
		return 0;
	sessions = calloc(sv->n + 1, sizeof(struct draft *));
	used = calloc(EL_PLAN_PORT_WORDS, sizeof(*used));
	if (!sessions || !used) {
		free(sessions);
		free(used);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < sv->n; i++) {
		struct draft *d = &sv->drafts[i];

		if (d->slice.type != EL_PROBE_STAMP)
			continue;
		sessions[n++] = d;
		set->stamp_ports[d->slice.dst_port / 64] |= 1ULL << d->slice.dst_port % 64;
	}
	qsort(sessions, n, sizeof(struct draft *), compare_sessions);
	for (uint32_t i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && !compare_addresses(sessions[i], sessions[end]); end++)
			;
		number_sessions(set, sessions + i, end - i, used);
	}
	free(sessions);
	free(used);
	return 0;
}
