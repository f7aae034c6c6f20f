#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What a worker's loop must not do, looked for in the instructions of a release.

From el_worker_run on, calls, and pointers to functions in the tables that are used, are followed through the
objects of the given libraries. What is reached may call nothing outside of them but what ALLOWED names: so no
system call, log, allocation or lock. Nor may it divide with an instruction, or calculate with floating point.
A driver's functions, called through pointers that are known only when it runs, are not seen.
Before that a planted program shows that each kind is found.
"""
import collections
import pathlib
import re
import subprocess
import sys
import tempfile

# What is allowed to be called: why, and the only functions that may, or all where there are none.
ALLOWED = {
    "memcpy": ("bytes alone", ()),
    "memmove": ("bytes alone", ()),
    "memset": ("bytes alone", ()),
    "memcmp": ("bytes alone", ()),
    "clock_gettime": ("in user space: the vDSO's, for hosts without a usable TSC and for the clocks' check", ()),
    "sched_yield": ("one core for all, where the user asks for it", ("el_worker_run",)),
    "__tls_get_addr": ("the number of the lcore, of a thread that DPDK has started", ()),
    "__rte_panic": ("a broken mempool, in DPDK's inline functions: it ends the program", ()),
    "__rte_pktmbuf_read": ("copies from segments", ()),
    "nettle_sha256_update": ("STAMP's signatures: bytes alone", ("stamp_hmac", "stamp_hmacs")),
    "nettle_sha256_digest": ("likewise", ("stamp_hmac", "stamp_hmacs")),
    "nettle_memeql_sec": ("likewise", ("stamp_hmac_equal",)),
    "rte_pktmbuf_free_bulk": ("what waits for a port when that goes down: not for each probe or iteration",
                              ("take_command", "tx_give_up", "respond_give_up")),
    "rte_eth_call_rx_callbacks": ("none is registered", ()),
    "rte_eth_call_tx_callbacks": ("none is registered", ()),
    "__udivti3": ("the rate of each class, once a round; the clock's, when it is checked",
                  ("rounds_begin_due", "el_core_clock_check")),
    "__divti3": ("the clock's rate, when it is checked", ("el_core_clock_check",)),
}
# Data of DPDK: no calls.
DATA = {"rte_eth_fp_ops", "rte_mempool_ops_table", "per_lcore__lcore_id", "per_lcore__rte_errno",
        "_GLOBAL_OFFSET_TABLE_"}
# Functions that may divide, and why.
DIVIDES = {"el_core_clock_check": "when the clock is checked: not for each probe or iteration"}
DIVISION = re.compile(r"^i?div[bwlq]?$")
FLOAT = re.compile(r"^(v?(add|sub|mul|div|sqrt|min|max|u?comi|cmp\w*|round|hadd|fn?m(add|sub)\d*)[sp][sd]|v?cvt\w+"
                   r"|f(i?ld|i?st|add|sub|mul|div|com|ucom|sqrt|chs|abs|xch)\w*)$")
PREFIXES = {"lock", "rep", "repz", "repnz", "bnd", "notrack", "data16", "cs", "ds", "es"}
SYSTEM_CALL = {"syscall", "sysenter", "int"}


class Program:
    """Functions and data of all objects: nodes are (object, name) or (object, section)."""

    def __init__(self, files):
        self.edges = collections.defaultdict(set)     # node -> what it refers to: (object, symbol, offset)
        self.instructions = collections.defaultdict(list)
        self.functions = {}                           # (object, section) -> [(address, name)]
        self.symbols = {}                             # (object, symbol) -> node
        self.exported = {}                            # symbol -> node
        for file in files:
            self.read_code(file)
            self.read_data(file)

    @staticmethod
    def lines(file, *options):
        page = subprocess.run(["objdump", "-w", *options, file], capture_output=True, text=True, check=True).stdout
        name = str(file)
        for line in page.splitlines():
            if found := re.match(r"(\S+): +file format", line):
                name = f"{file}:{found[1]}"
            else:
                yield name, line

    def read_code(self, file):
        section = node = None
        for obj, line in self.lines(file, "-dr", "--no-show-raw-insn"):
            if found := re.match(r"Disassembly of section (\S+):", line):
                section = found[1]
            elif found := re.match(r"([0-9a-f]+) <(.+)>:", line):
                node = (obj, found[2])
                self.functions.setdefault((obj, section), []).append((int(found[1], 16), found[2]))
                self.symbols[node] = node
            elif found := re.match(r" *[0-9a-f]+:\t([^\t]*)(.*)", line):
                words = found[1].split()
                while words and words[0] in PREFIXES:
                    words.pop(0)
                self.instructions[node].append(words[0] if words else "")
                if relocation := re.search(r"R_X86_64_\w+\s+(\S+?)([+-]0x[0-9a-f]+)?$", found[2]):
                    # an offset counts from the end of the instruction, four bytes on
                    self.edges[node].add((obj, relocation[1], int(relocation[2] or "0", 16) + 4))
                elif target := re.search(r"<([^+>]+)(\+0x[0-9a-f]+)?>", line):
                    self.edges[node].add((obj, target[1], 0))

    def read_data(self, file):
        section = None
        for obj, line in self.lines(file, "-t", "-r"):
            if found := re.match(r"([0-9a-f]+) (.)(.{6}) (\S+)\t[0-9a-f]+ +(?:\.hidden )?(\S+)$", line):
                binding, kind, where, name = found[2], found[3], found[4], found[5]
                if where == "*UND*":
                    continue
                if "F" not in kind:
                    self.symbols[obj, name] = (obj, where)
                if binding in "gu!" or "w" in kind:
                    self.exported[name] = self.symbols.get((obj, name), (obj, name))
            elif found := re.match(r"RELOCATION RECORDS FOR \[(\S+)\]", line):
                section = found[1]
            elif section and section.startswith(".data") and (
                    found := re.match(r"[0-9a-f]+ R_X86_64_64 +(\S+?)([+-]0x[0-9a-f]+)?$", line)):
                self.edges[obj, section].add((obj, found[1], int(found[2] or "0", 16)))

    def node_of(self, obj, name, offset):
        """The node that a reference leads to, or None where it leads outside."""
        if (obj, name) in self.functions:
            below = [f for address, f in self.functions[obj, name] if address <= offset]
            return (obj, below[-1]) if below else None
        if (obj, name) in self.symbols:
            return self.symbols[obj, name]
        if name.startswith("."):
            return (obj, name)
        return self.exported.get(name)

    def reach(self, root):
        """All nodes from the function on, and what is called outside: {(function, symbol)}."""
        todo, seen, outside = [self.exported[root]], set(), set()
        while todo:
            node = todo.pop()
            if node in seen:
                continue
            seen.add(node)
            for obj, name, offset in self.edges[node]:
                to = self.node_of(obj, name, offset)
                if to:
                    todo.append(to)
                elif node in self.instructions:
                    outside.add((node[1], name))
                else:
                    outside.add((f"a table in {node[1]}", name))
        return seen, outside


def faults(program, root):
    """The faults of what is reached from root, sorted, and how many functions that is."""
    nodes, outside = program.reach(root)
    found = set()
    for function, name in outside:
        if name in DATA:
            continue
        _, only = ALLOWED.get(name, (None, None))
        if only is None or (only and function.split(".")[0] not in only):
            found.add(f"{function} calls {name}")
    for node in nodes:
        for instruction in set(program.instructions.get(node, ())):
            if DIVISION.match(instruction) and node[1].split(".")[0] not in DIVIDES:
                found.add(f"{node[1]} divides: {instruction}")
            elif FLOAT.match(instruction):
                found.add(f"{node[1]} calculates with floating point: {instruction}")
            elif instruction in SYSTEM_CALL:
                found.add(f"{node[1]} calls the system: {instruction}")
    return sorted(found), sum(node in program.instructions for node in nodes)


PLANTED = r"""
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#define FAR __attribute__((noinline)) static
pthread_mutex_t lock;
FAR unsigned divides(unsigned a, unsigned b) { return a / b; }
FAR double calculates(double a, double b) { return a * b; }
FAR double converts(long a) { return (double)a; }
FAR long double old(long double a) { return a + 1; }
FAR void *allocates(size_t n) { return malloc(n); }
FAR void logs(int n) { printf("%d\n", n); }
FAR void locks(void) { pthread_mutex_lock(&lock); }
FAR void sleeps(void) { usleep(1); }
FAR void yields(void) { sched_yield(); }
FAR void enters(void) { __asm__ volatile("syscall" ::: "memory"); }
FAR void hidden(int n) { if (n > 7) exit(n); }
struct ops { void (*call)(int); };
extern const struct ops *planted_ops;
static const struct ops table = {hidden};
const struct ops *planted_ops = &table;
void *unreached(size_t n);
void *unreached(size_t n) { return calloc(n, n); }
FAR unsigned fine(unsigned a) { return a / 10 + a % 16; }
extern long planted(unsigned a, unsigned b, void *p);
long planted(unsigned a, unsigned b, void *p)
{
	memcpy(p, &a, b);
	planted_ops->call((int)a);
	locks(), sleeps(), yields(), enters(), logs((int)a);
	return (long)(divides(a, b) + fine(a)) + (long)calculates(a, b) + (long)converts(b) + (long)old(a) + (long)allocates(a);
}
"""
PLANTED_FAULTS = {"divides divides", "calculates calculates", "converts calculates", "old calculates",
                  "allocates calls malloc", "logs calls", "locks calls pthread_mutex_lock", "sleeps calls usleep",
                  "yields calls sched_yield", "enters calls the system", "hidden calls exit"}


def check_self(compiler):
    """Each fault of the planted program is found, and no other."""
    with tempfile.TemporaryDirectory() as directory:
        source, obj = pathlib.Path(directory) / "planted.c", pathlib.Path(directory) / "planted.o"
        source.write_text(PLANTED)
        subprocess.run([*compiler, "-O2", "-fPIC", "-c", source, "-o", obj], check=True)
        found, _ = faults(Program([obj]), "planted")
    found = [line.replace(".constprop.0", "").replace(".isra.0", "").replace(".part.0", "") for line in found]
    missed = [wanted for wanted in PLANTED_FAULTS if not any(line.startswith(wanted) for line in found)]
    wrong = [line for line in found if not any(line.startswith(wanted) for wanted in PLANTED_FAULTS)
             and not line.startswith("planted calculates")]
    if missed or wrong:
        sys.exit(f"of a planted program not found: {missed}; found, though not planted: {wrong}; found: {found}")


def main():
    split = sys.argv.index("--")
    check_self(sys.argv[1:split])
    found, n = faults(Program(sys.argv[split + 1:]), "el_worker_run")
    if n < 30:
        found.append(f"only {n} functions reached from el_worker_run: calls are no longer followed")
    print(f"{n} functions reached")
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
