"""The options that work, implement and plan share."""

import argparse
import sys
from pathlib import Path

from agency_tools.errors import UsageError


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Declare them; what is left out comes from the environment, the repository's configuration or the persona."""
    add = parser.add_argument
    add("--repo", metavar="DIR", help="the repository (default: the one around the current folder)")
    add("--feature", metavar="SLUG", help="name of the handoff folder (default: made from the text)")
    add(
        "--persona",
        metavar="NAME|PATH",
        help="default devops-automator; `auto` picks by what personas say of themselves",
    )
    add("--model", metavar="ID", help="default: the persona's, else the project's")
    add("--provider", help="anthropic (default), bedrock, vertex, foundry or aws")
    add("--sandbox", help="auto (default), docker or bwrap")
    add("--image", metavar="REF", help="another workspace image")
    add("--network", metavar="none|HOST,…", help="what the shell may reach (default none)")
    add(
        "--target",
        metavar="NAME[,NAME…]",
        help="the policy file's environments that infrastructure tools may touch, the first by default (default none)",
    )
    add("--permission-mode", metavar="MODE", help="default, acceptEdits, plan, dontAsk or bypassPermissions")
    for verdict in ("allow", "ask", "deny"):
        add(f"--{verdict}", metavar="RULE", action="append", help=f"{verdict} what this rule matches; may be repeated")
    add(
        "--mcp-config",
        metavar="FILE",
        action="append",
        help="MCP servers to use, beside the configured ones; may be repeated",
    )
    add("--max-turns", metavar="N", help="a number above 0, or unlimited")
    add("--max-cost", metavar="USD", help="likewise")
    add("--max-minutes", metavar="N", help="likewise")
    add("--max-repeats", metavar="N", help="end after N equal calls with equal results in a row (default 6)")
    add("--max-polls", metavar="N", help="likewise while something is waited for (default 40)")
    add("--context-window", metavar="TOKENS", help="what the model can hold (default: known by its id, else 200000)")
    add("--compact-at", metavar="PERCENT", help="condense the conversation when it fills so much of it (default 75)")
    add("--worktree", action="store_true", default=None, help="work on branch agency/<feature> in a git worktree")
    add(
        "--searxng",
        metavar="URL",
        help="the SearXNG instance that WebSearch asks (default: the model's service searches)",
    )
    add("--record", metavar="FILE", help="record the run")
    add("--source", help="how the replies come about: api, relay or authored (needed with another base URL)")
    add("--replay", metavar="FILE", help="take the model's replies from a recording")
    add("--tools", help="in a replay: live (default) runs the tools, recorded runs nothing")
    add("--drift", help="in a replay: fail (default) or warn where prompt or tools are no longer the recorded ones")
    add("--output", help="text (default), json or stream-json")
    add(
        "--trust",
        action="store_true",
        default=None,
        help="trust what this repository brings (personas, skills, configuration)",
    )


def issue_text(args: argparse.Namespace) -> str | None:
    """The issue as given: words, `-`, a file, or an issue of a forge; None where nothing was given.

    Raises UsageError where two were given, or the one given is empty or cannot be read.
    """
    given = [value for value in (args.text, args.issue_file, args.issue) if value is not None]
    if len(given) > 1:
        raise UsageError("the issue was given twice; give TEXT, or --issue-file, or --issue")
    if args.issue_file is not None:
        text = _read(Path(args.issue_file))
    elif args.issue is not None:
        from agency_runtime.forge import fetch_issue

        text = fetch_issue(args.issue)
    else:
        text = _standard_input() if args.text == "-" else args.text
    if text is not None and not text.strip():
        raise UsageError("the issue is empty; say in a sentence what is to be done")
    return text


def _standard_input() -> str:
    try:
        return sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError("standard input: not UTF-8 text; convert the issue to UTF-8") from error


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"--issue-file {path}: not UTF-8 text; save it as UTF-8") from error
    except OSError as error:
        raise UsageError(f"--issue-file {path}: {error.strerror or error}") from error


def add_issue(parser: argparse.ArgumentParser) -> None:
    """Declare the ways in which an issue is given."""
    parser.add_argument("text", nargs="?", metavar="TEXT", help="the issue, or `-` for standard input")
    parser.add_argument("--issue-file", metavar="F", help="a file that holds the issue")
    parser.add_argument(
        "--issue", metavar="OWNER/REPO#N|URL", help="an issue on GitHub (GITHUB_TOKEN is used where set)"
    )
