"""Numbers: which ones a sentence states, and which ones a call's output holds."""

import re
from collections.abc import Iterable
from decimal import Decimal

from agency_runtime.calls import Executed
from agency_runtime.handoff.spelled import COUNTED, in_digits
from agency_runtime.handoff.support import PRINTS, SHOWS_CONTENT, WRITES, shell_of

STATED = re.compile(
    r"(?<![\w./:@#+=-])(?P<sign>[-+]?[$€£]?\s?)(?P<number>\d+(?:,\d{3})*(?:\.\d+)*)(?P<unit>\s?(?:%|ms\b|µs\b|s\b|m\b|h\b|"
    r"x\b|req\b|rps\b|[KMGT]i?B\b|sec\w*|min\w*|hours?))?(?![\w]|[:@]\d|-\w)",
    re.IGNORECASE,
)
ANY = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)*")
QUOTED = re.compile(r"`[^`\n]*`|(?<![\w$€£.])[A-Za-z_.][\w.-]*[/@][\w./@-]*")
BARE = re.compile(r"`(?P<figure>[$€£]?[\d.,]+\s?[%\w]{0,8})`")
"""A figure between code marks is a figure all the same."""
INLINE = re.compile(
    r"(?:print|console\.log|puts|say|write|println)\w*\s*[(\s]\s*f?(?P<literal>\"[^\"\n]*\"|'[^'\n]*'|\d[\d.,]*)"
)
"""What a program given on the command line prints as it stands in its own text."""
SET = re.compile(
    r"(?:\b(?:above|below|under|over|exceed\w*|at\s(?:least|most)|up\sto|more\sthan|less\sthan|fewer\sthan|ports?|versions?|codes?|status|lines?|level"
    r"|uid|gid|user|mode|option|argument|max(?:imum)?|min(?:imum)?|limits?|answers?|returns?|exits?(?:\swith)?|ends?\swith|release|revision|step"
    r"|(?:thresholds?|limits?|bounds?|timeouts?|settings?|replicas)(?:\s(?:is|was|are|were))?\s(?:set|raised|lowered|changed)"
    r"(?:\s(?:from|to)\s[\d.]+)?(?:\sfrom)?)"
    r"(?:\s(?:of|the|a|an|is|are|was|to|against|with|code|number))*|[<>≤≥]=?)\s*$",
    re.IGNORECASE,
)
"""What stands before a number that was set or is a name, and not one that was found."""

FOUND = re.compile(
    rf"\s?(?:[%$€£x]|/|\w?(?:s|m|h|B)\b|of\b|(?:\w+\s){{0,2}}(?:{COUNTED}|pass\w*|fail\w*|ok|seconds?|up)\b)",
    re.IGNORECASE,
)
"""What follows a number that was measured or counted."""

REFERENCE = re.compile(r"\bc\d+\b")


def stated(statement: str) -> list[str]:
    """The numbers a sentence states, as it writes them; those inside code, paths, names and versions of names are not."""
    bare = BARE.sub(lambda found: f" {found['figure']} ", statement)
    return [found["number"] for found in STATED.finditer(in_digits(REFERENCE.sub(" ", QUOTED.sub(" ", bare))))]


def measured(statement: str) -> list[str]:
    """The numbers of a sentence that only an output can show: those stated, without the names and settings among them."""
    bare = in_digits(REFERENCE.sub(" ", QUOTED.sub(" ", BARE.sub(lambda found: f" {found['figure']} ", statement))))
    return [
        found["number"]
        for found in STATED.finditer(bare)
        if found["unit"]
        or found["sign"].strip()
        or SET.search(bare[: found.start()]) is None
        or FOUND.match(bare, found.end())
    ]


def plain(number: str) -> str:
    """A number's one form: without separators of thousands and without zeros at the end of a fraction."""
    bare = number.replace(",", "")
    return bare if bare.count(".") > 1 else str(Decimal(bare).normalize() + 0)


def numbers(text: str) -> set[str]:
    """Every number of a text, in its one form."""
    return {plain(found) for found in ANY.findall(text)}


def shown(call: Executed) -> set[str]:
    """The numbers that a call shows: those of its output, its exit code and time, and for a file written, its content's."""
    found = numbers(call.output)
    if call.tool in WRITES:
        found |= numbers(
            "\n".join(str(value) for name, value in call.input.items() if name not in ("path", "file_path"))
        )
    if call.tool == "Bash":
        found = (found - _spoken(call)) | _given(call)
    if call.exit_code is not None:
        found.add(str(call.exit_code))
    return found | {plain(f"{call.seconds:.{digits}f}") for digits in range(4)}


def _spoken(call: Executed) -> set[str]:
    """Numbers that the command only repeats: what echo, printf and inline programs print, and here-documents shown as they are."""
    commands = shell_of(call).commands
    spoken = {number for words in commands if words[0] in PRINTS for number in numbers(" ".join(words[1:]))}
    spoken |= {number for found in INLINE.finditer(call.command) for number in numbers(found["literal"])}
    if "<<" in call.command and all(words[0] in PRINTS | SHOWS_CONTENT for words in commands):
        spoken |= numbers(call.command.partition("<<")[2])
    return spoken


def _given(call: Executed) -> set[str]:
    """Numbers that a program was given as arguments (ports, counts); code written inline is not among them."""
    commands = [words for words in shell_of(call).commands if words[0] not in PRINTS | SHOWS_CONTENT]
    words = [word for command in commands for word in command[1:] if not re.search(r"[\s()]", word)]
    return numbers(" ".join(words))


def missing(statement: str, cited: Iterable[Executed]) -> list[str]:
    """The numbers of a sentence that no cited call shows."""
    wanted = list(dict.fromkeys(stated(statement)))
    if not wanted:
        return []
    calls = list(cited)
    known = {number for call in calls for number in shown(call)}
    given = {number for call in calls for number in _told(call)}
    found = set(measured(statement))
    return [
        number for number in wanted if plain(number) not in known and (number in found or plain(number) not in given)
    ]


def _told(call: Executed) -> set[str]:
    """Every number of a call's input but those that it only prints."""
    told = numbers("\n".join(str(value) for value in call.input.values()))
    return told - _spoken(call) if call.tool == "Bash" else told
