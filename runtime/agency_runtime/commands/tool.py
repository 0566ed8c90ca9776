"""`agency tool list | call NAME JSON`: the tools by hand, in a sandbox of their own."""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agency_runtime.commands import Subparsers
from agency_tools.errors import UsageError

if TYPE_CHECKING:
    from agency_tools.tool import Output, Tool


def add(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "tool", help="list the tools, or call one in a sandbox", description="The tools by hand."
    )
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    listing = verbs.add_parser("list", help="the tools")
    listing.add_argument("--json", action="store_true", help="their definitions, as the model is shown them")
    listing.set_defaults(run=show_list)
    call = verbs.add_parser("call", help="call one, or with --batch several in one sandbox")
    call.add_argument("name", nargs="?", metavar="NAME")
    call.add_argument("input", nargs="?", metavar="JSON", help="the input, or `-` for standard input")
    call.add_argument("--batch", metavar="FILE", help="one {name, input} a line, or `-`; one object a line is answered")
    call.add_argument("--json", action="store_true")
    call.add_argument("--repo", metavar="DIR", default=".", help="the folder to mount (default: the current one)")
    call.add_argument("--sandbox", choices=("auto", "docker", "bwrap"), default="auto")
    call.add_argument("--image", metavar="REF")
    call.set_defaults(run=call_tools)


def show_list(args: argparse.Namespace) -> int:
    from agency_runtime.deferred import NoWorkspace
    from agency_tools.tool import definition

    for tool in tools(NoWorkspace(), Path()).values():
        print(
            json.dumps(definition(tool))
            if args.json
            else f"{tool.name:<12} {tool.description.split('. ')[0].rstrip('.')}."
        )
    return 0


def tools(workspace: Any, repository: Path) -> "dict[str, Tool]":
    """Every tool that can be called by hand."""
    from agency_tools.core import core_tools
    from agency_tools.infrastructure import ShellCompartment, infrastructure_tools, web_tools

    infrastructure = infrastructure_tools(
        ShellCompartment(workspace=workspace), target=None, repository=repository, feature="by-hand"
    )
    return {tool.name: tool for tool in [*core_tools(workspace), *infrastructure, *web_tools()]}


def call_tools(args: argparse.Namespace) -> int:
    calls = list(batch(args.batch)) if args.batch else [single(args)]
    outputs = asyncio.run(carry_out(calls, args))
    return 1 if any(output.failed for output in outputs) else 0


def single(args: argparse.Namespace) -> tuple[str, Any]:
    """The one call of the command line. Raises UsageError where it is incomplete or no JSON."""
    if not args.name or args.input is None:
        raise UsageError("agency tool call: give NAME and JSON, or --batch FILE")
    return args.name, parsed(sys.stdin.read() if args.input == "-" else args.input, "JSON")


def batch(name: str) -> Iterable[tuple[str, Any]]:
    """The calls of a file. Raises UsageError naming the line that is wrong."""
    try:
        lines = (sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")).splitlines()
    except OSError as error:
        raise UsageError(f"--batch {name}: {error.strerror}") from error
    for number, line in enumerate(lines, 1):
        if line.strip():
            call = parsed(line, f"--batch {name}:{number}")
            if not isinstance(call, dict) or not isinstance(call.get("name"), str):
                raise UsageError(f'--batch {name}:{number}: give {{"name": …, "input": …}}')
            yield call["name"], call.get("input", {})


def parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise UsageError(f"{where}: not JSON: {error}") from error


async def carry_out(calls: list[tuple[str, Any]], args: argparse.Namespace) -> "list[Output]":
    """The calls in order, in one sandbox, each answered as soon as it is done."""
    outputs: list[Output] = []
    async with sandbox(args) as workspace:
        there = tools(workspace, Path(args.repo).resolve())
        for name, given in calls:
            began = time.perf_counter()
            output = await one(there, name, given)
            answer(output, time.perf_counter() - began, as_json=args.json or bool(args.batch))
            outputs.append(output)
    return outputs


@asynccontextmanager
async def sandbox(args: argparse.Namespace) -> AsyncIterator[Any]:
    from agency_tools.sandbox import start
    from agency_tools.workspace import Layout

    folder = Path(args.repo).resolve()
    if not folder.is_dir():
        raise UsageError(f"--repo {args.repo}: no such folder")
    workspace = await start(args.sandbox, Layout(repository=str(folder), image=args.image))
    try:
        yield workspace
    finally:
        await workspace.close()


async def one(there: "dict[str, Tool]", name: str, given: Any) -> "Output":
    """One call, answered as the model would be. Raises UsageError where there is no such tool."""
    import difflib

    from agency_runtime.answer import done
    from agency_runtime.wire import Call

    if name not in there:
        near = difflib.get_close_matches(name, there, n=1)
        raise UsageError(
            f"no tool {name!r}" + (f"; did you mean {near[0]}?" if near else f"; there are {', '.join(there)}")
        )
    if not isinstance(given, dict):
        raise UsageError(f"{name}: the input must be a JSON object, not {type(given).__name__}")
    return await done(there[name], Call(id="by-hand", name=name, input=given))


def answer(output: "Output", seconds: float, *, as_json: bool) -> None:
    """Print it: the JSON of the contract, or the text."""
    if not as_json:
        print(output.text)
        return
    value = {
        "content": output.content if isinstance(output.content, str) else list(output.content),
        "is_error": output.failed,
        "exit_code": output.exit_code,
        "seconds": round(seconds, 4),
        "truncated": output.truncated,
        "output_path": output.output_path,
    }
    print(json.dumps(value, ensure_ascii=False), flush=True)
