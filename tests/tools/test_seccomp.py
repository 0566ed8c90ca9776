"""The system call filter, run by a small interpreter of the kernel's filter language."""

import struct

import pytest

from agency_tools.errors import WorkspaceError
from agency_tools.seccomp import CLONE, CLONE3, DENIED, IOCTL, MODES, OPENAT2, SOCKET, program

ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
ALLOW, EPERM, ENOSYS, EAFNOSUPPORT = 0x7FFF0000, 0x50001, 0x50026, 0x50061


def verdict(machine: str, number: int, *arguments: int, arch: int | None = None) -> int:
    """What the kernel would answer for one call."""
    given = [*arguments, *([0] * (6 - len(arguments)))]
    data = struct.pack("=IIQ6Q", number, ARCH[machine] if arch is None else arch, 0, *given)
    steps = list(struct.iter_unpack("=HBBI", program(machine)))
    at, word = 0, 0
    while True:
        code, then, otherwise, value = steps[at]
        at += 1
        if code == 0x20:
            word = struct.unpack_from("=I", data, value)[0]
        elif code == 0x06:
            return int(value)
        else:
            hit = {0x15: word == value, 0x45: bool(word & value), 0x35: word >= value}[code]
            at += then if hit else otherwise


@pytest.mark.parametrize("machine", ARCH)
@pytest.mark.parametrize("name", DENIED)
def test_a_denied_call_is_not_permitted(machine: str, name: str) -> None:
    number = DENIED[name][list(ARCH).index(machine)]
    if number is not None:
        assert verdict(machine, number) == EPERM


@pytest.mark.parametrize("machine", ARCH)
def test_ordinary_calls_pass(machine: str) -> None:
    denied = {numbers[list(ARCH).index(machine)] for numbers in DENIED.values()}
    special = {pair[list(ARCH).index(machine)] for pair in (CLONE, CLONE3, OPENAT2, SOCKET, IOCTL)}
    for number in set(range(460)) - denied - special:
        assert verdict(machine, number) == ALLOW


@pytest.mark.parametrize("machine", ARCH)
def test_processes_may_be_made_but_not_namespaces(machine: str) -> None:
    column = list(ARCH).index(machine)
    assert verdict(machine, CLONE[column], 0x01200011) == ALLOW  # fork
    assert verdict(machine, CLONE[column], 0x3D0F00) == ALLOW  # a thread
    assert verdict(machine, CLONE[column], 0x10000000) == EPERM  # a user namespace
    assert verdict(machine, CLONE3[column]) == ENOSYS


@pytest.mark.parametrize("machine", ARCH)
def test_only_socket_families_that_belong_to_the_network_namespace_pass(machine: str) -> None:
    number = SOCKET[list(ARCH).index(machine)]
    assert {family for family in range(60) if verdict(machine, number, family, 1, 0) == ALLOW} == {1, 2, 10, 16}
    assert verdict(machine, number, 40, 1, 0) == EAFNOSUPPORT  # vsock
    assert verdict(machine, number, 16, 3, 15) == EAFNOSUPPORT  # netlink, device events


@pytest.mark.parametrize("machine", ARCH)
def test_typing_into_a_terminal_is_refused_however_the_request_is_dressed(machine: str) -> None:
    number = IOCTL[list(ARCH).index(machine)]
    assert verdict(machine, number, 0, 0x5412) == EPERM
    assert verdict(machine, number, 0, 0x5412 | 1 << 40) == EPERM
    assert verdict(machine, number, 0, 0x5413) == ALLOW


@pytest.mark.parametrize("machine", ARCH)
@pytest.mark.parametrize("name", MODES)
def test_no_file_gets_a_set_user_id_bit(machine: str, name: str) -> None:
    number, argument = MODES[name][list(ARCH).index(machine)], MODES[name][2]
    if number is not None:
        before = [0] * argument
        assert verdict(machine, number, *before, 0o4755) == EPERM
        assert verdict(machine, number, *before, 0o102755) == ALLOW


def test_calls_of_another_architecture_are_refused() -> None:
    assert verdict("x86_64", 1, arch=0x40000003) == EPERM
    assert verdict("x86_64", 0x40000000 + 101) == ENOSYS


def test_an_unknown_architecture_starts_no_sandbox() -> None:
    with pytest.raises(WorkspaceError, match="riscv64"):
        program("riscv64")
