"""Attempts to leave a sandbox, as data: each is a command that prints the word ESCAPED if it gets anywhere.

`$SECRET` is a file of the host beside the repository, `$PORT` a port on which the host listens on every address,
`$HOST` an address of the host, `$ABSTRACT` the name of a socket the host listens on.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

PRELUDE = """
import ctypes, os, platform, socket, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
X86 = platform.machine() == "x86_64"
def call(x86, arm, *values):
    return libc.syscall(ctypes.c_long(x86 if X86 else arm), *(ctypes.c_long(v) if isinstance(v, int) else v for v in values))
def escaped(claim):
    print("ESCAPED" if claim else "held")
"""


@dataclass(frozen=True)
class Attempt:
    """One attempt; `about` groups them for the report."""

    about: str
    command: str


def then(command: str) -> str:
    """Escapes if the command succeeds."""
    return f"if {{ {command}; }} >/tmp/out 2>&1; then echo ESCAPED; fi; head -c 300 /tmp/out"


def python(text: str) -> str:
    """Runs Python; an exception means that it held."""
    return f"python3 - <<'END'\n{PRELUDE}\n{text}\nEND\n"


FILES = {
    "read-a-file-of-the-host": then('grep secret "$SECRET"'),
    "read-it-by-dot-dot": then('grep secret "/workspace/../../../../../..$SECRET"'),
    "read-it-through-a-link": then('ln -s "$SECRET" link && grep secret link'),
    "read-it-through-a-link-to-the-root": then('ln -s / root && grep secret "root$SECRET"'),
    "read-it-through-process-1": then('grep secret "/proc/1/root$SECRET"'),
    "read-it-through-the-cwd-of-process-1": then('grep secret "/proc/1/cwd/../$SECRET"'),
    "read-it-through-our-own-root": then('grep secret "/proc/self/root/..$SECRET"'),
    "read-it-through-every-descriptor": then(
        'for f in /proc/*/fd/*; do cat "$f/../$SECRET"; done 2>/dev/null | grep secret'
    ),
    "link-it-hard": then('ln "$SECRET" hard && grep secret hard'),
    "read-the-shadow-file": then("grep root /etc/shadow && grep '[$]' /etc/shadow"),
    "read-private-keys": then("cat /etc/ssl/private/* /etc/ssh/ssh_host_* /etc/pki/tls/private/*"),
    "read-the-hosts-processes": then("ls /proc | grep -E '^[0-9]{4,}$'"),
    "read-another-environment": then("cat /proc/*/environ | tr '\\0' '\\n' | grep CANARY"),
    "write-a-system-program": then("echo x >/usr/bin/true"),
    "write-a-system-program-by-its-descriptor": python(
        "fd = os.open('/usr/bin/true', os.O_RDONLY)\nos.open(f'/proc/self/fd/{fd}', os.O_WRONLY)\nescaped(True)"
    ),
    "write-beside-the-repository": then('echo x >"$(dirname "$SECRET")/new" && test -e "$(dirname "$SECRET")/new"'),
    "write-into-the-root": then("mkdir /new"),
    "move-the-repository": then("mv /workspace /tmp/moved"),
}

GIT = {
    "write-the-git-configuration": then("git config core.fsmonitor 'touch /tmp/x'"),
    "append-to-the-git-configuration": then("echo '[core]' >>.git/config"),
    "write-it-through-the-current-folder": then("echo '[core]' >>/proc/self/cwd/.git/config"),
    "plant-a-hook": then("echo '#!/bin/sh' >.git/hooks/post-checkout"),
    "link-a-hook": then("ln -s /workspace/evil .git/hooks/pre-commit"),
    "move-the-git-folder-aside": then("mv .git aside"),
    "remove-the-git-folder": then("rm -rf .git"),
    "link-the-git-configuration-hard": then("ln .git/config hard && echo '[core]' >>hard"),
    "swap-the-git-folder": python(
        "os.mkdir('fake')\n"
        "escaped(call(316, 276, -100, ctypes.c_char_p(b'.git'), -100, ctypes.c_char_p(b'fake'), 2) == 0)"
    ),
    "unmount-the-git-folder": then("umount .git || umount -l /workspace/.git"),
    "mount-over-the-git-folder": then("mkdir -p o && mount --bind o .git"),
    "make-the-git-folder-writable-again": then("mount -o remount,rw,bind .git || mount -o remount,rw /workspace/.git"),
    "change-modes-in-the-git-folder": then("chmod 777 .git/config || chattr -i .git"),
}

KERNEL = {
    "write-the-core-pattern": then(
        "cat /proc/sys/kernel/core_pattern >/tmp/p && cat /tmp/p >/proc/sys/kernel/core_pattern"
    ),
    "write-any-kernel-setting": then(
        "find /proc/sys -type f -writable -print -quit 2>/dev/null | grep . && echo 1 >/proc/sys/kernel/panic"
    ),
    "press-a-system-request-key": then("echo h >/proc/sysrq-trigger"),
    "set-a-helper-of-the-kernel": then("echo /workspace/x >/sys/kernel/uevent_helper"),
    "set-the-release-agent": then(
        "for f in /sys/fs/cgroup/*/release_agent; do echo /workspace/x >$f && exit 0; done; false"
    ),
    "make-a-control-group": then("mkdir /sys/fs/cgroup/pids/x /sys/fs/cgroup/x"),
    "raise-our-own-limits": then(
        "for f in /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max; do echo -1 >$f && exit 0; done; false"
    ),
    "read-kernel-memory": then(
        "head -c 64 /proc/kcore | grep -a ELF || head -c 1 /dev/mem | grep -a . || head -c 1 /dev/port"
    ),
    "read-the-kernel-log": then("dmesg || head -c 1 /dev/kmsg || timeout 1 head -c 1 /proc/kmsg | grep -a ."),
    "read-the-key-ring": then("grep . /proc/keys"),
    "load-a-module": python("escaped(call(175, 105, 0, 0, ctypes.c_char_p(b'')) == 0 or ctypes.get_errno() != 1)"),
    "load-a-filter-program": python("escaped(call(321, 280, 0, 0, 0) >= 0 or ctypes.get_errno() != 1)"),
    "open-a-performance-counter": python(
        "attributes = ctypes.create_string_buffer(struct.pack('=II', 1, 128) + bytes(120))\n"
        "escaped(call(298, 241, attributes, 0, -1, -1, 0) >= 0)"
    ),
    "open-a-fault-handler": python("escaped(call(323, 282, 0) >= 0)"),
    "set-up-a-ring": python("escaped(call(425, 425, 4, ctypes.create_string_buffer(120)) >= 0)"),
    "add-a-key": python(
        "escaped(call(248, 217, ctypes.c_char_p(b'user'), ctypes.c_char_p(b'k'), ctypes.c_char_p(b'v'), 1, -3) >= 0)"
    ),
    "restart-the-machine": python(
        "escaped(call(169, 142, 0xFEE1DEAD, 672274793, 0, 0) == 0 or ctypes.get_errno() != 1)"
    ),
    "set-the-clock": then("date -s 2001-01-01"),
    "set-the-hosts-name": then("hostname other || echo other >/proc/sys/kernel/hostname"),
    "turn-off-swap": python("escaped(call(168, 225, ctypes.c_char_p(b'/swapfile')) == 0 or ctypes.get_errno() != 1)"),
    "type-into-the-terminal": python("import fcntl\nfcntl.ioctl(0, 0x5412, b'x')\nescaped(True)"),
}

DEVICES = {
    "make-a-disk-device": then("mknod /tmp/disk b 254 0 || mknod disk b 8 0"),
    "make-a-memory-device": then("mknod /tmp/mem c 1 1 || mknod mem c 1 1"),
    "open-a-disk": then("for d in /dev/vda /dev/sda /dev/nvme0n1 /dev/dm-0; do head -c 1 $d && exit 0; done; false"),
    "open-a-fuse-device": then("test -c /dev/fuse && : <>/dev/fuse"),
    "open-the-virtual-machine-device": then("test -c /dev/kvm && : <>/dev/kvm"),
    "open-a-tunnel-device": then("test -c /dev/net/tun && : <>/dev/net/tun"),
}

NAMESPACES = {
    "mount-a-file-system": then("mount -t tmpfs none /mnt || mount -t tmpfs none /tmp || mount -t proc proc /tmp"),
    "bind-a-folder": then("mkdir -p /tmp/m && mount --bind /usr /tmp/m"),
    "make-the-root-writable": then("mount -o remount,rw / || mount -o remount,rw,bind /usr"),
    "uncover-kernel-settings": then("umount /proc/sys || umount -l /proc/keys"),
    "open-a-mount-tree": python("escaped(call(428, 428, -100, ctypes.c_char_p(b'/'), 1) >= 0)"),
    "become-root-of-a-new-user-namespace": then("unshare --user --map-root-user true"),
    "make-a-new-mount-namespace": then("unshare --mount true"),
    "clone-a-new-user-namespace": python("escaped(call(56, 220, 0x10000011, 0, 0, 0, 0) >= 0)"),
    "clone-it-by-the-newer-call": python(
        "escaped(call(435, 435, ctypes.create_string_buffer(struct.pack('=11Q', 0x10000000, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0)), 88) >= 0)"
    ),
    "enter-the-namespaces-of-process-1": then("nsenter --target 1 --mount --pid --net true"),
    "map-more-users": then("echo '0 0 4294967295' >/proc/self/uid_map"),
    "change-the-root": then("mkdir -p /tmp/j && chroot / true"),
    "pivot-the-root": python("escaped(call(155, 41, ctypes.c_char_p(b'/tmp'), ctypes.c_char_p(b'/tmp')) == 0)"),
    "open-a-file-by-handle": python(
        "handle = ctypes.create_string_buffer(struct.pack('=IIQ', 8, 1, 2))\n"
        "fd = os.open('/workspace', os.O_RDONLY)\n"
        "escaped(call(304, 265, fd, handle, 0) >= 0 or ctypes.get_errno() != 1)"
    ),
}

PROCESSES = {
    "trace-process-1": python("escaped(call(101, 117, 16, 1, 0, 0) == 0)"),
    "read-the-memory-of-process-1": then("head -c 1 /proc/1/mem || cat /proc/1/maps | grep ."),
    "write-the-memory-of-process-1": then(": >>/proc/1/mem"),
    "copy-memory-of-process-1": python(
        "buffer = ctypes.create_string_buffer(8)\n"
        "here = ctypes.create_string_buffer(struct.pack('=QQ', ctypes.addressof(buffer), 8))\n"
        "there = ctypes.create_string_buffer(struct.pack('=QQ', 0x400000, 8))\n"
        "escaped(call(310, 270, 1, here, 1, there, 1, 0) >= 0)"
    ),
    "take-a-descriptor-of-process-1": python(
        "fd = call(434, 434, 1, 0)\nescaped(fd >= 0 and call(438, 438, fd, 1, 0) >= 0)"
    ),
    "forge-an-answer-of-the-tool-host": then("printf '\\0\\0\\0\\002{}' >/proc/1/fd/1"),
    "listen-to-the-tool-hosts-orders": then("timeout 1 head -c 1 /proc/1/fd/0"),
    "kill-process-1": "kill -9 1; kill -TERM 1; kill -INT 1; kill -HUP 1; kill -QUIT 1; kill -USR1 1; sleep 0.2",
    "stop-process-1": "kill -STOP 1; kill -TSTP 1; kill -TTIN 1; sleep 0.2",
    "kill-everything": "kill -9 -1; sleep 0.2",
    "signal-real-time-to-process-1": "for n in $(seq 1 64); do kill -$n 1; done; sleep 0.2",
    "write-on-inherited-descriptors": python(
        "held = []\n"
        "for fd in range(3, 256):\n"
        "    try:\n"
        "        os.write(fd, b'\\0\\0\\0\\x02{}')\n"
        "        held.append(os.readlink(f'/proc/self/fd/{fd}'))\n"
        "    except OSError:\n"
        "        pass\n"
        "escaped(held)"
    ),
    "become-root-by-a-set-uid-program": then("su -c true root </dev/null || sudo -n true || pkexec true"),
    "make-a-set-uid-program-work": then(
        "cp /usr/bin/id /tmp/id && chmod 4755 /tmp/id && mount | grep ' /tmp ' | grep -v nosuid"
    ),
    "take-capabilities": python(
        "header, wanted = struct.pack('=Ii', 0x20080522, 0), struct.pack('=6I', 1 << 21, 1 << 21, 0, 0, 0, 0)\n"
        "escaped(libc.capset(header, wanted) == 0)"
    ),
    "become-another-user": python("os.setgroups([])\nos.setuid(4321)\nescaped(True)"),
    "raise-a-limit": python(
        "import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (1 << 20, 1 << 20))\nescaped(True)"
    ),
    "raise-the-priority": python("os.nice(-10)\nescaped(True)"),
    "dump-core": then("ulimit -c unlimited"),
}

NETWORK = {
    "reach-the-hosts-loopback": python(
        "socket.create_connection(('127.0.0.1', int(os.environ['PORT'])), 2)\nescaped(True)"
    ),
    "reach-the-hosts-loopback-by-ipv6": python(
        "socket.create_connection(('::1', int(os.environ['PORT'])), 2)\nescaped(True)"
    ),
    "reach-the-hosts-address": python(
        "socket.create_connection((os.environ['HOST'], int(os.environ['PORT'])), 2)\nescaped(True)"
    ),
    "send-a-datagram": python(
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', (os.environ['HOST'], int(os.environ['PORT'])))\n"
        "escaped(True)"
    ),
    "reach-the-metadata-service": python("socket.create_connection(('169.254.169.254', 80), 2)\nescaped(True)"),
    "look-a-name-up": then("getent hosts example.com"),
    "reach-a-virtual-machine-socket": python("socket.socket(40, socket.SOCK_STREAM)\nescaped(True)"),
    "open-a-packet-socket": python("socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 3)\nescaped(True)"),
    "open-a-raw-socket": python("socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)\nescaped(True)"),
    "open-every-other-family": python(
        "found = []\n"
        "for family in range(3, 50):\n"
        "    try:\n"
        "        socket.socket(family, socket.SOCK_RAW if family == 16 else socket.SOCK_STREAM)\n"
        "        found.append(family)\n"
        "    except OSError:\n"
        "        pass\n"
        "escaped([family for family in found if family not in {10, 16}])"
    ),
    "listen-to-device-events": python("socket.socket(16, socket.SOCK_RAW, 15)\nescaped(True)"),
    "reach-an-abstract-socket": python(
        "socket.socket(socket.AF_UNIX).connect('\\0' + os.environ['ABSTRACT'])\nescaped(True)"
    ),
    "reach-the-engine": python(
        "for path in ('/var/run/docker.sock', '/run/docker.sock', '/run/containerd/containerd.sock', '/run/podman/podman.sock'):\n"
        "    try:\n"
        "        socket.socket(socket.AF_UNIX).connect(path)\n"
        "        escaped(True)\n"
        "    except OSError:\n"
        "        pass"
    ),
    "find-any-socket": then("find / -xdev -type s 2>/dev/null | grep -v ^/tmp | grep ."),
    "bring-an-interface-up": then("ip link add dummy0 type dummy && ip link set dummy0 up"),
    "listen-where-the-host-can-see": python(
        "listener = socket.create_server(('0.0.0.0', 0))\n"
        "escaped(os.path.exists('/sys/class/net/eth0') or os.path.exists('/sys/class/net/docker0'))"
    ),
}

EXHAUSTION = {
    "bomb-with-forks": "bomb() { bomb | bomb & }; (bomb) 2>/dev/null; sleep 1; kill -9 -1",
    "take-all-memory": then("python3 -c 'x = bytearray(20 << 30)'"),
    "fill-scratch": then("head -c 100G /dev/zero >/tmp/big") + "; rm -f /tmp/big",
    "fill-shared-memory": then("head -c 10G /dev/zero >/dev/shm/big") + "; rm -f /dev/shm/big",
    "write-a-huge-file": then("truncate -s 100T huge") + "; rm -f huge",
    "open-too-many-files": python("held = [open('/dev/null') for _ in range(100_000)]\nescaped(True)"),
    "a-name-that-is-too-long": then(f"touch {'n' * 300}"),
    "a-path-that-is-too-deep": python("for _ in range(3000):\n    os.mkdir('d'); os.chdir('d')\nprint('deep')")
    + "rm -rf d",
    "names-with-control-characters": "touch \"$(printf 'a\\033[2J\\nb')\" \"$(printf 'a\\342\\200\\256b')\" \"$(printf '\\377\\376')\"; ls",
    "output-with-control-characters": "printf '\\033[2J\\033]0;title\\007\\342\\200\\256gnp.exe\\377\\000\\r\\n'",
    "output-that-looks-like-frames": "printf '\\0\\0\\0\\020{\"id\":1,\"ok\":1}\\0\\0\\0\\001'; printf '\\377\\377\\377\\377' >&2",
    "endless-output": "timeout 2 yes",
}

GROUPS: Mapping[str, Mapping[str, str]] = {
    "files": FILES,
    "git": GIT,
    "kernel": KERNEL,
    "devices": DEVICES,
    "namespaces": NAMESPACES,
    "processes": PROCESSES,
    "network": NETWORK,
    "exhaustion": EXHAUSTION,
}


def attempts() -> Iterator[tuple[str, Attempt]]:
    """Every attempt by its name."""
    for about, group in GROUPS.items():
        for name, command in group.items():
            yield f"{about}-{name}", Attempt(about, command)
