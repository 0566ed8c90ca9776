"""A Markdown file's bytes as text: any line ending, any common encoding, each oddity mended and named."""

import codecs
import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from agency_runtime.mojibake import mend

MAX_BYTES = 512 * 1024

_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]")
_CODE_PAGE_NAMES = {"mac_roman": "Mac Roman", "cp1252": "Windows-1252"}


class UnreadableText(Exception):
    """The bytes are not text that can be used; the message says what they are and what to do."""


@dataclass(frozen=True, kw_only=True)
class SourceText:
    """Text with LF line endings. sha256: of the file's bytes. repaired: what was mended; warnings: what was left."""

    text: str
    sha256: str
    repaired: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def read(path: Path) -> SourceText:
    """The file's text. Raises UnreadableText, and OSError as the operating system gives it."""
    if not path.is_file() and path.exists():
        raise UnreadableText("not a regular file")  # opening a pipe would wait for its other end
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    return decode(data)


@lru_cache(maxsize=64)  # as `frontmatter` keeps what it made of it
def decode(data: bytes) -> SourceText:
    """`data` as text. Raises UnreadableText when it is too large, UTF-16 or UTF-32, or binary."""
    if len(data) > MAX_BYTES:
        raise UnreadableText(f"larger than {MAX_BYTES // 1024} kB; move detail into files it refers to")
    _refuse_wide_encodings(data)
    repaired: list[str] = []
    if data.startswith(codecs.BOM_UTF8):
        repaired.append("byte order mark removed")
    text = _lines(_characters(data.removeprefix(codecs.BOM_UTF8), repaired), repaired)
    mended = mend(text)
    if mended.code_page:
        page = _CODE_PAGE_NAMES[mended.code_page]
        repaired.append(f"mojibake undone in {mended.count} places (UTF-8 that was read as {page})")
    warnings = (f"what looks like mojibake was left in {mended.suspicious} places",) if mended.suspicious else ()
    return SourceText(
        text=_without_controls(mended.text, repaired),
        sha256=hashlib.sha256(data).hexdigest(),
        repaired=tuple(repaired),
        warnings=warnings,
    )


def _refuse_wide_encodings(data: bytes) -> None:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or data.count(0) * 4 > len(data):
        raise UnreadableText("UTF-16, UTF-32 or binary, not UTF-8; save it again as UTF-8")


def _characters(data: bytes, repaired: list[str]) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        repaired.append(f"read as Windows-1252: byte {error.start} is not UTF-8")
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _lines(text: str, repaired: list[str]) -> str:
    if "\r" not in text:
        return text
    ending = "CRLF" if "\r\n" in text else "CR"
    repaired.append(f"{ending} line endings read as LF")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _without_controls(text: str, repaired: list[str]) -> str:
    clean, removed = _CONTROLS.subn("", text)
    if removed:
        repaired.append(f"{removed} control characters removed")
    return clean
