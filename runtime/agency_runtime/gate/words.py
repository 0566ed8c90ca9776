"""Words of a shell command as the shell would make them: unquoted, expanded, split; what is not known stays marked."""

import itertools
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from agency_runtime.gate.shell import restored, text_of

UNKNOWN = "\ue000"
"""Stands for text that cannot be known before the command runs."""
FETCHED = "\ue001"
"""Stands for text that comes from the network."""
TOKEN = "\ue002"
"""Stands for a short name without a slash, such as what `date` or `$$` gives."""
SEVERAL = "\ue003"
"""Parts the words of `"$@"`, which quotes do not join."""
_SPLIT = "\ue010"
_GUARD = str.maketrans("{},", "\ue011\ue012\ue013")
_UNGUARD = str.maketrans("\ue011\ue012\ue013", "{},")

_MARKS = re.compile("[\ue000-\ue00f]")
_BRACES = re.compile(r"\{([^{}]*,[^{}]*)\}")
_ESCAPE = re.compile(r"\\(\n|.)", re.DOTALL)
_QUOTED_ESCAPE = re.compile(r'\\([\n"\\$`])')
_NAME = re.compile(r"\$\{([A-Za-z_][A-Za-z_0-9]*(?:\[(?:[0-9]+|@|\*)\])?|[0-9@*#?$!-])\}")
_DEFAULT = re.compile(r"\$\{([A-Za-z_][A-Za-z_0-9]*|[0-9]):?[-=+].*\}", re.DOTALL)
_ANSI = re.compile(
    r"\\(?:x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{1,4})|U([0-9a-fA-F]{1,8})|([0-7]{1,3})|c(.)|(.))", re.DOTALL
)
_ANSI_PLAIN = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "e": "\x1b", "E": "\x1b", "f": "\f", "v": "\v"}
_MOST_WORDS = 64


def known(text: str) -> bool:
    """Nothing in the text is left to the time it runs."""
    return not _MARKS.search(text)


def readable(text: str) -> str:
    """The text with its marks as a person can read them."""
    return text.replace(UNKNOWN, "<unknown>").replace(FETCHED, "<fetched>").replace(TOKEN, "<name>")


def unescape_ansi(text: str) -> str:
    """The inside of `$'…'`."""
    return _ANSI.sub(_ansi_character, text)


def _ansi_character(match: re.Match[str]) -> str:
    two, four, eight, octal, control, plain = match.groups()
    if two or four or eight:
        code = int(two or four or eight, 16)
        return chr(code) if code < 0x110000 else UNKNOWN
    if octal:
        return chr(int(octal, 8) & 0xFF)
    if control:
        return chr(ord(control) & 0x1F)
    return _ANSI_PLAIN.get(plain, plain)


def braces(text: str) -> Iterator[str]:
    """`{a,b}` expanded, innermost first."""
    match = _BRACES.search(text)
    if not match:
        yield text
        return
    for choice in match[1].split(","):
        yield from braces(text[: match.start()] + choice + text[match.end() :])


class Words:
    """Makes words of syntax nodes.

    look: gives a variable's value. run: what a substitution prints. offer: hears of a value that a variable may have.
    """

    def __init__(
        self, look: Callable[[str], str], run: Callable[[Any], str], offer: Callable[[str, str], None]
    ) -> None:
        self._look = look
        self._run = run
        self._offer = offer

    def split(self, node: Any) -> list[str]:
        """The words that one argument becomes: none, one, or several."""
        text = self._piece(node, False)
        expanded = [text]
        if "{" in text and "," in text:
            expanded = list(itertools.islice(braces(text), _MOST_WORDS + 1))
            if len(expanded) > _MOST_WORDS:
                return [UNKNOWN]
        if _SPLIT in text:
            expanded = [word for item in expanded for word in item.split(_SPLIT) if word]
        elif not text and node.type in ("simple_expansion", "expansion", "command_substitution"):
            return []
        return [word.translate(_UNGUARD) for word in expanded]

    def whole(self, node: Any) -> str:
        """The text of one argument where the shell does not split: assignments, redirects, case words."""
        return self._piece(node, True).replace(_SPLIT, " ").translate(_UNGUARD)

    def _piece(self, node: Any, quoted: bool) -> str:
        kind = node.type
        if kind in ("word", "number", "variable_name", "special_variable_name"):
            return self._plain(node, quoted)
        if kind == "concatenation" or kind == "command_name":
            return "".join(self._piece(child, quoted) for child in node.children)
        if kind == "string":
            return self._string(node)
        if kind == "raw_string":
            return text_of(node)[1:-1].translate(_GUARD)
        if kind == "ansi_c_string":
            return unescape_ansi(text_of(node)[2:-1]).translate(_GUARD)
        return self._expansion(node, kind, quoted)

    def _plain(self, node: Any, quoted: bool) -> str:
        for child in node.named_children:
            return "".join(self._piece(part, quoted) for part in node.children) if child else ""
        text = text_of(node)
        if "\\" not in text:
            return text
        return _ESCAPE.sub(lambda match: "" if match[1] == "\n" else match[1].translate(_GUARD), text)

    def _string(self, node: Any) -> str:
        return self._mixed(node, node.children[1:-1], 1, 1)

    def heredoc(self, body: Any) -> str:
        """The text of a heredoc's body whose delimiter is not quoted."""
        return self._mixed(body, body.children, 0, 0).replace(_SPLIT, " ").translate(_UNGUARD)

    def _mixed(self, node: Any, children: list[Any], before: int, after: int) -> str:
        """Quoted text with expansions in it; what lies between children counts, as the grammar leaves blanks out."""
        source, start = node.text, node.start_byte
        out, at = "", before
        for child in children:
            begin, end = child.start_byte - start, child.end_byte - start
            out += _quoted(source[at:begin])
            literal = child.type in ("string_content", "heredoc_content") or not child.is_named
            out += _quoted(source[begin:end]) if literal else self._piece(child, True)
            at = end
        return out + _quoted(source[at : len(source) - after])

    def _expansion(self, node: Any, kind: str, quoted: bool) -> str:
        if kind == "simple_expansion":
            blanks, _, name = text_of(node).rpartition("$") if not text_of(node).endswith("$$") else ("", "", "$")
            value = blanks + self._look(name)
        elif kind == "expansion":
            value = self._parameter(node)
        elif kind in ("command_substitution", "process_substitution"):
            value = self._run(node)
        elif kind == "translated_string":
            return "".join(self._piece(child, True) for child in node.named_children)
        elif kind == "arithmetic_expansion":
            self._visit(node)
            return TOKEN
        elif not node.named_children and not node.is_error:
            return text_of(node) if len(text_of(node)) == 1 else TOKEN
        else:
            self._visit(node)
            return UNKNOWN
        value = value if quoted else self._blanks().sub(_SPLIT, value)
        return value.replace(SEVERAL, _SPLIT).translate(_GUARD)

    def _blanks(self) -> re.Pattern[str]:
        """What an unquoted value is split at: blanks, and whatever else IFS was set to."""
        more = "".join(sign for sign in self._look("IFS") if not sign.isspace() and known(sign))
        return _more_blanks(more) if more else _BLANKS

    def _parameter(self, node: Any) -> str:
        self._visit(node)
        name = _NAME.fullmatch(text_of(node))
        if name:
            return self._look(name[1])
        default = _DEFAULT.fullmatch(text_of(node))
        if default is None or len(node.named_children) < 2:
            return UNKNOWN
        self._offer(default[1], self._piece(node.named_children[-1], True))
        value = self._look(default[1])
        return value if value else UNKNOWN

    def _visit(self, node: Any) -> None:
        """Let substitutions below the node be seen, whatever becomes of their text."""
        for child in node.named_children:
            if child.type in ("command_substitution", "process_substitution"):
                self._run(child)
            else:
                self._visit(child)


_BLANKS = re.compile(r"\s+")


@lru_cache(maxsize=16)
def _more_blanks(signs: str) -> re.Pattern[str]:
    return re.compile(rf"[\s{re.escape(signs)}]+")


def _quoted(source: bytes) -> str:
    text = restored(source)
    if "\\" in text:
        text = _QUOTED_ESCAPE.sub(lambda match: "" if match[1] == "\n" else match[1], text)
    return text.translate(_GUARD)
