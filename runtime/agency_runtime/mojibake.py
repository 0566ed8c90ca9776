"""Undo mojibake: UTF-8 that was once read as Mac Roman or Windows-1252 and saved again.

The damage is undone one character at a time: what is replaced is a sequence that is exactly the UTF-8 of one
character under the wrong code page, never anything around it. Text is left alone unless such sequences make up
at least half of everything beyond ASCII, so a page that quotes an example of mojibake keeps its example.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

CODE_PAGES = ("mac_roman", "cp1252")
_ROUNDS = 3  # text can have been damaged more than once
_ENOUGH_WEAK = 3
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+")

_MATHS = frozenset("∞±≤≥≠∂∑∏π∫Ωµªºæø")  # after √, these are mathematics
_QUOTES = frozenset("«»\u00a0")  # after Ã or Â, these are punctuation


@dataclass(frozen=True, kw_only=True)
class Mended:
    """Text after repair. `code_page` is None, and `count` 0, where nothing was changed.

    suspicious: sequences that look damaged and were left, because most of the text around them is sound.
    """

    text: str
    count: int = 0
    code_page: str | None = None
    suspicious: int = 0


@dataclass(frozen=True)
class _Page:
    """One wrong code page: which byte each of its characters stands for, and what damage looks like."""

    name: str
    byte_of: Mapping[str, int]
    damage: re.Pattern[str]
    leads: frozenset[str]
    trails: frozenset[str]

    def possible(self, characters: frozenset[str]) -> bool:
        """Whether a text of these characters can hold damage at all; most text is settled here, cheaply."""
        return not (self.leads.isdisjoint(characters) or self.trails.isdisjoint(characters))

    def original(self, found: str) -> str | None:
        """The character whose UTF-8 `found` is, or None."""
        try:
            text = bytes(self.byte_of[char] for char in found).decode("utf-8")
        except UnicodeDecodeError:
            return None
        return text if unicodedata.category(text) not in ("Cc", "Cn", "Co", "Cs") else None


def _character(byte: int, code_page: str) -> str:
    try:
        return bytes([byte]).decode(code_page)
    except UnicodeDecodeError:
        return chr(byte)  # the five holes of Windows-1252 come through as C1 controls


@cache
def _page(name: str) -> _Page:
    characters = {byte: _character(byte, name) for byte in range(0x80, 0x100)}

    def any_of(low: int, high: int) -> str:
        return f"[{re.escape(''.join(characters[byte] for byte in range(low, high + 1)))}]"

    trail = any_of(0x80, 0xBF)
    leads = (any_of(0xC2, 0xDF), any_of(0xE0, 0xEF), any_of(0xF0, 0xF4))
    return _Page(
        name=name,
        byte_of={char: byte for byte, char in characters.items()},
        damage=re.compile("|".join(f"{lead}{trail}{{{count}}}" for count, lead in enumerate(leads, start=1))),
        leads=frozenset(characters[byte] for byte in range(0xC2, 0xF5)),
        trails=frozenset(characters[byte] for byte in range(0x80, 0xC0)),
    )


def _sure(found: str, original: str) -> bool:
    """No living language writes `found`: a mangled symbol, emoji or Western European letter."""
    code = ord(original)
    if len(found) == 2:
        return code <= 0xFF and _mangled_letter(found)
    return 0x2000 <= code <= 0x2BFF or 0x3000 <= code <= 0x303F or 0xFE00 <= code <= 0xFE0F or code >= 0x1F000


def _mangled_letter(found: str) -> bool:
    lead, trail = found[0], found[1]
    if lead in "ÃÂ":
        return 0xA1 <= ord(trail) <= 0xBF and trail not in _QUOTES
    return lead == "√" and trail not in _MATHS


@dataclass(frozen=True, kw_only=True)
class _Survey:
    """What a text looks like when read as damage through one code page."""

    page: _Page
    sure: int
    weak: int
    covered: int


def _survey(text: str, page: _Page) -> _Survey:
    sure = weak = covered = 0
    for match in page.damage.finditer(text):
        original = page.original(match[0])
        if original is None:
            continue
        covered += len(match[0])
        if _sure(match[0], original):
            sure += 1
        else:
            weak += 1
    return _Survey(page=page, sure=sure, weak=weak, covered=covered)


def _convinced(survey: _Survey, beyond_ascii: int) -> bool:
    if survey.sure:
        return survey.covered * 2 >= beyond_ascii
    return survey.weak >= _ENOUGH_WEAK and survey.covered * 10 >= beyond_ascii * 9


def _mend_once(text: str) -> Mended:
    beyond_ascii = "".join(_BEYOND_ASCII.findall(text))
    characters = frozenset(beyond_ascii)
    surveys = [_survey(text, page) for page in map(_page, CODE_PAGES) if page.possible(characters)]
    best = max(surveys, key=lambda survey: (survey.sure, survey.covered), default=None)
    if best is None:
        return Mended(text=text)
    if not _convinced(best, len(beyond_ascii)):
        return Mended(text=text, suspicious=best.sure)
    fixed = best.page.damage.sub(lambda match: best.page.original(match[0]) or match[0], text)
    return Mended(text=fixed, count=best.sure + best.weak, code_page=best.page.name)


def mend(text: str) -> Mended:
    """`text` with mojibake undone where the case is clear, unchanged otherwise."""
    result = Mended(text=text)
    for _ in range(_ROUNDS):
        if result.text.isascii():
            break
        once = _mend_once(result.text)
        if not once.count:
            return Mended(text=result.text, count=result.count, code_page=result.code_page, suspicious=once.suspicious)
        result = Mended(text=once.text, count=result.count + once.count, code_page=result.code_page or once.code_page)
    return result
