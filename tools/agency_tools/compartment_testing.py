"""Compartments for tests: one that answers by script, one that runs commands where the test runs."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agency_tools.compartment import ABSENT, Compartment, Ran
from agency_tools.reach import Reach, Targets
from agency_tools.target import Target
from agency_tools.workspace import ROOT


@dataclass
class Scripted:
    """Answers the given outcomes in order, the last one again and again; `ran` holds the commands it was given."""

    outcomes: Sequence[Ran] = ()
    ran: list[list[str]] = field(default_factory=list[list[str]])
    envs: list[dict[str, str]] = field(default_factory=list[dict[str, str]])

    async def run(
        self,
        argv: Sequence[str],
        *,
        cwd: str = ROOT,
        env: Mapping[str, str] | None = None,
        timeout_s: float = 120,
        interrupt_first: bool = False,
    ) -> Ran:
        """Note the command and answer the next outcome."""
        self.ran.append(list(argv))
        self.envs.append(dict(env or {}))
        return self.outcomes[min(len(self.ran), len(self.outcomes)) - 1]


@dataclass(frozen=True)
class Unsealed:
    """Runs commands unsealed, with `folder` in place of `/workspace` and `scratch` in place of `/tmp`; tests only."""

    folder: Path
    env: Mapping[str, str] = field(default_factory=dict[str, str])

    async def run(
        self,
        argv: Sequence[str],
        *,
        cwd: str = ROOT,
        env: Mapping[str, str] | None = None,
        timeout_s: float = 120,
        interrupt_first: bool = False,
    ) -> Ran:
        """Run the command and wait for its end."""
        start = time.monotonic()
        try:
            process = await asyncio.create_subprocess_exec(
                *(self._here(word) for word in argv),
                cwd=self._here(cwd),
                env={**self.env, **(env or {})},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
        except FileNotFoundError:
            return Ran(exit_code=ABSENT, output=f"{argv[0]}: command not found", seconds=0)
        async with asyncio.timeout(timeout_s):
            said, _ = await process.communicate()
        return Ran(exit_code=process.returncode or 0, output=said.decode(), seconds=time.monotonic() - start)

    def _here(self, word: str) -> str:
        return word.replace(ROOT, str(self.folder))


def aimed(compartment: Compartment, target: Target | None = None) -> Targets:
    """A run's targets: this one alone, reached by `compartment`; staging where none is given."""
    return Targets(reaches=[Reach(target=target or Target(name="staging"), compartment=compartment)])
