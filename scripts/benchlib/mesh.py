# SPDX-License-Identifier: BSD-3-Clause
"""Many appliances without echolane: one program serves the pages that a mesh of them would have, a real Prometheus asks
for them as scripts/mesh configures it, and passes all on to VictoriaMetrics by remote write.

    pages of N appliances <── Prometheus: the matrix, by rules ──> VictoriaMetrics
    127.1.x.y:8000            127.0.0.1:9090                       127.0.0.1:8428

Every direction has figures of its own, which follow from the numbers of its ends."""
import json
import pathlib
import subprocess
import sys
import time
import urllib.parse

TOP = pathlib.Path(__file__).resolve().parents[2]
PROMETHEUS, STORE = "http://127.0.0.1:9090", "http://127.0.0.1:8428"
PER_SITE = 20
PACKETS = 1000000    # of a direction in a round


def name(i):
    return f"s{i // PER_SITE}-{i}"


def address(i):
    return f"127.1.{i // 250}.{i % 250 + 1}"


def loss(i, j, generation):
    # too little for an alert: tens of thousands of these would be another test
    return (i * 31 + j * 17 + generation * 7) % 1000 / PACKETS


def round_trip_s(i, j, generation):
    return 1e-3 * (1 + (i * 7 + j * 13 + generation) % 500)


def inventory(n, interval_s):
    rows = [([f"  s{i // PER_SITE}:"] if i % PER_SITE == 0 else []) +
            [f"    {name(i)}: {{addresses: [10.{i // 250}.{i % 250}.1/24], port: {{device: net_memif0}}, "
             f"metrics: {address(i)}}}"]
            for i in range(n)]
    return "\n".join([f"global: {{interval: {interval_s}}}", f"types: {{ICMPping: {{nb_packets: {PACKETS}}}}}",
                      "groups: {g: {}}", "sites:", *(line for row in rows for line in row)]) + "\n"


def page(i, n, rounds, generation):
    """What echolane would serve, as far as rules look."""
    lines = []
    for j in range(n):
        if j == i:
            continue
        labels = (f'address_family="ipv4",destination="s{j // PER_SITE}.{name(j)}.icmp.v4",group="g",'
                  f'probe_name="{name(i)}",state="None"')
        lost = loss(i, j, generation)
        lines += [f"icmp_sent_total{{{labels}}} {PACKETS * rounds}",
                  f"icmp_loss_total{{{labels}}} {PACKETS * rounds * lost:.0f}",
                  f"icmp_loss_ratio{{{labels}}} {lost}",
                  f'icmp_round_trip_seconds{{{labels},percentile="50"}} {round_trip_s(i, j, generation):.6f}',
                  f'icmp_round_trip_seconds{{{labels},percentile="95"}} {2 * round_trip_s(i, j, generation):.6f}',
                  f"echolane_target_probed{{{labels}}} 1"]
    lines += [f'echolane_round_local_drops{{probe_name="{name(i)}"}} 0',
              f'echolane_rounds_completed_total{{probe_name="{name(i)}"}} {rounds}']
    return "\n".join(sorted(lines)) + "\n"


class Mock:
    """The programs, and the matrix as the store has it. spawn(command, name): starts one, in the network that all are in,
    and ends it at last; get(url): the body, None where nobody answers."""

    def __init__(self, spawn, get, directory, n, interval_s):
        self.spawn, self.get, self.directory, self.n, self.interval_s = spawn, get, pathlib.Path(directory), n, interval_s
        self.generation_file = self.directory / "generation"
        self.set_generation(0)
        path = self.directory / "mesh.yaml"
        path.write_text(inventory(n, interval_s))
        subprocess.run([str(TOP / "scripts/mesh"), str(path), "--out", str(self.directory / "mesh")], check=True,
                       capture_output=True)
        configuration = self.directory / "mesh/prometheus/prometheus.yml"
        configuration.write_text(configuration.read_text() + f"remote_write: [{{url: '{STORE}/api/v1/write'}}]\n")
        self.begin = time.time()
        spawn([sys.executable, __file__, str(n), str(interval_s), str(self.generation_file)], "pages")
        spawn(["victoria-metrics", f"-storageDataPath={self.directory}/store", "-httpListenAddr=127.0.0.1:8428",
               "-memory.allowedBytes=400MB", "-search.latencyOffset=0s", "-search.maxUniqueTimeseries=1000000",
               "-search.disableCache"], "victoria-metrics")
        spawn(["prometheus", f"--config.file={configuration}", f"--storage.tsdb.path={self.directory}/tsdb",
               "--web.listen-address=127.0.0.1:9090"], "prometheus")

    def set_generation(self, generation):
        """From now on pages have other figures."""
        self.generation = generation
        fresh = self.generation_file.with_suffix(".new")
        fresh.write_text(str(generation))
        fresh.rename(self.generation_file)

    def query(self, expression, where=STORE):
        body = self.get(f"{where}/api/v1/query?" + urllib.parse.urlencode({"query": expression}))
        answer = json.loads(body) if body and body.startswith("{") else {"status": ""}
        return answer["data"]["result"] if answer["status"] == "success" else []

    def wrong_cells(self):
        """How many of the n * (n - 1) cells the store has not, or not as the pages have them; by loss and time."""
        wrong = 0
        for expression, truth in (("mesh:loss:ratio", loss), ('mesh:round_trip:seconds{percentile="50"}', round_trip_s)):
            have = {(row["metric"]["probe_name"], row["metric"]["to"]): float(row["value"][1])
                    for row in self.query(expression)}
            wrong += len(set(have) - {(name(i), name(j)) for i in range(self.n) for j in range(self.n) if i != j})
            wrong += sum(abs(have.get((name(i), name(j)), -1) - truth(i, j, self.generation)) > 1e-9
                         for i in range(self.n) for j in range(self.n) if i != j)
        return wrong

    def wrong_sites(self):
        """The same of the matrix site by site."""
        sites = range((self.n + PER_SITE - 1) // PER_SITE)
        have = {(row["metric"]["site"], row["metric"]["to_site"]): float(row["value"][1])
                for row in self.query("mesh_site:loss:ratio")}
        wrong = len(have) - len(sites) ** 2
        for a in sites:
            for b in sites:
                cells = [loss(i, j, self.generation) for i in self.of(a) for j in self.of(b) if i != j]
                wrong += abs(have.get((f"s{a}", f"s{b}"), -1) - sum(cells) / len(cells)) > 1e-9
        return wrong

    def of(self, site):
        return range(site * PER_SITE, min(self.n, (site + 1) * PER_SITE))

    def number(self, expression):
        """Of Prometheus."""
        rows = self.query(expression, PROMETHEUS)
        return float(rows[0]["value"][1]) if rows else None

    def figures(self):
        """Whether it keeps up, as Prometheus tells of itself."""
        own = (self.get(f"{PROMETHEUS}/metrics") or "").splitlines()

        def total(metric, part=""):
            return sum(float(line.rpartition(" ")[2]) for line in own
                       if line.startswith((f"{metric}{{", f"{metric} ")) and part in line)
        return {"appliances that are up": self.number('sum(up{job="echolane-mesh"})'),
                "longest scrape, s": self.number("max(scrape_duration_seconds)"),
                f"rules of every {self.interval_s} s, s": total("prometheus_rule_group_last_duration_seconds",
                                                                ";echolane-mesh\""),
                "rules of every minute, s": total("prometheus_rule_group_last_duration_seconds", ";echolane-mesh-long\""),
                "evaluations missed": total("prometheus_rule_group_iterations_missed_total"),
                "series": total("prometheus_tsdb_head_series"),
                "samples not written remotely": total("prometheus_remote_storage_samples_failed_total") +
                total("prometheus_remote_storage_samples_dropped_total")}


def serve(n, interval_s, generation_file):
    """Pages, each at its appliance's address."""
    import http.server
    begin = time.monotonic()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            _, _, c, d = map(int, self.connection.getsockname()[0].split("."))
            rounds = int((time.monotonic() - begin) / interval_s) + 2
            body = page(c * 250 + d - 1, n, rounds, int(generation_file.read_text())).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    http.server.ThreadingHTTPServer.request_queue_size = 256
    with http.server.ThreadingHTTPServer(("0.0.0.0", 8000), Handler) as server:
        server.daemon_threads = True
        server.serve_forever()


if __name__ == "__main__":
    serve(int(sys.argv[1]), int(sys.argv[2]), pathlib.Path(sys.argv[3]))
