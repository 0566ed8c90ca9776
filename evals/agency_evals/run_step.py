"""A RUN instruction, where all that it does is make files: its commands are performed on the image's tree, never run."""

import json
import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from agency_evals.dockerfile_text import Body, Instruction
from agency_evals.file_commands import ACTS
from agency_evals.image_tree import ImageTree
from agency_tools.errors import UsageError

Refuse = Callable[[str], UsageError]

BRINGS_PROGRAMS = re.compile(
    r"^(sudo )?(apt-get|apt|apt-key|apk|dnf|yum|microdnf|(\S*/)?pip3?|(\S*/)?python3?(\.\d+)? -m (pip|venv|ensurepip)|uv|uvx|pipx"
    r"|conda|mamba|npm (i|install) .*(-g|--global)|npm (i|install) (-g|--global)|corepack|gem|rustup|add-apt-repository"
    r"|useradd|groupadd|adduser|addgroup|usermod|chown|chsh|passwd|locale-gen|ldconfig|update-ca-certificates"
    r"|update-alternatives|dpkg-reconfigure|ssh-keygen -A|rm -rf /var/lib/apt|ln -\w+ \S+ /usr/)\b"
)
"""Commands that bring programs and users; those of the workspace image stand in for them."""

SAYS_ONLY = re.compile(
    r"^(true|:|echo|printf|set|export|unset|exit 0|sync|which|type|ls|pwd|whoami|id|cat /etc)\b|(--version|-version| -V)$"
)
OPERATORS = re.compile(r"(&&|\|\||;|\||\n)")
QUOTED = re.compile(r"'[^']*'|\"(?:\\.|[^\"\\])*\"|\\.", re.DOTALL)
REDIRECTION = re.compile(r"^(?:1)?(>>?)$|^(?:1)?(>>?)(?=[^&>])(.+)$")
SILENCED = re.compile(r"\s(?:2>&1|&?[12]?>\s*/dev/null|[12]?>>?\s*/dev/null)(?=\s|$)")
COMPOUND = frozenset({"if", "for", "while", "until", "case", "{", "(", "then", "do", "done", "fi", "else", "esac", "}"})


@dataclass(frozen=True, kw_only=True)
class Command:
    """One command. after: the operator that stands before it."""

    text: str
    after: str


def run_step(image: ImageTree, each: Instruction, refuse: Refuse) -> None:
    """Perform the commands. Raises UsageError for the first that makes more than files; what brings programs is noted."""
    workdir = image.workdir
    try:
        _script(image, each, _script_of(each), refuse)
    finally:
        image.workdir = workdir


def commands(script: str) -> Iterator[Command]:
    """The commands in the order they are written; nothing in quotes ends one."""
    quoted = [found.span() for found in QUOTED.finditer(script)]
    start, operator = 0, ""
    for found in OPERATORS.finditer(script):
        if any(begin <= found.start() < end for begin, end in quoted):
            continue
        yield Command(text=script[start : found.start()].strip(), after=operator)
        start, operator = found.end(), found.group()
    yield Command(text=script[start:].strip(), after=operator)


def _script_of(each: Instruction) -> str:
    """The text a shell would be given: without flags, of either form, or the here-document that is the whole."""
    text = re.sub(r"^(?:--\w[\w-]*(?:=\S+)?\s+)+", "", each.head or each.value)
    if text.startswith("["):
        try:
            return shlex.join(str(word) for word in cast("list[object]", json.loads(text)))
        except ValueError:
            return text
    whole = re.fullmatch(r"<<-?\s*[\"']?(\w+)[\"']?(?:\s+(?:ba)?sh)?|(?:ba)?sh\s+<<-?\s*[\"']?(\w+)[\"']?", text)
    return each.bodies[0].text if whole and each.bodies else text


def _script(image: ImageTree, each: Instruction, script: str, refuse: Refuse) -> None:
    found = [command for command in commands(script) if command.text and not command.text.startswith("#")]
    for index, command in enumerate(found):
        following = found[index + 1].after if index + 1 < len(found) else ""
        if command.after == "||":
            continue  # what stands before it is taken to have gone well
        if command.after == "|" or following == "|":
            _piped(image, each, found, index, refuse)
        else:
            _one(image, each, command.text, refuse)


def _piped(image: ImageTree, each: Instruction, found: Sequence[Command], index: int, refuse: Refuse) -> None:
    """A pipe brings programs where an installer is fetched for a shell; any other is refused at its first command."""
    if found[index].after == "|":
        return
    last = index + 1
    while last + 1 < len(found) and found[last + 1].after == "|":
        last += 1
    line = " | ".join(command.text for command in found[index : last + 1])
    fetched = re.match(r"(curl|wget)\b", line) and re.match(
        r"(sudo )?(-E )?(ba|da)?sh\b|gpg\b|apt-key\b|tee /etc/apt", found[last].text
    )
    if fetched or re.match(r"yes\b", line):
        _note(image, each, line)
        return
    raise refuse(f"runs {line[:80]!r}")


def _one(image: ImageTree, each: Instruction, text: str, refuse: Refuse) -> None:
    text = SILENCED.sub("", f"{text} ").strip()
    try:
        words = shlex.split(_opened(image, text))
    except ValueError as error:
        raise refuse(f"runs {text[:80]!r}") from error
    if not words:
        return
    words, target, add = _redirected(words)
    if target is not None:
        content = _content(image, each, words, text)
        if content is None:
            raise refuse(f"runs {text[:80]!r}")
        image.write(target, content.encode(), each.line, add=add)
    elif (
        words[0] in ("bash", "sh", "/bin/bash", "/bin/sh")
        and len(words) == 3
        and re.fullmatch(r"-[elux]*c[elux]*", words[1])
    ):
        _script(image, each, words[2], refuse)
    elif words[0] in ACTS and (words[0] not in ("rm", "ln") or not BRINGS_PROGRAMS.match(text)):
        try:
            ACTS[words[0]](image, words[1:], each.line)
        except (ValueError, IndexError) as error:
            raise refuse(f"runs {text[:80]!r}") from error
    elif BRINGS_PROGRAMS.match(re.sub(r"^(?:\w+=\S*\s+)+", "", text)):
        _note(image, each, text)
    elif words[0] in COMPOUND or not (SAYS_ONLY.search(text) or re.fullmatch(r"\w+=.*", words[-1])):
        raise refuse(f"runs {text[:80]!r}")


def _note(image: ImageTree, each: Instruction, text: str) -> None:
    image.notes.append(
        f"line {each.line}: not run: {' '.join(text.split())[:80]}; the workspace image's programs stand in"
    )


def _opened(image: ImageTree, text: str) -> str:
    """The text with its variables, but for what stands in single quotes."""
    parts = re.split(r"('[^']*')", text)
    return "".join(part if part.startswith("'") else image.expanded(part) for part in parts)


def _redirected(words: list[str]) -> tuple[list[str], str | None, bool]:
    """The words without a redirection of the output, its file, and whether that is added to."""
    for index, word in enumerate(words):
        if found := REDIRECTION.match(word):
            sign, target = found.group(1) or found.group(2), found.group(3) or " ".join(words[index + 1 : index + 2])
            rest = [*words[:index], *words[index + (1 if found.group(3) else 2) :]]
            return rest, target, sign == ">>"
    return words, None, False


def _content(image: ImageTree, each: Instruction, words: Sequence[str], text: str) -> str | None:
    """What a command that only says something would say; None where that cannot be known."""
    match words:
        case ["cat", *rest] if any(word.startswith("<<") for word in rest):
            body = _body(each, text)
            return None if body is None else f"{body.text if body.literal else image.expanded(body.text)}\n"
        case ["echo", *rest]:
            flags = [word for word in rest[:1] if re.fullmatch(r"-[neE]+", word)]
            said = " ".join(rest[len(flags) :])
            said = _unescaped(said) if flags and "e" in flags[0] else said
            return said if flags and "n" in flags[0] else f"{said}\n"
        case ["printf", form, *rest]:
            return _printed(form, rest)
        case [":"] | ["true"] | []:
            return ""
        case _:
            return None


def _body(each: Instruction, text: str) -> Body | None:
    found = re.search(r"<<-?\s*[\"']?(\w+)", text)
    return next((body for body in each.bodies if found and body.word == found.group(1)), None)


def _printed(form: str, given: Sequence[str]) -> str | None:
    """`printf` of plain texts; None for a form that asks for more."""
    if re.search(r"%(?![s%])", form):
        return None
    wanted = len(re.findall(r"%s", form))
    rounds = [given] if not wanted else [given[at : at + wanted] for at in range(0, max(len(given), 1), wanted)]
    return "".join(_filled(_unescaped(form), [*each, *[""] * wanted]) for each in rounds)


def _filled(form: str, values: Sequence[str]) -> str:
    left = iter(values)
    return re.sub(r"%s|%%", lambda found: next(left) if found.group() == "%s" else "%", form)


def _unescaped(text: str) -> str:
    known = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "'": "'", "0": "\0"}
    return re.sub(r"\\(.)", lambda found: known.get(found.group(1), found.group()), text)
