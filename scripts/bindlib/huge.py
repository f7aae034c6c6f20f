# SPDX-License-Identifier: BSD-3-Clause
"""Huge pages: set aside now and at each boot, and given back."""
import json
import re

from .machine import Refused

STATE = "/var/lib/echolane/bind/hugepages.json"
HUGE = "/sys/kernel/mm/hugepages"
HUGE_FILE = "/etc/tmpfiles.d/echolane-hugepages.conf"
SPARE_KIB = 512 * 1024  # of the memory that is available, what huge pages are not made of


def sizes_of(machine):
    """Page sizes in KiB to the folders of their numbers."""
    found = [re.fullmatch(r"hugepages-(\d+)kB", name) for name in machine.list(HUGE)]
    return {int(m[1]): f"{HUGE}/{m[0]}" for m in found if m}


def meminfo(machine, key):
    m = re.search(rf"^{key}:\s+(\d+)", machine.read("/proc/meminfo"), re.MULTILINE)
    return int(m[1]) if m else 0


def is_sound(record):
    return isinstance(record["before"], int) and isinstance(record["ours"], int)


def remembered(machine):
    """Page sizes in KiB to how many there were before, and how many were set; of an older version, which remembered the
    former alone, what is set at each boot."""
    state = machine.recall(STATE, lambda state: all(size.isdecimal() and (isinstance(r, int) or is_sound(r))
                                                 for size, r in state.items())) or {}
    for size, record in state.items():
        if isinstance(record, int):
            number = f"{HUGE}/hugepages-{size}kB/nr_hugepages"
            kept = re.search(rf"^w {number} - - - - (\d+)", machine.read(HUGE_FILE, ""), re.MULTILINE)
            state[size] = {"before": record, "ours": int(kept[1] if kept else machine.read(number, "0"))}
    return state


def reserve(machine, options):
    sizes = sizes_of(machine)
    size = {"2M": 2048, "1G": 1048576}.get(options.page_size) or meminfo(machine, "Hugepagesize")
    if size not in sizes:
        raise Refused(f"this kernel has no huge pages of {options.page_size or 'any size'}")
    number = f"{sizes[size]}/nr_hugepages"
    before, wanted = int(machine.read(number, "0")), -(-options.mib * 1024 // size)
    if before >= wanted:
        machine.say(f"there are {before} huge pages of {size} KiB already")
        wanted = before
    elif (wanted - before) * size > meminfo(machine, "MemAvailable") - SPARE_KIB:
        raise Refused(f"{wanted - before} more huge pages of {size} KiB would leave the machine less than {SPARE_KIB // 1024} "
                      f"MiB of the {meminfo(machine, 'MemAvailable') // 1024} MiB that are available")
    state = remembered(machine)
    record = state.get(str(size))
    first = record["before"] if record and record["ours"] == before else before  # else somebody has set them since
    state[str(size)] = {"before": first, "ours": wanted}
    machine.save(STATE, json.dumps(state) + "\n")
    if wanted > before:
        machine.write(number, str(wanted))
    now = wanted if machine.dry_run else int(machine.read(number, "0"))
    if now < wanted:
        machine.write(number, str(before))
        state[str(size)]["ours"] = before
        machine.save(STATE, json.dumps(state) + "\n")
        raise Refused(f"the kernel finds memory for {now} huge pages of {size} KiB only, {wanted} are wanted: set them aside at "
                      f"boot (kernel command line: hugepagesz={size}K hugepages={wanted})")
    if not options.no_persist:
        machine.save(HUGE_FILE, "# made by echolane-bind\n" + "".join(
            f"w {sizes[int(s)]}/nr_hugepages - - - - {state[s]['ours']}\n" for s in sorted(state) if int(s) in sizes))
    if not machine.dry_run:
        machine.say(f"{now} huge pages of {size} KiB, {int(machine.read(sizes[size] + '/free_hugepages', '0'))} of them free")
    if " hugetlbfs " not in machine.read("/proc/mounts"):
        machine.say("no hugetlbfs is mounted: mount -t hugetlbfs none /dev/hugepages")
    return 0


def undo(machine):
    state = remembered(machine)
    for size, folder in sizes_of(machine).items():
        record, now = state.get(str(size)), int(machine.read(f"{folder}/nr_hugepages", "0"))
        if record and record["ours"] != now:
            machine.say(f"huge pages of {size} KiB: {now}, left as they are: {record['ours']} were set here")
        elif record:
            machine.write(f"{folder}/nr_hugepages", str(record["before"]))
            machine.say(f"huge pages of {size} KiB: {record['before']}, as before")
    if state:
        machine.remove(HUGE_FILE)
        machine.remove(STATE)
