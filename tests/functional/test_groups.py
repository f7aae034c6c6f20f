# SPDX-License-Identifier: BSD-3-Clause
"""Groups: where probes come from over IPv6, and the keys of old."""
from harness import HOST1, PORT, assert_equal, assert_loss, config, lab_options, udp
from test_destinations import assert_rotation, probes_to

HOST1_6 = "2001:db8:1::10"


@lab_options(ipv6=True)
def test_ipv6_sources(lab):
    """src_ipv6 and src_subnet_ipv6, on the prober's link, which has to answer for them."""
    groups = {"g": {"src_ipv6": "2001:db8::77", "src_port_a": 50000, "src_port_z": 50001},
              "net": {"src_subnet_ipv6": "2001:db8::aa0/124", "src_port_a": 50000, "src_port_z": 50002,
                      "permit_target_auto_register": False}}
    targets = {"one": udp(HOST1_6, 33434, 4),
               "many": udp(HOST1_6, 33435, 60, auto_register_to_groups=False,
                           explicit_groups={"register_to": ["net"]})}
    with lab.capture("router", "p0", "udp") as capture:
        metrics = lab.rounds(config(targets, groups),
                             port="af_packet:probe0,address=2001:db8::10/64,gateway=2001:db8::1")
    assert_loss(metrics, "one", 4)
    assert_loss(metrics, "many", 60, group="net")
    assert_equal(probes_to(capture, 33434), [("2001:db8::77", 50000 + i % 2) for i in range(4)], "sources")
    assert_rotation(probes_to(capture, 33435), "2001:db8::aa0/124", 60, 50000, 3)


def test_src_ip(lab):
    """src_ip is an older name of src_ipv4, which wins."""
    groups = {"old": {"src_ip": "192.0.2.21"}, "both": {"src_ip": "192.0.2.22", "src_ipv4": "192.0.2.23"}}
    with lab.capture("router", "p0", "udp") as capture:
        metrics = lab.rounds(config({"udp": udp(HOST1, 33434, 5)}, groups), port=PORT)
    for group in groups:
        assert_loss(metrics, "udp", 5, group=group)
    assert_equal({source for source, _ in probes_to(capture, 33434)}, {"192.0.2.21", "192.0.2.23"}, "sources")
