# SPDX-License-Identifier: BSD-3-Clause
"""The command line: sub-commands, exit statuses, what is printed where, a clean end."""
import os
import pathlib
import re
import signal

from harness import HOST1, PORT, TOP, assert_equal, assert_loss, config, icmp, wait_until
from metrics import Metrics

LOCATED = re.compile(r"^.*config\.\d+\.yaml:\d+:\d+: ")


def assert_one_sentence(prober, status, *words):
    assert_equal(prober.process.returncode, status, f"exit status ({prober.stderr})")
    assert_equal(prober.stdout, "", "standard output")
    lines = [line for line in prober.stderr.splitlines() if line != 'Try "echolane --help".']
    assert len(lines) == 1, f"one line was expected on standard error: {lines}"
    assert "EAL" not in lines[0] and "ETHDEV" not in lines[0], lines[0]
    for word in words:
        assert word in lines[0], f"{word!r} is not in {lines[0]!r}"


def test_help_and_version(lab):
    helped = lab.invoke("--help")
    assert_equal(helped.process.returncode, 0, "exit status")
    for word in ("check", "run", "--port", "--rounds", "--print-metrics", "--version"):
        assert word in helped.stdout, f"{word} is not in the help"
    version = lab.invoke("--version")
    assert_equal(version.process.returncode, 0, "exit status")
    assert re.search(r"\d+\.\d+\.\d+", version.stdout), version.stdout
    assert_equal(helped.stderr + version.stderr, "", "standard error")


def test_bad_usage(lab):
    conf = lab.write_config(config({"icmp": icmp(HOST1)}))
    assert_one_sentence(lab.invoke("--nonsense"), 64, "--nonsense")
    assert_one_sentence(lab.invoke("run", "--rounds", "many", conf), 64, "many")
    assert_one_sentence(lab.invoke("run", "--rounds"), 64, "--rounds")
    assert_one_sentence(lab.invoke("run", conf, conf), 64)
    assert_one_sentence(lab.invoke("run", "--port", "af_packet:probe0,address=nonsense", conf), 64,
                        "nonsense")
    assert_one_sentence(lab.invoke("top", "--port", "af_packet:probe0"), 64, "top has no option --port")
    assert_one_sentence(lab.invoke("run", "--sort", "loss", conf), 64, "--sort goes with the command top")
    assert_one_sentence(lab.invoke("top", "--sort", "los"), 64, "expected one of loss lost rtt")
    assert_one_sentence(lab.invoke("top", "--once", "--format", "xml"), 64, "expected one of table json csv")
    assert_one_sentence(lab.invoke("top", "--format", "csv"), 64, "--format goes with --once")
    assert_one_sentence(lab.invoke("top", "--once", "--rows", "x"), 64, "--rows: expected a number")
    assert_one_sentence(lab.invoke("top", conf), 64, "top takes no file")


def test_bad_configurations(lab):
    """Every fault in one run, each with its place."""
    conf = config({"web": {"type": "TCPsyn", "destination": HOST1, "dst_port": "htps"},
                   "ping": {"type": "ICMPping", "destination": HOST1, "nb_packet": 3}})
    conf["global"]["logging_level"] = "LOUD"
    for command in ([], ["run"], ["check"]):
        done = lab.invoke(*command, lab.write_config(conf))
        assert_equal(done.process.returncode, 65, "exit status")
        lines = done.stderr.splitlines()
        assert_equal(len(lines), 3, f"lines of {lines}")
        assert all(LOCATED.match(line) for line in lines), lines
        assert "global.logging_level" in lines[0] and "LOUD" in lines[0], lines[0]
        assert 'targets.web.dst_port: expected an integer from 1 to 65535, got "htps"' in lines[1], lines[1]
        assert "nb_packets" in lines[2], f"the nearest key is not named: {lines[2]}"


def test_not_configurations(lab):
    for name, content in (("binary", os.urandom(4096)), ("empty", b""), ("list", b"- a\n- b\n"),
                          ("bomb", b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
                              b"%c: &%c [%s]\n" % (c, c, b",".join([b"*%c" % (c - 1)] * 9))
                              for c in range(ord("b"), ord("m"))))):
        path = lab.directory / f"{name}.yaml"
        path.write_bytes(content)
        done = lab.invoke("check", path)
        assert_equal(done.process.returncode, 65, f"exit status for {name}")
        assert 1 <= len(done.stderr.splitlines()) <= 20, f"{name}: {done.stderr[:500]}"
        assert str(path) in done.stderr, f"{name}: {done.stderr[:500]}"
    huge = lab.directory / "huge.yaml"
    with open(huge, "wb") as file:
        file.truncate(100 << 20)
    assert_one_sentence(lab.invoke("check", huge), 65, "huge.yaml")
    assert_one_sentence(lab.invoke("check", lab.directory), 65, "directory")
    assert_one_sentence(lab.invoke("check", lab.directory / "absent.yaml"), 65, "absent.yaml")


def test_check(lab):
    done = lab.invoke("check", lab.write_config(config({"icmp": icmp(HOST1)})))
    assert_equal(done.process.returncode, 0, "exit status")
    done = lab.invoke("check", TOP / "scripts/quickstart.yaml")
    assert_equal(done.process.returncode, 0, "exit status")
    assert_equal(done.stderr, "", "warnings")


def test_the_readmes_configuration(lab):
    readme = (TOP / "README.md").read_text()
    conf, ports = (next(block for block in re.findall(r"```yaml\n(.*?)```", readme, re.S)
                        if block.startswith(f"{first}:")) for first in ("global", "dataplane"))
    done = lab.invoke("check", lab.write_config(conf + ports.replace("eth1", "probe0")))
    assert_equal((done.process.returncode, done.stderr), (0, ""), "exit status and warnings")


def test_limits_of_a_plan(lab):
    """What no single key shows is an error with numbers, of `check` and of `run`; memory only where it is needed."""
    long = config({"ping": icmp(HOST1, timeout=3600)}, interval=3)
    for command in (["check"], ["run", "--port", PORT]):
        assert_one_sentence(lab.invoke(*command, lab.write_config(long)), 65, "target ping", "3600 s", "every 3 s",
                            "1202 rounds", "more than 1024")
    many = config({"ping": icmp(HOST1, 100000000), "more": icmp(HOST1, 1)})
    assert_one_sentence(lab.invoke("check", lab.write_config(many)), 65, "100000001 probes a round")

    # one round and its figures fit into memory (24 bytes a probe), the records of four (32) do not
    available = int(re.search(r"MemAvailable: +(\d+)", pathlib.Path("/proc/meminfo").read_text())[1]) / 1e6
    n = int(available / 2.8)
    huge = config({f"ping{i}": icmp(HOST1, 100000000, timeout=60) for i in range(n)},
                  dataplane={"max_probes_per_round": n * 100000000, "max_rate_pps": 1000000000000})
    done = lab.invoke("check", lab.write_config(huge))
    assert_equal((done.process.returncode, done.stderr), (0, ""), "exit status and warnings")
    assert f"{n * 3200} MB for the records of 4 rounds" in done.stdout, done.stdout
    assert_one_sentence(lab.invoke("run", "--port", PORT, lab.write_config(huge)), 65,
                        f"the records of 4 rounds of {n * 100000000} probes need")


def test_keys_without_effect(lab):
    """Keys of netprobify's that can't have an effect here give one warning each, never silence."""
    done = lab.invoke("check", lab.write_config(config({"icmp": icmp(HOST1)}, verbose=1,
                                                       l3_raw_socket=True)))
    assert_equal(done.process.returncode, 0, f"exit status ({done.stderr})")
    lines = done.stderr.splitlines()
    for key in ("global.verbose", "global.l3_raw_socket"):
        assert_equal(sum(key in line for line in lines), 1, f"warnings of {key} in {lines}")


def test_port_that_can_not_be_had(lab):
    conf = lab.write_config(config({"icmp": icmp(HOST1)}))
    assert_one_sentence(lab.invoke("run", "--port", "af_packet:absent0,address=192.0.2.10/24", conf), 69,
                        "absent0")
    assert_one_sentence(lab.invoke("run", "--port", "0000:7f:1f.7,address=192.0.2.10/24", conf), 69,
                        "0000:7f:1f.7")


def test_called_as_netprobify(lab):
    """echolane CONFIG, and config.yaml of the working directory without an argument."""
    conf = config({"icmp": icmp(HOST1, 10)},
                  dataplane={"ports": [{"device": "af_packet:probe0", "addresses": ["192.0.2.10/24"],
                                        "gateways": ["192.0.2.1"]}]})
    path = lab.write_config(conf)
    done = lab.invoke(path, "--rounds", "1", "--print-metrics")
    assert_equal(done.process.returncode, 0, f"exit status ({done.stderr})")
    assert_loss(Metrics(done.stdout).check(), "icmp", 10)
    path.rename(lab.directory / "config.yaml")
    done = lab.invoke("--rounds", "1", "--print-metrics")
    assert_equal(done.process.returncode, 0, f"exit status ({done.stderr})")
    assert_loss(Metrics(done.stdout).check(), "icmp", 10)


def test_rounds(lab):
    metrics = lab.rounds(config({"icmp": icmp(HOST1, 10)}), 2)
    assert_loss(metrics, "icmp", 20)


def test_signals_end_it_cleanly(lab):
    """SIGTERM and SIGINT, at work and while it waits for a next hop that never answers."""
    for sent, port in ((signal.SIGTERM, PORT), (signal.SIGINT, PORT),
                       (signal.SIGTERM, "af_packet:probe0,address=192.0.2.10/24,gateway=192.0.2.66")):
        prober = lab.start(config({"icmp": icmp(HOST1, 100)}), port=port)
        wait_until(lambda p=prober: p.get("/-/healthy")[0] == 200, 15, "the server")
        directory = prober.telemetry_socket().parent
        assert directory.is_dir(), f"there is no {directory}"
        prober.stop(sent)
        assert not directory.exists(), f"{directory} is left"


def test_eal_arguments(lab):
    conf = lab.write_config(config({"icmp": icmp(HOST1, 10)}))
    done = lab.invoke("run", "--port", PORT, "--rounds", "1", "--print-metrics", conf, "--", "-m", "128")
    assert_equal(done.process.returncode, 0, f"exit status ({done.stderr})")
    assert_loss(Metrics(done.stdout).check(), "icmp", 10)


def test_plain_table(lab):
    prober = lab.start(config({"icmp": icmp(HOST1, 10)}), "--rounds", "2", "--table=plain", "--print-metrics")
    prober.ends_well()
    assert "\x1b" not in prober.stdout, "escape codes"
    assert sum(line.split()[:2] == ["icmp", "g"] for line in prober.stdout.splitlines()) >= 2, prober.stdout
