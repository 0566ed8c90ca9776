"""From a command to its exit code: take the order, conduct the run, say what came of it."""

import asyncio
import io
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from agency_runtime.closing import close
from agency_runtime.compartments import Environs, environs_of, secrets_of
from agency_runtime.conduct import Run
from agency_runtime.gate import Gate
from agency_runtime.gatehouse import gate_of, hooks_of
from agency_runtime.hooks import Hook
from agency_runtime.mcp_servers import connected
from agency_runtime.order import Order, Verb, in_worktree, take
from agency_runtime.outcome import Outcome
from agency_runtime.repository import add_worktree
from agency_runtime.session import Event, Listener
from agency_runtime.terminal import Terminal
from agency_tools.redaction import Redactor


def start(verb: Verb, text: str | None, given: Mapping[str, Any]) -> int:
    """Do it; the exit code is the contract's. Raises UsageError before anything has begun."""
    order = take(verb, text, given)
    if order.settings.worktree:
        order = in_worktree(order, add_worktree(order.repository, order.task.feature))
    return carry_out(order).exit_code


def carry_out(order: Order) -> Outcome:
    """Conduct a run and show it in the form that was asked for."""
    form = order.settings.output
    gate, hooks = gate_of(order), hooks_of(order)
    environs = environs_of(order, gate.aims.targets)
    terminal = Terminal(out=sys.stdout if form == "text" else io.StringIO())
    listeners: list[Listener] = [terminal]
    if form == "stream-json":
        listeners.append(EventPrinter(Redactor.of_environment((*secrets_of(environs), *order.secrets))))
    if order.standing.dirty and form == "text":
        terminal.line(
            f"{order.standing.dirty} files have uncommitted changes; they stay as they are and out of the list of changes (or use --worktree)"
        )
    outcome = asyncio.run(_conducted(order, gate, terminal, listeners, environs, hooks))
    if form == "text":
        close(terminal, outcome, order.task.command)
    else:
        sys.stdout.write(json.dumps(outcome.json(), ensure_ascii=True, default=str) + "\n")
    return outcome


async def _conducted(
    order: Order,
    gate: Gate,
    terminal: Terminal,
    listeners: Sequence[Listener],
    environs: Sequence[Environs],
    hooks: Sequence[Hook],
) -> Outcome:
    """The run, between the start and the end of its MCP servers."""
    async with connected(order) as remote:
        gate = gate_of(order, remote.hints) if remote.hints else gate
        return await Run(order, gate, terminal, listeners, environs, hooks, remote=remote).conduct()


class EventPrinter:
    """Prints each event as one line of JSON, secrets masked."""

    def __init__(self, redact: Redactor) -> None:
        self._redact = redact

    def __call__(self, event: Event) -> None:
        sys.stdout.write(json.dumps(self._redact.inside(event.json())) + "\n")
        sys.stdout.flush()
