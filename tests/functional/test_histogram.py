# SPDX-License-Identifier: BSD-3-Clause
"""Histograms, in text, in messages, packed, and in a real Prometheus."""
import gzip
import json
import zlib

from harness import HOST1, HOST2, alone, assert_equal, config, icmp, tcp, wait_until
from messages import Messages
from metrics import Metrics
from test_scrape import query
from test_simpeer import Peer

FAMILY = "echolane_rtt_seconds"
MESSAGES = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
# Of Prometheus 2.42 with native histograms.
PROMETHEUS = (MESSAGES + ",application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;"
              "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1")
# A bucket is wider than the one before it by this.
WIDTH = 2 ** (1 / 32)
# The first round goes out at once and the next one does not come: what is on the page stays.
ONE_ROUND = {"interval": 600, "interval_packets": 0.001}


def fetch(prober, *headers):
    """The page for a client with these header fields: its fields as one text, and its bytes."""
    path = prober.lab.directory / "page"
    status, reply = prober.get("/metrics", "-o", str(path), "-D", "-", *[word for h in headers for word in ("-H", h)])
    assert_equal(status, 200, f"HTTP status with {headers}")
    return reply.lower(), path.read_bytes()


def is_live(name):
    return name.startswith(("echolane_worker_", "echolane_port_", "echolane_unmatched_"))


def comparable(samples):
    """Sorted, of the last round alone, bounds of buckets as numbers."""
    return sorted((name, sorted((k, str(float(v)) if k == "le" else v) for k, v in labels.items()), value)
                  for name, labels, value in samples if not is_live(name))


def fetch_packed(prober, accept):
    """The page of one gzip member, once it is there."""
    def look():
        head, body = fetch(prober, f"Accept: {accept}", "Accept-Encoding: gzip")
        return (head, body) if "content-encoding: gzip" in head else None
    head, body = wait_until(look, 10, "a packed page")
    member = zlib.decompressobj(16 + zlib.MAX_WBITS)
    text = member.decompress(body)
    assert member.eof and not member.unused_data, "more than one gzip member, or less"
    assert_equal(gzip.decompress(body), text, "by Python's gzip")
    return head, text


def test_formats_agree(lab):
    """Text and messages, as they are and packed, say the same."""
    prober = lab.start(config({"icmp": icmp(HOST1, 100), "tcp": tcp(HOST2, 443, 50)}, dataplane={"histograms": "both"},
                              **ONE_ROUND))
    text = prober.wait_for(lambda m: m.all("icmp_sent_total") and m.all("tcpsyn_sent_total"), "the first round")
    sent, lost = text.probes("icmp")
    assert_equal(text.one(f"{FAMILY}_count", destination="icmp"), sent - lost, "answers in the histogram")
    head, body = fetch(prober, f"Accept: {PROMETHEUS}")
    assert f"content-type: {MESSAGES.lower().replace(';', '; ')}" in head, head
    messages = Messages(body)
    assert_equal(comparable(messages.samples), comparable(text.samples), "messages and text")
    assert_equal(len(messages.native), 2, "native histograms")
    for accept, content in ((PROMETHEUS, messages.samples), ("text/plain", text.samples)):
        head, page = fetch_packed(prober, accept)
        have = Messages(page) if "protobuf" in head else Metrics(page.decode())
        assert_equal(comparable(have.samples), comparable(content), f"packed, for {accept}")
    assert "echolane_worker_rx_packets_total{" in prober.get("/metrics", "--compressed")[1], "curl unpacks the end, too"
    for accept in ("\"", MESSAGES + ";q=x", MESSAGES + ";q=0", "text/plain;version=0.0.4," + MESSAGES + ";q=0.9", "*/*"):
        assert "content-type: text/plain; version=0.0.4" in fetch(prober, f"Accept: {accept}")[0], accept
    prober.stop()


def test_only_what_is_asked_for(lab):
    """Nothing by default; native ones are in messages alone; a reload changes that."""
    conf = config({"icmp": icmp(HOST1, 10)})
    prober = lab.start(conf)
    prober.wait_for(lambda m: m.all("icmp_sent_total"), "the first round")

    def shown():
        samples = Messages(fetch(prober, f"Accept: {MESSAGES}")[1])
        return (len(samples.native), any(name == f"{FAMILY}_bucket" for name, _, _ in samples.samples),
                bool(prober.metrics().all(f"{FAMILY}_bucket")))
    assert_equal(shown(), (0, False, False), "by default")
    for kind, expected in (("native", (1, False, False)), ("classic", (0, True, True)), ("none", (0, False, False))):
        conf["dataplane"]["histograms"] = kind
        assert prober.reload(conf), prober.stderr
        wait_until(lambda expected=expected: shown() == expected, 10, f"histograms: {kind}")
    prober.stop()


@alone
def test_quantiles_in_prometheus(lab):
    """A real Prometheus takes native histograms and finds the percentiles that were injected: each within the
    width of a bucket of what was measured exactly."""
    peer = Peer(lab, [
        {"name": "fixed", "match": {"dst": "198.51.100.1/32"}, "delay": {"us": 300000}},
        {"name": "uniform", "match": {"dst": "198.51.100.2/32"},
         "delay": {"kind": "uniform", "us": 200000, "jitter_us": 100000}},
    ])
    prober = lab.start(config({"fixed": icmp("198.51.100.1", 500), "uniform": icmp("198.51.100.2", 2000)},
                              percentile=[50, 90, 99], dataplane={"histograms": "native"}, **ONE_ROUND))
    page = prober.wait_for(lambda m: m.all("icmp_sent_total"), "the first round")
    (lab.directory / "prometheus.yml").write_text(json.dumps({
        "global": {"scrape_interval": "1s"},
        "scrape_configs": [{"job_name": "echolane", "static_configs": [{"targets": ["127.0.0.1:8000"]}]}]}))
    with open(lab.directory / "prometheus.log", "wb") as log:
        lab.popen("prober", ["prometheus", f"--config.file={lab.directory}/prometheus.yml",
                             "--enable-feature=native-histograms", f"--storage.tsdb.path={lab.directory}/tsdb",
                             "--web.listen-address=127.0.0.1:9090"], stdout=log, stderr=log)

    def value(expression):
        data = query(lab, "query", query=expression)
        return float(data["result"][0]["value"][1]) if data and data["result"] else None

    wait_until(lambda: value(f"histogram_count({FAMILY}{{destination='fixed'}})"), 20, "Prometheus to have a histogram")
    for target, percentile, truth in (("fixed", 50, 0.3), ("uniform", 50, 0.2), ("uniform", 90, 0.28), ("uniform", 99, 0.298)):
        exact = page.rtt(target, percentile)
        have = value(f"histogram_quantile({percentile / 100}, {FAMILY}{{destination='{target}'}})")
        # what a machine that others use adds at both ends is in both
        assert exact > truth * 0.93, f"{target}: p{percentile} is {exact}, injected {truth}"
        assert exact / WIDTH / 1.001 <= have <= exact * WIDTH * 1.001, f"{target}: p{percentile} {have}, exactly {exact}"
    for target in ("fixed", "uniform"):
        sent, lost = page.probes(target)
        assert_equal(value(f"histogram_count({FAMILY}{{destination='{target}'}})"), sent - lost, f"answers of {target}")
    # it asks for gzip, and what it scrapes after the first time is packed: all of it is there
    assert_equal(value("count(up == 1)"), 1, "targets that are up")
    assert value("count(echolane_port_up)") == 1 and value("count(echolane_build_info)") == 1
    targets = query(lab, "targets")["activeTargets"]
    assert_equal([t["lastError"] for t in targets], [""], "scrape errors")
    prober.stop()
    peer.stop()
