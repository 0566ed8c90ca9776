"""Alertmanager's configuration: by amtool, and by what must fit together where amtool is absent or older."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .document import Document
from .values import ERROR, Finding, Said, Source, Unchecked, Validator, rows, table

if TYPE_CHECKING:
    from .running import Runner

KNOWN = (
    *("api_url", "channel", "continue", "email_configs", "equal", "from", "global", "group_by", "group_interval"),
    *("group_wait", "inhibit_rules", "match", "match_re", "matchers", "mute_time_intervals", "opsgenie_configs"),
    *(
        "pagerduty_configs",
        "receiver",
        "receivers",
        "repeat_interval",
        "resolve_timeout",
        "route",
        "routes",
        "routing_key",
    ),
    *("send_resolved", "service_key", "slack_configs", "smarthost", "smtp_from", "smtp_smarthost", "source_match"),
    *(
        "source_matchers",
        "target_match",
        "target_matchers",
        "templates",
        "text",
        "time_intervals",
        "title",
        "to",
        "url",
    ),
    "webhook_configs",
)
"""Fields that are often mistyped; one that is like none of them may be of a later release than amtool."""


def _amtool(sources: list[Source], runner: Runner) -> Iterator[Said]:
    runner.need("amtool")
    for source in sources:
        if source.documents.fault is not None:
            yield Unchecked(source.path, "it cannot be read as YAML")
            continue
        ran = runner.run(["amtool", "check-config", f"./{source.path}"])
        if ran.code == 0:
            continue
        text = ran.out + ran.err
        said = " ".join(re.sub(r".*?FAILED: ", "", text, flags=re.DOTALL).split())
        said = said.removesuffix("amtool: error: failed to validate 1 file(s)").strip()
        strange = re.findall(r"field (\w+) not found", text)
        if (
            any(not difflib.get_close_matches(name, KNOWN, n=1, cutoff=0.8) for name in strange)
            or "no such file" in said
        ):
            yield Unchecked(source.path, said[:200])
            continue
        at = re.search(r"line (\d+)", said)
        yield Finding(source.path, int(at[1]) if at else 1, 1, "amtool", "configuration", ERROR, said[:400])


def _references(sources: list[Source], _: Runner) -> Iterator[Said]:
    for source in sources:
        for document in source.documents.mappings():
            names = {str(table(each).get("name")) for each in rows(document.value.get("receivers"))}
            yield from _routes(source, document, document.value.get("route"), ("route",), names, 0)


def _routes(
    source: Source, document: Document, route: Any, path: tuple[Any, ...], names: set[str], depth: int
) -> Iterator[Said]:
    receiver = table(route).get("receiver")
    if isinstance(receiver, str) and receiver not in names and "{{" not in receiver and "$" not in receiver:
        place = document.place((*path, "receiver"))
        yield Finding(
            source.path,
            place.line,
            place.column,
            "alertmanager",
            "receiver",
            ERROR,
            f"there is no receiver {receiver!r}",
        )
    elif receiver is None and depth == 0 and route is not None:
        place = document.place(path)
        yield Finding(
            source.path, place.line, place.column, "alertmanager", "receiver", ERROR, "the root route names no receiver"
        )
    for number, each in enumerate(rows(table(route).get("routes"))):
        if depth < 50:
            yield from _routes(source, document, each, (*path, "routes", number), names, depth + 1)


VALIDATORS = (
    Validator("amtool", frozenset({"alertmanager"}), _amtool),
    Validator("alertmanager", frozenset({"alertmanager"}), _references),
)
