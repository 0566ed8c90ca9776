"""A Dockerfile as a list of its instructions, with the lines they stand on: continued lines and here-documents joined."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

HEREDOC = re.compile(r"<<-?\s*([\"']?)(\w+)\1")


@dataclass(frozen=True, kw_only=True)
class Instruction:
    """One instruction. name: in capitals. line: counted from 1. stage: counted from 0; -1 before the first FROM."""

    name: str
    value: str
    line: int
    stage: int


def instructions(text: str) -> list[Instruction]:
    """The instructions in their order; comments and blank lines are none."""
    found: list[Instruction] = []
    stage = -1
    for number, whole in _logical(text.replace("\r\n", "\n").split("\n")):
        name, _, value = whole.strip().partition(" ")
        stage += name.upper() == "FROM"
        found.append(Instruction(name=name.upper(), value=value.strip(), line=number, stage=stage))
    return found


def _logical(lines: list[str]) -> Iterator[tuple[int, str]]:
    """Each instruction's text with the number of its first line."""
    index = 0
    while index < len(lines):
        first = index
        text, index = _joined(lines, index)
        if not text.strip():
            continue
        for _, word in HEREDOC.findall(text) if text.split()[0].upper() in ("RUN", "COPY", "ADD") else ():
            body, index = _until(lines, index, word)
            text += "\n" + body
        yield first + 1, text


def _joined(lines: list[str], index: int) -> tuple[str, int]:
    """One line with those that continue it, and where the next begins; comments between them are dropped."""
    text = ""
    while index < len(lines):
        line = lines[index]
        index += 1
        if line.lstrip().startswith("#") or (text and not line.strip()):
            if text:
                continue
            return "", index
        if not line.rstrip().endswith("\\"):
            return text + line, index
        text += line.rstrip()[:-1]
    return text, index


def _until(lines: list[str], index: int, word: str) -> tuple[str, int]:
    body: list[str] = []
    while index < len(lines) and lines[index].strip() != word:
        body.append(lines[index])
        index += 1
    return "\n".join(body), index + 1
