"""Text of others as Markdown that can only be text: no heading, link, image, HTML, fence or table cell of its own."""

import re

HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
"""Control, invisible and direction-changing characters, which would make a page read otherwise than it is."""

SPAN = re.compile(r"(`[^`\n]+`)")
START = re.compile(r"^(#+|[-+*>=~]|\d+[.)])(?=\s|$|[=~>-])")
BULLET = re.compile(r"^\s*(?:[-*+]|\d+[.)])\s+")


def line(text: str) -> str:
    """One line of text; code between single backticks stays code."""
    flat = " ".join(HIDDEN.sub("\ufffd", str(text)).split())
    parts = SPAN.split(flat)
    escaped = "".join(part if index % 2 else _escaped(part) for index, part in enumerate(parts))
    return START.sub(r"\\\1", escaped)


def _escaped(text: str) -> str:
    return re.sub(r"([\\`\[\]])", r"\\\1", text).replace("&", "&amp;").replace("<", "&lt;")


def cell(text: str) -> str:
    """One line for a table's cell."""
    return line(text).replace("|", "\\|")


def block(text: str) -> str:
    """Several lines: paragraphs and simple lists."""
    return "\n".join(_kept(each) for each in str(text).strip().splitlines())


def _kept(text: str) -> str:
    bullet = BULLET.match(text)
    return f"- {line(text[bullet.end() :])}" if bullet else line(text)


def code(text: str) -> str:
    """Text between backticks, as many as it needs."""
    flat = " ".join(HIDDEN.sub("\ufffd", str(text)).split()) or " "
    longest = max((len(run) for run in re.findall(r"`+", flat)), default=0)
    marks = "`" * (longest + 1)
    space = " " if flat[0] == "`" or flat[-1] == "`" else ""
    return f"{marks}{space}{flat}{space}{marks}"


def code_cell(text: str) -> str:
    """Code for a table's cell, cut where it is long."""
    flat = " ".join(str(text).split())
    return code(flat if len(flat) <= 120 else flat[:119] + "…").replace("|", "\\|")
