"""Grafana dashboards: what Grafana reads of them, and every PromQL expression; there is no published schema."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from . import queries
from .document import Document
from .located import located
from .values import (  # fmt: skip
    ERROR,
    INFO,
    WARNING,
    Finding,
    Said,
    Source,
    Unchecked,
    Validator,
    is_table,
    library,
    rows,
    table,
)

if TYPE_CHECKING:
    from .running import Runner

Path = tuple[Any, ...]

TEXT, NUMBER, LIST, MAPPING = (str,), (int, float), (list,), (dict,)
TOP: dict[str, tuple[type, ...]] = {"title": TEXT, "uid": TEXT, "panels": LIST, "tags": LIST, "templating": MAPPING, "annotations": MAPPING, "time": MAPPING, "timepicker": MAPPING, "schemaVersion": (int,), "version": (int,), "links": LIST, "refresh": (str, bool), "description": TEXT, "timezone": TEXT, "rows": LIST}  # fmt: skip
PANEL: dict[str, tuple[type, ...]] = {"type": TEXT, "title": TEXT, "description": TEXT, "gridPos": MAPPING, "targets": LIST, "fieldConfig": MAPPING, "options": MAPPING, "transformations": LIST, "id": NUMBER, "datasource": (str, dict), "panels": LIST}  # fmt: skip
VARIABLES = frozenset({"query", "custom", "constant", "interval", "datasource", "adhoc", "textbox", "snapshot", "groupby", "switch", "system"})  # fmt: skip
UID = re.compile(r"^[A-Za-z0-9_-]{1,40}$")
WIDTH = 24
"""Columns of the grid."""

SAID = {str: "text", int: "a whole number", float: "a number", list: "a list", dict: "an object", bool: "true or false"}


class _Dashboard:
    """One dashboard as it is read: its place in the document, its variables, and what its datasources are."""

    def __init__(self, source: Source, document: Document, root: Path, value: dict[str, Any]) -> None:
        self.source, self.document, self.root, self.value = source, document, root, value
        self.variables = [each for each in rows(table(value.get("templating")).get("list")) if is_table(each)]
        inputs = [each for each in rows(value.get("__inputs")) if is_table(each)]
        self.types = {str(each.get("name")): str(each.get("pluginId", "")) for each in inputs}
        self.types |= {str(v.get("name")): str(v.get("query", "")) for v in self.variables if v.get("type") == "datasource"}  # fmt: skip
        self.metricsql = queries.is_metricsql(source.text) or "victoriametrics" in source.text.lower()
        self.known = {str(v.get("name")) for v in self.variables} | set(self.types)

    def found(self, path: Path, rule: str, severity: str, message: str) -> Finding:
        """A finding at a value."""
        place = self.document.place((*self.root, *path))
        return Finding(self.source.path, place.line, place.column, "grafana", rule, severity, message[:300])

    def language(self, *holders: Any) -> str | None:
        """The type of the datasource that the innermost of these names; None where that cannot be told."""
        for holder in holders:
            named = table(holder).get("datasource")
            if is_table(named) and isinstance(named.get("type"), str) and "$" not in named["type"]:
                return str(named["type"])
            if named:
                uid = str(named.get("uid", "")) if is_table(named) else str(named)
                return next((self.types[name] for name in queries.names(uid) if name in self.types), None) or uid
        return None


def _check(sources: list[Source], _: Runner) -> Iterator[Said]:
    parser = library("promql_parser", "promql-parser")
    for source in sources:
        parsed = located(source.text)
        if parsed.fault is not None:
            yield Unchecked(source.path, "it cannot be read as JSON")
            continue
        for document in parsed.mappings():
            wrapped = is_table(document.value.get("dashboard")) and "panels" not in document.value
            root: Path = ("dashboard",) if wrapped else ()
            value = document.value["dashboard"] if wrapped else document.value
            yield from _dashboard(_Dashboard(source, document, root, value), parser)


def _dashboard(board: _Dashboard, parser: Any) -> Iterator[Said]:
    value = board.value
    yield from _typed(board, value, (), TOP)
    yield from _misspelt(board, value, (), TOP)
    if not str(value.get("title") or "").strip():
        yield board.found((), "title", ERROR, "the dashboard has no title, so it is refused when it is provisioned")
    uid = value.get("uid")
    if isinstance(uid, str) and uid and not UID.match(uid) and "$" not in uid:
        yield board.found(("uid",), "uid", ERROR, f"uid {uid!r}: at most 40 of letters, digits, - and _")
    yield from _variables(board, parser)
    panels = list(_panels(board))
    yield from _identities(board, panels)
    for path, panel in panels:
        yield from _panel(board, path, panel, parser)


def _panels(board: _Dashboard) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every panel, also those in rows, which old dashboards and folded ones have."""
    for number, panel in enumerate(rows(board.value.get("panels"))):
        if is_table(panel):
            yield ("panels", number), panel
            for inner, each in enumerate(rows(panel.get("panels"))):
                if is_table(each):
                    yield ("panels", number, "panels", inner), each
    for number, row in enumerate(rows(board.value.get("rows"))):
        for inner, each in enumerate(rows(table(row).get("panels"))):
            if is_table(each):
                yield ("rows", number, "panels", inner), each


def _typed(board: _Dashboard, value: dict[str, Any], path: Path, known: dict[str, tuple[type, ...]]) -> Iterator[Said]:
    for key, types in known.items():
        given = value.get(key)
        if given is None or (isinstance(given, types) and not (isinstance(given, bool) and bool not in types)):
            continue
        wanted = " or ".join(SAID[each] for each in types)
        yield board.found((*path, key), "type", ERROR, f"{key} must be {wanted}, not {given!r}")


def _misspelt(board: _Dashboard, value: dict[str, Any], path: Path, known: dict[str, tuple[type, ...]]) -> Iterator[Said]:  # fmt: skip
    for key in value:
        near = difflib.get_close_matches(key, known, n=1, cutoff=0.85)
        if near and key not in known and near[0] not in value and key != near[0].rstrip("s"):
            yield board.found((*path, key), "key", WARNING, f"unknown key {key!r}; {near[0]!r} was meant?")


def _identities(board: _Dashboard, panels: list[tuple[Path, dict[str, Any]]]) -> Iterator[Said]:
    counted = Counter(panel["id"] for _, panel in panels if isinstance(panel.get("id"), int) and panel["id"])
    seen: set[int] = set()
    for path, panel in panels:
        number = panel.get("id")
        if isinstance(number, int) and counted[number] > 1:
            if number in seen:
                yield board.found((*path, "id"), "id", WARNING, f"another panel has the id {number} already")
            seen.add(number)


def _panel(board: _Dashboard, path: Path, panel: dict[str, Any], parser: Any) -> Iterator[Said]:
    yield from _typed(board, panel, path, PANEL)
    yield from _misspelt(board, panel, path, PANEL)
    if not panel.get("type") and "libraryPanel" not in panel:
        yield board.found(path, "panel", ERROR, f"panel {panel.get('title') or panel.get('id')!r} has no type")
    yield from _grid(board, path, panel)
    seen: set[str] = set()
    for number, target in enumerate(rows(panel.get("targets"))):
        if not is_table(target):
            yield board.found((*path, "targets", number), "type", ERROR, "a target must be an object")
            continue
        name = target.get("refId")
        if isinstance(name, str) and name in seen:
            yield board.found((*path, "targets", number, "refId"), "target", WARNING, f"another target of the panel has the refId {name!r}")  # fmt: skip
        seen.add(str(name))
        yield from _target(board, (*path, "targets", number), target, panel, parser)


def _grid(board: _Dashboard, path: Path, panel: dict[str, Any]) -> Iterator[Said]:
    grid = panel.get("gridPos")
    if not is_table(grid):
        if path[0] == "panels" and len(path) == 2 and grid is None and "libraryPanel" not in panel:
            yield board.found(path, "grid", INFO, "the panel has no gridPos")
        return
    place = (*path, "gridPos")
    for side in ("h", "w", "x", "y"):
        given = grid.get(side, 0)
        if isinstance(given, bool) or not isinstance(given, int | float):
            yield board.found((*place, side), "grid", ERROR, f"gridPos.{side} must be a number, not {given!r}")
            return
        if given < 0:
            yield board.found((*place, side), "grid", ERROR, f"gridPos.{side} must not be negative")
            return
    if grid.get("x", 0) >= WIDTH or grid.get("w", 0) > WIDTH:
        yield board.found(place, "grid", WARNING, f"the grid has {WIDTH} columns; the panel lies outside of them")
    elif grid.get("x", 0) + grid.get("w", 0) > WIDTH:
        yield board.found(place, "grid", WARNING, f"x + w is more than the grid's {WIDTH} columns")


def _target(board: _Dashboard, path: Path, target: dict[str, Any], panel: dict[str, Any], parser: Any) -> Iterator[Said]:  # fmt: skip
    language = board.language(target, panel)
    expression = target.get("expr")
    if language == "prometheus" and expression is None and not target.keys() & {"expression", "rawSql", "query", "queryType", "target", "panelId"}:  # fmt: skip
        near = difflib.get_close_matches("expr", target, n=1, cutoff=0.7)
        if near:
            yield board.found((*path, near[0]), "key", ERROR, f"unknown key {near[0]!r}; 'expr' was meant?")
    if expression is None:
        return
    if not isinstance(expression, str):
        yield board.found((*path, "expr"), "type", ERROR, f"expr must be text, not {expression!r}")
        return
    yield from _unknown(board, (*path, "expr"), expression)
    other = language is not None and "prom" not in language.lower() and language.lower() in {"loki", "elasticsearch", "influxdb", "graphite", "mixed", "mysql", "postgres", "cloudwatch", "tempo", "__expr__"}  # fmt: skip
    if not expression.strip() or other or (language != "prometheus" and ("loki" in str(language).lower() or queries.is_logs(expression))):  # fmt: skip
        return
    yield from _promql(board, (*path, "expr"), expression, str(panel.get("title") or "panel"), parser)


def _promql(board: _Dashboard, path: Path, expression: str, what: str, parser: Any) -> Iterator[Said]:
    said = None if board.metricsql else queries.fault(expression, parser)
    if said is not None:
        yield board.found(path, "expression", ERROR, f"{what}: {said}")


def _unknown(board: _Dashboard, path: Path, text: str) -> Iterator[Said]:
    for name in sorted(queries.names(text) - board.known):
        if not name.isdigit():
            near = difflib.get_close_matches(name, board.known, n=1)
            hint = f"; {near[0]!r} was meant?" if near else ""
            yield board.found(path, "variable", WARNING, f"the dashboard has no variable {name!r}{hint}")


def _variables(board: _Dashboard, parser: Any) -> Iterator[Said]:
    seen: set[str] = set()
    for number, variable in enumerate(board.variables):
        path: Path = ("templating", "list", number)
        name, kind = variable.get("name"), variable.get("type")
        if not isinstance(name, str) or not name:
            yield board.found(path, "variable", ERROR, "a variable has no name")
            continue
        if name in seen:
            yield board.found(path, "variable", ERROR, f"there are two variables {name!r}")
        seen.add(name)
        if kind is not None and kind not in VARIABLES:
            yield board.found((*path, "type"), "variable", ERROR, f"variable {name!r}: {kind!r} is no type of variable")
        if kind == "query" and board.language(variable) in ("prometheus", None):
            yield from _query(board, path, variable, parser)


def _query(board: _Dashboard, path: Path, variable: dict[str, Any], parser: Any) -> Iterator[Said]:
    """The PromQL within `label_values(…)` and `query_result(…)`."""
    given = variable.get("query")
    text = given.get("query") if is_table(given) else given
    if not isinstance(text, str):
        return
    yield from _unknown(board, (*path, "query"), text)
    found = re.match(r"^\s*label_values\((.+),\s*[\w$\[\]{}]+\s*\)\s*$|^\s*query_result\((.+)\)\s*$", text, re.DOTALL)
    inner = found[1] or found[2] if found else None
    if inner:
        yield from _promql(board, (*path, "query"), inner, f"variable {variable.get('name')}", parser)
    elif re.match(r"^\s*(?:label_values|query_result)\(.*[^)\s]\s*$", text, re.DOTALL):
        yield board.found(
            (*path, "query"), "expression", ERROR, f"variable {variable.get('name')}: a bracket is not closed"
        )


VALIDATORS = (Validator("grafana", frozenset({"grafana"}), _check),)
