"""A specialist's own plan in a feature that several specialists share: who they are, in what order, and who owes whom what.

Read leniently: people and other programs write these plans, with headings or bold words in front of each part.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Order = Literal["sequential", "parallel", ""]

SPECIALISTS = {
    "backend-architect": ("backend",),
    "frontend-developer": ("frontend", "front-end"),
    "ai-engineer": ("ai", "ml"),
    "senior-developer": ("senior",),
    "mobile-app-builder": ("mobile",),
}
"""Specialists by their names, and the words by which plans speak of them."""

PART = re.compile(
    r"^\s{0,3}(?:#{1,6}\s+(?P<heading>.+?)\s*#*|(?:[-*]\s+)?\*\*(?P<bold>[^*\n]+?):?\*\*\s*:?\s*(?P<rest>.*))$"
)
BULLET = re.compile(r"^\s*(?:[-*+]|\d+[.)])\s+(?:\[[ xX]\]\s+)?(?P<text>.+)$")
NAME = re.compile(r"\b[a-z]+(?:-[a-z]+)+\b")
POSITION = re.compile(r"position\s+(\d+)\s+of\s+(\d+)", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class HandoffPlan:
    """The plan that another party left for this specialist.

    others: the specialists it works with. position: its place where the order is sequential, 0 where it is not said.
    needs, owes: the specialists that it waits for and that wait for it. before: those whose turn comes first.
    """

    feature: str
    path: Path
    text: str
    others: tuple[str, ...] = ()
    order: Order = ""
    position: int = 0
    responsibilities: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    owes: tuple[str, ...] = ()
    before: tuple[str, ...] = ()

    @property
    def upstream(self) -> tuple[str, ...]:
        """The specialists that have to finish before this one may begin; none where all work at the same time."""
        return () if self.order == "parallel" else tuple(dict.fromkeys((*self.before, *self.needs)))


def read_plan(path: Path, own: str) -> HandoffPlan:
    """The plan at `<feature>/<own>/plan.md`."""
    text = path.read_text(encoding="utf-8", errors="replace")
    parts = list(_parts(text))
    order = _of(parts, r"execution\s+order|^order$")
    place = POSITION.search(order)
    return HandoffPlan(
        feature=path.parent.parent.name,
        path=path,
        text=text,
        others=_names(_of(parts, r"other\s+specialists$|coordinat"), own),
        order=_order(order),
        position=int(place[1]) if place else 0,
        responsibilities=tuple(_bullets(_of(parts, r"responsibilit"))),
        needs=_names(_of(parts, r"you\s+need|depends?\s+on|waits?\s+for|needs\s+from"), own),
        owes=_names(_of(parts, r"others?\b.*\bneed|need\s+from\s+you|provides?\s+to"), own),
        before=_names(order.partition(own)[0], own) if own in order else (),
    )


def _parts(text: str) -> Iterable[tuple[str, str]]:
    """Each named part with the lines below it, up to the next name of its kind or a higher one."""
    named: list[tuple[int, str, list[str]]] = []
    for line in text.splitlines():
        found = PART.match(line)
        if found is None or (found["bold"] and _is_specialist(found["bold"])):
            for _, _, lines in named:
                lines.append(line)
            continue
        depth = len(line) - len(line.lstrip("#")) if found["heading"] else 7
        yield from ((name, "\n".join(lines)) for level, name, lines in named if level >= depth)
        named = [part for part in named if part[0] < depth]
        for _, _, lines in named:
            lines.append(line)
        named.append((depth, found["heading"] or found["bold"], [found["rest"] or ""]))
    yield from ((name, "\n".join(lines)) for _, name, lines in named)


def _is_specialist(name: str) -> bool:
    """Whether a bold word is a specialist's name in a list, and so no part of its own."""
    return bool(_names(name, "")) and len(name.split()) <= 2


def _of(parts: Iterable[tuple[str, str]], title: str) -> str:
    """The text of the first part whose name matches."""
    return next((text for name, text in parts if re.search(title, name, re.IGNORECASE)), "")


def _bullets(text: str) -> Iterable[str]:
    return (found["text"].strip() for line in text.splitlines() if (found := BULLET.match(line)))


def _names(text: str, own: str) -> tuple[str, ...]:
    """The specialists a text speaks of: by their full names, or by the word that begins a line or stands before a comma."""
    found = [name for name in NAME.findall(text.lower()) if name in SPECIALISTS or (name.endswith(("-developer", "-engineer", "-architect", "-designer")))]  # fmt: skip
    starts = re.findall(r"(?:^|[,;&]|\band\b)[\s*_#-]*([A-Za-z-]+)", text, re.MULTILINE)
    found += [name for word in starts for name, words in SPECIALISTS.items() if word.lower() in words]
    return tuple(dict.fromkeys(name for name in found if name != own))


def _order(text: str) -> Order:
    said = text.lower()
    if "sequential" in said and not ("parallel" in said and said.index("parallel") < said.index("sequential")):
        return "sequential"
    return "parallel" if "parallel" in said else ""
