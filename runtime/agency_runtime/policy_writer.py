"""Writing a permission into the policy file: its comments stay, it stays valid, and a person's trust in it goes on."""

import hashlib
import io
import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agency_runtime.gate.reader import repository_reader
from agency_runtime.policy import check_policy, read_policy
from agency_runtime.trust import trust
from agency_tools.errors import UsageError


def permit(path: Path, rules: Sequence[str]) -> None:
    """Add the rules to the file's `allow`, which is made where there is none.

    Raises UsageError, with the file as it was, where it would not be valid, fails its own tests, or cannot be written.
    """
    try:
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, permitting(text, rules))
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from error
    trust(hashlib.sha256(path.read_bytes()).hexdigest(), path)


def permitting(text: str, rules: Sequence[str]) -> str:
    """The policy's text with the rules in its `allow`, comments and order as they were. Raises UsageError."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    if re.search(r"^ +- ", text, re.MULTILINE):  # lists indented below their key, as they were
        yaml.indent(mapping=2, sequence=4, offset=2)
    try:
        policy: Any = yaml.load(text) or yaml.map()  # pyright: ignore[reportUnknownMemberType]
        allow = policy.get("allow")
        if allow is None:
            policy["allow"] = list(rules)
        else:
            allow.extend(rule for rule in rules if rule not in allow)
        out = io.StringIO()
        yaml.dump(policy, out)  # pyright: ignore[reportUnknownMemberType]
    except (YAMLError, AttributeError, TypeError) as error:
        raise UsageError(f"the policy cannot be added to: {' '.join(str(error).split())}") from None
    return out.getvalue()


def _replace(path: Path, text: str) -> None:
    """Write it beside, read it as a run would, then rename."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    part = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        check_policy(read_policy(part), read=repository_reader(path.parent.parent))
        part.chmod(path.stat().st_mode & 0o777 if path.exists() else 0o644)
        part.replace(path)
    except UsageError as error:
        raise UsageError(str(error).replace(name, str(path))) from None
    finally:
        part.unlink(missing_ok=True)
