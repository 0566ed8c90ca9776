"""Asking Rego policies, as a process: `{"policies": [path…], "input": …}` on standard input, the denials on standard output."""

import json
import sys
from pathlib import Path
from typing import Any

from regopy import Interpreter, RegoError  # pyright: ignore[reportMissingTypeStubs]


def denials(path: Path, given: Any) -> list[str]:
    """The messages of one policy's `deny`. Raises ValueError, naming the file, for one that cannot be asked."""
    rego: Any = Interpreter()
    try:
        text = path.read_text(encoding="utf-8")
        rego.add_module(path.name, text)
        rego.set_input(given)
        answers: Any = rego.query(f"data.{_package(path, text)}.deny").results
    except (OSError, RegoError) as error:
        raise ValueError(f"{path.name}: {' '.join(str(error).split())[:400]}") from error
    decided = [message for answer in answers for message in answer.expressions]
    if not decided:
        raise ValueError(f"{path.name}: its package defines no set `deny`")
    return [str(message) for message in decided[0]]


def _package(path: Path, text: str) -> str:
    for line in text.splitlines():
        if line.startswith("package "):
            return line.removeprefix("package ").split("#")[0].strip()
    raise ValueError(f"{path.name}: has no `package` line")


def main() -> int:
    """0 with the denials, 1 with what is wrong with a policy in one line on standard error."""
    asked: dict[str, Any] = json.load(sys.stdin)
    try:
        found = [message for path in asked["policies"] for message in denials(Path(path), asked["input"])]
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(json.dumps(sorted(found)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
