"""A program that was given one role and wants more. It prints which of its ways were open, as JSON.

Its surroundings are those of `ways_out.rs`. The names of the ways are those of the table in SECURITY.md.
"""

import ctypes
import errno
import glob
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import time

HOME = os.path.expanduser("~")
RUNTIME = os.environ["XDG_RUNTIME_DIR"]
OUTSIDE = json.load(open("outside.json"))
LIBC = ctypes.CDLL(None, use_errno=True)


def ask(path, target, timeout=10):
    """The body of an answer at a Unix socket, or of nothing that answers."""
    with socket.socket(socket.AF_UNIX) as stream:
        stream.settimeout(timeout)
        stream.connect(path)
        stream.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while part := stream.recv(65536):
            answer += part
        return answer.decode(errors="replace")


def has_token(path):
    return "aoa" in ask(path, "/v1/token")


def main_socket():
    lock = open(f"{HOME}/.local/state/ssoctl/ssoctld.lock").read() if os.path.exists(f"{HOME}/.local/state/ssoctl/ssoctld.lock") else ""
    places = [f"{RUNTIME}/ssoctl/ssoctld.sock", f"/run/user/{os.getuid()}/ssoctl/ssoctld.sock", f"{HOME}/.cache/ssoctl/run/ssoctld.sock"]
    places += [lock.strip().rpartition("socket ")[2]]
    places += [os.path.join(os.path.dirname(os.environ["SSOCTL_SOCKET"]), "../../ssoctld.sock")]
    return any(tried(lambda place=place: has_token(place)) for place in places)


def found(*patterns):
    files = [file for pattern in patterns for file in glob.glob(os.path.expanduser(pattern), recursive=True)]
    return any(os.path.isfile(file) and open(file, "rb").read(1) for file in files)


def keyring():
    import dbus

    for address in (os.environ.get("DBUS_SESSION_BUS_ADDRESS"), f"unix:path={RUNTIME}/bus", f"unix:path=/run/user/{os.getuid()}/bus"):
        try:
            bus = dbus.bus.BusConnection(address)
            service = dbus.Interface(bus.get_object("org.freedesktop.secrets", "/org/freedesktop/secrets"), "org.freedesktop.Secret.Service")
            unlocked, _ = service.SearchItems({"service": "ssoctl"})
            _, session = service.OpenSession("plain", "")
            secret = dbus.Interface(bus.get_object("org.freedesktop.secrets", unlocked[0]), "org.freedesktop.Secret.Item").GetSecret(session)
            return bool(bytes(secret[2]))
        except (dbus.DBusException, TypeError, IndexError):
            continue
    return False


def processes(name):
    for directory in glob.glob("/proc/[0-9]*"):
        try:
            if open(f"{directory}/comm").read().strip() == name:
                yield int(os.path.basename(directory))
        except OSError:
            pass


def memory(name):
    for pid in processes(name):
        try:
            first = open(f"/proc/{pid}/maps").readline()
            if not first:
                # It has just ended.
                continue
            start = int(first.split("-")[0], 16)
            with open(f"/proc/{pid}/mem", "rb") as memory:
                memory.seek(start)
                if memory.read(4):
                    return True
        except OSError:
            pass
    return False


def ptrace_outside():
    seize, detach = 0x4206, 17
    if LIBC.ptrace(seize, OUTSIDE["victim"], 0, 0) != 0:
        return False
    LIBC.ptrace(detach, OUTSIDE["victim"], 0, 0)
    return open(f"/proc/{OUTSIDE['victim']}/comm").read() == "sleep\n"


def signal_outside():
    os.kill(OUTSIDE["victim"], signal.SIGCONT)
    return open(f"/proc/{OUTSIDE['victim']}/comm").read() == "sleep\n"


def run(*words, **more):
    return subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=20, **more)


def service_manager():
    mark = f"{HOME}/made-by-the-service-manager"
    if run("systemd-run", "--user", "--collect", "touch", mark).returncode != 0:
        return False
    return any(os.path.exists(mark) or time.sleep(0.1) for _ in range(100))


def second_daemon():
    """One with a home of its own, where it finds no lock, and with copies of what it needs."""
    home = os.path.abspath("second-home")
    for directory in (".config/ssoctl", ".local/state/ssoctl"):
        if os.path.isdir(f"{HOME}/{directory}"):
            ignored = shutil.ignore_patterns("*.lock", "*.sock")
            shutil.copytree(f"{HOME}/{directory}", f"{home}/{directory}", dirs_exist_ok=True, ignore=ignored)
    place = f"{home}/second.sock"
    variables = {**os.environ, **OUTSIDE["service"], "HOME": home, "SSOCTL_SOCKET": place}
    daemon = subprocess.Popen(["ssoctld"], env=variables, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            if daemon.poll() is not None:
                return False
            if tried(lambda: "signed_in" in ask(place, "/v1/sessions")):
                return has_token(place)
            time.sleep(0.1)
        return False
    finally:
        daemon.kill()
        daemon.wait()


def changed(file, text="# changed\n"):
    path = os.path.expanduser(file)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "a") as opened:
        opened.write(text)
    return True


def agent(path):
    """Asks an agent of OpenSSH for its keys."""
    with socket.socket(socket.AF_UNIX) as stream:
        stream.settimeout(10)
        stream.connect(path)
        stream.sendall(struct.pack(">IB", 1, 11))
        return stream.recv(5)[4] == 12


def display(address):
    """Begins to talk to an X server, which answers with 1 if it lets the client in."""
    with socket.socket(socket.AF_UNIX) as stream:
        stream.settimeout(10)
        stream.connect(address)
        stream.sendall(struct.pack("<BxHHHHxx", ord("l"), 11, 0, 0, 0))
        return stream.recv(1) == b"\1"


def kernel_keyring():
    search, user_keyring = 10, -4
    return LIBC.syscall(250, search, user_keyring, b"user", b"ssoctl-ways-out", 0) > 0


def shared_memory():
    LIBC.shmat.restype = ctypes.c_void_p
    identifier = LIBC.shmget(OUTSIDE["shared_memory"], 0, 0)
    return identifier >= 0 and LIBC.shmat(identifier, None, 0o10000) not in (None, ctypes.c_void_p(-1).value)


def descriptor():
    """A directory that a program above has left open."""
    for entry in os.listdir("/proc/self/fd"):
        if os.path.isfile(f"/proc/self/fd/{entry}{HOME}/.ssh/id"):
            return bool(open(f"/proc/self/fd/{entry}{HOME}/.ssh/id").read())
    return False


def uncover():
    """Takes a cover away, in namespaces of its own, where it may make mounts."""
    layers = f"lowerdir={HOME},upperdir=/tmp/layers/upper,workdir=/tmp/layers/work"
    script = f"""
        umount {HOME}/.ssh; umount -l {HOME}/.ssh
        mkdir -p mnt overlay /tmp/layers
        mount --bind / mnt; mount --bind {HOME} mnt
        mount -t tmpfs none /tmp/layers; mkdir /tmp/layers/upper /tmp/layers/work; mount -t overlay -o {layers} overlay overlay
        cat {HOME}/.ssh/id mnt/.ssh/id mnt{HOME}/.ssh/id overlay/.ssh/id
    """
    return b"a key" in run("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script).stdout


def control_groups():
    for directory, _, files in os.walk("/sys/fs/cgroup"):
        if "cgroup.procs" in files:
            try:
                with open(f"{directory}/cgroup.procs", "a"):
                    return True
            except OSError:
                pass
    return False


def loopback():
    with socket.create_connection(("127.0.0.1", OUTSIDE["loopback"]), timeout=10) as stream:
        return stream.recv(6) == b"inside"


def abstract():
    with socket.socket(socket.AF_UNIX) as stream:
        stream.settimeout(10)
        stream.connect("\0" + OUTSIDE["abstract"])
        return stream.recv(6) == b"inside"


def unix(path):
    with socket.socket(socket.AF_UNIX) as stream:
        stream.settimeout(10)
        stream.connect(path)
        return stream.recv(6) == b"inside"


def late():
    """A socket that somebody makes only now."""
    open("made", "w").close()
    for _ in range(200):
        if os.path.exists("late"):
            return unix(f"{HOME}/late.sock")
        time.sleep(0.1)
    return False


def work():
    os.makedirs(".git/hooks", exist_ok=True)
    return changed(os.path.abspath(".git/hooks/pre-commit"))


def tried(way):
    try:
        return bool(way())
    except (OSError, subprocess.SubprocessError, ImportError, IndexError):
        return False


WAYS = {
    "the daemon's socket, at each place that is known for it": main_socket,
    "token files, and what the AWS CLI keeps": lambda: found("~/.aws/sso/cache/*", "~/.aws/cli/cache/*", "~/.aws/credentials"),
    "the daemon's records": lambda: found("~/.local/state/ssoctl/**"),
    "the keyring over D-Bus": keyring,
    "the files of the keyring": lambda: found("~/.local/share/keyrings/*"),
    "the memory of `ssoctld`": lambda: memory("ssoctld"),
    "tracing another process": ptrace_outside,
    "a signal to another process": signal_outside,
    "the service manager (`systemd-run`)": service_manager,
    "a second daemon": second_daemon,
    "your shell's files": lambda: changed("~/.bashrc"),
    "your AWS configuration": lambda: changed("~/.aws/config"),
    "units, and what your desktop starts": lambda: changed("~/.config/systemd/user/way-out.service") and changed("~/.config/autostart/way-out.desktop"),
    "SSH keys": lambda: found("~/.ssh/id"),
    "the SSH agent": lambda: agent(f"{RUNTIME}/ssh-agent.sock"),
    "GnuPG's keys": lambda: found("~/.gnupg/**"),
    "browsers' profiles": lambda: found("~/.config/chromium/**"),
    "an engine of containers": lambda: "OK" in ask(f"{RUNTIME}/podman/podman.sock", "/v4.0.0/libpod/_ping"),
    "the display": lambda: display(f"/tmp/.X11-unix/X{OUTSIDE['display']}"),
    "the display's abstract socket": lambda: display(f"\0/tmp/.X11-unix/X{OUTSIDE['display']}"),
    "other abstract sockets": abstract,
    "temporary files of others": lambda: found(OUTSIDE["temporary"]),
    "the kernel's keyrings": kernel_keyring,
    "shared memory": shared_memory,
    "a directory that was left open": descriptor,
    "taking covers away in namespaces of its own": uncover,
    "control groups": control_groups,
    "a program's socket in your home": lambda: unix(f"{HOME}/tool/s.sock"),
    "a program's socket in your home that is made later": late,
    "services on loopback": loopback,
    "changing the current directory, of which you run something later": work,
    "reading the rest of your home": lambda: found("~/notes/*"),
    "your shell's variables": lambda: "TOKEN_OF_ANOTHER" in os.environ,
}

print(json.dumps({name: tried(way) for name, way in WAYS.items()}))
