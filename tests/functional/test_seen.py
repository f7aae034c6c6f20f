# SPDX-License-Identifier: BSD-3-Clause
"""Nothing that is configured is missing from the page, whether it is probed or not; and who stands still says so."""
import json
import threading

from harness import HOST1, HOST2, HOST3, PROBER, assert_equal, config, icmp, tcp, udp, wait_until
from stopped_thread import StoppedThread, threads
from test_inventory import FOREVER, Directory

GROUPS = {"standard": {}, "second": {"src_port_a": 50000, "src_port_z": 50009},
          "asked": {"permit_target_auto_register": False}}


def groups_of(target, groups):
    """The groups that a target is configured to be in; [""]: in none."""
    explicit = target.get("explicit_groups", {})
    automatic = target.get("auto_register_to_groups", "groups" not in target)
    names = [name for name, group in groups.items() if automatic and group.get("permit_target_auto_register", True)]
    names += [*explicit.get("register_to", []), *target.get("groups", [])]
    names = [name for name in names if name not in explicit.get("exclude_from", [])]
    return names or [""]


def configured(targets, groups):
    """The series of (name, target) pairs."""
    return {(name, group, target.get("address_family", "ipv4"))
            for name, target in targets for group in groups_of(target, groups)}


def on_page(page):
    """Series by whether they are probed."""
    return {(labels["destination"], labels["group"], labels["address_family"]): value
            for labels, value in page.all("echolane_target_probed")}


def reasons(page):
    return {labels["reason"]: value for labels, value in page.all("echolane_targets_not_probed") if value}


def assert_all_seen(page, targets, groups, probed):
    """Each configured series is there and no other; 1 for those of the targets `probed`."""
    seen, expected = on_page(page), configured(targets, groups)
    assert_equal((sorted(expected - set(seen)), sorted(set(seen) - expected)), ([], []), "missing, not configured")
    wrong = {series: value for series, value in seen.items() if value != (series in configured(probed, groups))}
    assert not wrong, f"probed or not: {wrong}"


def with_repeated_names(conf, targets):
    """The configuration's text with these (name, target) pairs, in order."""
    text = json.dumps({**conf, "targets": {}})
    pairs = ", ".join(f"{json.dumps(name)}: {json.dumps(target)}" for name, target in targets)
    return text.replace('"targets": {}', f'"targets": {{{pairs}}}')


V6 = {"address_family": "ipv6"}
PROBED = [("icmp", icmp(HOST1, 10)), ("tcp", tcp(HOST2, 443, 10, explicit_groups={"register_to": ["asked"]})),
          ("udp", udp(HOST3, 33434, 10, explicit_groups={"exclude_from": ["second"]})),
          ("again", icmp(HOST1, 10))]
NOT_PROBED = [
    ("named", icmp("nobody.test", 10)), ("named6", icmp("nobody.test", 10, **V6)),
    ("unrouted", icmp("2001:db8:1::10", 10, **V6)), ("unrouted_tcp", tcp("2001:db8:1::10", 443, 10, **V6)),
    ("own", icmp(PROBER, 10)),
    ("long", icmp(HOST1, 10, ip_payload_size=3000)),
    ("alone", icmp(HOST1, 10, auto_register_to_groups=False)),
    ("excluded", icmp(HOST1, 10, explicit_groups={"exclude_from": ["standard", "second"]})),
    ("misspelt", icmp(HOST1, 10, auto_register_to_groups=False, explicit_groups={"register_to": ["standart"]})),
]
# The last of a name counts: this one of another family and in one group more is not probed.
REPEATED = [("again", icmp("2001:db8:1::10", 10, explicit_groups={"register_to": ["asked"]}, **V6))]
REASONS = {"unresolved": 2, "no_route": 2, "own_address": 1, "too_long": 1, "no_group": 3, "repeated_name": 1}


def test_first_page(lab):
    """The first page that there is has all series of the file."""
    lab.etc("prober", "resolv.conf", "nameserver 127.0.0.1\n")
    targets = REPEATED + PROBED + NOT_PROBED
    prober = lab.start(with_repeated_names(config({}, GROUPS), targets))
    page = wait_until(prober.metrics, 20, "the first page")
    assert_all_seen(page, targets, GROUPS, PROBED)
    assert_equal(reasons(page), REASONS, "targets not probed")
    page = prober.wait_for(lambda m: m.one("echolane_rounds_completed_total") >= 2, "two rounds")
    assert_all_seen(page, targets, GROUPS, PROBED)
    assert_equal(reasons(page), REASONS, "targets not probed")
    prober.stop()


def test_inventories(lab):
    """What inventories deliver is there, too, and what clashes with them; and goes with the list."""
    lab.etc("prober", "resolv.conf", "nameserver 127.0.0.1\n")
    delivered = [(f"rack_{name}", {**target, "groups": groups}) for (name, target), groups in [
        (("good", icmp(HOST1, 10)), ["standard"]),
        (("named", icmp("nobody.test", 10)), ["standard", "asked"]),
        (("unrouted", icmp("2001:db8:1::10", 10, **V6)), ["asked"]),
        (("long", icmp(HOST1, 10, ip_payload_size=3000)), ["standard"]),
        (("nowhere", icmp(HOST1, 10)), ["standart"]),
        (("fixed", icmp(HOST1, 10)), ["second"])]]
    directory = Directory(lab)
    document = json.dumps([{**target, "hostname": name.removeprefix("rack_")} for name, target in delivered])
    directory.add("rack", f"""
        echo '{document}'
        while [ ! -e ../go ]; do sleep 0.1; done
        echo '[]'
        {FOREVER}""")
    own = [("rack_fixed", icmp(HOST2, 10)), *PROBED[:1]]
    prober = lab.start(directory.conf(dict(own), GROUPS))
    targets = own + delivered
    page = prober.wait_for(lambda m: ("rack_good", "standard", "ipv4") in on_page(m), "the inventory's list")
    assert_all_seen(page, targets, GROUPS, [delivered[0], delivered[-1], own[1]])
    assert_equal(reasons(page), {"unresolved": 1, "no_route": 1, "too_long": 1, "no_group": 1, "repeated_name": 1},
                 "targets not probed")
    (lab.directory / "go").touch()
    page = prober.wait_for(lambda m: ("rack_good", "standard", "ipv4") not in on_page(m), "the empty list")
    assert_all_seen(page, own, GROUPS, own)
    prober.stop()


def test_nothing_is_probed(lab):
    """Not ready, with the reasons; ready once something is probed, though others are not."""
    lab.etc("prober", "resolv.conf", "nameserver 127.0.0.1\n")
    conf = config(dict(NOT_PROBED), GROUPS)
    prober = lab.start(conf)
    wait_until(prober.metrics, 20, "the first page")
    prober.wait_for(lambda m: m.one("echolane_rounds_completed_total") >= 2, "two rounds")
    said = "nothing is probed: 3 no_group, 2 unresolved, 1 own_address, 2 no_route, 1 too_long\n"
    assert_equal(prober.get("/-/ready"), (503, said), "/-/ready")
    assert_equal(prober.get("/-/healthy"), (200, "healthy\n"), "/-/healthy")
    conf["targets"] = {}
    assert prober.reload(conf), prober.stderr
    wait_until(lambda: prober.get("/-/ready") == (503, "nothing is probed: there are no targets\n"), 10, "no targets")
    conf["targets"] = dict(PROBED + NOT_PROBED)
    assert prober.reload(conf), prober.stderr
    wait_until(lambda: prober.get("/-/ready") == (200, "ready\n"), 20, "something to be probed")
    prober.stop()


def test_a_worker_stands_still(lab):
    """Not healthy while it does, and healthy again afterwards."""
    prober = lab.start(config({"icmp": icmp(HOST1, 10)}))
    prober.wait_for(lambda m: m.one("echolane_rounds_completed_total") >= 1, "a round")
    workers = [thread for thread, name in threads(prober.process.pid).items() if "worker" in name]
    assert_equal(len(workers), 1, "workers")
    with StoppedThread(workers[0]):
        status, said = wait_until(lambda: (answer := prober.get("/-/healthy"))[0] != 200 and answer, 20, "the worker")
        assert status == 503 and said.startswith("worker 0 stands still since "), f"{status}: {said}"
    wait_until(lambda: prober.get("/-/healthy") == (200, "healthy\n"), 20, "the worker to go on")
    prober.stop()


def test_control_stands_still(lab):
    """Nobody gets an answer while it does; afterwards workers are not blamed for it."""
    prober = lab.start(config({"icmp": icmp(HOST1, 10)}))
    prober.wait_for(lambda m: m.one("echolane_rounds_completed_total") >= 1, "a round")
    waiting = []
    with StoppedThread(prober.process.pid):
        assert_equal(prober.get("/-/healthy"), (0, ""), "an answer")
        # longer than a worker may stand still: one who waits on gets the answer of the first moment afterwards
        thread = threading.Thread(target=lambda: waiting.append(prober.get("/-/healthy", "-m", "60")))
        thread.start()
        thread.join(6)
        assert thread.is_alive() and not waiting, f"an answer: {waiting}"
    thread.join(30)
    assert_equal(waiting, [(200, "healthy\n")], "the answer")
    prober.stop()
