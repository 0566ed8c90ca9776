"""What a Dockerfile would make the engine do by itself: images it would pull, addresses it would fetch."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from agency_tools.errors import ToolError

_VARIABLE = re.compile(r"\$(?:(?P<plain>\w+)|\{(?P<name>\w+)(?::-(?P<default>[^}]*))?\})")
_FLAG = re.compile(r"--(?P<name>[a-z]+)(?:=(?P<value>.*))?")


@dataclass(frozen=True, kw_only=True)
class Instruction:
    """One instruction: its verb in capitals, its flags, and its other words."""

    verb: str
    flags: Mapping[str, str]
    words: Sequence[str]


def base_images(text: str, *, build_args: Mapping[str, str] | None = None) -> list[str]:
    """The images that must be on the engine before the Dockerfile can be built, in its order.

    Raises ToolError at what the engine would do outside the build's own network and limits.
    """
    found = instructions(text)
    for instruction in found:
        check(instruction)
    return list(dict.fromkeys(_bases(found, build_args or {})))


def check(instruction: Instruction) -> None:
    """Raises ToolError where the instruction would fetch by the engine's own network, or mount what a build may not have."""
    verb, rest = instruction.verb, " ".join(instruction.words)
    if verb == "ONBUILD":
        check(_instruction(rest))
    if verb == "ADD" and re.search(r"://|\$|git@", rest):
        raise ToolError(
            f"ADD {rest}: the engine would fetch it with its own network. COPY a file of the repository instead"
        )
    if verb == "RUN" and "mount" in instruction.flags:
        raise ToolError("RUN --mount is not supported: no secrets, ssh agents or caches reach a build")
    if verb == "RUN" and {"network", "security"} & set(instruction.flags):
        raise ToolError(
            "RUN --network and --security are not supported: the whole build has one network and no privileges"
        )


def instructions(text: str) -> list[Instruction]:
    """The instructions of a Dockerfile, lines joined and comments dropped as the engine does it.

    Raises ToolError at a file that chooses another escape character: its lines would be joined otherwise.
    """
    if re.match(r"(?:\s*#[^\n]*\n)*\s*#\s*escape\s*=\s*`", text, re.IGNORECASE):
        raise ToolError("the Dockerfile sets another escape character, which is not supported here: use the backslash")
    lines = [
        line for line in text.replace("\r\n", "\n").split("\n") if line.strip() and not line.lstrip().startswith("#")
    ]
    joined = re.sub(r"\\[ \t]*\n", "", "\n".join(lines))
    return [_instruction(line) for line in joined.split("\n") if line.strip()]


def _instruction(line: str) -> Instruction:
    verb, *words = line.split() or [""]
    flags: dict[str, str] = {}
    while words and (found := _FLAG.fullmatch(words[0])):
        flags[found["name"]] = found["value"] or ""
        words.pop(0)
    return Instruction(verb=verb.upper(), flags=flags, words=tuple(words))


def _bases(found: Sequence[Instruction], build_args: Mapping[str, str]) -> Iterator[str]:
    """Images named by FROM and by COPY --from, without the file's own stages."""
    given: dict[str, str] = {}
    stages: set[str] = set()
    count = 0
    for instruction in found:
        if instruction.verb == "ARG" and not count:
            given |= _argument(instruction.words, build_args)
        elif instruction.verb == "FROM":
            yield from _outside(instruction.words[0] if instruction.words else "", given, stages)
            stages |= {str(count), *(word.lower() for word in instruction.words[2:3])}
            count += 1
        elif instruction.verb == "COPY" and "from" in instruction.flags:
            yield from _outside(instruction.flags["from"], {}, stages)


def _outside(name: str, given: Mapping[str, str], stages: set[str]) -> Iterator[str]:
    image = _filled(name, given)
    if image.lower() not in stages and image.lower() != "scratch":
        yield image


def _argument(words: Sequence[str], build_args: Mapping[str, str]) -> dict[str, str]:
    given: dict[str, str] = {}
    for word in words:
        name, _, default = word.partition("=")
        given[name] = build_args.get(name, default.strip("\"'"))
    return given


def _filled(text: str, given: Mapping[str, str]) -> str:
    """`text` with its variables filled in. Raises ToolError where one is left: what it would pull cannot be told."""
    filled = _VARIABLE.sub(lambda found: given.get(found["plain"] or found["name"]) or found["default"] or "", text)
    if "$" in filled or not filled:
        raise ToolError(f"FROM {text}: give its variables a value with an ARG above the first FROM")
    return filled
