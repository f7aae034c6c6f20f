# SPDX-License-Identifier: BSD-3-Clause
"""What `check` says would not be probed is what is not probed then; it opens no port, and needs no rights."""
import re

from harness import GATEWAY, HOST1, HOST2, PORT, PROBER, assert_equal, config, icmp, wait_until
from test_resources import as_nobody
from test_seen import GROUPS, NOT_PROBED, PROBED, REPEATED, V6, on_page, reasons, with_repeated_names

LINE = re.compile(r"^warning: \S+: target (\S+) is not probed(?: in full)?(?: in group (\S+))? \((ipv[46])\): (\w+): (\S.*)$")


def check(lab, path, port=PORT):
    """What check says, by somebody without any rights: {(target, group, family): reason}, other lines, output."""
    done = lab.run("prober", [*as_nobody(lab), lab.echolane, "check", "--port", port, path], check=False)
    assert_equal(done.returncode, 0, f"exit status ({done.stderr})")
    said, others = {}, []
    for line in done.stderr.splitlines():
        match = LINE.match(line)
        if match:
            target, group, family, reason, _ = match.groups()
            assert (target, group or "", family) not in said, f"twice: {line}"
            said[target, group or "", family] = reason
        else:
            others.append(line)
    return said, others, done.stdout


def counts(said):
    """How many targets there are by reason."""
    targets = {(target, reason) for (target, _, _), reason in said.items()}
    return {reason: sum(1 for _, other in targets if other == reason) for _, reason in targets}


def test_as_it_is_then(lab):
    """The same series for the same reasons as on the page, names apart: they are not asked for."""
    lab.etc("prober", "resolv.conf", "nameserver 127.0.0.1\n")
    conf = with_repeated_names(config({}, GROUPS), REPEATED + PROBED + NOT_PROBED)
    prober = lab.start(conf)
    page = wait_until(prober.metrics, 20, "the first page")
    said, _, output = check(lab, prober.config)
    series = on_page(page)
    named = {key for key in series if key[0].startswith("named")}
    assert_equal(set(said), {key for key, value in series.items() if not value} - named, "series that are not probed")
    assert_equal({"unresolved": 2, **counts(said)}, reasons(page), "reasons")
    assert f"{len(series)} series, {len(said)} of them not probed" in output, output
    prober.stop()


def test_what_the_kernel_has(lab):
    """Addresses and routes of an interface that the kernel has addresses on."""
    targets = {"near": icmp(GATEWAY, 1), "far": icmp(HOST1, 1), "other": icmp(HOST2, 1), "six": icmp("2001:db8::1", 1, **V6),
               "name": icmp("nobody.test", 1), "long": icmp(GATEWAY, 1, ip_payload_size=1400)}
    path = lab.write_config(config(targets))
    port = "af_packet:probe0"

    def assert_said(expected, *other):  # by `port`
        said, others, _ = check(lab, path, port)
        assert_equal({target: reason for (target, _, _), reason in said.items()}, expected, "not probed")
        wrong = [line for line in others if not any(text in line for text in other)]
        assert (len(others), wrong) == (len(other), []), f"also: {others}"
    nothing = dict.fromkeys(("near", "far", "other", "six", "long"), "no_route")
    assert_said(nothing)
    lab.ip("prober", "route", "add", "192.0.2.0/24", "dev", "probe0")
    assert_said({**nothing, "near": "no_source_address", "long": "no_source_address"})
    lab.ip("prober", "route", "del", "192.0.2.0/24", "dev", "probe0")
    lab.ip("prober", "address", "add", f"{PROBER}/24", "dev", "probe0")
    assert_said({"far": "no_route", "other": "no_route", "six": "no_route"})
    lab.ip("prober", "route", "add", HOST1, "via", GATEWAY)
    assert_said({"other": "no_route", "six": "no_route"})
    lab.ip("prober", "route", "add", "default", "via", GATEWAY)
    assert_said({"six": "no_route"})
    lab.ip("prober", "route", "add", "prohibit", HOST2)
    assert_said({"six": "no_route", "other": "no_route"})
    lab.ip("prober", "link", "set", "probe0", "mtu", "1300")
    assert_said({"six": "no_route", "other": "no_route", "long": "too_long"})
    lab.ip("prober", "link", "set", "probe0", "down")
    assert_said(nothing, "the link of probe0 is down")
    # not of this machine: what it would do can't be known
    port = "af_packet:probe9"
    assert_said({}, "this machine has no interface probe9")
