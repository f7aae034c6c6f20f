/* SPDX-License-Identifier: BSD-3-Clause */
/* The keys below `stamp` of a target. */
#include "schema.h"

/* Those of a target of another type have no effect, and must not be given. */
static bool is_stamp(const void *obj)
{
	return ((const struct el_conf_target *)obj)->type == EL_PROBE_STAMP;
}

static const struct conf_key stamp_keys[] = {
    {.name = "mode",
     .kind = CONF_ENUM,
     FIELD(el_conf_target, stamp.mode),
     .words = conf_stamp_modes,
     .def = "open",
     .help = "whether requests are signed, and replies have to be"},
    {.name = "key_file",
     .kind = CONF_STR,
     FIELD(el_conf_target, stamp.key_file),
     .what = "a file",
     .def_text = "none",
     .help = "file with the key that packets are signed with, or their TLVs where the mode is "
	     "open; read at the start and at each reload; not for targets of inventories"},
    {.name = "timestamps",
     .kind = CONF_ENUM,
     FIELD(el_conf_target, stamp.timestamps),
     .words = conf_stamp_timestamps,
     .def = "ntp",
     .help = "format of our own timestamps; the reflector's is its own"},
    {.name = "class_of_service",
     .kind = CONF_INT,
     .unset = true,
     FIELD(el_conf_target, stamp.class_of_service),
     .max = 63,
     .def_text = "the reflector is not asked",
     .help = "DSCP that replies are to have; the reflector says which one the request had"},
    {.name = "direct_measurement",
     .kind = CONF_BOOL,
     FIELD(el_conf_target, stamp.direct_measurement),
     .def = "false",
     .help = "ask the reflector how many packets it has had of the session, and has sent"},
};
const struct conf_map conf_stamp_map = {MAP(stamp_keys), .is_there = is_stamp,
					.check = conf_check_stamp};
