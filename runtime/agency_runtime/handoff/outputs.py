"""The outputs of cited calls, stored beside the evidence so that anyone can read what a claim rests on."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from agency_runtime.calls import Executed


@dataclass(frozen=True, kw_only=True)
class Stored:
    """What is stored of one call: its output, and the input of a tool whose command line does not tell it; secrets are masked."""

    ref: str
    output: str
    input: str | None

    @property
    def output_path(self) -> str:
        return f"evidence/{self.ref}.txt"

    @property
    def input_path(self) -> str | None:
        return None if self.input is None else f"evidence/{self.ref}.input.json"

    @property
    def output_sha256(self) -> str:
        return digest(self.output)

    @property
    def input_sha256(self) -> str | None:
        return None if self.input is None else digest(self.input)

    def files(self) -> dict[str, str]:
        """The files to write, by their paths below the handoff's folder."""
        found = {self.output_path: self.output}
        return found if self.input is None or self.input_path is None else {**found, self.input_path: self.input}


def stored(calls: Iterable[Executed], refs: Iterable[str], clean: Callable[[str], str]) -> Mapping[str, Stored]:
    """The cited calls' outputs, cleaned."""
    wanted = set(refs)
    return {call.ref: _store(call, clean) for call in calls if call.ref in wanted}


def _store(call: Executed, clean: Callable[[str], str]) -> Stored:
    given = None if call.tool == "Bash" else clean(json.dumps(dict(call.input), indent=1, default=str)) + "\n"
    return Stored(ref=call.ref, output=clean(call.output), input=given)


def digest(text: str) -> str:
    """SHA-256 of a text's UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()
