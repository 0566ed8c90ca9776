"""What the model is told: the persona, this runtime's own rules, the skills, and the task.

The system prompt depends on the persona, the skills and the command alone, so it is the same byte for byte from turn
to turn and from machine to machine; what differs (date, sandbox, target) stands in the first message.
"""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from agency_runtime.wire import Json

if TYPE_CHECKING:
    from jinja2 import Environment as Jinja

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
        """As a recording keeps it."""
        return asdict(self)


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
    upstream: tuple[str, ...] = ()  # the summaries that others have left for it, as paths of the repository


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
    shown = replace(
        task,
        text=_inside(task.text, "issue"),
        plan=_inside(task.plan, "plan"),
        handoff=_inside(task.handoff, "handoff_plan"),
    )
    text = _render("task.md.j2", task=shown, environment=environment)
    return {"role": "user", "content": [{"type": "text", "text": text}]}


def _inside(text: str, tag: str) -> str:
    """The text, unable to close the tag around it."""
    return re.sub(rf"</(?=\s*{tag}\s*>)", r"<\\/", text, flags=re.IGNORECASE)


def _render(name: str, **values: Any) -> str:
    return _environment().get_template(name).render(**values)


@cache
def _environment() -> "Jinja":
    from jinja2 import Environment as Jinja
    from jinja2 import FileSystemLoader, StrictUndefined

    return Jinja(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
