"""The system calls a sandbox refuses, as data, and the kernel's filter program made of them.

It stands on top of what the starter brings (Docker's default profile, bubblewrap's namespaces) and is the same in
every sandbox. It is there for what namespaces do not cover: socket families without a namespace, new user
namespaces, reading another process, and the kernel's rarely used, often broken corners.
"""

import platform
import struct

from agency_tools.errors import WorkspaceError

# name: (x86_64, aarch64); None where the architecture has no such call
DENIED: dict[str, tuple[int | None, int | None]] = {
    # other processes
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    # mounts and namespaces
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "unshare": (272, 97),
    "setns": (308, 268),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    # the kernel's key ring is not divided by namespaces
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    # the kernel itself
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "syslog": (103, 116),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "reboot": (169, 142),
    "acct": (163, 89),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "iopl": (172, None),
    "ioperm": (173, None),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "vhangup": (153, 58),
    "lookup_dcookie": (212, 18),
}

# name: (x86_64, aarch64, which argument is the mode)
MODES: dict[str, tuple[int | None, int | None, int]] = {
    "chmod": (90, None, 1),
    "fchmod": (91, 52, 1),
    "fchmodat": (268, 53, 2),
    "fchmodat2": (452, 452, 2),
    "creat": (85, None, 1),
    "open": (2, None, 2),
    "openat": (257, 56, 3),
    "mknod": (133, None, 1),
    "mknodat": (259, 33, 2),
}
"""Calls that give a file its mode. Inside a set-user-id bit means nothing, but the repository is also outside."""

SET_USER_ID = 0o4000

OPENAT2 = (437, 437)  # its mode lies behind a pointer; ENOSYS makes its few users fall back to openat
CLONE3 = (435, 435)  # its flags lie behind a pointer; ENOSYS makes the C library fall back to clone
CLONE = (56, 220)
SOCKET = (41, 198)
IOCTL = (16, 29)

NEW_NAMESPACES = 0x7E020000  # CLONE_NEWNS | CGROUP | UTS | IPC | USER | PID | NET
FAMILIES = (1, 2, 10)  # unix, inet, inet6: these belong to the network namespace, vsock and others may not
NETLINK, NETLINK_ROUTE = 16, 0  # `ip` and getifaddrs
TYPING = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX: put characters into a terminal's input

EPERM, ENOSYS, EAFNOSUPPORT = 1, 38, 97

_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7), "arm64": (1, 0xC00000B7)}
_LOAD, _JUMP_EQUAL, _JUMP_SET, _JUMP_FROM, _RETURN = 0x20, 0x15, 0x45, 0x35, 0x06
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, (16, 24, 32, 40)


def _step(code: int, value: int, then: int = 0, otherwise: int = 0) -> bytes:
    return struct.pack("=HBBI", code, then, otherwise, value)


def _refuse(errno: int) -> bytes:
    return _step(_RETURN, _ERRNO | errno)


def _when(number: int, *body: bytes) -> list[bytes]:
    """Run `body` (which must return) if the call is `number`; the loaded word stays the number otherwise."""
    return [_step(_JUMP_EQUAL, number, 0, len(body)), *body]


def _socket(number: int) -> list[bytes]:
    steps = [_step(_LOAD, _ARGUMENTS[0])]
    for family in FAMILIES:
        steps += _when(family, _step(_RETURN, _ALLOW))
    netlink = [
        _step(_JUMP_EQUAL, NETLINK, 0, 3),
        _step(_LOAD, _ARGUMENTS[2]),
        _step(_JUMP_EQUAL, NETLINK_ROUTE, 0, 1),
        _step(_RETURN, _ALLOW),
    ]
    return _when(number, *steps, *netlink, _refuse(EAFNOSUPPORT))


def _clone(number: int) -> list[bytes]:
    flags = _step(_LOAD, _ARGUMENTS[0])
    return _when(number, flags, _step(_JUMP_SET, NEW_NAMESPACES, 0, 1), _refuse(EPERM), _step(_RETURN, _ALLOW))


def _mode(number: int, argument: int) -> list[bytes]:
    mode = _step(_LOAD, _ARGUMENTS[argument])
    return _when(number, mode, _step(_JUMP_SET, SET_USER_ID, 0, 1), _refuse(EPERM), _step(_RETURN, _ALLOW))


def _ioctl(number: int) -> list[bytes]:
    steps = [_step(_LOAD, _ARGUMENTS[1])]
    for request in TYPING:
        steps += [_step(_JUMP_EQUAL, request, 0, 1), _refuse(EPERM)]
    return _when(number, *steps, _step(_RETURN, _ALLOW))


def program(machine: str | None = None) -> bytes:
    """The filter for the kernel, an array of `struct sock_filter`.

    Raises WorkspaceError for an architecture whose call numbers are not known here.
    """
    machine = machine or platform.machine()
    if machine not in _MACHINES:
        raise WorkspaceError(f"no system call filter for {machine!r}; there are {', '.join(_MACHINES)}")
    column, arch = _MACHINES[machine]
    steps = [_step(_LOAD, _ARCH), _step(_JUMP_EQUAL, arch, 1, 0), _refuse(EPERM), _step(_LOAD, _NUMBER)]
    if column == 0:  # x32 calls carry this bit and would pass every comparison
        steps += [_step(_JUMP_FROM, 0x40000000, 0, 1), _refuse(ENOSYS)]
    for denied in DENIED.values():
        if (number := denied[column]) is not None:
            steps += _when(number, _refuse(EPERM))
    for *moded, argument in MODES.values():
        if (number := moded[column]) is not None:
            steps += _mode(number, argument)
    for pair in (CLONE3, OPENAT2):
        steps += _when(pair[column], _refuse(ENOSYS))
    steps += [*_socket(SOCKET[column]), *_clone(CLONE[column]), *_ioctl(IOCTL[column])]
    return b"".join([*steps, _step(_RETURN, _ALLOW)])
