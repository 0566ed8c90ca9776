"""`agency policy check` and `agency policy explain`: does the policy mean what it says, and what does it say of a call."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agency_runtime.commands import Subparsers

if TYPE_CHECKING:
    from agency_runtime.gate import Decision
    from agency_runtime.policy import Policy
    from agency_tools.mcp.hints import Hints


def add(subparsers: Subparsers) -> None:
    """Declare the subcommand."""
    parser = subparsers.add_parser("policy", help="check the policy, or explain a verdict", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", metavar="check|explain", required=True)
    check = verbs.add_parser("check", help="read the policy file and run its self-tests")
    explain = verbs.add_parser("explain", help="what the gate says of a command, segment by segment, and why")
    explain.add_argument("command", metavar="COMMAND", help="a shell command; with --tool the call's input as JSON")
    explain.add_argument("--tool", metavar="NAME", default="Bash", help="a tool call instead of a shell command")
    explain.add_argument("--mode", "--permission-mode", metavar="MODE", help="default: acceptEdits")
    explain.add_argument("--target", metavar="NAME,…", help="environments of the policy file")
    explain.add_argument(
        "--hints", metavar="HINT,…", help="what an MCP tool says of itself: readOnlyHint, destructiveHint=false, …"
    )
    explain.add_argument("--trusted", action="store_true", help="the MCP server is one that its declaration trusts")
    for verdict in ("allow", "ask", "deny"):
        explain.add_argument(
            f"--{verdict}", metavar="RULE", action="append", default=[], help="a further rule; may be repeated"
        )
    for verb in (check, explain):
        verb.add_argument("--policy", metavar="FILE", type=Path, help="default: .agency/policy.yaml of the repository")
        verb.add_argument(
            "--repo", metavar="DIR", type=Path, default=Path(), help="default: the current folder's repository"
        )
        verb.add_argument("--json", action="store_true", help="one JSON object")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """0 when done; 2 when the policy fails its own tests. Raises UsageError for a policy that cannot be read."""
    return _check(args) if args.verb == "check" else _explain(args)


def _repository(start: Path) -> Path:
    here = start.resolve()
    return next((folder for folder in (here, *here.parents) if (folder / ".git").exists()), here)


def _policy(args: argparse.Namespace) -> "Policy":
    from agency_runtime.policy import FILE, read_policy
    from agency_tools.errors import UsageError

    if args.policy is not None and not args.policy.is_file():
        raise UsageError(f"no policy file {args.policy}: give --policy a file that exists")
    return read_policy(args.policy or _repository(args.repo) / FILE)


def _check(args: argparse.Namespace) -> int:
    from agency_runtime.gate.reader import repository_reader
    from agency_runtime.policy import FILE, failures

    policy = _policy(args)
    failed = failures(policy, read=repository_reader(_repository(args.repo)))
    where = str(policy.path or _repository(args.repo) / FILE)
    rules = {which: len(getattr(policy.rules, which)) for which in ("allow", "ask", "deny")}
    if args.json:
        shown = [
            {"call": fail.case.shown, "expected": fail.case.verdict, "verdict": fail.verdict, "rule": fail.rule}
            for fail in failed
        ]
        print(
            json.dumps(
                {
                    "ok": not failed,
                    "path": where,
                    "rules": rules,
                    "targets": list(policy.targets),
                    "tests": len(policy.tests),
                    "failed": shown,
                }
            )
        )
        return 2 if failed else 0
    if policy.path is None:
        print(f"{where}: absent, so only the gate's own rules and the mode decide")
        return 0
    for fail in failed:
        print(f"failed: {fail}")
    counted = ", ".join(f"{number} {which}" for which, number in rules.items())
    print(
        f"{where}: rules {counted}; targets {', '.join(policy.targets) or 'none'}; {len(policy.tests) - len(failed)} of {len(policy.tests)} tests passed"
    )
    return 2 if failed else 0


def _explain(args: argparse.Namespace) -> int:
    from agency_runtime.gate.reader import repository_reader
    from agency_runtime.policy import DEFAULT_MODE, build_gate

    gate = build_gate(
        _policy(args), mode=args.mode or DEFAULT_MODE, target=args.target, allow=args.allow, ask=args.ask, deny=args.deny,
        read=repository_reader(_repository(args.repo)), hints={args.tool: _hints(args.hints or "", trusted=args.trusted)},
    )  # fmt: skip
    decision = gate.judge(args.tool, _given(args))
    print(json.dumps(decision.json(), ensure_ascii=False) if args.json else _text(decision))
    return 0


def _hints(text: str, *, trusted: bool) -> "Hints":
    """The hints of a list. Raises UsageError for a name that is none."""
    from agency_tools.errors import UsageError
    from agency_tools.mcp.hints import NAMES, Hints

    said: dict[str, bool] = {}
    for word in filter(None, (each.strip() for each in text.split(","))):
        name, _, value = word.partition("=")
        if name not in NAMES.values() or value not in ("", "true", "false"):
            raise UsageError(f"--hints {word!r}: write {', '.join(NAMES.values())}, alone or with =true or =false")
        said[name] = value != "false"
    return Hints.of(said, trusted=trusted)


def _given(args: argparse.Namespace) -> dict[str, Any]:
    from agency_tools.errors import UsageError

    if args.tool == "Bash" and not args.command.lstrip().startswith("{"):
        return {"command": args.command}
    try:
        given = json.loads(args.command)
    except ValueError as error:
        if args.tool == "Bash":
            return {"command": args.command}
        raise UsageError(f"--tool {args.tool} takes the call's input as JSON: {error}") from None
    if not isinstance(given, dict) or (args.tool == "Bash" and "command" not in given):
        return {"command": args.command}
    return {str(name): value for name, value in given.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


def _text(decision: "Decision") -> str:
    lines = [f"{decision.verdict}  class {decision.kind}  by {decision.rule}"]
    lines += [
        f"  {segment.verdict:5}  {segment.kind:7}  {segment.command}\n{'':17}{segment.rule}"
        for segment in decision.segments
    ]
    return "\n".join(lines)
