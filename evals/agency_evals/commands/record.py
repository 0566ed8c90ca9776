"""`agency eval record CASE`: do a case live and keep the recording."""

import argparse

from agency_evals.commands import Subparsers


def add(subparsers: Subparsers) -> None:
    """Declare the subcommand."""
    parser = subparsers.add_parser(
        "record",
        help="do a case live and keep the recording",
        description="Do a case live (ANTHROPIC_API_KEY, ANTHROPIC_BASE_URL) and keep the recording with the files it left.",
    )
    add = parser.add_argument
    add("case", metavar="CASE", help="an id or a folder")
    add("--name", default="good", help="the recording's name (default good)")
    add(
        "--source",
        choices=("api", "relay", "authored"),
        help="how the replies come about; needed with another base URL",
    )
    add("--model", metavar="ID", help="default: the persona's, else the project's")
    add("--provider", help="anthropic (default), bedrock, vertex, foundry or aws")
    add("--persona", metavar="NAME|PATH", help="in place of the case's own")
    add("--sandbox", choices=("auto", "docker", "bwrap"), default="auto", help="as for `agency work`")
    add("--image", metavar="REF", help="another workspace image")
    add("--overwrite", action="store_true", help="replace a recording of that name")
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--refresh", action="store_true", help="replay it with its tools live; keep those files and verdicts"
    )
    how.add_argument("--verdicts", action="store_true", help="only run the executing scorers on the files it keeps")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """0 where the recording came to what the case expects of it, else 1. Raises UsageError before anything has begun."""
    from agency_evals.agents import Choices
    from agency_evals.case import find_cases
    from agency_evals.record import record, refresh, verdicts

    (case,) = find_cases([args.case])
    choices = Choices(
        sandbox=args.sandbox, image=args.image, persona=args.persona, model=args.model, provider=args.provider,
        source=args.source,
    )  # fmt: skip
    if args.verdicts or args.refresh:
        done = (verdicts if args.verdicts else refresh)(case, args.name, choices)
    else:
        done = record(case, args.name, choices, overwrite=args.overwrite)
    for line in done.unlike:
        print(f"differs from the recording: {line}")
    for score in done.scores:
        print(f"{score.outcome or 'measured':9} {score.scorer} {score.value if score.value is not None else ''}")
        if score.outcome not in ("passed", None) and score.evidence:
            print("    " + score.evidence.excerpt[:1500].replace("\n", "\n    "))
    expected = case.expected(args.name)
    print(f"{done.path}: {done.outcome}; expected is {expected}")
    return 0 if args.verdicts or done.outcome == expected else 1
