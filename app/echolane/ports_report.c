/* SPDX-License-Identifier: BSD-3-Clause */
#include "ports_report.h"

#include <stdlib.h>
#include <string.h>

#define COLUMN "    %-10s "

static const char *driver_of(const struct el_nic *n)
{
	return n->pci.driver[0] ? n->pci.driver : "none";
}

static const char *use_of(const struct el_nic *n)
{
	static const char *const uses[] = {
	    [EL_PCI_KERNEL] = "kernel", [EL_PCI_USERS] = "dpdk", [EL_PCI_BIFURCATED] = "shared"};

	return n->pci.driver[0] ? uses[n->use] : "none";
}

/* ---- text ---- */

static void text_lacks(const struct el_nic_lacks *l, FILE *out)
{
	for (uint32_t i = 0; i < l->count; i++) {
		fprintf(out, COLUMN "%s\n", "missing", l->items[i].what);
		if (l->items[i].command[0])
			fprintf(out, COLUMN "$ %s\n", "", l->items[i].command);
	}
}

static void text_profile(const struct el_profile *p, FILE *out)
{
	char text[640] = "";
	struct el_str s = EL_STR_INIT(text);

	if (p->rss) {
		el_str_add(&s, "; rss");
		el_profile_add_rss(&s, p->rss);
	}
	if (p->rx_offloads) {
		el_str_add(&s, "; rx_offloads");
		el_profile_add_rx(&s, p->rx_offloads);
	}
	if (p->tx_offloads) {
		el_str_add(&s, "; tx_offloads");
		el_profile_add_tx(&s, p->tx_offloads);
	}
	if (p->pci_args[0])
		el_str_addf(&s, "; %s", p->pci_args);
	fprintf(out, COLUMN "%s: asks for up to %u queues, %u and %u descriptors%s\n", "profile",
		p->name, p->queues_max, p->rx_descriptors, p->tx_descriptors, text);
}

static void text_interface(const struct el_nic *n, FILE *out)
{
	fprintf(out, COLUMN "%s, %s, %s", "interface", n->pci.interface, n->mac,
		n->enabled ? "enabled" : "not enabled");
	if (n->link >= 0)
		fprintf(out, ", link %s", n->link ? "up" : "down");
	if (n->link > 0 && n->speed_mbps)
		fprintf(out, ", %llu Mbit/s", (unsigned long long)n->speed_mbps);
	fputc('\n', out);
}

static void text_nic(const struct el_nic *n, FILE *out)
{
	static const char *const uses[] = {[EL_PCI_KERNEL] = "the kernel's",
					   [EL_PCI_USERS] = "for DPDK",
					   [EL_PCI_BIFURCATED] = "shared by kernel and DPDK"};

	fprintf(out, "\nNIC %s  %04x:%04x  %s%s\n", n->pci.address, n->pci.id.vendor,
		n->pci.id.device, n->name[0] ? n->name : "(no pci.ids has its name)",
		n->pci.virtual_function ? " (virtual function)" : "");
	fprintf(out, COLUMN "%s%s%s\n", "driver", driver_of(n), n->pci.driver[0] ? ", " : "",
		n->pci.driver[0] ? uses[n->use] : "");
	if (n->pci.interface[0])
		text_interface(n, out);
	else
		fprintf(out,
			COLUMN "none that is seen; MAC address and link are told by its driver\n",
			"interface");
	if (n->pci.iommu_group[0])
		fprintf(out, COLUMN "group %s\n", "IOMMU", n->pci.iommu_group);
	text_profile(&n->profile, out);
	text_lacks(&n->lacks, out);
}

static void text_port(const struct port_report *p, FILE *out)
{
	fprintf(out, "\nport %s  %s\n", p->name, p->device);
	if (p->outer_vlan)
		fprintf(out, COLUMN "%u in %u\n", "VLAN", p->vlan, p->outer_vlan);
	else if (p->vlan)
		fprintf(out, COLUMN "%u\n", "VLAN", p->vlan);
	if (p->shares) {
		fprintf(out, COLUMN "that of port %s\n", "device", p->shares);
		return;
	}
	if (p->profile.name[0])
		text_profile(&p->profile, out);
	if (p->asked)
		fprintf(out, COLUMN "%u queues, %u and %u descriptors%s%s\n", "driver has",
			p->deal.queues, p->deal.rx_descriptors, p->deal.tx_descriptors,
			p->deal_text[0] ? "; of its profile: " : ", and all of its profile",
			p->deal_text);
	else
		fprintf(out, COLUMN "said when it opens, in the log\n", "driver has");
	text_lacks(&p->lacks, out);
	if (p->lacks.count == 0)
		fprintf(out, COLUMN "nothing that can be told before it opens\n", "missing");
}

void ports_report_text(const struct ports_report *r, FILE *out)
{
	fprintf(out, "machine\n" COLUMN "%s\n", "IOMMU", r->machine.iommu ? "in use" : "none");
	fprintf(out, COLUMN "%llu MiB free\n", "huge pages",
		(unsigned long long)r->machine.huge_free_mib);
	text_lacks(&r->machine.lacks, out);
	for (size_t i = 0; i < r->n_nics; i++)
		text_nic(&r->nics[i], out);
	for (size_t i = 0; i < r->n_others; i++)
		fprintf(out, "\nNIC %s  (no PCI function: af_packet:%s, or af_xdp)\n", r->others[i],
			r->others[i]);
	for (size_t i = 0; i < r->n_ports; i++)
		text_port(&r->ports[i], out);
}

/* ---- JSON ---- */

static void json_text(const char *text, FILE *out)
{
	fputc('"', out);
	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		if (*c == '"' || *c == '\\')
			fprintf(out, "\\%c", *c);
		else if (*c < 0x20 || *c == 0x7f)
			fprintf(out, "\\u%04x", *c);
		else
			fputc(*c, out);
	}
	fputc('"', out);
}

static void json_key(const char *key, FILE *out)
{
	fprintf(out, ",\"%s\":", key);
}

static void json_pair(const char *key, const char *text, FILE *out)
{
	json_key(key, out);
	if (*text)
		json_text(text, out);
	else
		fputs("null", out);
}

static void json_lacks(const struct el_nic_lacks *l, FILE *out)
{
	json_key("missing", out);
	fputc('[', out);
	for (uint32_t i = 0; i < l->count; i++) {
		fprintf(out, "%s{\"what\":", i ? "," : "");
		json_text(l->items[i].what, out);
		json_pair("command", l->items[i].command, out);
		fputc('}', out);
	}
	fputc(']', out);
}

/* Words as the profile's functions add them, " a, b". */
static void json_words(const char *key, uint64_t bits,
		       void (*add)(struct el_str *out, uint64_t bits), FILE *out)
{
	char text[512] = "", *rest = NULL;
	struct el_str s = EL_STR_INIT(text);
	const char *separator = "";

	add(&s, bits);
	json_key(key, out);
	fputc('[', out);
	for (char *w = strtok_r(text, " ,", &rest); w; w = strtok_r(NULL, " ,", &rest)) {
		fputs(separator, out);
		json_text(w, out);
		separator = ",";
	}
	fputc(']', out);
}

static void json_profile(const struct el_profile *p, FILE *out)
{
	json_key("profile", out);
	if (!p->name[0]) {
		fputs("null", out);
		return;
	}
	fputs("{\"name\":", out);
	json_text(p->name, out);
	fprintf(out, ",\"queues_max\":%u,\"rx_descriptors\":%u,\"tx_descriptors\":%u",
		p->queues_max, p->rx_descriptors, p->tx_descriptors);
	json_words("rss", p->rss, el_profile_add_rss, out);
	json_words("rx_offloads", p->rx_offloads, el_profile_add_rx, out);
	json_words("tx_offloads", p->tx_offloads, el_profile_add_tx, out);
	json_pair("pci_args", p->pci_args, out);
	fputc('}', out);
}

static void json_nic(const struct el_nic *n, FILE *out)
{
	fputs("{\"address\":", out);
	json_text(n->pci.address, out);
	fprintf(out, ",\"vendor\":\"%04x\",\"device\":\"%04x\"", n->pci.id.vendor,
		n->pci.id.device);
	json_pair("name", n->name, out);
	json_pair("driver", n->pci.driver, out);
	json_pair("use", use_of(n), out);
	json_pair("interface", n->pci.interface, out);
	json_pair("mac", n->mac, out);
	fprintf(out, ",\"enabled\":%s,\"link\":%s",
		n->pci.interface[0] ? n->enabled ? "true" : "false" : "null",
		n->link < 0 ? "null"
		: n->link   ? "true"
			    : "false");
	json_key("speed_mbps", out);
	if (n->speed_mbps)
		fprintf(out, "%llu", (unsigned long long)n->speed_mbps);
	else
		fputs("null", out);
	json_pair("iommu_group", n->pci.iommu_group, out);
	fprintf(out, ",\"virtual_function\":%s,\"numa_node\":%d",
		n->pci.virtual_function ? "true" : "false", n->pci.numa_node);
	json_profile(&n->profile, out);
	json_lacks(&n->lacks, out);
	fputc('}', out);
}

static void json_deal(const struct port_report *p, FILE *out)
{
	const struct el_port_deal *d = &p->deal;

	json_key("driver_has", out);
	if (!p->asked) {
		fputs("null", out);
		return;
	}
	fprintf(out, "{\"queues\":%u,\"rx_descriptors\":%u,\"tx_descriptors\":%u", d->queues,
		d->rx_descriptors, d->tx_descriptors);
	json_words("rss_missing", d->rss_missing, el_profile_add_rss, out);
	json_words("rx_offloads_missing", d->rx_missing, el_profile_add_rx, out);
	json_words("tx_offloads_missing", d->tx_missing, el_profile_add_tx, out);
	fputc('}', out);
}

static void json_port(const struct port_report *p, FILE *out)
{
	fputs("{\"name\":", out);
	json_text(p->name, out);
	json_pair("device", p->device, out);
	json_pair("shares_device_of", p->shares ? p->shares : "", out);
	fprintf(out, ",\"vlan\":%u,\"outer_vlan\":%u", p->vlan, p->outer_vlan);
	json_pair("nic", p->nic ? p->nic->pci.address : "", out);
	json_profile(&p->profile, out);
	json_deal(p, out);
	json_lacks(&p->lacks, out);
	fputc('}', out);
}

void ports_report_json(const struct ports_report *r, FILE *out)
{
	fprintf(out, "{\"machine\":{\"iommu\":%s,\"huge_free_mib\":%llu",
		r->machine.iommu ? "true" : "false", (unsigned long long)r->machine.huge_free_mib);
	json_lacks(&r->machine.lacks, out);
	fputs("},\"nics\":[", out);
	for (size_t i = 0; i < r->n_nics; i++) {
		fputs(i ? "," : "", out);
		json_nic(&r->nics[i], out);
	}
	fputs("],\"interfaces\":[", out);
	for (size_t i = 0; i < r->n_others; i++) {
		fputs(i ? "," : "", out);
		json_text(r->others[i], out);
	}
	fputs("],\"ports\":[", out);
	for (size_t i = 0; i < r->n_ports; i++) {
		fputs(i ? "," : "", out);
		json_port(&r->ports[i], out);
	}
	fputs("]}\n", out);
}
