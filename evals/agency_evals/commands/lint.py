"""`agency eval lint CASE…`: what is wrong or doubtful about a case, before anything is run."""

import argparse
import json

from agency_evals.commands import Subparsers


def add(subparsers: Subparsers) -> None:
    """Declare the subcommand."""
    parser = subparsers.add_parser(
        "lint",
        help="check cases without running them",
        description="Check cases without running them: schema, files, verifier, assertions.",
    )
    parser.add_argument("cases", nargs="*", metavar="CASE", help="an id, a glob of ids, or a folder (default: all)")
    parser.add_argument("--strict", action="store_true", help="fail for warnings too")
    parser.add_argument("--json", action="store_true", help="one finding a line")
    parser.add_argument("--schema", choices=("task", "scorers"), help="print the JSON schema of a file and stop")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """0 where nothing is wrong, 1 where something is. Raises UsageError for a name that selects no case."""
    from agency_evals.lint import lint, schema

    if args.schema:
        print(json.dumps(schema(args.schema), indent=2))
        return 0
    from agency_evals.case import case_folders

    findings = [finding for folder in case_folders(args.cases) for finding in lint(folder)]
    for finding in findings:
        print(json.dumps(finding.json()) if args.json else finding)
    return int(any(finding.severity == "error" or args.strict for finding in findings))
