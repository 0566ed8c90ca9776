"""What one command would do: its class, and the facts about it that rules and targets judge."""

from dataclasses import dataclass
from typing import TypeAlias

from agency_runtime.gate.decision import Kind
from agency_runtime.gate.targets import Field

Pins: TypeAlias = tuple[tuple[Field, str], ...]


@dataclass(frozen=True, slots=True)
class Effect:
    """The effect of one simple command.

    kind, why: the class and its reason. refused: denied whatever rules and mode say; critical: asked likewise.
    pins: what the command says about the target. writes: paths it creates, changes or removes.
    wipes: paths it removes or changes recursively. named: local work that changes what `writes` names, and nothing else.
    """

    kind: Kind
    why: str
    refused: bool = False
    critical: bool = False
    pins: Pins = ()
    writes: tuple[str, ...] = ()
    wipes: tuple[str, ...] = ()
    named: bool = False
