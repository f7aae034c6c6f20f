# SPDX-License-Identifier: BSD-3-Clause
"""The alert rules that users of netprobify have, in a rule file, followed by a real Prometheus."""
import json
import subprocess

from harness import HOST1, HOST3, assert_equal, config, icmp, tcp, wait_until
from test_scrape import ALERTS, query

ABSENT = "203.0.113.99"
NAMES = ("Loss", "Latency", "SlowRounds", "NothingSent", "ReloadFailed", "LatencyThreshold")


def write_rules(lab):
    rules = [{"alert": name, "expr": expression, "for": "2s", "labels": {"severity": "page"},
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
    """(alert, destination) of what fires; None while there is no answer."""
    data = query(lab, "alerts")
    return None if data is None else {(a["labels"]["alertname"], a["labels"].get("destination", ""))
                                      for a in data["alerts"] if a["state"] == "firing"}


def test_alerts(lab):
    """Loss fires for the host that is not there and latency for the target with a threshold below it; the others
    do not, until a reload fails."""
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
    wait_until(lambda: firing(lab) == expected, 40, f"the alerts {expected}")
    health = {r["name"]: r["health"] for r in query(lab, "rules")["groups"][0]["rules"]}
    assert_equal(set(health.values()), {"ok"}, f"health of the rules: {health}")
    assert not prober.reload("global: {"), "rubbish was loaded"
    wait_until(lambda: firing(lab) == expected | {("ReloadFailed", "")}, 20, "the alert of the reload")
    del conf["targets"]["absent"]
    assert prober.reload(conf), prober.stderr
    wait_until(lambda: firing(lab) == {("LatencyThreshold", "tight")}, 20, "the alerts to end")
    prober.stop()
