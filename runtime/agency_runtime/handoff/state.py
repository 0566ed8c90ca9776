"""What specialists share about a feature: execution-state.json, who has finished what; events.jsonl, what they tell each other.

Both are written by other programs too. What is there is kept as it is; only this specialist's own entry is replaced.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from agency_runtime.handoff.files import pretty, write_whole
from agency_tools.redaction import Redactor

State = Literal["completed", "incomplete", "blocked"]
FINISHED = ("completed", "complete", "done")


@dataclass(frozen=True, kw_only=True)
class Event:
    """One message: to whom, of what kind, and what it says."""

    to: str
    kind: Literal["handoff", "question", "outside"]
    text: str
    options: tuple[str, ...] = ()


def finish(folder: Path, *, feature: str, persona: str, state: State, digests: Mapping[str, str]) -> None:
    """Note in `folder/execution-state.json` how far this specialist is, and the digests of what it handed off."""
    path = folder / "execution-state.json"
    known = _read(path)
    entry = {
        "status": state,
        "summary": f"{persona}/summary.md",
        "files": f"{persona}/files-changed.json",
        "sha256": dict(sorted(digests.items())),
    }
    known.setdefault("feature", feature)
    known["specialists"] = _with(known.get("specialists"), persona, entry)
    write_whole(path, pretty(known))


def _with(specialists: Any, persona: str, entry: Mapping[str, Any]) -> Any:
    """The specialists with this one's entry brought up to date; a list of named entries and a mapping are both at home."""
    if isinstance(specialists, list):
        listed = cast("Sequence[Any]", specialists)
        mine = [each for each in listed if _name(each) == persona]
        if not mine:
            return [*listed, {"name": persona, **entry}]
        return [{**_fields(each), **entry} if each is mine[0] else each for each in listed]
    kept = _fields(specialists)
    return {**kept, persona: {**_fields(kept.get(persona)), **entry}}


def _fields(value: Any) -> dict[str, Any]:
    """The value's fields; none where it has none."""
    return dict(cast("Mapping[str, Any]", value)) if isinstance(value, dict) else {}


def _name(entry: Any) -> str:
    return str(_fields(entry).get("name", "")) if isinstance(entry, dict) else str(entry)


def _entries(folder: Path) -> dict[str, Any]:
    """What the state holds of each specialist."""
    specialists: Any = _peek(folder / "execution-state.json").get("specialists")
    if isinstance(specialists, list):
        listed = cast("Sequence[Any]", specialists)
        return {_name(each): each for each in listed}
    return _fields(specialists)


def finished(folder: Path) -> dict[str, bool]:
    """Each specialist that the state names, and whether it has finished."""
    return {name: _status(entry) in FINISHED for name, entry in _entries(folder).items()}


def _status(entry: Any) -> str:
    return str(_fields(entry).get("status", "")) if isinstance(entry, dict) else str(entry)


def waiting_for(folder: Path, upstream: Sequence[str]) -> tuple[str, ...]:
    """The upstream specialists that have not finished, each with why: by the state, or, where it says nothing, by their summary."""
    entries = _entries(folder)
    reasons = ((name, _unfinished(folder, name, entries)) for name in upstream)
    return tuple(f"{name} ({why})" for name, why in reasons if why)


def _unfinished(folder: Path, name: str, entries: Mapping[str, Any]) -> str:
    status = _status(entries[name]) if name in entries else ""
    if status:
        return "" if status in FINISHED else f"execution-state.json says {status}"
    return "" if (folder / name / "summary.md").is_file() else "no summary.md yet"


def sha256_of(folder: Path, persona: str) -> dict[str, str]:
    """The digests that this specialist's entry holds."""
    digests = _fields(_fields(_entries(folder).get(persona)).get("sha256"))
    return {name: str(value) for name, value in digests.items()}


def tell(folder: Path, persona: str, events: Sequence[Event], *, redact: Callable[[str], str] | None = None) -> None:
    """Append messages to `folder/events.jsonl`, each a whole line, without secrets."""
    folder.mkdir(parents=True, exist_ok=True)
    mask = redact or Redactor.of_environment()
    lines = "".join(
        json.dumps({"from": persona, "to": event.to, "type": event.kind, "text": event.text, "options": list(event.options)}, ensure_ascii=False) + "\n"
        for event in events
    )  # fmt: skip
    path = folder / "events.jsonl"
    whole = not path.is_file() or path.read_bytes()[-1:] in (b"", b"\n")
    with path.open("a", encoding="utf-8", errors="replace") as file:
        file.write(mask(lines if whole else f"\n{lines}"))


def _peek(path: Path) -> dict[str, Any]:
    """What the file holds; nothing where there is none or it cannot be understood."""
    try:
        value: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return _fields(value)


def _read(path: Path) -> dict[str, Any]:
    """What the file holds; one that cannot be understood is kept beside under another name."""
    known = _peek(path)
    understood = known and isinstance(known.get("specialists", {}), (dict, list))
    if path.exists() and not understood:
        path.replace(path.with_name(f"{path.name}.unreadable"))
        return {}
    return known
