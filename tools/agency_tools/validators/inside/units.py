"""systemd units by `systemd-analyze verify` where it is there, and by their sections and keys everywhere."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .values import ERROR, WARNING, Finding, Said, Source, Validator

if TYPE_CHECKING:
    from .running import Runner

SECTIONS = {
    "service": {"Unit", "Service", "Install"},
    "socket": {"Unit", "Socket", "Install"},
    "timer": {"Unit", "Timer", "Install"},
    "mount": {"Unit", "Mount", "Install"},
    "automount": {"Unit", "Automount", "Install"},
    "path": {"Unit", "Path", "Install"},
    "swap": {"Unit", "Swap", "Install"},
    "slice": {"Unit", "Slice", "Install"},
    "target": {"Unit", "Install"},
}
COMMON = ("ExecStart", "ExecStartPre", "ExecStartPost", "ExecStop", "ExecStopPost", "ExecReload", "ExecCondition", "Restart", "RestartSec", "Type", "User", "Group", "WorkingDirectory", "Environment", "EnvironmentFile", "WantedBy", "RequiredBy", "After", "Before", "Wants", "Requires", "Description", "Documentation", "OnCalendar", "OnBootSec", "OnUnitActiveSec", "Persistent", "ListenStream", "TimeoutStartSec", "TimeoutStopSec", "KillMode", "PIDFile", "StandardOutput", "StandardError", "LimitNOFILE", "ProtectSystem", "PrivateTmp", "NoNewPrivileges", "Unit", "RemainAfterExit", "Alias", "Also", "Conflicts", "PartOf", "BindsTo")  # fmt: skip
"""Keys that are often mistyped; of others only systemd itself can judge."""

TYPES = {"simple", "exec", "forking", "oneshot", "dbus", "notify", "notify-reload", "idle"}
RESTARTS = {"no", "on-success", "on-failure", "on-abnormal", "on-watchdog", "on-abort", "always"}
SAID = re.compile(r"^(?P<path>[^:]+):(?P<line>\d+): (?P<what>.+)$")


def _verify(sources: list[Source], runner: Runner) -> Iterator[Said]:
    runner.need("systemd-analyze")
    for source in sources:
        if "@" in source.name or source.name.endswith((".network", ".netdev", ".link")):
            continue
        ran = runner.run(["systemd-analyze", "--no-pager", "verify", os.path.join(runner.root, source.path)])
        for line in (ran.out + ran.err).splitlines():
            at = SAID.match(line)
            if at and os.path.basename(at["path"]) == source.name and "Unknown" in at["what"]:
                yield Finding(source.path, int(at["line"]), 1, "systemd-analyze", "verify", ERROR, at["what"][:300])


def _read(sources: list[Source], _: Runner) -> Iterator[Said]:
    for source in sources:
        known = SECTIONS.get(source.name.rpartition(".")[2])
        if known is None or re.search(r"\{\{|\{%|<%|^\s*@\w+@\s*$", source.text, re.MULTILINE):
            continue
        yield from _unit(source, known)


def _unit(source: Source, known: set[str]) -> Iterator[Said]:
    section, values, continued = "", dict[str, list[str]](), False
    for number, line in enumerate(source.lines, 1):
        text, was_continued = line.strip(), continued
        continued = text.endswith("\\")
        if not text or text.startswith(("#", ";")) or was_continued:
            continued = continued or (was_continued and text.startswith(("#", ";")))
            continue
        if text.startswith("["):
            section = text.strip("[]")
            if not text.endswith("]"):
                yield Finding(
                    source.path, number, 1, "units", "section", ERROR, f"a section's name is not closed: {text}"
                )
            elif section not in known and not section.startswith("X-"):
                yield Finding(
                    source.path, number, 1, "units", "section", ERROR, f"a unit of this kind has no section [{section}]"
                )
            continue
        key, equals, value = text.partition("=")
        if not equals:
            yield Finding(source.path, number, 1, "units", "assignment", ERROR, f"no `key=value`: {text[:80]}")
            continue
        values.setdefault(key.strip(), []).append(value.strip())
        yield from _assignment(source, number, section, key.strip(), value.strip())
    if source.name.endswith(".service") and "Service" in source.text and not values.keys() & {"ExecStart", "ExecStop", "SuccessAction", "BusName"}:  # fmt: skip
        yield Finding(source.path, source.line_of("[Service]"), 1, "units", "exec", ERROR, "the service starts nothing: ExecStart= is missing")  # fmt: skip


def _assignment(source: Source, number: int, section: str, key: str, value: str) -> Iterator[Said]:
    if not section:
        yield Finding(source.path, number, 1, "units", "assignment", ERROR, f"{key}= stands outside of any section")
    if key == "Type" and section == "Service" and value and value not in TYPES and "%" not in value:
        yield Finding(
            source.path, number, 1, "units", "value", ERROR, f"Type={value} is none of {', '.join(sorted(TYPES))}"
        )
    if key == "Restart" and value and value not in RESTARTS:
        yield Finding(
            source.path, number, 1, "units", "value", ERROR, f"Restart={value} is none of {', '.join(sorted(RESTARTS))}"
        )
    near = difflib.get_close_matches(key, COMMON, n=1, cutoff=0.85)
    if near and near[0] != key and near[0].lower() == key.lower():
        yield Finding(source.path, number, 1, "units", "key", ERROR, f"{key}= is unknown; it is {near[0]}=")
    elif near and near[0] != key and key not in COMMON and abs(len(near[0]) - len(key)) <= 1 and not _is_real(key):
        yield Finding(source.path, number, 1, "units", "key", WARNING, f"{key}= is unknown; {near[0]}= was meant?")


def _is_real(key: str) -> bool:
    """Keys of systemd that look like another by one letter."""
    return key in REAL or key.startswith(("Condition", "Assert", "Limit", "Protect", "Private", "Restrict", "Listen", "OnUnit", "OnBoot", "OnStartup", "OnActive", "OnClock", "OnTimezone", "TimeoutSec", "TimeoutStart", "TimeoutStop", "TimeoutAbort"))  # fmt: skip


REAL = frozenset({"Requisite", "Upholds", "WantsMountsFor", "Units", "Groups", "Users", "RestartSteps", "UpheldBy", "StandardInput", "ExecStopPre", "DynamicUser", "ExecStartPre", "StartLimitInterval", "Slice", "PIDFile", "SocketUser", "SocketGroup", "KillSignal", "RestartUSec"})  # fmt: skip

VALIDATORS = (
    Validator("systemd-analyze", frozenset({"systemd"}), _verify),
    Validator("units", frozenset({"systemd"}), _read),
)
