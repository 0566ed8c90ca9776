"""Results that stand in prose, where no call backs them: found sentence by sentence, so that the rest may stay."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from agency_runtime.calls import Executed
from agency_runtime.handoff.claimed import Claimed
from agency_runtime.handoff.figures import numbers
from agency_runtime.handoff.json_text import each_text
from agency_runtime.handoff.quantities import Quantity, quantities, stated_quantities
from agency_runtime.handoff.report import HandoffReport
from agency_runtime.handoff.residue import residue
from agency_runtime.handoff.spelled import in_digits
from agency_runtime.handoff.support import GREEN, NEGATED, RUNS, SHOWS_NOTHING, WRITES, kinds_of
from agency_runtime.handoff.tongues import SUCCEEDED, foreign

SENTENCE = re.compile(r"[^\n]+?(?:[.!?;](?=\s)|$|(?=\n))")
CODE = re.compile(r"`[^`\n]*`")

MEASURED = re.compile(
    r"[$€£]\s?\d[\d,.]*\d?|\b\d+(?:[.,]\d+)?\s?[KMGT]i?B\b(?!/s)|\bfrom\s\d+\sto\s\d+\b|\b\d+(?:[.,]\d+)?\s?(?:%|(?:ms|µs|seconds?|secs?|minutes?|mins?|req/s\w*|rps|[KMG]B/s)\b)|\b\d+m\s?\d+s\b"
    r"|\b\d+\s?/\s?\d+\s(?:\w+\s)?(?:up|pass\w*|green|healthy|ok)\b",
    re.IGNORECASE,
)
MONEY = re.compile(r"[$€£]\s?\d")

RATE = re.compile(r"[$€£]|req/s|rps|B/s|\d\s?/\s?\d", re.IGNORECASE)
"""Figures that are no setting: money, throughput, and so many of so many."""

BOUND = re.compile(r"[KMGT]i?B$|^from\s", re.IGNORECASE)
"""A figure that most often is a limit: a size, or from how many to how many."""

SETTING = re.compile(
    r"(?:\b(?:above|below|under|over|exceed\w*|at|at\s(?:least|most)|up\sto|to|every|after|for|until|than)|[<>≤≥]=?)\s*$",
    re.IGNORECASE,
)
"""What stands before a threshold, an interval or a share that is set, not found."""

RESULT = re.compile(
    r"\b(?:was|were|measured|took|takes|achiev\w+|sustain\w+|reduc\w+|improv\w+|sav(?:es|ed|ings?)|scaled|cut(?:s|ting)?(?!\s(?:at|off|after)\b)"
    r"|faster|slower|quicker|cheaper|smaller|shorter|finish(?:es|ed)|works?\sin|complet(?:es|ed)\sin|rehearsed|observed|reached|hit\s(?:rate|ratio)|uptime|dropp?\w*|rose|risen|fell|fallen|grew|climbed|shrank|increased|decreased|(?:is|are)\snow|(?:down|up)\s(?:from|to))\b",
    re.IGNORECASE,
)
"""Words by which a figure is something that was found."""

ACHIEVED = re.compile(
    r":\s*success\b|\b(?:scans?|tests?|checks?|suites?|pipelines?|builds?|lint\w*)\b(?:\sresults?)?:?\s(?:ok|clean|fine)\b|\b(?:tests?|checks?|suites?|scans?|pipelines?|builds?)\s(?:\w+\s)?pass(?:es)?\b"
    rf"|\b(?:successfully|passed|passing|passes|{GREEN}|succeeds?|succeeded)\b|\bsuccessful\s*(?:[.!;(]|$)"
    r"|\b(?:was|were|been|is|are)\s(?:now\s|all\s|fully\s)?(?:deployed|provisioned|applied|rolled\sback|live|healthy|verified|tested|successful)\b"
    r"|\bverified\s*(?:[.!;(]|$)|\b(?:reduced|improved|saved|cut|faster|cheaper)\s(?:\w+\s){0,4}?by\b"
    r"|\b(?:zero|no|0)\s(?:\w+\s){0,2}(?:vulnerabilit\w+|cves?\b)"
    r"|^\W*(?:deployed|released|shipped|provisioned|migrated|rolled\s(?:out|back)|went\slive)\b(?=\s\S)(?!\s(?:images?|artifacts?|versions?|by)\b)",
    re.IGNORECASE,
)
INTENDED = re.compile(
    r"\b(?:if|when|until|unless|after|once|before|must|should|will|would|can|may|only|requires?|needs?|ensures?|gates?|not|never"
    r"|whether|how|waits?)\b|\bon\s(?:success\w*|failures?|every|each|a|pull|push|merge)\b",
    re.IGNORECASE,
)
"""Words of a condition or an intention: `deploys only if the tests passed` states no result."""

DONE = re.compile(
    r"[\u2705\u2714]|\b(?:was|were|has\sbeen|have\sbeen)\s(?:\w+\s)?\w+ed\b|\b(?:we|i)\s\w+ed\b|:\s*success",
    re.IGNORECASE,
)
"""By which a criterion says that it was met, and not what is to be looked at."""

TOLD = re.compile(
    r"^\W*(?:the|an?|all|every|each|it|this|that|these|no|zero|both|our|everything|tests|checks|builds|images|rollbacks?"
    r"|deployments?|pipelines?|workflows?|jobs|scans?|smoke|load|unit|integration|\w+ed|rolled|went|built|ran|done|shipped|\w+\sresults?|\d+)\b|:\s*success",
    re.IGNORECASE,
)
"""How a step begins that tells what is, and not what to do."""


def unproven(
    report: HandoffReport, calls: Sequence[Executed], proven: Iterable[str], passed: Iterable[str] = ()
) -> list[Claimed]:
    """Every sentence of the report's prose that reads like a result and that nothing of this session shows.

    A figure is at home where an output or a file of this run holds it; a success, where a verified claim of its kind
    stands. `proven` are the statements of the verified claims, `passed` the names of the validators that passed at the end.
    """
    shown = "\n".join(call.output for call in calls if not call.denied and call.tool not in SHOWS_NOTHING)
    written = "\n".join(
        str(value) for call in calls if call.tool in WRITES and not call.failed for value in call.input.values()
    )
    kinds = {kind for statement in proven for kind in (*kinds_of(statement), "check")}
    session = _Session(_Figures.of(shown), _Figures.of(written), kinds, tuple(passed))
    found: list[Claimed] = []
    for where, text in texts(report):
        for sentence in sentences(text):
            copied = residue(sentence, shown, written)
            reason = f"{copied!r} is a sample value of a template" if copied else session.fault(where, sentence)
            if reason:
                found.append(Claimed(where=where, statement=sentence, reason=f"{reason}; claim it with a call, or leave it out", residue=bool(copied)))  # fmt: skip
    return found


@dataclass(frozen=True)
class _Figures:
    """The figures of a text: its numbers, and those of them that are a share or a duration."""

    numbers: frozenset[str]
    quantities: frozenset[Quantity]

    @classmethod
    @lru_cache(maxsize=8)  # a handoff is judged some times over, and reading a long output's figures is most of it
    def of(cls, text: str) -> "_Figures":
        return cls(frozenset(numbers(text)), frozenset(quantities(text)))

    def hold(self, figure: str) -> bool:
        """Whether the figure is here, with its unit where that is one of a share or a duration."""
        wanted = stated_quantities(figure)
        return wanted <= self.quantities if wanted else numbers(figure) <= self.numbers


@dataclass(frozen=True)
class _Session:
    """The figures that a session's outputs and files hold, and the kinds of its verified claims."""

    outputs: _Figures
    files: _Figures
    kinds: set[str]
    passed: tuple[str, ...] = ()

    def fault(self, where: str, sentence: str) -> str:
        """Why a sentence may not stand as prose; empty where it may."""
        bare = in_digits(CODE.sub(" ", sentence))
        if where.startswith("verification_criteria") and DONE.search(bare) is None:
            return ""
        figure = next((found.group(0) for found in MEASURED.finditer(bare) if self._invented(bare, found)), "")
        figure = figure or self._foreign(bare)
        if figure:
            return f"{figure.strip()!r} reads like a measurement, and nothing of this session shows it"
        if (stem := SUCCEEDED.search(bare)) and foreign(bare):
            return f"{stem.group(0)!r} reads like a result"
        said = ACHIEVED.search(bare)
        if said is None or (where.startswith("next_steps") and not TOLD.search(bare)):
            return ""
        if INTENDED.search(bare) or NEGATED.search(bare[: said.start()]) or self._backed(sentence):
            return ""
        return f"{said.group(0).strip(' :.;!(')!r} reads like a result"

    def _foreign(self, sentence: str) -> str:
        """A number of a sentence in another language that this session holds nowhere; which it is, no table tells."""
        found = re.findall(r"\d+(?:[.,]\d+)*", sentence) if foreign(sentence) else []
        return next((each for each in found if not (self.outputs.hold(each) or self.files.hold(each))), "")

    def _invented(self, sentence: str, figure: "re.Match[str]") -> bool:
        """Whether a figure is neither shown by this session nor, by its words, a setting."""
        found, setting = figure.group(0), SETTING.search(sentence[: figure.start()]) or INTENDED.search(sentence)
        if self.outputs.hold(found):
            return False
        if MONEY.search(found):
            return True
        if BOUND.search(found) and not RESULT.search(sentence):
            return False
        if RESULT.search(sentence):
            return not (setting and self.files.hold(found))
        return not self.files.hold(found) and (RATE.search(found) is not None or not setting)

    def _backed(self, sentence: str) -> bool:
        kinds = kinds_of(sentence) or ("check",)
        named = kinds == ("check",) and RUNS.search(sentence) is None
        return all(kind in self.kinds for kind in kinds) or (named and any(name in sentence for name in self.passed))


def asserted(sentence: str) -> str:
    """Why a sentence reads like a result, where no session is there to back it; empty where it does not."""
    return _Session(_Figures.of(""), _Figures.of(""), set()).fault("", sentence)


def sentences(text: str) -> Iterator[str]:
    """A text's sentences and lines."""
    return (found.group(0).strip() for found in SENTENCE.finditer(text) if found.group(0).strip())


def texts(report: HandoffReport) -> list[tuple[str, str]]:
    """Every text of a report but its claims, with the place it stands in."""
    found: list[tuple[str, str]] = []

    def note(where: str, text: str) -> str:
        found.append((where, text))
        return text

    each_text(report.model_dump(mode="json", exclude={"claims", "cost", "files"}), note)
    return found
