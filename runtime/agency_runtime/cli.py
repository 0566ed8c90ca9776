"""The `agency` command: finds the subcommand, maps errors to exit codes. Only the chosen subcommand is imported."""

import argparse
import importlib
import sys

COMMANDS = {
    "work": "do an issue and hand it off",
    "implement": "execute a plan file",
    "plan": "write a plan; change nothing else",
    "verify": "judge a handoff again, from its evidence and the tree as it is now",
    "demo": "the whole of `work` on a sample repository, replayed: no key, no network",
    "persona": "list, show or check personas",
    "skill": "list, show or check skills",
    "tool": "list the tools, or call one in a sandbox",
    "check": "run the validators over files, by hand or in CI",
    "policy": "check the policy, or explain a verdict",
    "session": "list, show, export or audit sessions",
    "eval": "run, record, score and compare recorded cases",
    "image": "build the workspace image",
    "doctor": "what is there, what is missing, how to get it",
}
ELSEWHERE = {"eval": "agency_evals.commands"}
"""Subcommands of packages above this one; only their name is known here."""

OK = 0  # done and verified
INCOMPLETE = 1  # ended, but incomplete or unverified
USAGE = 2  # usage, configuration, persona or policy
MODEL = 3  # the model's service failed
SANDBOX = 4  # failed or absent
BUDGET = 5  # spent
DENIED = 6  # denied, or an approval was needed and nobody could give it
REPLAY = 7  # differs from its recording
INTERRUPTED = 130
TERMINATED = 143


def main(argv: list[str] | None = None) -> int:
    """Run the command; the exit code is the contract's."""
    given = sys.argv[1:] if argv is None else argv
    parser = build(given)
    args = parser.parse_args(given)
    if not hasattr(args, "run"):
        parser.print_help(sys.stderr)
        return USAGE
    return guarded(args)


def guarded(args: argparse.Namespace) -> int:
    """Run a parsed command; each kind of error becomes one line on standard error and its exit code."""
    from agency_tools.errors import UsageError, WaitingError, WorkspaceError

    try:
        code = int(args.run(args))
        sys.stdout.flush()
    except WaitingError as error:
        return _say(str(error), INCOMPLETE)
    except UsageError as error:
        return _say(str(error), USAGE)
    except WorkspaceError as error:
        return _say(str(error), SANDBOX)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        from agency_runtime.terminal import let_go

        let_go(sys.stdout)
        return OK
    return code


def _say(text: str, code: int) -> int:
    from agency_tools.plain import visible

    print(f"agency: {visible(' '.join(text.split()))}", file=sys.stderr)
    return code


def build(given: list[str]) -> argparse.ArgumentParser:
    """The parser. Only the subcommand that was asked for is imported; the others are a name and a line of help."""
    parser = argparse.ArgumentParser(
        prog="agency",
        description="An agent runtime for DevOps work: sandboxed tools, one gate, handoffs that prove themselves.",
        epilog="`agency COMMAND --help` says more.",
    )
    parser.add_argument("--version", action=Version, nargs=0, help="show the version")
    subparsers = parser.add_subparsers(metavar="COMMAND", title="commands")
    wanted = next((word for word in given if not word.startswith("-")), None)
    for name, summary in COMMANDS.items():
        if name == wanted:
            importlib.import_module(ELSEWHERE.get(name, f"agency_runtime.commands.{name}")).add(subparsers)
        else:
            subparsers.add_parser(name, help=summary)
    return parser


class Version(argparse.Action):
    """Prints the version; looks it up only then, since the look-up is slow."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        print(f"agency {version('agency-runtime')}")
        parser.exit()


if __name__ == "__main__":
    sys.exit(main())
