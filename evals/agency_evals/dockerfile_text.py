"""A Dockerfile as a list of its instructions, with the lines they stand on: continued lines and here-documents joined."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

HEREDOC = re.compile(r"(?<!<)<<(?!<)(-?)\s*([\"']?)(\w+)\2")


@dataclass(frozen=True, kw_only=True)
class Instruction:
    """One instruction. name: in capitals. line: counted from 1. stage: counted from 0; -1 before the first FROM.

    head: the value without its here-documents, which are `bodies`.
    """

    name: str
    value: str
    line: int
    stage: int
    head: str = ""
    bodies: Sequence["Body"] = ()


@dataclass(frozen=True, kw_only=True)
class Body:
    """A here-document. literal: its word was quoted, so that nothing in it is expanded."""

    word: str
    text: str
    literal: bool


def instructions(text: str) -> list[Instruction]:
    """The instructions in their order; comments and blank lines are none."""
    found: list[Instruction] = []
    stage = -1
    for number, head, bodies in _logical(text.replace("\r\n", "\n").removeprefix("\ufeff").split("\n")):
        name, value = [*head.strip().split(None, 1), ""][:2]
        stage += name.upper() == "FROM"
        whole = "\n".join((value, *(body.text for body in bodies))).strip()
        found.append(
            Instruction(name=name.upper(), value=whole, line=number, stage=stage, head=value.strip(), bodies=bodies)
        )
    return found


def _logical(lines: list[str]) -> Iterator[tuple[int, str, list[Body]]]:
    """Each instruction's text with the number of its first line, and its here-documents."""
    index = 0
    while index < len(lines):
        first = index
        text, index = _joined(lines, index)
        if not text.strip():
            continue
        bodies: list[Body] = []
        for dash, quote, word in HEREDOC.findall(text) if text.split()[0].upper() in ("RUN", "COPY", "ADD") else ():
            body, index = _until(lines, index, word)
            text_of = "\n".join(line.lstrip("\t") for line in body.split("\n")) if dash else body
            bodies.append(Body(word=word, text=text_of, literal=bool(quote)))
        yield first + 1, text, bodies


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
