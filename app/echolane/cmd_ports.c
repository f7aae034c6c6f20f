/* SPDX-License-Identifier: BSD-3-Clause */
/* `echolane ports`: the NICs of this machine and the ports of a configuration, and what they lack.
 * Only files and the kernel's lists are read: no device is opened, and no EAL started, for most
 * drivers reset what they are given, and who has it now would lose it. With --probe drivers are
 * asked, of devices that nobody else can have meanwhile. */
#include "options.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sysexits.h>
#include <unistd.h>

#include "el_neigh.h"
#include "el_nic.h"
#include "output.h"
#include "ports_report.h"

static void look_at_use(struct el_nic *n)
{
	struct el_kernel_addresses addresses = {0};
	unsigned ifindex = if_nametoindex(n->pci.interface);
	char what[256], ip[EL_IP_STRLEN];

	if (n->use == EL_PCI_USERS || ifindex == 0 ||
	    el_kernel_addresses(ifindex, &addresses, NULL) < 0)
		return;
	for (size_t i = 0; i < addresses.count; i++) {
		if (el_ip_is_link_local(&addresses.items[i].ip))
			continue;
		snprintf(what, sizeof(what),
			 "this host has %s on %s: leave it to the kernel and probe from "
			 "af_packet:%s, or from another NIC",
			 el_ip_format(&addresses.items[i].ip, ip), n->pci.interface,
			 n->pci.interface);
		/* then nothing else is to be mended */
		n->lacks.count = 0;
		el_nic_lacks_add(&n->lacks, what, NULL);
		break;
	}
	free(addresses.items);
}

static int read_nics(const char *sys, const char *dir, struct ports_report *r, struct el_error *err)
{
	struct el_pci *list = NULL;
	int n = el_pci_list(sys, &list), ret = 0;

	if (n < 0)
		return el_error_set(err, n, "not enough memory");
	r->nics = calloc((size_t)n + 1, sizeof(*r->nics));
	if (!r->nics)
		ret = el_error_set(err, -ENOMEM, "not enough memory");
	for (int i = 0; ret == 0 && i < n; i++) {
		ret = el_nic_read(sys, dir, &list[i], &r->nics[r->n_nics], err);
		if (ret < 0)
			break;
		look_at_use(&r->nics[r->n_nics++]);
	}
	free(list);
	return ret;
}

/* What a port of the configuration is of, and why it could not be opened. */
static int read_port(const char *dir, const struct el_conf_port *conf, const struct ports_report *r,
		     struct port_report *ret, struct el_error *err)
{
	struct port_report p = {.name = conf->name,
				.device = conf->device,
				.vlan = conf->vlan,
				.outer_vlan = conf->outer_vlan};
	const char *profile = conf->profile;
	char text[256] = "", path[4400];
	struct el_str s = EL_STR_INIT(text);
	struct el_device device;
	struct el_error why;
	int look = el_port_look(conf, dir, &why), code = 0;

	if (el_device_parse(conf->device, &device, NULL) < 0) {
		el_nic_lacks_add(&p.lacks, why.text, NULL);
		*ret = p;
		return 0;
	}
	for (size_t i = 0; device.kind == EL_DEVICE_PCI && i < r->n_nics; i++)
		if (strcmp(r->nics[i].pci.address, device.name) == 0)
			p.nic = &r->nics[i];
	if (!profile && device.kind == EL_DEVICE_NAMED)
		profile = device.driver;
	if (profile) {
		snprintf(path, sizeof(path), "%s/%s.yaml", dir, profile);
		code = el_profile_load(path, &p.profile, err);
	} else if (p.nic) {
		p.profile = p.nic->profile;
	} else if (device.kind == EL_DEVICE_EAL) {
		code = el_profile_find(dir, device.driver, NULL, &p.profile, err);
	}
	if (look < 0 && !p.nic)
		el_nic_lacks_add(&p.lacks, why.text, NULL);
	for (uint32_t i = 0; p.nic && i < p.nic->lacks.count; i++)
		el_nic_lacks_add(&p.lacks, p.nic->lacks.items[i].what,
				 p.nic->lacks.items[i].command);
	if (look == 0 && !p.nic && el_nic_permission(&device, &s))
		el_nic_lacks_add(&p.lacks, text, NULL);
	if (code < 0 && look < 0)
		code = 0; /* that is what was wrong with it */
	*ret = p;
	return code;
}

static int read_ports(const char *dir, const struct el_conf *conf, struct ports_report *r,
		      struct el_error *err)
{
	const struct el_conf_dataplane *d = &conf->dataplane;
	int ret = 0;

	r->ports = calloc(d->n_ports + 1, sizeof(*r->ports));
	if (!r->ports)
		return el_error_set(err, -ENOMEM, "not enough memory");
	while (ret == 0 && r->n_ports < d->n_ports) {
		size_t first = el_conf_port_first(d->ports, r->n_ports);

		ret = read_port(dir, &d->ports[r->n_ports], r, &r->ports[r->n_ports], err);
		if (ret < 0)
			break;
		if (first < r->n_ports)
			r->ports[r->n_ports].shares = d->ports[first].name;
		r->n_ports++;
	}
	return ret;
}

/* ---- asking drivers ---- */

/* vfio gives a device to one process at a time; the others are made for the occasion. Not those on
 * the kernel's interfaces, which would take or send frames there, nor those that greet somebody. */
static bool may_be_asked(const struct port_report *p)
{
	struct el_device d;

	if (p->shares || el_device_parse(p->device, &d, NULL) < 0)
		return false;
	return d.kind == EL_DEVICE_PCI
		   ? p->nic && strcmp(p->nic->pci.driver, "vfio-pci") == 0
		   : strcmp(d.driver, "net_null") == 0 || strcmp(d.driver, "net_ring") == 0;
}

static void ask_ports(const char *dir, const struct el_conf *conf, struct ports_report *r)
{
	for (size_t i = 0; i < r->n_ports; i++) {
		struct port_report *p = &r->ports[i];
		struct el_str s = EL_STR_INIT(p->deal_text);
		struct el_error why;

		if (!may_be_asked(p))
			continue;
		if (el_port_ask(&conf->dataplane.ports[i], (uint16_t)conf->global.nb_proc, dir,
				&p->profile, &p->deal, &why) < 0) {
			el_nic_lacks_add(&p->lacks, why.text, NULL);
			continue;
		}
		p->asked = true;
		el_port_deal_add(&p->deal, &p->profile, &s);
	}
}

static int probe(const struct options *options, const char *dir, const struct el_conf *conf,
		 struct ports_report *r, struct el_error *err)
{
	const struct el_conf_dataplane *d = &conf->dataplane;
	struct el_conf_port *ports = calloc(d->n_ports + 1, sizeof(*ports));
	struct el_eal_config eal = {.program = "echolane-ports",
				    .huge_pages = d->huge_pages,
				    .ports = ports,
				    .profile_dir = dir,
				    .args = options->eal_args,
				    .n_args = options->n_eal_args};
	struct el_lcores lcores;
	cpu_set_t allowed;
	int ret;

	if (!ports)
		return el_error_set(err, -ENOMEM, "not enough memory");
	/* no other function may be let through to the EAL */
	for (size_t i = 0; i < r->n_ports; i++)
		if (may_be_asked(&r->ports[i]))
			ports[eal.n_ports++] = d->ports[i];
	CPU_ZERO(&allowed);
	sched_getaffinity(0, sizeof(allowed), &allowed);
	ret = el_lcores_choose(&(struct el_conf_dataplane){.control_core = EL_CONF_UNSET}, 1,
			       &allowed, &lcores, err);
	eal.lcores = &lcores;
	if (ret == 0)
		ret = el_eal_init(&eal, err);
	if (ret == 0)
		ask_ports(dir, conf, r);
	el_eal_fini();
	free(ports);
	return ret;
}

/* ---- all ---- */

/* Interfaces of hardware on another bus. */
static int read_others(const char *sys, struct ports_report *r, struct el_error *err)
{
	char path[PATH_MAX];
	struct dirent **entries = NULL;
	int n, kept = 0;

	snprintf(path, sizeof(path), "%s/class/net", sys);
	n = scandir(path, &entries, NULL, alphasort);
	r->others = calloc(n > 0 ? (size_t)n : 1, sizeof(*r->others));
	for (int i = 0; i < n; i++) {
		const char *name = entries[i]->d_name;
		bool is_pci = false;

		for (size_t k = 0; k < r->n_nics; k++)
			is_pci |= strcmp(r->nics[k].pci.interface, name) == 0;
		snprintf(path, sizeof(path), "%s/class/net/%s/device", sys, name);
		if (r->others && name[0] != '.' && !is_pci && strlen(name) < IFNAMSIZ &&
		    access(path, F_OK) == 0)
			memcpy(r->others[kept++], name, strlen(name) + 1);
		free(entries[i]);
	}
	free(entries);
	r->n_others = (size_t)kept;
	return r->others ? 0 : el_error_set(err, -ENOMEM, "not enough memory");
}

static int read_all(const struct options *options, const struct el_conf *conf,
		    struct ports_report *r, struct el_error *err)
{
	/* for tests: the machine's /sys is somewhere else */
	const char *sys = getenv("ECHOLANE_SYS") ? getenv("ECHOLANE_SYS") : "/sys";
	char dir[4096], modules[128] = "";
	struct utsname name;
	int ret = el_profile_dir(options->profile_dir, dir, sizeof(dir), err);

	if (ret < 0)
		return ret;
	if (uname(&name) == 0)
		snprintf(modules, sizeof(modules), "/lib/modules/%s", name.release);
	el_nic_machine_read(sys, modules, &r->machine);
	ret = read_nics(sys, dir, r, err);
	if (ret == 0)
		ret = read_others(sys, r, err);
	if (ret == 0 && conf)
		ret = read_ports(dir, conf, r, err);
	if (ret == 0 && options->probe)
		ret = probe(options, dir, conf, r, err);
	return ret;
}

int command_ports(const struct options *options)
{
	struct ports_report r = {0};
	struct el_conf *conf = NULL;
	struct stdout_text o;
	struct el_error err;
	int status = 0, written;

	if (options->config_given)
		status = load_configuration(options, &conf);
	if (status)
		return status;
	el_log_set_level(EL_LOG_WARNING);
	if (stdout_begin(&o)) {
		if (read_all(options, conf, &r, &err) < 0) {
			fprintf(stderr, "echolane: %s\n", err.text);
			status = EX_SOFTWARE;
		} else if (options->format && strcmp(options->format, "json") == 0) {
			ports_report_json(&r, o.stream);
		} else {
			ports_report_text(&r, o.stream);
		}
	}
	written = stdout_end(&o);
	free(r.nics);
	free(r.others);
	free(r.ports);
	el_conf_put(conf);
	return status ? status : written;
}
