/* SPDX-License-Identifier: BSD-3-Clause */
/* The kernel's addresses. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "el_neigh.h"
#include "el_rtnl.h"

int el_kernel_addresses(unsigned ifindex, struct el_kernel_addresses *ret_addresses,
			struct el_error *err)
{
	struct el_kernel_addresses addresses = {0};
	struct el_rtnl_address *all = NULL;
	struct el_rtnl *rtnl;
	size_t n = 0;
	int r = el_rtnl_open(&rtnl, err);

	if (r < 0)
		return r;
	r = el_rtnl_addresses(rtnl, ifindex, &all, &n);
	el_rtnl_close(rtnl);
	if (r == -ENODEV) /* it is gone, and they with it */
		r = 0;
	if (r == 0)
		addresses.items = malloc((n + 1) * sizeof(*addresses.items));
	if (r == 0 && !addresses.items)
		r = -ENOMEM;
	for (size_t i = 0; r == 0 && i < n; i++)
		if (!all[i].tentative)
			addresses.items[addresses.count++] = all[i].prefix;
	free(all);
	if (r < 0)
		return el_error_set(err, r, "the kernel's addresses can't be read: %s",
				    strerror(-r));
	*ret_addresses = addresses;
	return 0;
}

bool el_kernel_owns(const struct el_kernel_addresses *addresses, const struct el_ip *ip)
{
	for (size_t i = 0; i < addresses->count; i++)
		if (el_ip_equal(&addresses->items[i].ip, ip))
			return true;
	return false;
}
