"""What a script's output says was not there: programs and packages, as far as they are the sandbox's to have."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from agency_evals.case import Case

NOT_FOUND = re.compile(
    r"^(/(?:tests|solution|logs)/\S+): (?:line )?\d+: ([\w.+-]+): (?:command )?not found$", re.MULTILINE
)
NOT_FOUND_BY_SHELL = re.compile(r"\b(?:ba|da)?sh: (?:line )?\d+: ([\w.+-]+): (?:command )?not found")
NOT_FOUND_BY_MAKE = re.compile(r"\bmake(?:\[\d+\])?: ([\w.+-]+): No such file or directory")
NO_NETWORK = re.compile(
    r"Network is unreachable|Could not resolve host|Temporary failure in name resolution|Name or service not known|getaddrinfo E\w+"
)
NOT_WRITABLE = re.compile(
    r"(?:Read-only file system: '(/[^']+)'|['\u2018](/[^'\u2019]+)['\u2019]: Read-only file system|(/\S+): Read-only file system)"
)
NO_ENV = re.compile(r"^(?:/usr/bin/)?env: ['\u2018]([\w.+-]+)['\u2019]: No such file or directory", re.MULTILINE)
NO_PROGRAM = re.compile(r"FileNotFoundError: \[Errno 2\] No such file or directory: '([\w.+-]+)'")
NO_MODULE = re.compile(r"No module named '?([A-Za-z_]\w*)")
SAID = re.compile(r"^agency: not in the sandbox: (\S+)$", re.MULTILINE)
NO_PYTHON = re.compile(r"agency-python: [^\n]*not found")

BRINGS = re.compile(r"\b(install|add|uvx?|dependencies|requires)\b")
WORD = re.compile(r"[A-Za-z0-9][\w.-]*")
OTHERWISE = {
    "cv2": "opencv", "pil": "pillow", "yaml": "pyyaml", "sklearn": "scikit-learn", "bs4": "beautifulsoup4",
    "dateutil": "python-dateutil", "skimage": "scikit-image", "dotenv": "python-dotenv", "crypto": "pycrypto",
    "git": "gitpython", "jwt": "pyjwt", "openssl": "pyopenssl", "fitz": "pymupdf", "docx": "python-docx",
}  # fmt: skip
"""Modules that their package is not named after; the beginning of its name."""

EVERYWHERE = frozenset(
    {"numpy", "pandas", "requests", "scipy", "matplotlib", "torch", "sklearn", "flask", "cv2", "PIL", "pytest"}
)
"""Modules that nobody writes for a task: where they are absent, the image would have had them."""


@dataclass(frozen=True, kw_only=True)
class Absence:
    """What was called and not found. It is the sandbox's want only where the sandbox has no such thing either."""

    programs: frozenset[str] = frozenset()
    modules: frozenset[str] = frozenset()
    other: tuple[str, ...] = ()  # a network, places that cannot be written to

    def __bool__(self) -> bool:
        return bool(self.programs or self.modules or self.other)


def said_in(output: str, case: Case) -> Absence:
    """What the output names. A module counts only where the case would have installed it: another is the agent's to write."""
    programs = {name for _, name in NOT_FOUND.findall(output)} | set(NO_ENV.findall(output))
    programs |= set(NOT_FOUND_BY_SHELL.findall(output)) | set(NOT_FOUND_BY_MAKE.findall(output))
    if "_execute_child" in output or "subprocess.py" in output:
        programs |= set(NO_PROGRAM.findall(output))
    if NO_PYTHON.search(output):
        programs.add("agency-python")
    brought = installs(case)
    modules = {name for name in NO_MODULE.findall(output) if name in EVERYWHERE or _brought(name, brought)}
    modules |= {name for name in SAID.findall(output) if name}
    return Absence(programs=frozenset(programs), modules=frozenset(modules), other=tuple(_other(output)))


def _other(output: str) -> Iterator[str]:
    if NO_NETWORK.search(output):
        yield "a network"
    places = sorted({place for found in NOT_WRITABLE.findall(output) for place in found if place})
    yield from (f"to write to {place}" for place in places if not place.startswith("/workspace"))


def installs(case: Case) -> frozenset[str]:
    """The words of every line of the case that installs something, normalised as package names."""
    return frozenset(word.lower().replace("_", "-") for text in _texts(case) for word in WORD.findall(text))


def _brought(module: str, brought: frozenset[str]) -> bool:
    name = module.lower().replace("_", "-")
    beginning = OTHERWISE.get(name, name)
    return any(word == name or word.startswith(beginning) for word in brought)


def _texts(case: Case) -> Iterator[str]:
    for path in _files(case):
        text = path.read_text(encoding="utf-8", errors="replace").replace("\\\n", " ")
        whole = path.name.startswith("requirements")
        yield from (line for line in text.splitlines() if whole or BRINGS.search(line))


def _files(case: Case) -> Iterator[Path]:
    for name in ("Dockerfile", "environment/Dockerfile", "run-tests.sh", "solution.sh", "pyproject.toml"):
        if (case.folder / name).is_file():
            yield case.folder / name
    for folder in ("tests", "solution", "environment"):
        for pattern in ("*.sh", "requirements*.txt"):
            yield from sorted((case.folder / folder).glob(pattern))
