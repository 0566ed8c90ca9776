"""`agency tool list | call NAME JSON`: the tools by hand, in a sandbox of their own."""

import argparse
import asyncio
import difflib
import json
import sys
import time
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

from agency_runtime import cli
from agency_runtime.commands import Subparsers
from agency_runtime.deferred import NoWorkspace
from agency_runtime.terminal import plain
from agency_runtime.wire import Call, json_object
from agency_tools.errors import UsageError

if TYPE_CHECKING:
    from agency_runtime.by_hand import ByHand
    from agency_runtime.mcp_servers import Remote
    from agency_runtime.skill import Skill
    from agency_tools.mcp.server import Server
    from agency_tools.tool import Output, Tool
    from agency_tools.workspace import Workspace


def add(subparsers: Subparsers) -> None:
    """Declare the subcommand."""
    parser = subparsers.add_parser(
        "tool", help="list the tools, or call one in a sandbox", description="The tools by hand."
    )
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    listing = verbs.add_parser("list", help="the tools")
    listing.add_argument("--json", action="store_true", help="their definitions, as the model is shown them")
    listing.add_argument(
        "--sandbox", metavar="KIND", default="auto", help="where MCP servers run: auto, docker or bwrap"
    )
    listing.set_defaults(run=show_list)
    call = verbs.add_parser("call", help="call one, or with --batch several in one sandbox")
    call.add_argument("name", nargs="?", metavar="NAME")
    call.add_argument("input", nargs="?", metavar="JSON", help="the input, or `-` for standard input")
    call.add_argument("--batch", metavar="FILE", help="one {name, input} a line, or `-`; one object a line is answered")
    call.add_argument("--json", action="store_true")
    call.add_argument("--repo", metavar="DIR", default=".", help="the folder to mount (default: the current one)")
    call.add_argument("--sandbox", metavar="KIND", default="auto", help="auto (default), docker or bwrap")
    call.add_argument("--image", metavar="REF")
    call.add_argument("--network", metavar="none|HOST,…", default="none", help="what Bash may reach (default none)")
    call.add_argument("--trust", action="store_true", help="trust the skills and hooks that the folder brings")
    call.add_argument("--searxng", metavar="URL", help="the SearXNG instance that WebSearch asks")
    for verb in (listing, call):
        verb.add_argument("--mcp-config", metavar="FILE", action="append", help="MCP servers to use; may be repeated")
    call.set_defaults(run=call_tools)


def show_list(args: argparse.Namespace) -> int:
    """Print the tools: a line each, or the definitions; of MCP servers those that `--mcp-config` names are started."""
    from agency_tools.tool import definition

    folder = Path().resolve()
    own = list(tools(folder, skills_of(folder)).values())
    for tool in [*own, *(asyncio.run(remote_tools(folder, args)) if args.mcp_config else ())]:
        summary = tool.description.split(". ")[0].rstrip(".")
        print(json.dumps(definition(tool)) if args.json else f"{tool.name:<12} {summary}.")
    return 0


def tools(folder: Path, skills: "Mapping[str, Skill]") -> "Mapping[str, Tool]":
    """Every tool that can be called by hand, to be looked at; its sandbox is none."""
    from agency_runtime.by_hand import ByHand, gate_by_hand

    return ByHand(NoWorkspace(), folder, gate_by_hand(folder), skills=skills).tools


async def remote_tools(folder: Path, args: argparse.Namespace) -> "list[Tool]":
    """The tools of the MCP servers that were given, to be looked at. Raises WorkspaceError where one does not start."""
    from agency_runtime.mcp_servers import started
    from agency_runtime.staging import layout_over

    layout = layout_over(folder, skills={}, image=None, network="none")
    async with started(servers_by_hand(folder, args), args.sandbox, layout) as remote:
        return remote.tools(NoWorkspace())


def servers_by_hand(folder: Path, args: argparse.Namespace) -> "tuple[Server, ...]":
    """The MCP servers that a run in this folder would have, the persona's left out. Raises UsageError."""
    from agency_runtime.mcp_sources import configured_servers
    from agency_runtime.settings import read_settings

    trust = getattr(args, "trust", None) or None
    settings = read_settings({"mcp_config": args.mcp_config, "trust": trust}, folder)
    return configured_servers(settings, folder, ask=None, say=lambda line: print(plain(line), file=sys.stderr))


def skills_of(folder: Path, *, trust: bool = False) -> "Mapping[str, Skill]":
    """The skills that can be loaded; which cannot is said on standard error."""
    from agency_runtime.by_hand import usable_skills

    return usable_skills(folder, trust_all=trust, say=lambda line: print(plain(line), file=sys.stderr))


def call_tools(args: argparse.Namespace) -> int:
    """Do the calls; 1 when one of them failed, 6 when one was refused or asks what nobody answered.

    Raises UsageError before any is done.
    """
    from agency_runtime.settings import sandbox_kind, searxng_address

    folder = Path(args.repo).resolve()
    if not folder.is_dir():
        raise UsageError(f"--repo {args.repo}: no such folder")
    args.searxng, args.sandbox = searxng_address(args.searxng), sandbox_kind(args.sandbox)
    given = list(batch(args.batch) if args.batch else [single(args)])
    skills = skills_of(folder, trust=args.trust)
    hands = asyncio.run(among_servers(given, folder, args, skills))
    for question in hands.escalate.open:
        print(f"? {plain(question.question)}", file=sys.stderr)
    return cli.DENIED if hands.denied else cli.INCOMPLETE if hands.incomplete else cli.OK


def single(args: argparse.Namespace) -> tuple[str, str, object]:
    """The one call of the command line, after where it stands. Raises UsageError where it is incomplete or no JSON."""
    if not args.name or args.input is None:
        raise UsageError("agency tool call: give NAME and JSON, or --batch FILE")
    return args.name, args.name, parsed(sys.stdin.read() if args.input == "-" else args.input, "JSON")


def batch(name: str) -> Iterator[tuple[str, str, object]]:
    """The calls of a file, each after where it stands. Raises UsageError naming the line that is wrong."""
    try:
        lines = (sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")).split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--batch {name}: {getattr(error, 'strerror', None) or error}") from error
    for number, line in enumerate(lines, 1):
        if line.strip():
            where = f"--batch {name}:{number}"
            call = json_object(parsed(line, where))
            if not isinstance(call.get("name"), str):
                raise UsageError(f'{where}: give {{"name": …, "input": …}}')
            yield where, call["name"], call.get("input", {})


def parsed(text: str, where: str) -> object:
    """The text's JSON. Raises UsageError."""
    try:
        return cast("object", json.loads(text))
    except ValueError as error:
        raise UsageError(f"{where}: not JSON: {error}") from error


def checked(names: Sequence[str], where: str, name: str, given: object) -> Call:
    """A call that can be tried. Raises UsageError where there is no such tool, or the input is no object."""
    if name not in names:
        near = difflib.get_close_matches(name, names, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(names)}"
        raise UsageError(f"{where}: no tool {name!r}; {hint}")
    if not isinstance(given, dict):
        raise UsageError(f"{where}: the input must be a JSON object, not {json.dumps(given)[:40]}")
    return Call(id="by-hand", name=name, input=json_object(cast("object", given)))


async def among_servers(
    given: Sequence[tuple[str, str, object]], folder: Path, args: argparse.Namespace, skills: "Mapping[str, Skill]"
) -> "ByHand":
    """The calls, with the MCP servers started that they name. Raises UsageError where there is no such tool."""
    names = list(tools(folder, skills))
    remote = [name for _, name, _ in given if name.startswith("mcp__")]
    if not remote:
        return await carry_out([checked(names, *call) for call in given], folder, args, skills, None)
    from agency_runtime.mcp_servers import by_hand
    from agency_runtime.staging import layout_over

    layout = layout_over(folder, skills=skills, image=args.image, network="none")
    servers = servers_by_hand(folder, args)
    async with by_hand(
        servers, remote, args.sandbox, layout, lambda line: print(plain(line), file=sys.stderr)
    ) as found:
        names = [*names, *(offer.name for offer in found.offers)]
        return await carry_out([checked(names, *call) for call in given], folder, args, skills, found)


async def carry_out(
    calls: Sequence[Call],
    folder: Path,
    args: argparse.Namespace,
    skills: "Mapping[str, Skill]",
    remote: "Remote | None",
) -> "ByHand":
    """The calls in order, in one sandbox, each answered as soon as it is done."""
    from agency_runtime.by_hand import ByHand, gate_by_hand, hooks_by_hand, tree_for

    gate = gate_by_hand(folder, remote.hints if remote else {})
    tree, hooks = tree_for(calls, folder), hooks_by_hand(folder, trust_all=args.trust)
    async with sandbox(folder, args, skills) as workspace:
        hands = ByHand(
            workspace, folder, gate, hooks=hooks, searxng=args.searxng, skills=skills, tree=tree,
            remote=remote.tools(workspace) if remote else (),
        )  # fmt: skip
        for call in calls:
            began = time.perf_counter()
            output = await hands(call)
            answer(output, time.perf_counter() - began, as_json=args.json or bool(args.batch))
    return hands


@asynccontextmanager
async def sandbox(folder: Path, args: argparse.Namespace, skills: "Mapping[str, Skill]") -> "AsyncGenerator[Workspace]":
    """A sandbox over the folder, as a run's. Raises WorkspaceError where it cannot start."""
    from agency_runtime.staging import layout_over
    from agency_tools.sandbox import start

    layout = layout_over(folder, skills=skills, image=args.image, network=args.network)
    workspace = await start(args.sandbox, layout, hear=lambda line: print(line, file=sys.stderr))
    try:
        yield workspace
    finally:
        await workspace.close()


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
