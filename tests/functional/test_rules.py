# SPDX-License-Identifier: BSD-3-Clause
"""The alert rules that users of netprobify have, in a rule file, followed by a real Prometheus."""
import json
import re
import subprocess

from harness import HOST1, HOST3, TOP, assert_equal, config, icmp, tcp, wait_until
from test_scrape import ALERTS, query
from test_simpeer import Peer

ABSENT = "203.0.113.99"
FAR, NEAR = "198.51.100.77", "198.51.100.78"  # simpeer's
NAMES = ("Loss", "Latency", "SlowRounds", "NothingSent", "ReloadFailed", "LatencyThreshold")


def write_rules(lab, slow_round_s=90):
    rules = [{"alert": name, "expr": expression.replace("> 90", f"> {slow_round_s}"), "for": "2s",
              "labels": {"severity": "page"},
              "annotations": {"summary": "{{ $labels.destination }} of {{ $labels.probe_name }}"}}
             for name, expression in zip(NAMES, ALERTS)]
    rules.append({"record": "probe:tcpsyn_loss:sum", "expr": "sum by(probe_name) (tcpsyn_loss_total)"})
    path = lab.directory / "rules.yml"
    path.write_text(json.dumps({"groups": [{"name": "netprobify", "interval": "1s", "rules": rules}]}))
    return path


def start_prometheus(lab, rules):
    path = lab.directory / "prometheus.yml"
    path.write_text(json.dumps({
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"}, "rule_files": [rules.name],
        "scrape_configs": [{"job_name": "echolane", "static_configs": [{"targets": ["127.0.0.1:8000"]}]}]}))
    with open(lab.directory / "prometheus.log", "wb") as log:
        lab.popen("prober", ["prometheus", f"--config.file={path}", f"--storage.tsdb.path={lab.directory}/tsdb",
                             "--web.listen-address=127.0.0.1:9090"], stdout=log, stderr=log)


def firing(lab):
    """(alert, destination) of what fires; None while there is no answer, or a rule has not been evaluated."""
    rules, alerts = query(lab, "rules"), query(lab, "alerts")
    if not rules or not alerts or not rules["groups"] or \
            any(rule["health"] == "unknown" for rule in rules["groups"][0]["rules"]):
        return None
    health = {rule["name"]: rule["health"] for rule in rules["groups"][0]["rules"]}
    assert_equal(set(health.values()), {"ok"}, f"health of the rules: {health}")
    return {(a["labels"]["alertname"], a["labels"].get("destination", ""))
            for a in alerts["alerts"] if a["state"] == "firing"}


def wait_for_alerts(lab, expected, timeout_s=30):
    """Until exactly these fire."""
    wait_until(lambda: firing(lab) == expected, timeout_s, f"the alerts {expected or 'to end'}")


def shown_in_readme():
    """README.md's expressions, of the lab's probe."""
    text = re.sub('probe_name="[^"]*"', 'probe_name="lab"', (TOP / "README.md").read_text())
    return re.findall(r'^[a-z_]+\{probe_name=.* [<>=]+ [\d.]+$', text, re.MULTILINE)


def joined_in_readme():
    """README.md's expressions that leave out what the prober itself lost."""
    return re.findall(r"^[a-z_]+ > [\d.]+ unless on \(probe_name\) [a-z_]+ > 0$", (TOP / "README.md").read_text(),
                      re.MULTILINE)


def sample(name, labels):
    return f"{name}{{{','.join(f'{label}={json.dumps(value)}' for label, value in labels.items())}}}"


def check_by_promtool(lab, cases):
    """cases: (expression, {sample: value}, samples that it gives)."""
    tests = [{"interval": "1m",
              "input_series": [{"series": name, "values": f"{value}x2"} for name, value in series.items()],
              "promql_expr_test": [{"expr": expression, "eval_time": "1m",
                                    "exp_samples": [{"labels": name, "value": series[name]} for name in expected]}]}
             for expression, series, expected in cases]
    path = lab.directory / "joins.yml"
    path.write_text(json.dumps({"rule_files": [], "evaluation_interval": "1m", "tests": tests}))
    done = subprocess.run(["promtool", "test", "rules", str(path)], text=True, capture_output=True, check=False)
    assert_equal(done.returncode, 0, f"promtool: {done.stdout[-4000:]}{done.stderr[-4000:]}")


def test_joins(lab):
    """Loss is told unless this probe's own metric says why, whichever metric of ours that is and whatever those of
    another probe say."""
    prober = lab.start(config({"absent": tcp(ABSENT, 443, 10), "there": tcp(HOST1, 443, 10)}))
    page = prober.wait_for(lambda m: m.all("tcpsyn_loss_ratio"), "the first round")
    prober.stop()
    loss = {sample("tcpsyn_loss_ratio", labels): value for labels, value in page.all("tcpsyn_loss_ratio")}
    (absent,) = (name for name in loss if 'destination="absent"' in name)
    in_readme = joined_in_readme()
    assert in_readme, "README.md shows no join"
    ours = sorted({name for name, _, _ in page.samples if name.startswith("echolane_")} - {"echolane_build_info"})
    assert {"echolane_port_imissed_total", "echolane_worker_drops_total"} <= set(ours), ours
    cases = []
    for expression in in_readme + [f"tcpsyn_loss_ratio > 0.01 unless on (probe_name) {metric} > 0" for metric in ours]:
        metric = expression.split()[-3]
        labels = [labels for labels, _ in page.all(metric)]
        mine = [sample(metric, each) for each in labels]
        others = {sample(metric, {**each, "probe_name": "other"}): 7 for each in labels}
        quiet = {**loss, **others, **dict.fromkeys(mine, 0)}
        cases.append((expression, quiet, [absent]))
        cases += [(expression, {**quiet, name: 7}, []) for name in mine]
    check_by_promtool(lab, cases)


def test_alerts(lab):
    """Loss fires for the host that is not there and latency for the target with a threshold below it; the others
    do not, until a reload fails."""
    assert_equal(shown_in_readme(), ALERTS[:2], "expressions of README.md")
    rules = write_rules(lab)
    done = subprocess.run(["promtool", "check", "rules", str(rules)], text=True, capture_output=True, check=False)
    assert_equal(done.returncode, 0, f"promtool: {done.stdout}{done.stderr}")
    conf = config({"there": tcp(HOST1, 443, 10, threshold={"latency": 10, "loss": 0.1}, alert_level="paging"),
                   "absent": tcp(ABSENT, 443, 10), "ping": icmp(HOST3, 10),
                   "tight": tcp(HOST3, 443, 10, threshold={"latency": 1e-6}, alert_level="paging"),
                   "quiet": tcp(HOST3, 80, 10, threshold={"latency": 1e-6}, alert_level="sandbox")})
    prober = lab.start(conf)
    prober.wait_for(lambda m: m.all("tcpsyn_sent_total"), "the first round")
    start_prometheus(lab, rules)
    expected = {("Loss", "absent"), ("LatencyThreshold", "tight")}
    wait_for_alerts(lab, expected, 40)
    assert not prober.reload("global: {"), "rubbish was loaded"
    wait_for_alerts(lab, expected | {("ReloadFailed", "")})
    del conf["targets"]["absent"]
    assert prober.reload(conf), prober.stderr
    wait_for_alerts(lab, {("LatencyThreshold", "tight")})
    prober.stop()


def test_latency_and_nothing_sent(lab):
    """Latency fires for the far target alone; that nothing is sent fires between two rounds that are an hour
    apart. Both end with rounds a second apart that leave the far target out."""
    peer = Peer(lab, [{"name": "far", "match": {"dst": f"{FAR}/32"}, "delay": {"us": 150000}}])
    targets = {"far": tcp(FAR, 443, 10), "near": tcp(NEAR, 443, 10)}
    prober = lab.start(config(targets, interval=3600, interval_packets=0.01))
    prober.wait_for(lambda m: m.all("tcpsyn_sent_total"), "the first round")
    start_prometheus(lab, write_rules(lab))
    wait_for_alerts(lab, {("Latency", "far"), ("NothingSent", "")}, 40)
    del targets["far"]
    assert prober.reload(config(targets)), prober.stderr
    wait_for_alerts(lab, set())
    prober.stop()
    peer.stop()


def test_slow_rounds(lab):
    """A round whose packets are so far apart that it takes longer than the rule allows, and then one that does not.
    That is 90 s for users; here it is 5, for it is a comparison: test_plan.c says how long rounds of any length
    take."""
    targets = {"ping": icmp(HOST1, 6)}
    prober = lab.start(config(targets, interval_packets=1))
    start_prometheus(lab, write_rules(lab, slow_round_s=5))
    wait_for_alerts(lab, set())
    wait_for_alerts(lab, {("SlowRounds", "")})
    took_s = prober.metrics().one("app_iteration_time_seconds")
    assert 6.4 < took_s < 7, f"6 packets, one a second, and the timeout of 0.5 s took {took_s} s"
    assert prober.reload(config(targets)), prober.stderr
    wait_for_alerts(lab, set())
    prober.stop()
