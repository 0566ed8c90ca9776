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
        description="Judge a handoff again, from its evidence and the tree as it is now: what is stored is compared, every cited "
        "check that is safe runs once more, in a clean copy of the tree and a sealed sandbox. Writes verification.md beside it.",
        epilog="Exit codes: 0 passed (what was not run is named), 1 failed, 2 no such handoff, 4 the sandbox asked for is absent.",
    )
    parser.add_argument("feature", metavar="FEATURE", help="name of the handoff folder below .agency/handoff")
    parser.add_argument("--repo", metavar="DIR", default=".", help="the repository, default the one around this folder")
    parser.add_argument("--persona", metavar="NAME", default="devops-automator", help="whose handoff")
    parser.add_argument("--sandbox", choices=("auto", "docker", "bwrap"), default="auto", help="where checks run again")
    parser.add_argument("--image", metavar="REF", help="another workspace image")
    parser.add_argument("--stored", action="store_true", help="compare what is stored only; run nothing")
    parser.add_argument("--json", action="store_true", help="print the verdict as one JSON object")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Verify, say what was found, and answer 0 where everything passed."""
    from agency_runtime.handoff.rerun import Surroundings
    from agency_runtime.handoff.verification import verify, write_verification
    from agency_runtime.repository import find_repository
    from agency_runtime.terminal import in_one_line, shortened

    where = None if args.stored else Surroundings(sandbox=args.sandbox, image=args.image)
    result = verify(find_repository(Path(args.repo)), args.feature, args.persona, where=where)
    path = write_verification(result)
    if args.json:
        print(json.dumps({**result.json(), "verification": str(path)}))
        return 0 if result.passed else 1
    for check in result.checks:
        why = f": {in_one_line(check.why)}" if check.why else ""
        print(f"{check.outcome:<8} {shortened(in_one_line(check.name), 90)}{why}")
    print(f"{result.words}; written to {path}")
    return 0 if result.passed else 1
