"""Programs that public tasks take for granted, or would fetch first: small stand-ins, put before all others on PATH."""

from importlib.resources import files
from pathlib import Path

OF_TESTS = (
    "python", "python3", "pytest", "pip", "pip3", "uv", "uvx", "curl", "wget", "apt-get", "apt", "apk",
)  # fmt: skip
"""What a verifier calls before it begins."""

PYTHON = '#!/bin/sh\nexec python3 "$@"\n'


def for_tests(folder: Path) -> None:
    """Fill the folder with those a verifier may call."""
    text = (files("agency_evals") / "stand_in.sh").read_text(encoding="utf-8")
    for name in OF_TESTS:
        _program(folder / name, text)


def for_agents(folder: Path) -> None:
    """Fill the folder with what an agent finds in most images and not in ours: `python`."""
    _program(folder / "python", PYTHON)


def _program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
