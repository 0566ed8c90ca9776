"""`agency verify FEATURE`: judge a handoff again, from its evidence and the tree as it is now."""

import argparse
import json
from pathlib import Path

from agency_runtime.commands import Subparsers


def add(subparsers: Subparsers) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "verify",
        help="judge a handoff again, from its evidence and the tree as it is now",
        description="Judge a handoff again, from its evidence and the tree as it is now; writes verification.md beside it.",
        epilog="Exit codes: 0 passed, 1 failed, 2 no such handoff.",
    )
    parser.add_argument("feature", metavar="FEATURE", help="name of the handoff folder below .agency/handoff")
    parser.add_argument("--repo", metavar="DIR", default=".", help="the repository, default the one around this folder")
    parser.add_argument("--persona", metavar="NAME", default="devops-automator", help="whose handoff")
    parser.add_argument("--json", action="store_true", help="print the verdict as one JSON object")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Verify, say what was found, and answer 0 where everything passed."""
    from agency_runtime.handoff.verification import verify, write_verification
    from agency_runtime.repository import find_repository
    from agency_runtime.terminal import in_one_line, shortened

    result = verify(find_repository(Path(args.repo)), args.feature, args.persona)
    path = write_verification(result)
    if args.json:
        print(json.dumps({**result.json(), "verification": str(path)}))
        return 0 if result.passed else 1
    for check in result.checks:
        why = f": {in_one_line(check.why)}" if check.why else ""
        print(f"{check.outcome:<8} {shortened(in_one_line(check.name), 90)}{why}")
    print(f"{'passed' if result.passed else 'failed'}; written to {path}")
    return 0 if result.passed else 1
