# SPDX-License-Identifier: BSD-3-Clause
"""What the system does not give: descriptors, threads, space on a disk, standard streams, permissions. The program
then ends with one sentence and a documented status, or runs all the same; it never crashes and never hangs."""
import os
import pathlib
import re
import subprocess

from harness import HOST1, PORT, Prober, Skip, alone, assert_equal, config, icmp, time_limit

SYSTEM, OUTPUT, UNAVAILABLE = 71, 74, 69
NOBODY, OTHER = 65534, 65533
LATER = 1 << 12 | 1 << 14  # CAP_NET_ADMIN, CAP_IPC_LOCK


def invoke(lab, wrapper, *arguments, **streams):
    """Runs echolane by another program; (exit status, standard error)."""
    command = lab.in_ns("prober", [*wrapper, str(lab.echolane), *map(str, arguments)])
    streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, **streams}
    done = subprocess.run(command, check=False, text=True, timeout=50, cwd=lab.directory,
                          stdin=subprocess.DEVNULL, **streams)
    return done.returncode, done.stderr


def assert_sentence(done, status, *words):
    have, stderr = done
    assert_equal(have, status, f"exit status ({stderr})")
    assert_equal(len(stderr.splitlines()), 1, f"lines of {stderr!r}")
    for word in words:
        assert word in stderr, f"{word!r} is not in {stderr!r}"


def run_arguments(lab, *more):
    return ["run", "--port", PORT, "--rounds", "1", *more, lab.write_config(config({"icmp": icmp(HOST1, 10)}, logging_level="WARNING"))]


def test_standard_output(lab):
    """Each thing that is asked for and can't be written; a full disk, a file that may not grow, a closed stream."""
    conf = lab.write_config(config({"icmp": icmp(HOST1)}))
    asked = [["--help"], ["--version"], ["reference"], ["check", conf], ["check", "--print-config", conf],
             run_arguments(lab, "--print-metrics")]
    for arguments in asked:
        with open("/dev/full", "wb") as full:
            assert_sentence(invoke(lab, [], *arguments, stdout=full), OUTPUT,
                            "standard output can't be written: No space left on device")
        with open(lab.directory / "out", "wb") as out:
            done = invoke(lab, ["prlimit", "--fsize=0"], *arguments, stdout=out)
        if arguments[0] == "run":
            assert_sentence(done, SYSTEM, "no file may be larger than 0 KiB (ulimit -f)")
        else:
            assert_sentence(done, OUTPUT, "standard output can't be written: File too large")
        closed = ["sh", "-c", 'exec "$@" >&-', "sh"]
        assert_sentence(invoke(lab, closed, *arguments), OUTPUT, "standard output can't be written: it is closed")
    with open("/dev/full", "wb") as full:
        status, stderr = invoke(lab, [], *run_arguments(lab, "--table=plain"), stdout=full)
    assert_equal(status, OUTPUT, f"exit status ({stderr})")
    assert "standard output can't be written: No space left on device" in stderr.splitlines()[-1], stderr


def test_closed_streams(lab):
    """What is opened first must not take the place of a standard stream and get what is printed."""
    for closed in ("<&-", "2>&-", "<&- 2>&-"):
        page = lab.directory / "page"
        with open(page, "wb") as out:
            status, _ = invoke(lab, ["sh", "-c", f'exec "$@" {closed}', "sh"],
                               *run_arguments(lab, "--print-metrics"), stdout=out)
        assert_equal(status, 0, f"exit status with {closed}")
        assert re.search(r'^icmp_sent_total\{.*\} 10$', page.read_text(), re.M), page.read_text()[-300:]


@time_limit(240)
def test_descriptors(lab):
    """Any limit of descriptors; with 3 or 4 it is the dynamic loader that ends it."""
    arguments = run_arguments(lab)
    ran = []
    for limit in (*range(3, 33), 40, 48, 56, 64, 72, 96):
        status, stderr = invoke(lab, ["prlimit", f"--nofile={limit}"], *arguments)
        if status == 127:
            assert "error while loading shared libraries" in stderr and limit < 6, f"{limit}: {stderr}"
            continue
        if status == 0:
            ran.append(limit)
        else:
            assert_sentence((status, stderr), SYSTEM, "file descriptors" if "needed" in stderr else "files")
    assert ran and ran[-1] == 96, f"ran with {ran}"


def as_nobody(lab, *capabilities):
    """A wrapper: another user, with these capabilities alone."""
    for directory in [lab.directory, *lab.directory.parents, *pathlib.Path(lab.echolane).parents]:
        if not directory.stat().st_mode & 0o001:
            raise Skip(f"{directory} is closed to other users")
    own = lab.directory / "run"
    own.mkdir(exist_ok=True)
    os.chown(own, NOBODY, NOBODY)
    given = ",".join(f"+{c}" for c in capabilities)
    return ["env", f"XDG_RUNTIME_DIR={own}", "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}",
            "--clear-groups", *([f"--inh-caps={given}", f"--ambient-caps={given}"] if given else [])]


@time_limit(120)
def test_permissions(lab):
    """The one that is missing is named."""
    conf = lab.write_config(config({"icmp": icmp(HOST1, 10)}))

    def run(device, *capabilities):
        port = f"{device},address=192.0.2.10/24,gateway=192.0.2.1"
        return invoke(lab, as_nobody(lab, *capabilities), "run", "--rounds", "1", "--port", port, conf)

    needed = {"af_packet:probe0": ["net_raw", "net_admin", "ipc_lock"],
              "af_xdp:probe0": ["net_raw", "net_admin", "bpf", "ipc_lock"]}
    for device, capabilities in needed.items():
        for missing in capabilities:
            done = run(device, *[c for c in capabilities if c != missing])
            assert_sentence(done, UNAVAILABLE, f"CAP_{missing.upper()}")
            others = [c for c in capabilities if c != missing and f"lacks CAP_{c.upper()}" in done[1]]
            assert not others, f"{others} are not missing: {done[1]}"
    assert_sentence(run("af_packet:probe0"), UNAVAILABLE, "lacks CAP_NET_RAW, CAP_NET_ADMIN and CAP_IPC_LOCK", "ulimit -l")
    assert_sentence(run("tap:probe9"), UNAVAILABLE, "CAP_NET_ADMIN")
    status, stderr = run("af_packet:probe0", *needed["af_packet:probe0"])
    assert_equal(status, 0, f"exit status with all ({stderr})")


def test_not_ours(lab):
    """Where DPDK would have its files another user has been: nothing there is written or removed."""
    wrapper = as_nobody(lab, "net_raw", "net_admin", "ipc_lock")
    theirs = lab.directory / "theirs"
    theirs.mkdir()
    (theirs / "config").write_text("theirs")
    for path in (theirs, theirs / "config"):
        path.chmod(0o777)
        os.chown(path, OTHER, OTHER)
    place = lab.directory / "run" / "dpdk"

    def is_refused(why):
        assert_sentence(invoke(lab, wrapper, *run_arguments(lab)), UNAVAILABLE, why,
                        "set XDG_RUNTIME_DIR to a directory that is yours alone")
        assert_equal([p.name for p in theirs.iterdir()], ["config"], "what is in another user's directory")
        assert_equal((theirs / "config").read_text(), "theirs", "another user's file")

    place.symlink_to(theirs)
    is_refused(f"{theirs} belongs to user {OTHER}")
    os.lchown(place, OTHER, OTHER)
    is_refused(f"{place} belongs to user {OTHER}")
    place.unlink()
    theirs.rename(place)
    theirs = place
    is_refused(f"{place} belongs to user {OTHER}")
    os.chown(place, NOBODY, NOBODY)
    is_refused(f"{place} can be written to by others")
    place.chmod(0o700)
    status, stderr = invoke(lab, wrapper, *run_arguments(lab))
    assert_equal(status, 0, f"exit status in a directory of its own ({stderr})")
    # the address of its socket is longer than one can be
    long = lab.directory / "run" / ("long" * 20)
    long.mkdir()
    os.chown(long, NOBODY, NOBODY)
    assert_sentence(invoke(lab, [f"XDG_RUNTIME_DIR={long}" if w.startswith("XDG_") else w for w in wrapper],
                           *run_arguments(lab)), UNAVAILABLE, "more than a socket's address", "a shorter directory")


@alone
@time_limit(120)
def test_threads(lab):
    """A limit of processes; another user's, for root has none, who runs nothing else meanwhile."""
    # looking for leaks takes a thread too
    wrapper = ["env", "ASAN_OPTIONS=detect_leaks=0", *as_nobody(lab, "net_raw")]
    arguments = run_arguments(lab)
    for limit in (1, 2, 4, 8):
        assert_sentence(invoke(lab, ["prlimit", f"--nproc={limit}", *wrapper], *arguments), SYSTEM, "threads",
                        "ulimit -u")


@time_limit(120)
def test_places(lab):
    """Without places that others have: home, temporary folder, run-time folder that can be written to."""
    arguments = run_arguments(lab)
    status, stderr = invoke(lab, ["env", "-u", "HOME", "-u", "TMPDIR", "-u", "XDG_RUNTIME_DIR"], *arguments)
    assert_equal(status, 0, f"exit status ({stderr})")
    private = ["unshare", "--mount", "sh", "-c"]
    status, stderr = invoke(lab, [*private, 'mount -t tmpfs -o ro none /tmp && exec "$@"', "sh"], *arguments)
    assert_equal(status, 0, f"exit status ({stderr})")
    os.makedirs("/var/run/dpdk", exist_ok=True)
    assert_sentence(invoke(lab, [*private, 'mount -t tmpfs -o ro,mode=755 none /var/run/dpdk && exec "$@"', "sh"], *arguments),
                    UNAVAILABLE, "/var/run/dpdk", "Read-only file system")


def capabilities_of_threads(process):
    """What each thread of a process has, has in effect, and may hand on."""
    found = set()
    for status in pathlib.Path(f"/proc/{process.pid}/task").glob("*/status"):
        try:
            text = status.read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended
        found.add(tuple(int(re.search(rf"^{key}:\t(\w+)$", text, re.MULTILINE)[1], 16) for key in ("CapPrm", "CapEff", "CapInh")))
    return found


def test_rights(lab):
    """Once it has started no thread has what only that took; it goes on."""
    prober = Prober(lab, ["run", "--port", PORT, str(lab.write_config(config({"icmp": icmp(HOST1)})))],
                    wrapper=as_nobody(lab, "net_raw", "net_admin", "ipc_lock", "sys_ptrace"))
    prober.wait_for(lambda m: m.all("icmp_sent_total"), "the first round")
    assert_equal(capabilities_of_threads(prober.process), {(LATER, LATER, LATER)}, "capabilities of all threads")
    page = prober.wait_for(lambda m: m.probes("icmp")[0] >= 300, "more rounds")
    assert_equal(page.ratio("icmp"), 0, "loss")
    prober.stop()
