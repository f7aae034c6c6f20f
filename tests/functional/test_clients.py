# SPDX-License-Identifier: BSD-3-Clause
"""HTTP clients that hold on to what they get, from many addresses at once: who reads is served, nobody is held up."""
import subprocess
import sys
import time

from harness import HOST1, METRICS_URL, alone, assert_equal, config, icmp, wait_until

# Connects again whatever was closed, for the time of a test. Prints a line when all of them have begun.
CLIENTS = """if True:
    import socket, sys, time
    ASKED = b"GET /metrics HTTP/1.1\\r\\nHost: a\\r\\n"

    class Client:
        def __init__(self, address, kind):
            self.address, self.kind, self.socket, self.told, self.at = address, kind, None, False, 0

        def begin(self):
            self.socket = socket.socket()
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            self.socket.bind((self.address, 0))
            self.socket.settimeout(1)
            self.socket.connect(("127.0.0.1", 8000))
            self.socket.setblocking(False)
            if self.kind == "half":
                self.socket.send(ASKED)
            elif self.kind in ("slow", "reads"):
                self.socket.send(ASKED + b"\\r\\n")

        def go_on(self):
            try:
                if self.socket is None:
                    self.begin()
                elif self.kind == "dribble":
                    self.socket.send(b"GET /metrics HTTP/1.1\\r\\nX: "[self.at:self.at + 1] or b"x")
                    self.at += 1
                elif self.kind == "reads":  # a few bytes at a time
                    if self.socket.recv(16) == b"":
                        raise OSError
                elif self.socket.recv(1, socket.MSG_PEEK) == b"":
                    raise OSError
            except BlockingIOError:
                pass
            except OSError:
                self.socket.close()
                self.socket, self.at = None, 0

    kinds = sys.argv[2:]
    clients = [Client(f"127.0.0.{host}", kind) for host in range(2, 2 + int(sys.argv[1])) for kind in kinds]
    begun = False
    end = time.monotonic() + 50
    while time.monotonic() < end:
        time.sleep(0.05)
        for client in clients:
            client.go_on()
        if not begun:
            begun = True
            print("begun", flush=True)
"""


def scrape_for(lab, seconds, address):
    """Scrapes again and again; the first one's time, the slowest other one's and how many there were."""
    end, times = time.monotonic() + seconds, []
    while time.monotonic() < end or len(times) < 3:
        done = lab.run("prober", ["curl", "-s", "-S", "-f", "-m", "10", "-o", "/dev/null", "-w", "%{time_total}",
                                  "--interface", address, METRICS_URL + "/metrics"], check=False)
        assert_equal((done.returncode, done.stderr), (0, ""), f"curl's status after {len(times)} scrapes")
        times.append(float(done.stdout))
    return times[0], max(times[1:]), len(times)


@alone
def test_that_hold_on(lab):
    """From 8, 40 and 100 addresses: half of a request, a header byte by byte, none at all, a page that is not read or
    in drops. Each scrape is answered whole; the first, of a client that is new, before each address had two turns,
    the others within two seconds."""
    # a page that no socket's buffer takes at once: kernels let them grow to megabytes
    lab.run("prober", ["sysctl", "-qw", "net.ipv4.tcp_wmem=4096 16384 65536"])
    many = {f"t{n}": icmp(HOST1, 1) for n in range(500)}
    prober = lab.start(config({**many, "there": icmp(HOST1, 100)}, interval=2))
    prober.wait_for(lambda page: page.all("icmp_sent_total"), "the first round")
    for n_addresses, kinds in ((8, ["slow", "reads"]), (40, ["slow", "reads", "half", "dribble", "silent"]),
                               (100, ["slow", "reads"])):
        clients = lab.popen("prober", [sys.executable, "-c", CLIENTS, str(n_addresses), *kinds], stdout=subprocess.PIPE)
        assert_equal(clients.stdout.readline(), b"begun\n", "what the clients say")
        assert wait_until(lambda: lab.run("prober", ["ss", "-Htn", "state", "established", "sport = :8000"]).stdout
                          .count("\n") >= 8, 10, "connections that are held")
        first, slowest, scrapes = scrape_for(lab, 2, f"127.0.1.{n_addresses}")
        print(f"clients of {n_addresses} addresses: {scrapes} scrapes, the first {first:.3f} s, "
              f"slowest {slowest:.3f} s")
        assert first < 2 * n_addresses / 8 * 0.25 + 2, f"the first scrape took {first:.3f} s"
        assert slowest < 2, f"a scrape took {slowest:.3f} s"
        clients.terminate()
        clients.wait(5)
    page = prober.metrics()
    print(f"clients: loop {page.one('echolane_control_loop_cpu_max_seconds'):.4f} s of the processor")
    assert page.one("echolane_control_loop_cpu_max_seconds") < 0.1, "control's loop was held up"
    assert_equal(page.sum("icmp_loss_total"), 0, "lost")
    assert page.probes("there")[0] > 0
    prober.stop()
