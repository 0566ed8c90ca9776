"""One module a subcommand: `add(subparsers)` declares it, `run(args)` performs it and answers an exit code."""

import argparse
from typing import Any, TypeAlias

Subparsers: TypeAlias = "argparse._SubParsersAction[Any]"  # pyright: ignore[reportPrivateUsage] # argparse has no public name
