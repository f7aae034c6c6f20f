/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The machine under the workers: the EAL, the devices that probes leave by, and the time stamp
 * counter. All functions are for one thread, control's, unless they say otherwise. */
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "el_base.h"
#include "el_conf.h"
#include "el_counters.h"
#include "el_device_clock.h"

/* ---- which core does what ---- */

#define EL_LCORES_MAX 64

/* Physical cores (CPU numbers of the kernel), worker i's being workers[i]. */
struct el_lcores {
	int control;
	int workers[EL_LCORES_MAX];
	uint32_t n_workers; /* at least 1 */
	int stats;
};

/* Chooses cores out of `allowed`: what the configuration names (a core that is not allowed is
 * -EINVAL, one named twice for workers too), else control and statistics on the first core allowed
 * and a worker on each of the others, at most `max_workers` (at least 1). With one core allowed all
 * share it. */
int el_lcores_choose(const struct el_conf_dataplane *conf, uint32_t max_workers,
		     const cpu_set_t *allowed, struct el_lcores *ret_lcores, struct el_error *err);

/* True if worker i has its core for itself, so that it need not yield. */
bool el_lcores_worker_is_alone(const struct el_lcores *lcores, uint32_t worker);

/* ---- EAL ---- */

struct el_eal_config {
	const char *program; /* what the file prefix begins with; NULL: echolane */
	enum el_conf_huge_pages huge_pages;
	const struct el_lcores *lcores;
	const struct el_conf_port *ports; /* PCI functions among them are let through to the EAL */
	size_t n_ports;
	const char *profile_dir; /* of what these are given by their profiles; NULL: nothing */
	char *const *args;       /* more EAL arguments, after ours */
	size_t n_args;
	uint32_t memory_mib; /* 0: by the number of ports and workers */
};

/* Starts the EAL on the calling thread, which becomes the main lcore (id 0) and is pinned to
 * lcores->control; worker i is lcore el_eal_worker_lcore(i). The lcores' threads inherit the signal
 * mask. No device is opened, PCI functions that were named excepted. Run-time directories of
 * processes that were killed are removed.
 *
 * What the EAL prints goes to el_log at level DEBUG; while this function runs, standard output and
 * error are diverted for that, so no other thread should print. 0, or -errno with a sentence
 * (-EMFILE, -ENFILE, -EAGAIN, -EFBIG: the descriptors, threads or files that it takes can't be
 * had), and then nothing is left behind. The EAL can be started once in a process, whether it
 * succeeds or not. */
int el_eal_init(const struct el_eal_config *config, struct el_error *err);

/* Ends it and removes its run-time directory. Ports are to be closed before. Nothing without init.
 */
void el_eal_fini(void);

static inline unsigned el_eal_worker_lcore(struct el_worker_idx worker)
{
	return 1u + worker.v;
}

/* Writes the EAL's argument vector for `config` and `prefix` into `buf`, NUL-terminated arguments
 * one after the other, and pointers to them, with a final NULL, into `argv`. The number of
 * arguments, or -ENOSPC. Pure, but for the profiles and ids of PCI functions. */
int el_eal_args(const struct el_eal_config *config, bool huge, const char *prefix, char *buf,
		size_t buf_size, char **argv, size_t argv_size);

/* Huge pages that can be had now, in MiB: free ones, where a hugetlbfs is mounted. */
uint64_t el_eal_huge_free_mib(void);

/* ---- driver profiles ---- */

struct el_pci_id {
	uint16_t vendor, device;
};

#define EL_PROFILE_IDS_MAX 64

/* The profile of a device is found by its PCI ids, else by its driver. */
struct el_profile {
	char name[32];       /* the file's, without .yaml */
	char drivers[8][32]; /* as DPDK reports them */
	uint32_t n_drivers;
	struct el_pci_id pci_ids[EL_PROFILE_IDS_MAX];
	uint32_t n_pci_ids;
	char pci_args[128]; /* devargs of a PCI function, behind its address */
	/* template of a device string; {name} {queue} {queues} {frame} {block} */
	char devargs[256];
	bool device_per_queue; /* a device has one queue: several devices are one port */
	bool kernel_interface; /* {name} is a network interface of the kernel */
	/* the kernel gets the frames too, and answers for its own addresses */
	bool kernel_receives;
	/* the MAC address that the device tells is that of the kernel's end of the wire; ours is
	 * another */
	bool kernel_end;
	/* The driver sends buffers of the pool that it receives into as they are, and copies
	 * others.
	 */
	bool sends_received;
	bool packet_socket_drops; /* drops are read from the device's packet sockets */
	bool promiscuous;
	uint16_t queues_max;
	uint16_t rx_descriptors, tx_descriptors;
	uint64_t rss; /* RTE_ETH_RSS_* */
	/* RTE_ETH_*_OFFLOAD_*: asked for where the device has them, and to be off: some drivers
	 * have them on unasked */
	uint64_t rx_offloads, tx_offloads;
	uint64_t rx_forbidden, tx_forbidden;
	uint64_t max_pps;      /* default cap; 0: that of the link */
	uint32_t link_wait_ms; /* how long to wait for the link at start */
};

/* Reads and checks the profile in `text` (`len` bytes); `path` names it, and the file in messages.
 * 0; -EINVAL with a sentence that begins with the file and the place, or -ENOMEM. */
int el_profile_parse(const char *path, const char *text, size_t len, struct el_profile *ret_profile,
		     struct el_error *err);

/* The same from a file of less than 64 KiB: also -ENOENT, -EFBIG... */
int el_profile_load(const char *path, struct el_profile *ret_profile, struct el_error *err);

/* The profile of a device in `dir`: one that names its PCI ids, else one of its driver, else the
 * generic one. Either may be NULL: not known. Errors as el_profile_load. */
int el_profile_find(const char *dir, const char *driver, const struct el_pci_id *id,
		    struct el_profile *ret_profile, struct el_error *err);

/* The names that a profile has for these bits, " ipv4, ipv6". */
void el_profile_add_rss(struct el_str *out, uint64_t types);
void el_profile_add_rx(struct el_str *out, uint64_t offloads);
void el_profile_add_tx(struct el_str *out, uint64_t offloads);

/* Fills a profile's devargs template in: `frame` and `block` are sizes for frames of `mtu`. 0, or
 * -EINVAL for an unknown variable or a result that does not fit. Pure. */
int el_profile_devargs(const struct el_profile *profile, const char *name, uint16_t queue,
		       uint16_t queues, uint16_t mtu, char *buf, size_t size);

/* Where profiles are: `explicit_dir` if not NULL, else drivers-cfg beside the build folder that the
 * program lies in, else ../share/echolane/drivers-cfg from it, else the installed folder. 0, or
 * with a sentence -ENOENT, or -EPERM where others can change them (el_trust_open says who), but for
 * those beside a program that others can change as well. */
int el_profile_dir(const char *explicit_dir, char *buf, size_t size, struct el_error *err);

/* ---- ports ---- */

#define EL_PORT_QUEUES_MAX 16
#define EL_PORT_RETA_MAX 4096
#define EL_PORT_RSS_KEY_MAX 64

/* A queue pair and the DPDK port it belongs to. Worker i of a port with n_queues > i owns
 * queues[i]. */
struct el_port_queue {
	uint16_t port_id;
	uint16_t rx_queue, tx_queue;
	/* What it receives into, the port's, where the driver copies what is sent in any other
	 * buffer; else NULL. There is enough of it to send as well. */
	struct rte_mempool *pool;
};

/* How received frames are spread over the queues, as the device reports it: off where it has one
 * queue, or can't. Where each queue is a device of its own, the spreading is the business of a
 * kernel's driver, which we don't ask. */
struct el_port_rss {
	bool on;
	uint64_t types; /* RTE_ETH_RSS_* in use */
	uint8_t key[EL_PORT_RSS_KEY_MAX] __attribute__((aligned(4)));
	uint8_t key_len;                 /* 0: unknown */
	uint16_t reta_size;              /* 0: unknown */
	uint16_t reta[EL_PORT_RETA_MAX]; /* hash modulo reta_size to queue */
};

/* What a profile asks for and the device does not do, and what it does. */
struct el_port_deal {
	uint64_t rss_missing, rx_missing, tx_missing; /* asked for, not had */
	uint64_t rx_forced, tx_forced;                /* forbidden, and on all the same */
	uint64_t rx_on, tx_on;                        /* offloads that are on */
	bool clock_missing; /* timestamps could be had, but not its clock, so they are off */
	uint16_t queues, queues_wanted;
	uint16_t rx_descriptors, tx_descriptors; /* of a queue */
};

/* An open port; constant from open to close, but for link_up. */
struct el_port {
	char name[64];
	struct el_profile profile;
	struct el_port_queue queues[EL_PORT_QUEUES_MAX];
	uint16_t n_queues;
	uint16_t queues_dead; /* that its driver has, but that carry nothing: they are not used */
	uint8_t mac[6];
	uint16_t mtu;
	bool tagged;              /* some of the frames that it is for have VLAN tags */
	int socket;               /* NUMA */
	char interface[IFNAMSIZ]; /* of the kernel; "" and ifindex 0 where there is none */
	unsigned ifindex;
	bool kernel_receives; /* the kernel answers ARP for the addresses it has there */
	/* Frames come from a kernel, which may have left their checksums to an offload that never
	 * came, and are not to be refused for it (el_conf_port.checksum). */
	bool partial_checksums;
	bool strips_tags; /* its driver takes VLAN tags off, though its profile forbids it */
	/* Its driver puts tags on again that the kernel has taken off, and all as 802.1Q. */
	bool loses_tpid;
	uint64_t rx_checksum_flags;    /* el_worker_queue's, of what the device verifies */
	uint32_t slots[EL_DIRECTIONS]; /* packets that the rings of all queues hold */
	bool link_up;
	uint64_t link_bps;        /* 0: unknown */
	uint64_t default_max_pps; /* the default cap on packets sent; 0: none known */
	struct el_port_rss rss;
	struct el_port_deal deal; /* of its last device: they are alike */
	/* Where the device stamps what it receives and its clock can be read: the mbuf flag that
	 * says so and the place of the stamp. Else 0. */
	uint64_t rx_stamp_flag;
	int rx_stamp_offset;
	struct el_port_private *private;
};

/* The device's Toeplitz hash of a packet from `src` to `dst` (4 or 16 bytes, network order) over
 * these alone, as in Microsoft's "RSS hashing types". key_len must suffice: 12 or 36. Pure. */
uint32_t el_port_rss_hash(const struct el_port_rss *rss, uint8_t family, const uint8_t *src,
			  const uint8_t *dst);

/* True if key and table are known and, by what the device says, the addresses alone decide which
 * queue the answers to probes of this type come in on. Pure. */
bool el_port_rss_tells(const struct el_port_rss *rss, enum el_probe_type type, uint8_t family);

/* The queue that an answer of `target` to `own` comes in on, where el_port_rss_tells. Pure; some
 * 50 ns, with IPv6 70 and more: it grows with the bits that are set. */
uint16_t el_port_rss_queue(const struct el_port_rss *rss, uint8_t family, const uint8_t *target,
			   const uint8_t *own);

/* Appends what a profile asks for and its device does not do, "no rss ipv4, ipv6; 512
 * rx_descriptors, not 2048"; nothing where all is as asked for. Pure. */
void el_port_deal_add(const struct el_port_deal *deal, const struct el_profile *profile,
		      struct el_str *out);

/* Asks the driver of a PCI function or an EAL device string what it would do of a profile with up
 * to `queues` queue pairs. It makes the device, which most drivers reset, but does not start it:
 * only for one that nobody else uses. Errors as el_port_open. */
int el_port_ask(const struct el_conf_port *conf, uint16_t queues, const char *profile_dir,
		struct el_profile *ret_profile, struct el_port_deal *ret_deal,
		struct el_error *err);

/* Looks whether this machine has the device of a port, without the EAL and without touching
 * anything. 0; -EINVAL: the device or its profile is wrong on any machine; -ENODEV: it is not on
 * this one, or not for DPDK; each with a sentence. */
int el_port_look(const struct el_conf_port *conf, const char *profile_dir, struct el_error *err);

/* Opens `conf`'s device with up to `queues` queue pairs (at least 1), starts it and waits, bounded,
 * for its link; that it stays down is a warning, not an error. Where a device has several queues, a
 * few frames to itself go out by each, and those that don't carry them are left out, with a
 * warning. `profile_dir` as found by
 * el_profile_dir. Receive buffers come from mbuf pools of the port. A DPDK device that exists
 * already under the name is used, and left in place at close.
 *
 * 0; else -errno and a sentence that begins with "port NAME: ", and nothing is left behind.
 * -ENODEV: there is no such interface. -ENETDOWN: it is down. -EPERM: privileges are missing. -EIO:
 * DPDK has no such device, or its driver refused. -EINVAL: the configuration asks for what can't
 * be; where each queue is a device of its own, that is also an interface with more queues than are
 * wanted, for its frames would be missed.
 *
 * Standard output and error are diverted as in el_eal_init. */
int el_port_open(const struct el_conf_port *conf, uint16_t queues, const char *profile_dir,
		 struct el_port **ret_port, struct el_error *err);

/* Stops and removes it; no worker may use it any more and all its mbufs are to be back. NULL does
 * nothing. */
void el_port_close(struct el_port *port);

/* A function to be called before a driver gives memory back that workers may be in the midst of:
 * it returns once they have left it. NULL: none is called. Any thread; it waits for a call that is
 * going on. */
typedef void el_port_unmap_fn(void *arg);
void el_port_before_unmap(el_port_unmap_fn *fn, void *arg);

/* Has a device that filters VLANs let the frames of a link in. 0, or -errno with a sentence. */
int el_port_pass_vlan(struct el_port *port, const struct el_conf_port *link, struct el_error *err);

/* Lets the frames of all multicast groups in, until the port is closed: neighbour discovery asks
 * for IPv6 addresses by them, and only a kernel joins the groups of its own. A driver that has no
 * such filter is no error. 0, or -errno with a sentence. */
int el_port_receive_multicast(struct el_port *port, struct el_error *err);

/* Whether the link is up now; false where the kernel's interface or the device is gone, too. Takes
 * a few microseconds, but some NICs have to be asked for it by their drivers, which may take
 * milliseconds. To be called once in el_port_link_period_ns, from 10 to 100 ms. Control's. */
bool el_port_is_up(const struct el_port *port);
uint64_t el_port_link_period_ns(const struct el_port *port);

/* Whether a link that is never up is believed to be down: some drivers of virtual devices don't
 * know of theirs. */
bool el_port_link_is_known(const struct el_port *port);

/* How often the driver has told that the link is down: also where it was up again before anybody
 * looked. Of a NIC it is not heard. */
uint64_t el_port_link_downs(const struct el_port *port);

/* Whether the device was, or is about to be, taken out of the machine or given to another driver:
 * the kernel may wait for it to be let go. Of devices on a bus, and of those whose driver tells. */
bool el_port_is_removed(const struct el_port *port);

/* Lets go of devices that are removed. Their queues must not be used any more. */
void el_port_detach(struct el_port *port);

/* Whether what was let go of was away and is now there for DPDK again. A PCI function is; it takes
 * a new port, and the EAL to be started again. */
bool el_port_is_there_again(struct el_port *port);

/* Reads the link and its speed again; true if it is up. */
bool el_port_link_update(struct el_port *port);

/* The port's own counters since it was opened, none of them ever less than before, and how it
 * spreads what comes in (but for placement, and what takes the workers' counters to say). */
void el_port_view_read(struct el_port *port, struct el_port_view *ret_view);

/* Reads the clocks that the port's devices stamp with, where they do; for calling ten times a
 * second.
 */
void el_port_read_clocks(struct el_port *port);

/* What the stamps of a queue mean, from the latest readings; ns_per_tick_q32 is 0 where that is
 * not known. */
struct el_device_line el_port_rx_line(const struct el_port *port, uint16_t queue);
