"""What the model is told: the persona, this runtime's own rules, the skills, and the task.

The system prompt depends on the persona, the skills and the command alone, so it is the same byte for byte from turn
to turn and from machine to machine; what differs (date, sandbox, target) stands in the first message.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from agency_runtime.wire import Json

Command = Literal["work", "implement", "plan", "task"]
TEMPLATES = Path(__file__).parent / "templates"


class SkillText(Protocol):
    """What the prompt needs of a skill."""

    @property
    def name(self) -> str: ...
    @property
    def description(self) -> str: ...
    @property
    def body(self) -> str: ...


@dataclass(frozen=True, kw_only=True)
class Environment:
    """Facts about where a run happens. Recorded with it, so that its replay says the same."""

    date: str
    sandbox: str
    network: str = "none"
    target: str = "none"
    permission_mode: str = "acceptEdits"
    branch: str = ""
    dirty: int = 0

    def json(self) -> dict[str, Any]:
        return dict(self.__dict__)


@dataclass(frozen=True, kw_only=True)
class Task:
    """What a run is to do. `plan` is the plan file's text, `handoff` the specialist plan found beside it."""

    command: Command
    text: str
    feature: str
    plan: str = ""
    plan_path: str = ""
    handoff: str = ""
    shared: bool = False  # handoff mode: several specialists work on the feature


def system_prompt(
    persona_body: str,
    *,
    command: Command,
    loaded: Sequence[SkillText],
    offered: Sequence[SkillText],
    tools: Sequence[str],
    notes: Sequence[str] = (),
) -> list[Json]:
    """The system blocks: the persona first, then the rules of this runtime, which prevail, then the skills."""
    rules = _render(
        "system.md.j2", command=command, loaded=loaded, offered=offered, tools=sorted(tools), notes=list(notes)
    )
    return [{"type": "text", "text": persona_body.strip() + "\n"}, {"type": "text", "text": rules}]


def first_message(task: Task, environment: Environment) -> Json:
    """The user's message that opens the run. The issue is marked as data from outside."""
    text = _render("task.md.j2", task=task, environment=environment)
    return {"role": "user", "content": [{"type": "text", "text": text}]}


def _render(name: str, **values: Any) -> str:
    return str(_environment().get_template(name).render(**values))


def _environment() -> Any:
    from jinja2 import Environment as Jinja
    from jinja2 import FileSystemLoader, StrictUndefined

    if _CACHE.get("jinja") is None:
        _CACHE["jinja"] = Jinja(
            loader=FileSystemLoader(TEMPLATES),
            undefined=StrictUndefined,
            autoescape=False,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
    return _CACHE["jinja"]


_CACHE: dict[str, Any] = {}
