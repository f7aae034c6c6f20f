# SPDX-License-Identifier: BSD-3-Clause
"""The page: promtool, a real Prometheus, consistency, authentication."""
import json
import subprocess
import urllib.parse

from harness import HOST1, HOST2, HOST3, PORT, assert_equal, config, icmp, tcp, udp, wait_until

ABSENT = "203.0.113.99"
TARGETS = {"open": tcp(HOST1, 443, 10, threshold={"latency": 0.1, "loss": 0.05}, alert_level="paging"),
           "closed": tcp(HOST2, 81, 10, state="in production"), "absent": tcp(ABSENT, 81, 10),
           "icmp": icmp(HOST3, 10), "udp": udp(HOST3, nb_packets=10)}

# What promtool finds in names that netprobify gave; nothing of ours is in it.
COMPATIBLE = {
    "tcpsyn_match_ack_fail_count", "tcpsyn_port_mismatch_count", "udp_unreachable_port_mismatch_count",
}

ALERTS = [
    'tcpsyn_loss_ratio{probe_name="lab"} * 100 > 0.1',
    'tcpsyn_round_trip_seconds{probe_name="lab",percentile="95"} * 1000 > 100',
    'app_iteration_time_seconds{probe_name="lab"} > 90',
    'sum by(probe_name) (increase(tcpsyn_sent_total{probe_name="lab"}[10m])) == 0',
    'app_reload_conf_failed_status{probe_name="lab"} > 0',
    'tcpsyn_round_trip_seconds{probe_name="lab",percentile="95"} * 1000 > on(destination, probe_name) '
    'threshold{alert_level="paging",type="latency"} * 1000',
]

SERIES = ["probe_name", "destination", "address_family", "state", "group"]
NETPROBIFY = {
    "netprobify_info": ["version", "scapy_version"],
    **{f"{family}_{what}": SERIES + more for family in ("tcpsyn", "icmp", "udp_unreachable")
       for what, more in (("sent_total", []), ("loss_total", []), ("loss_ratio", []),
                          ("round_trip_seconds", ["percentile"]))},
    "tcpsyn_match_ack_fail_count": SERIES[:3],
    "tcpsyn_port_mismatch_count": SERIES[:3],
    "udp_unreachable_port_mismatch_count": SERIES[:3],
    "threshold": SERIES + ["type", "alert_level"],
    "app_host_resolution_status": SERIES[:3],
    "app_host_resolution_change_total": SERIES[:3],
    "app_time_ooo_total": SERIES[:3] + ["group"],
    "app_iteration_time_seconds": ["probe_name"],
    "app_process_timed_out_total": ["probe_name"],
    "app_reload_conf_failed_status": ["probe_name"],
}


def first_round(prober):
    return prober.wait_for(lambda m: m.all("tcpsyn_sent_total"), "the first round")


def test_netprobifys_metrics(lab):
    """Every metric of netprobify's is there, with its labels, HELP and TYPE."""
    prober = lab.start(config({**TARGETS, "twice": icmp(HOST1, 1)}))
    page = first_round(prober)
    for metric, labels in NETPROBIFY.items():
        found = page.all(metric)
        assert found, f"{metric} is missing"
        for have, _ in found:
            assert_equal(sorted(have), sorted(labels), f"labels of {metric}")
        assert f"# HELP {metric} " in page.text and f"# TYPE {metric} " in page.text, metric
    assert_equal(page.one("netprobify_info"), 1, "netprobify_info")
    assert_equal(page.all("tcpsyn_loss_ratio", destination="open")[0][0]["state"], "None", "no state")
    assert_equal(page.all("tcpsyn_loss_ratio", destination="closed")[0][0]["state"], "in production",
                 "a state")
    assert_equal(page.one("threshold", type="loss"), 0.05, "loss threshold")
    assert_equal(page.one("app_host_resolution_status", destination="open"), 1, "resolution status")
    for metric in ("echolane_build_info", "echolane_probes_late_total",
                   "echolane_probes_duplicate_total", "echolane_icmp_errors_total"):
        assert page.all(metric), f"{metric} is missing"
    prober.stop()


def test_promtool(lab):
    prober = lab.start(config(TARGETS))
    page = first_round(prober)
    done = subprocess.run(["promtool", "check", "metrics"], input=page.text, text=True,
                          capture_output=True, check=False)
    complaints = [line for line in (done.stdout + done.stderr).splitlines()
                  if line and line.split()[0] not in COMPATIBLE]
    assert_equal(complaints, [], "promtool's complaints")
    prober.stop()


def query(lab, path, **parameters):
    """A request to the API of the Prometheus in the prober's namespace; its data, None while it has none."""
    done = lab.run("prober", ["curl", "-s", "-m", "5", f"http://127.0.0.1:9090/api/v1/{path}?"
                              + urllib.parse.urlencode(parameters)], check=False)
    if done.returncode != 0 or not done.stdout.startswith("{"):
        return None
    answer = json.loads(done.stdout)
    assert answer["status"] == "success", answer
    return answer["data"]


def test_prometheus(lab):
    """A real Prometheus scrapes it, answers queries, and evaluates the alerts that users have."""
    rules = {"groups": [{"name": "netprobify", "interval": "1s", "rules": [
        {"alert": f"alert{n}", "expr": expression} for n, expression in enumerate(ALERTS)]}]}
    (lab.directory / "rules.yml").write_text(json.dumps(rules))
    (lab.directory / "prometheus.yml").write_text(json.dumps({
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"}, "rule_files": ["rules.yml"],
        "scrape_configs": [{"job_name": "echolane", "static_configs": [{"targets": ["127.0.0.1:8000"]}]}]}))
    prober = lab.start(config(TARGETS))
    first_round(prober)
    with open(lab.directory / "prometheus.log", "wb") as log:
        lab.popen("prober", ["prometheus", f"--config.file={lab.directory}/prometheus.yml",
                             f"--storage.tsdb.path={lab.directory}/tsdb",
                             "--web.listen-address=127.0.0.1:9090"], stdout=log, stderr=log)

    def value(expression):
        data = query(lab, "query", query=expression)
        return float(data["result"][0]["value"][1]) if data and data["result"] else None

    wait_until(lambda: value('up{job="echolane"}') == 1, 20, "Prometheus to scrape")
    wait_until(lambda: value('tcpsyn_loss_ratio{destination="absent"}') == 1, 10, "a query's answer")
    assert_equal(value('tcpsyn_loss_ratio{destination="open"}'), 0, "loss ratio of an open port")

    def states():
        data = query(lab, "rules")
        rules = data["groups"][0]["rules"] if data and data["groups"] else []
        return rules if rules and all(r["health"] == "ok" for r in rules) and \
            rules[0]["state"] == "firing" else None

    for rule, expression in zip(wait_until(states, 15, "the alerts"), ALERTS):
        expected = "firing" if expression == ALERTS[0] else "inactive"
        assert_equal(rule["state"], expected, expression)
    targets = query(lab, "targets")["activeTargets"]
    assert_equal([t["lastError"] for t in targets], [""], "scrape errors")
    prober.stop()


def test_rounds_are_never_mixed(lab):
    """Scrapes while rounds go by: of a target that never answers, what is sent is what is lost, and both
    grow by whole rounds."""
    prober = lab.start(config({"absent": icmp(ABSENT, 100, timeout=0.1), "there": icmp(HOST1, 100,
                                                                                   timeout=0.1)},
                              interval=0, interval_packets=0.001))
    prober.wait_for(lambda m: m.all("icmp_sent_total"), "the first round")
    seen = set()

    def look():
        page = prober.metrics()
        sent, lost = page.probes("absent")
        other_sent, other_lost = page.probes("there")
        assert_equal(lost, sent, "lost and sent of a target that never answers")
        assert_equal(sent % 100, 0, "probes that make no whole round")
        assert_equal((other_sent, other_lost), (sent, 0), "probes of the other target")
        seen.add(sent)
        return len(seen) >= 10
    wait_until(look, 20, "ten different rounds")
    prober.stop()


def test_basic_authentication(lab):
    prober = lab.start(config({"icmp": icmp(HOST1, 1)}),
                       env={"PROM_USER": "scraper", "PROM_PASSWORD": "s3cret: %"})
    wait_until(lambda: prober.get("/-/healthy")[0], 15, "the server")
    for options, expected in (([], 401), (["-u", "scraper:wrong"], 401), (["-u", "other:s3cret: %"], 401),
                              (["-u", "scraper:"], 401), (["-H", "Authorization: Basic !!"], 401),
                              (["-u", "scraper:s3cret: %"], 200)):
        status, body = prober.get("/metrics", *options)
        assert_equal(status, expected, f"HTTP status with {options}")
        assert (expected == 200) == ("echolane_build_info" in body), f"a page with {options}"
    assert "www-authenticate: basic" in prober.get("/metrics", "-i")[1].lower(), "no challenge"
    prober.stop()


def with_credentials(lab, **credentials):
    """An environment in which systemd has them in files that are ours alone."""
    directory = lab.directory / f"credentials.{lab.next_number()}"
    directory.mkdir(mode=0o700)
    for name, content in credentials.items():
        (directory / name).write_text(content)
    return {"CREDENTIALS_DIRECTORY": str(directory)}


def test_credentials_of_systemd(lab):
    """As the variables; the line feed at a file's end is none of the password."""
    conf = config({"icmp": icmp(HOST1, 1)})
    prober = lab.start(conf, env=with_credentials(lab, PROM_USER="scraper", PROM_PASSWORD="s3cret: %\n"))
    wait_until(lambda: prober.get("/-/healthy")[0], 15, "the server")
    for options, expected in (([], 401), (["-u", "scraper:s3cret: %"], 200)):
        assert_equal(prober.get("/metrics", *options)[0], expected, f"HTTP status with {options}")
    prober.stop()


def test_half_of_the_credentials(lab):
    """A user without password, or the reverse, would leave the page open: refused before anything is touched; and
    so is what can't be meant."""
    conf = lab.write_config(config({"icmp": icmp(HOST1, 1)}))

    def refused(env, sentence):
        prober = lab.invoke("run", "--port", PORT, "--rounds", "1", conf, env=env)
        assert_equal(prober.process.returncode, 64, f"exit status with {env}")
        assert sentence in prober.stderr, prober.stderr
    for have, lack in (("PROM_USER", "PROM_PASSWORD"), ("PROM_PASSWORD", "PROM_USER")):
        for nothing in ({}, {lack: ""}):
            refused({have: "x", **nothing}, f"{have} is set, and {lack} is not")
            refused(with_credentials(lab, **{have: "x", **nothing}), f"{have} is set, and {lack} is not")
    both = {"PROM_USER": "x", "PROM_PASSWORD": "x"}
    refused({**with_credentials(lab, **both), "PROM_PASSWORD": "y"}, "PROM_PASSWORD is set in the environment, and")
    refused(with_credentials(lab, **{**both, "PROM_USER": "x\ny\n"}), "PROM_USER: expected one line of text")
    refused(with_credentials(lab, **{**both, "PROM_USER": "x" * 5000}), "PROM_USER is longer than 1023 bytes")
    refused({**both, "PROM_USER": "x:y"}, "PROM_USER has a colon")
    directory = with_credentials(lab, PROM_USER="x")
    (lab.directory / directory["CREDENTIALS_DIRECTORY"] / "PROM_PASSWORD").mkdir()
    refused(directory, "PROM_PASSWORD can't be read: Is a directory")


def test_pages(lab):
    prober = lab.start(config({"icmp": icmp(HOST1, 1)}))
    wait_until(lambda: prober.get("/-/ready")[0] == 200, 15, "readiness")
    assert_equal(prober.get("/-/healthy")[0], 200, "/-/healthy")
    status, body = prober.get("/")
    assert_equal(status, 200, "/")
    assert "/metrics" in body, body
    assert_equal(prober.get("/nothing")[0], 404, "/nothing")
    assert_equal(prober.get("/metrics", "-X", "POST")[0], 405, "POST")
    head = prober.get("/metrics", "-I")
    assert_equal(head[0], 200, "HEAD")
    assert "text/plain" in head[1], head[1]
    prober.stop()
