/* SPDX-License-Identifier: BSD-3-Clause */
/* Ports from the command line: --port DEVICE,address=...,gateway=... */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "port.h"
#include "value.h"

#define SPEC_MAX 4096

char *conf_port_default_name(const char *device)
{
	static const char *const kinds[] = {"af_packet:", "af_xdp:", "tap:"};
	const char *iface = strstr(device, ",iface=");

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t n = strlen(kinds[i]);

		if (strncmp(device, kinds[i], n) == 0 && device[n] && device[n] != ',')
			return strndup(device + n, strcspn(device + n, ","));
	}
	if (iface && iface[7] && iface[7] != ',')
		return strndup(iface + 7, strcspn(iface + 7, ","));
	return strdup(device);
}

/* One more item at the end of a list; NULL: out of memory. */
static void *add_item(void *field, size_t size)
{
	struct conf_array a = conf_array_get(field);
	char *items = realloc(a.items, (a.count + 1) * size);

	if (!items)
		return NULL;
	memset(items + a.count * size, 0, size);
	conf_array_set(field, items, a.count + 1);
	return items + a.count * size;
}

static int set(const struct conf_key *key, const char *word, const char *text, bool plain,
	       void *field, struct el_error *err)
{
	struct conf_scalar s = {.text = text, .len = strlen(text), .plain = plain};
	struct el_error why;
	int rc = conf_value_set(key, &s, field, &why);

	return rc == -EINVAL ? el_error_set(err, rc, "%s: %s", word, why.text) : rc;
}

static int add_to_list(struct el_conf_port *port, const char *list, const char *word,
		       const char *text, struct el_error *err)
{
	const struct conf_key *key = conf_map_key(&conf_port_map, list);
	void *item;

	if (conf_array_get(conf_field(key, port)).count >= key->max)
		return el_error_set(err, -EINVAL, "%s: more than %.0f of them", word, key->max);
	item = add_item(conf_field(key, port), key->item->size);
	return item ? set(key->item, word, text, false, item, err) : -ENOMEM;
}

static int add_route(struct el_conf_port *port, char *text, struct el_error *err)
{
	const struct conf_key *key = conf_map_key(&conf_port_map, "routes");
	const struct conf_map *map = key->item->map;
	char *via = strchr(text, '>');
	struct el_conf_route *r;
	int rc;

	if (!via)
		return el_error_set(err, -EINVAL, "route: expected PREFIX>NEXTHOP, got \"%s\"",
				    text);
	*via++ = '\0';
	r = add_item(conf_field(key, port), key->item->size);
	if (!r)
		return -ENOMEM;
	rc = set(conf_map_key(map, "to"), "route", text, false, &r->to, err);
	if (rc == 0)
		rc = set(conf_map_key(map, "via"), "route", via, false, &r->via, err);
	if (rc == 0 && r->to.ip.family != r->via.family)
		return el_error_set(err, -EINVAL,
				    "route: the next hop and the prefix are of different families");
	r->to = el_prefix_network(&r->to);
	return rc;
}

/* Keys that may stand once; those that may be repeated. */
static const char *const singles[] = {"name",      "profile", "vlan", "outer_vlan", "dad",
				      "accept_ra", "ping",    "mtu",  "checksum"};
static const char *const lists[] = {"address", "gateway", "route"};
#define SINGLES (sizeof(singles) / sizeof(singles[0]))
#define KEYS (SINGLES + sizeof(lists) / sizeof(lists[0]))

/* True if `key` and `known` differ by one letter: an EAL device's own keys do not come that near.
 */
static bool is_misspelt(const char *key, const char *known)
{
	size_t n = strlen(key), m = strlen(known), same = 0;

	while (key[same] && key[same] == known[same])
		same++;
	if (n == m)
		return n > 3 && same < n && strcmp(key + same + 1, known + same + 1) == 0;
	if (n == m + 1)
		return m > 3 && strcmp(key + same + 1, known + same) == 0;
	return m == n + 1 && n > 3 && strcmp(key + same, known + same + 1) == 0;
}

/* A word whose key is none of ours: an EAL device may have keys of its own, other devices have
 * none. */
static int unknown_word(const char *word, size_t place, bool eal, struct el_error *err)
{
	const char *known[KEYS], *nearest;
	char key[64], shown[160], all[128];
	struct el_str k = EL_STR_INIT(key), list = EL_STR_INIT(all);
	bool misspelt = false;

	el_str_addn(&k, word, strcspn(word, "="));
	for (size_t i = 0; i < KEYS; i++) {
		known[i] = i < SINGLES ? singles[i] : lists[i - SINGLES];
		misspelt |= is_misspelt(key, known[i]);
		el_str_addf(&list, "%s%s", i == 0 ? "" : i + 1 < KEYS ? ", " : " or ", known[i]);
	}
	if (eal && !misspelt)
		return 0;
	conf_escape(word, strlen(word), 48, shown, sizeof(shown));
	if (!strchr(word, '='))
		return el_error_set(err, -EINVAL,
				    "character %zu: expected KEY=VALUE, KEY being %s, got \"%s\"",
				    place, all, shown);
	nearest = el_nearest(key, known, KEYS);
	conf_escape(key, strlen(key), 48, shown, sizeof(shown));
	if (nearest)
		return el_error_set(err, -EINVAL,
				    "character %zu: unknown key \"%s\"; did you mean \"%s\"?",
				    place, shown, nearest);
	return el_error_set(err, -EINVAL, "character %zu: unknown key \"%s\"; expected %s", place,
			    shown, all);
}

/* One word between commas, which is a setting of ours, or else belongs to the device. */
static int take_word(struct el_conf_port *port, char *word, size_t place, bool eal,
		     struct el_str *device, struct el_error *err)
{
	char *text = strchr(word, '=');
	size_t n = text ? (size_t)(text - word) : 0;
	int rc;

	for (size_t i = 0; i < SINGLES; i++) {
		const struct conf_key *key = conf_map_key(&conf_port_map, singles[i]);

		if (n == strlen(singles[i]) && strncmp(word, singles[i], n) == 0) {
			if (!text[1])
				return el_error_set(err, -EINVAL, "%s: nothing after \"=\"",
						    singles[i]);
			return set(key, singles[i], text + 1,
				   key->kind == CONF_INT || key->kind == CONF_BOOL,
				   conf_field(key, port), err);
		}
	}
	if (n && strncmp(word, "address", n) == 0 && n == 7)
		return add_to_list(port, "addresses", "address", text + 1, err);
	if (n && strncmp(word, "gateway", n) == 0 && n == 7)
		return add_to_list(port, "gateways", "gateway", text + 1, err);
	if (n && strncmp(word, "route", n) == 0 && n == 5)
		return add_route(port, text + 1, err);
	rc = unknown_word(word, place, eal, err);
	if (rc == 0)
		el_str_addf(device, ",%s", word);
	return rc;
}

/* Takes the words apart; the device's are in `device` then, with the commas between them. */
static int take_words(struct el_conf_port *port, char *words, const char *spec,
		      struct el_str *device, struct el_error *err)
{
	char *rest = words, *word = strsep(&rest, ",");
	struct el_device first;
	int rc;

	if (!word[0] || strchr(word, '='))
		return el_error_set(err, -EINVAL,
				    "expected a device first, such as af_packet:eth1, got \"%s\"",
				    spec);
	rc = el_device_parse(word, &first, err);
	el_str_add(device, word);
	while (rc == 0 && (word = strsep(&rest, ",")))
		rc = take_word(port, word, (size_t)(word - words) + 1, first.kind == EL_DEVICE_EAL,
			       device, err);
	return rc ? rc : el_device_parse(device->buf, &first, err);
}

/* What the keys together must be, as conf_check_port has it of the file's. */
static int check_spec(const struct el_conf_port *port, struct el_error *err)
{
	struct el_error why;

	if (port->mtu && port->mtu < 68)
		return el_error_set(err, -EINVAL, "mtu: expected 0 or at least 68, got %u",
				    port->mtu);
	if (port->outer_vlan && !port->vlan)
		return el_error_set(err, -EINVAL, "outer_vlan: %s", CONF_OUTER_ALONE);
	if (conf_port_check_profile(port, &why) < 0)
		return el_error_set(err, -EINVAL, "profile: %s", why.text);
	for (size_t i = 0; i < port->n_addresses; i++)
		if (conf_port_check_address(port, i, &why) < 0)
			return el_error_set(err, -EINVAL, "address: %s", why.text);
	for (size_t i = 0; i < port->n_gateways; i++)
		if (conf_port_check_next_hop(port, &port->gateways[i], &why) < 0)
			return el_error_set(err, -EINVAL, "gateway: %s", why.text);
	for (size_t i = 0; i < port->n_routes; i++)
		if (conf_port_check_next_hop(port, &port->routes[i].via, &why) < 0)
			return el_error_set(err, -EINVAL, "route: %s", why.text);
	return 0;
}

/* A configuration file could not say anything else. */
static int check_text(const char *spec, struct el_error *err)
{
	const unsigned char *p = (const unsigned char *)spec;
	size_t len = strlen(spec), n;
	uint32_t code;

	for (size_t i = 0; i < len; i += n) {
		n = conf_utf8_decode(p + i, len - i, &code);
		if (!n)
			return el_error_set(err, -EINVAL,
					    "character %zu: expected UTF-8, got byte 0x%02x", i + 1,
					    p[i]);
	}
	return 0;
}

static int parse_spec(struct el_conf_port *port, const char *spec, struct el_error *err)
{
	char words[SPEC_MAX], device[SPEC_MAX];
	struct el_str copy, out;
	struct el_error why;
	int rc;

	el_str_init(&copy, words, sizeof(words));
	el_str_init(&out, device, sizeof(device));
	el_str_add(&copy, spec);
	if (copy.truncated)
		return el_error_set(err, -EINVAL, "a port of more than %d characters",
				    SPEC_MAX - 1);
	rc = check_text(spec, err);
	if (rc == 0)
		rc = take_words(port, words, spec, &out, err);
	if (rc == 0)
		rc = check_spec(port, err);
	if (rc < 0)
		return rc;
	port->device = strdup(device);
	if (conf_port_check_advertised(port, &why) < 0)
		return el_error_set(err, -EINVAL, "accept_ra: %s", why.text);
	return port->device ? 0 : -ENOMEM;
}

/* Gives a port a name, where it has none: that of the port whose device and VLANs it has, else the
 * default. */
static int name_it(struct el_conf_port *port, const struct el_conf_port *ports, size_t n)
{
	size_t same = conf_link_find(ports, n, port);

	if (!port->name)
		port->name =
		    same < n ? strdup(ports[same].name) : conf_link_default_name(ports, n, port);
	return port->name ? 0 : -ENOMEM;
}

int el_conf_add_port(struct el_conf *conf, const char *spec, struct el_error *err)
{
	const struct conf_key *ports =
	    conf_map_key(conf_map_key(&conf_root_map, "dataplane")->map, "ports");
	struct el_conf_dataplane *d = &conf->dataplane;
	struct el_conf_port port = {0};
	const char *key = NULL;
	struct el_error why;
	size_t place = 0;
	int rc = conf_defaults_set(&conf_port_map, &port);

	if (rc == 0)
		rc = parse_spec(&port, spec, err);
	if (rc == 0)
		rc = name_it(&port, d->ports, d->n_ports);
	while (rc == 0 && place < d->n_ports && strcmp(d->ports[place].name, port.name) != 0)
		place++;
	if (rc == 0 && conf_link_check(d->ports, d->n_ports, place, &port, &key, &why) < 0)
		rc =
		    el_error_set(err, -EINVAL, "%s%s%s", key ? key : "", key ? ": " : "", why.text);
	if (rc == 0 && place == d->n_ports && d->n_ports >= ports->max)
		rc = el_error_set(err, -EINVAL, "more than %.0f ports", ports->max);
	if (rc == 0 && place == d->n_ports && !add_item(conf_field(ports, d), sizeof(port)))
		rc = -ENOMEM;
	if (rc < 0) {
		conf_map_release(&conf_port_map, &port);
		return rc;
	}
	conf_map_release(&conf_port_map, &d->ports[place]);
	d->ports[place] = port;
	return 0;
}
