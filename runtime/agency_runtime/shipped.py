"""Where the Markdown that ships with the agency lies: its personas and its skills.

An installed package carries it inside; a checkout keeps it at the top level, beside `runtime/`.
"""

from pathlib import Path
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["personas", "skills"]

_PACKAGE = Path(__file__).parent
_HOMES = (_PACKAGE, _PACKAGE.parent.parent)


def shipped(kind: Kind) -> Path:
    """The folder of the shipped `kind`. Raises FileNotFoundError when the installation lacks it."""
    for home in _HOMES:
        folder = home / kind
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"this installation has no {kind}: looked in {' and '.join(map(str, _HOMES))}")
