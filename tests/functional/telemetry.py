# SPDX-License-Identifier: BSD-3-Clause
"""A client of dpdk-telemetry, as the prober's users have one."""
import json
import socket


class Telemetry:
    """A connection to a prober's socket."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(10)
        self.socket.connect(str(path))
        self.greeting = json.loads(self.socket.recv(1 << 16))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def ask(self, command):
        """What a command is answered with."""
        self.socket.send(command.encode())
        reply = self.socket.recv(1 << 16)
        assert len(reply) <= self.greeting["max_output_len"], f"{command}: {len(reply)} bytes"
        return json.loads(reply)[command.partition(",")[0]]

    def pages(self, command, rest=""):
        """The rows of all pages of a command whose next parameter is the first row; by number."""
        rows = {}
        while True:
            page = {int(key): row for key, row in self.ask(f"{command},{len(rows)}{rest}").items() if key.isdecimal()}
            assert sorted(page) == list(range(len(rows), len(rows) + len(page))), f"{command}: rows {sorted(page)}"
            if not page:
                return rows
            rows.update(page)

