#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What a host does all day: long sessions, downloads and scrapes; and clients that hold an HTTP server's
connections. Each command ends by its own clock and prints what it saw as one JSON object. Run in the
namespaces of a test's network by test_undisturbed.py."""
import hashlib
import http.client
import http.server
import json
import pathlib
import socket
import socketserver
import struct
import sys
import threading
import time

LINE_EVERY_S = 0.02
SCRAPE_EVERY_S = 0.25
PATIENCE_S = 10  # a connection that does nothing for so long is broken


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    request_queue_size = 1024
    daemon_threads = True
    address_family = socket.AF_INET6  # and IPv4

    def handle_error(self, request, client_address):
        """Probes connect, and are gone."""


class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while data := self.request.recv(65536):
            self.request.sendall(data)


class Files(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def serve(echo_port, files_port):
    """Lines are echoed on a port, the working directory is served on another."""
    servers = [Server(("::", int(echo_port)), Echo), Server(("::", int(files_port)), Files)]
    print("ready", flush=True)
    for server in servers:
        threading.Thread(target=server.serve_forever).start()


def retransmitted(connection):
    """Segments of a connection's that were sent again: tcpi_total_retrans of struct tcp_info."""
    return struct.unpack_from("I", connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104), 100)[0]


def session(address, port, seconds):
    """One connection, a line every 20 ms, the next one when the last is back."""
    lines, slowest, again, error = 0, 0, 0, None
    end = time.monotonic() + float(seconds)
    try:
        with socket.create_connection((address, int(port)), PATIENCE_S) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            received = connection.makefile("rb")
            while time.monotonic() < end:
                line = b"line %d\n" % lines
                began = time.monotonic()
                connection.sendall(line)
                back = received.readline()
                if back != line:
                    raise OSError(f"{back} came back of {line}")
                slowest = max(slowest, time.monotonic() - began)
                lines += 1
                time.sleep(LINE_EVERY_S)
            again = retransmitted(connection)
    except OSError as failure:
        error = str(failure)
    return {"lines": lines, "slowest_s": slowest, "again": again, "error": error}


def fetch(address, port, name, path="/"):
    connection = http.client.HTTPConnection(address, int(port), timeout=PATIENCE_S)
    connection.request("GET", path + name)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    if answer.status != 200:
        raise OSError(f"HTTP status {answer.status}")
    return body


def download(address, port, seconds, times, big, small):
    """A big file and many small ones within a time, each over a new connection; a file's name is its SHA-256."""
    whole, size, errors = 0, 0, []
    began, every = time.monotonic(), float(seconds) / int(times)
    for number, name in enumerate([big] + [small] * int(times)):
        time.sleep(max(0, began + number * every - time.monotonic()))
        try:
            body = fetch(address, port, name)
            if hashlib.sha256(body).hexdigest() != name:
                raise OSError(f"damaged: {len(body)} bytes")
            whole += 1
            size += len(body)
        except (OSError, http.client.HTTPException) as failure:
            errors.append(repr(failure))
    return {"whole": whole, "bytes": size, "errors": errors}


def scrape(address, port, seconds, directory):
    """The page, again and again, each over a new connection; pages go into files by their number."""
    took, errors = [], []
    end = time.monotonic() + float(seconds)
    while time.monotonic() < end:
        began = time.monotonic()
        try:
            page = fetch(address, port, "metrics")
            took.append(time.monotonic() - began)
            (pathlib.Path(directory) / f"{len(took):04}.page").write_bytes(page)
        except (OSError, http.client.HTTPException) as failure:
            errors.append(repr(failure))
        time.sleep(SCRAPE_EVERY_S)
    return {"took_s": took, "errors": errors}


REQUEST = b"GET /metrics HTTP/1.1\r\nHost: x\r\n"
HOLDERS = {  # what is sent at once, what then by the byte, whether the answer is read by the byte
    "says nothing": (b"", b"", False),
    "half a request": (REQUEST, b"", False),
    "dribbles a header": (REQUEST, b"X-Padding: " + b"x" * 10000, False),
    "reads slowly": (REQUEST + b"\r\n", b"", True),
    "asks on and on": (REQUEST + b"\r\n" + (REQUEST + b"\r\n") * 50, b"", True),
}


def hold(source, address, port, seconds, number):
    """So many connections of each kind; one that is ended, or could not be made, is made again."""
    connections, made = [], dict.fromkeys(HOLDERS, 0)
    end = time.monotonic() + float(seconds)
    wanted = [kind for kind in HOLDERS for _ in range(int(number))]
    while time.monotonic() < end:
        failed = []
        for kind in wanted:
            now, later, reads = HOLDERS[kind]
            connection = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            connection.settimeout(1)
            try:
                connection.bind((source, 0))
                connection.connect((address, int(port)))
                connection.sendall(now)
                connection.setblocking(False)
                connections.append((kind, connection, bytearray(later), reads))
                made[kind] += 1
            except OSError:
                connection.close()
                failed.append(kind)
        wanted = failed + [kind for kind, connection, later, reads in connections if not goes_on(connection, later, reads)]
        connections = [entry for entry in connections if entry[1].fileno() >= 0]
        time.sleep(0.2)
    return made


def goes_on(connection, later, reads):
    """One byte more each way; false and closed if the other side has ended it."""
    try:
        if later:
            connection.send(bytes([later.pop(0)]))
        if connection.recv(1, 0 if reads else socket.MSG_PEEK) == b"":
            raise OSError
    except BlockingIOError:
        pass
    except OSError:
        connection.close()
        return False
    return True


def attack(path, seconds):
    """Frames onto an interface: of each attack a burst in turn, at a pace."""
    plan = json.loads(pathlib.Path(path).read_text())
    attacks = [(a["name"], a["burst"], [bytes.fromhex(f) for f in a["frames"]]) for a in plan["attacks"]]
    sent = {name: 0 for name, _, _ in attacks}
    end = time.monotonic() + float(seconds)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
        s.bind((plan["interface"], 0))
        due = time.monotonic()
        while time.monotonic() < end:
            for name, burst, frames in attacks:
                for _ in range(burst):
                    try:
                        s.send(frames[sent[name] % len(frames)])
                        sent[name] += 1
                    except OSError:  # no room: it is counted as not sent
                        pass
            due = max(due + plan["every_s"], time.monotonic() - 0.1)
            time.sleep(max(0, due - time.monotonic()))
    return sent


if __name__ == "__main__":
    command = {f.__name__: f for f in (serve, session, download, scrape, hold, attack)}[sys.argv[1]]
    result = command(*sys.argv[2:])
    if result is not None:
        print(json.dumps(result))
