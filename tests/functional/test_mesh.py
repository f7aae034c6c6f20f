# SPDX-License-Identifier: BSD-3-Clause
"""A mesh as scripts/mesh configures it: three echolanes that probe each other, and a Prometheus with the matrix.

What scripts/mesh makes of an inventory is in tests/unit/check_mesh.py."""
import itertools
import signal
import statistics
import time

import packets
from harness import alone, assert_equal, time_limit, wait_until
from mesh_net import DELAY_S, SITES, Mesh, MeshNet
from meshlib import appliance, schedule

TYPES = """  ICMPping: {nb_packets: 10}
  TCPsyn: {nb_packets: 10}
  UDPunreachable: {nb_packets: 10}
  STAMP: {nb_packets: 10}"""
PROTOCOLS = {"ICMPping": (packets.ICMP, packets.ICMPV6), "TCPsyn": (packets.TCP,), "UDPunreachable": (packets.UDP,),
             "STAMP": (packets.UDP,)}
FAMILIES = ("icmp", "tcpsyn", "udp_unreachable", "stamp")
CELLS = sorted((f"a{a}", f"a{b}") for a, b in itertools.permutations(SITES, 2))
ONE, OTHER = ("a1", "a2"), ("a2", "a1")    # the two ends of the link that is disturbed


def wait_for_cells(mesh, expression, expected, tolerance=1e-6, timeout_s=20, cells=CELLS):
    """Until the matrix has exactly these cells, with these values. expected: by cell, None standing for all others."""
    have = {}

    def look():
        have.clear()
        have.update(mesh.value_of_cells(expression))
        return sorted(have) == list(cells) and all(abs(have[cell] - expected.get(cell, expected[None])) <= tolerance
                                                   for cell in cells)
    try:
        wait_until(look, timeout_s, f"{expression} to be {expected}")
    except AssertionError as error:
        raise AssertionError(f"{error}; it is {have}") from None


def wait_two_rounds(mesh):
    """Until each appliance has published two whole rounds that began after now; one is being sent, and one may be
    waiting for its answers."""
    before = {n: mesh.rounds(n) for n in SITES}
    wait_until(lambda: all(mesh.rounds(n) >= before[n] + 4 for n in SITES), 15, "two whole rounds")


def assert_quiet(mesh, since, cells=CELLS):
    """In all of that time none of these cells lost anything."""
    worst = mesh.value_of_cells(f"max_over_time(mesh:loss:ratio[{int(time.monotonic() - since) + 1}s])")
    assert_equal({cell: worst[cell] for cell in cells}, dict.fromkeys(cells, 0.0), "loss meanwhile")


def places_in_schedule(inventory, each, probes):
    """By how much each probe that was seen left later than the schedule has it, s; None where the order is another."""
    ((start, step, order),) = schedule.places(inventory, each)
    turn = [(str(address), PROTOCOLS[kind]) for _, kind, _, address in appliance.targets(inventory, each)]
    found = []
    for first in range(len(order)):
        at = [(first + i) % len(order) for i in range(len(probes))]
        if all(p.dst == turn[k % len(turn)][0] and p.protocol in turn[k % len(turn)][1] for k, p in zip(at, probes)):
            # half an interval before to half an interval after
            found.append([(p.time - start - k * step + 0.5) % inventory.interval_s - 0.5 for k, p in zip(at, probes)])
    return min(found, key=lambda late: abs(statistics.median(late))) if found else None


def check_schedule(lab, mesh):
    """What the three send is what schedule.py says, from the beginning of a round by the clock of the day on."""
    captures = [lab.capture(f"r{n}", "lan", f"src host 10.0.{n}.10 or src host 2001:db8:{n}::10").__enter__() for n in SITES]
    wait_two_rounds(mesh)
    for each, capture in zip(mesh.inventory.appliances, captures):
        # the probes go on: the last ones need not be in it
        capture.process.send_signal(signal.SIGINT)
        capture.process.wait(10)
        own = {str(address.ip) for address in each.addresses}
        probes = [p for p in capture.read() if p.src in own and packets.is_probe(p, p.src)
                  and not p.flags & packets.ACK and p.sport != 862]    # nor its answers: SYN/ACKs, STAMP
        assert len(probes) > 240, f"{len(probes)} probes of {each.name}"
        late = places_in_schedule(mesh.inventory, each, probes)
        assert late, f"probes of {each.name} leave in another order: {[(p.dst, p.protocol) for p in probes[:30]]}"
        # where a core was busy with something else some are late, and none is early
        assert -0.005 < min(late) and abs(statistics.median(late)) < 0.02, \
            f"{each.name}: {min(late):.4f} to {max(late):.4f} s late, median {statistics.median(late):.4f}"


def lost_by_direction(mesh, cell):
    """{direction: STAMP probes lost so far}, over both families."""
    page, (source, to) = mesh.page(int(cell[0][1:])), cell
    return {direction: sum(value for labels, value in page.all("echolane_probes_lost_total", direction=direction)
                           if labels["destination"].startswith(f"s{to[1:]}.{to}."))
            for direction in ("forward", "backward", "unknown")}


def check_directions(mesh, net):
    """What is dropped from r1 to r2 was lost on its way there by a1's probes, and on its way back by a2's: in the
    matrix, and to the packet."""
    # no kernel reflects
    cells = [cell for cell in CELLS if cell[1] != "a3"]
    for cell, port, direction in ((ONE, "dport", "forward"), (OTHER, "sport", "backward")):
        before = {each: lost_by_direction(mesh, each) for each in cells}
        net.drop(f"ip saddr 10.0.1.10 udp {port} 862 numgen inc mod 10 == 0")
        wait_two_rounds(mesh)
        for each in ("forward", "backward"):
            # one in ten of IPv4; a window of some rounds may begin before it
            wait_for_cells(mesh, f'mesh:direction_loss:ratio{{direction="{each}"}}',
                           {cell: 0.05 if each == direction else 0, None: 0}, 0.025, 10, cells)
        dropped = net.restore()
        # what was lost last is told by what is answered after it
        wait_two_rounds(mesh)
        after = {each: lost_by_direction(mesh, each) for each in cells}
        expected = {each: dict(before[each]) for each in cells}
        expected[cell][direction] += dropped
        assert dropped and after[cell] == expected[cell], f"{cell}: {before[cell]}, {dropped} dropped, {after[cell]}"
        assert_equal(after, expected, "lost by direction")


@alone
@time_limit(150)
def test_matrix(lab):
    """One direction of a link is cut, then drops exactly one in ten, then is slow: the cells of its two ends show it,
    no other does, and rounds that began after it have the whole of it."""
    net = MeshNet(lab)
    mesh = Mesh(lab, net, TYPES)
    rest = sorted(set(CELLS) - {ONE, OTHER})
    wait_for_cells(mesh, "mesh:loss:ratio", {None: 0}, timeout_s=40)
    began = time.monotonic()
    rtts = mesh.value_of_cells('mesh:round_trip:seconds{percentile="50"}')
    assert_equal(sorted(rtts), CELLS, "round-trip times")
    assert max(rtts.values()) < DELAY_S / 3, rtts
    check_schedule(lab, mesh)

    net.drop("meta l4proto { icmp, ipv6-icmp, tcp, udp }")
    wait_two_rounds(mesh)
    # requests of the one and answers to the other
    wait_for_cells(mesh, "mesh:loss:ratio", {ONE: 1, OTHER: 1, None: 0}, timeout_s=5)
    assert not {ONE, OTHER} & set(mesh.value_of_cells('mesh:round_trip:seconds{percentile="50"}')), "times of nothing"
    assert_quiet(mesh, began, rest)

    net.restore()
    wait_two_rounds(mesh)
    wait_for_cells(mesh, "mesh:loss:ratio", {None: 0}, timeout_s=5)
    # requests alone: answers to a2 go the same way
    before = {(n, what): sum_of(mesh.page(n), what) for n in (1, 2) for what in ("sent", "loss")}
    net.drop("icmp type echo-request numgen inc mod 10 == 0")
    wait_two_rounds(mesh)
    # 10 of 80 probes of a round are ICMP over IPv4
    wait_for_cells(mesh, "mesh:loss:ratio", {ONE: 1 / 80, None: 0}, timeout_s=5)
    assert_quiet(mesh, began, rest)
    dropped = net.restore()
    wait_two_rounds(mesh)
    wait_for_cells(mesh, "mesh:loss:ratio", {None: 0}, timeout_s=5)
    lost = sum_of(mesh.page(1), "loss") - before[1, "loss"]
    assert dropped and lost == dropped, f"{lost} lost by a1, {dropped} dropped"
    assert_equal(sum_of(mesh.page(2), "loss"), before[2, "loss"], "lost by a2")
    check_directions(mesh, net)

    net.delay()
    wait_two_rounds(mesh)
    wait_for_cells(mesh, 'mesh:round_trip:seconds{percentile="50"}',
                   {ONE: DELAY_S + 0.05, OTHER: DELAY_S + 0.05, None: 0.05}, 0.05, 5)
    assert_quiet(mesh, began, rest)
    mesh.stop()


def sum_of(page, what):
    """Of all types."""
    return sum(page.sum(f"{family}_{what}_total", group="g") for family in FAMILIES)
