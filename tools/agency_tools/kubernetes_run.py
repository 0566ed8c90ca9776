"""Running kubectl where the target's credentials are, with its two streams apart and its files kept there."""

import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from agency_tools.compartment import ABSENT, Compartment, Ran
from agency_tools.errors import ToolError
from agency_tools.kubernetes_place import Place


@dataclass(frozen=True, kw_only=True)
class Said:
    """A command's exit code, its streams, the sha256 of the file that it kept, a digest of each object that it printed.

    Where a compartment masks what it says, the digests are still those of the objects as they are.
    """

    exit_code: int
    out: str
    err: str
    sha256: str = ""
    digests: Sequence[str] = ()

    @property
    def failed(self) -> bool:
        """Whether it did not end well."""
        return self.exit_code != 0

    @property
    def ran(self) -> Ran:
        """As one output."""
        return Ran(exit_code=self.exit_code, output=f"{self.out}{self.err}", seconds=0)


@functools.cache
def program() -> str:
    """The program that runs beside kubectl."""
    return Path(__file__).with_name("cluster_inside.py").read_text(encoding="utf-8")


def inside_argv(command: str, *words: str) -> tuple[str, ...]:
    """One command of that program."""
    return ("python3", "-I", "-c", program(), command, *words)


@dataclass(frozen=True, kw_only=True)
class Kubectl:
    """kubectl on one target, in one namespace."""

    compartment: Compartment
    place: Place

    def words(self, *words: str) -> tuple[str, ...]:
        """A whole kubectl command."""
        return ("kubectl", *words, *self.place.flag)

    async def said(self, *words: str) -> Said:
        """What a kubectl command comes to. Raises ToolError where kubectl is absent."""
        return await self.inside("apart", *self.words(*words))

    async def inside(self, command: str, *words: str) -> Said:
        """What a command of the program beside it comes to. Raises ToolError where kubectl is absent, or it broke."""
        ran = await self.compartment.run(inside_argv(command, *words), timeout_s=120)
        try:
            said = Said(**json.loads(ran.output))
        except (ValueError, TypeError):
            raise ToolError(
                f"kubectl's answer could not be read (exit code {ran.exit_code}): {ran.output[-500:]}"
            ) from None
        if said.exit_code == ABSENT:
            raise ToolError("not run: kubectl is not where the target's tools run. Report what was not checked.")
        return said
