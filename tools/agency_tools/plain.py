"""Text from files and programs as a reader may safely be shown it: nothing acts, nothing hides."""

import re

_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # colours and cursor movements
    r"|\x1b[\]PX^_][^\x07\x1b\n]{0,2000}(?:\x07|\x1b\\)"  # titles and links; without an end nothing is dropped
    r"|\x1b[ -/]*[0-OQ-WYZ\\`-~]"
    r"|\x9b[0-?]*[ -/]*[@-~]"
)
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters but tab and line feed
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # they turn the direction of what follows
    "\u2060-\u2064\ufeff\U000e0000-\U000e007f"  # they are not seen, and can spell anything
    "\ud800-\udfff]"
)


def visible(text: str) -> str:
    """`text` with each character that acts or hides written as an escape."""
    return _HIDDEN.sub(_written, text)


def terminal_text(text: str) -> str:
    """What a program wrote for a terminal: colours are dropped, each rewriting of a line is a line of its own."""
    text = _ESCAPES.sub("", text)
    if "\b" in text:
        text = _overstruck(text)
    return visible(re.sub(r"\r+\n?", "\n", text))


def _overstruck(text: str) -> str:
    """Each backspace takes back the character before it, as bold and underlined manual pages mean it."""
    kept: list[str] = []
    for character in text:
        if character == "\b" and kept and kept[-1] != "\n":
            kept.pop()
        elif character != "\b":
            kept.append(character)
    return "".join(kept)


def hides(text: str) -> int:
    """How many characters `visible` would write as escapes."""
    return len(_HIDDEN.findall(text))


def _written(found: re.Match[str]) -> str:
    code = ord(found.group())
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a name that is no text
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
