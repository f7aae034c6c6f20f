#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""listen.py [--ipv6] PORT...: keeps TCP ports open, over IPv6 too if asked for, and accepts nothing.

Comes back when all ports are open; a process of its own goes on listening until it gets a signal."""
import os
import signal
import socket
import sys

arguments = sys.argv[1:]
families = [socket.AF_INET]
if arguments[0] == "--ipv6":
    families.append(socket.AF_INET6)
    del arguments[0]
listeners = [socket.create_server(("", int(port)), family=family, backlog=4096)
             for port in arguments for family in families]
if os.fork() > 0:
    os._exit(0)
os.setsid()
os.chdir("/")
null = os.open("/dev/null", os.O_RDWR)
for stream in (0, 1, 2):
    os.dup2(null, stream)
while True:
    signal.pause()
