#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""forward.py NAMESPACE PORT: makes a TCP port of a namespace's loopback reachable from here.

Listens on the loopback here, on the same port or on a free one where that is taken, and prints which. Comes
back when it listens; a process of its own, in the namespace, goes on until it gets a signal."""
import ctypes
import os
import socket
import sys
import threading

CLONE_NEWNET = 0x40000000


def listen(port):
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError:
        return socket.create_server(("127.0.0.1", 0))


def enter(namespace):
    with open(f"/run/netns/{namespace}", "rb") as file:
        if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), CLONE_NEWNET) != 0:
            sys.exit(f"forward.py: {namespace}: {os.strerror(ctypes.get_errno())}")


def copy(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def serve(client, port):
    with client:
        try:
            server = socket.create_connection(("127.0.0.1", port), timeout=5)
        except OSError:
            return
        with server:
            server.settimeout(None)
            threading.Thread(target=copy, args=(client, server), daemon=True).start()
            copy(server, client)


def main():
    listener = listen(int(sys.argv[2]))
    port = listener.getsockname()[1]
    enter(sys.argv[1])
    print(port, flush=True)
    if os.fork() > 0:
        os._exit(0)
    os.setsid()
    os.chdir("/")
    null = os.open("/dev/null", os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    while True:
        client, _ = listener.accept()
        threading.Thread(target=serve, args=(client, port), daemon=True).start()


if __name__ == "__main__":
    main()
