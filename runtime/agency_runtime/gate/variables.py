"""The variables of a shell text: certain values, uncertain ones, and every value a name was ever given."""

import re
from collections.abc import Sequence

from agency_runtime.gate.words import SEVERAL, TOKEN, UNKNOWN

INHERITED = {
    "HOME": "~", "PWD": ".", "IFS": " ", "TMPDIR": "/tmp", "USER": TOKEN, "LOGNAME": TOKEN, "HOSTNAME": TOKEN, "RANDOM": TOKEN,
    "SECONDS": TOKEN, "LINENO": TOKEN, "UID": TOKEN, "EUID": TOKEN, "EPOCHSECONDS": TOKEN,
    "?": TOKEN, "#": TOKEN, "$": TOKEN, "!": TOKEN, "-": TOKEN,
}  # fmt: skip
"""What the sandbox sets; everything else a command has not set itself is unknown."""


NUMBERED = re.compile(r"([A-Za-z_]\w*)\[(\d+|[@*])\]")


class Variables:
    """Values by name. `args` are the positional parameters, None where they are not known."""

    def __init__(self) -> None:
        self.args: tuple[str, ...] | None = None
        self._called_as: str | None = None
        self.guess: int | None = None
        self._values: dict[str, str] = {}
        self._given: dict[str, list[str]] = {}

    def called(self, words: Sequence[str] | None) -> None:
        """The text runs under a name (`$0`) and with arguments; None where they are not known."""
        self.args = tuple(words[1:]) if words is not None else None
        self._called_as = words[0] if words else None

    def set(self, name: str, value: str) -> None:
        """From here on the name has the value; UNKNOWN for a value not known."""
        self._values[name] = value
        if value != UNKNOWN:
            self._given.setdefault(name, []).append(value)

    def doubt(self, name: str, given: str | None = None) -> None:
        """From here on the name may have any value, `given` among them."""
        self._values[name] = UNKNOWN
        if given is not None:
            self._given.setdefault(name, []).append(given)

    def offer(self, name: str, value: str) -> None:
        """The name has this value where it has no other: `${name:-value}`."""
        if (
            name in INHERITED
            or (name.isdigit() and self.args is not None)
            or self._values.get(name, UNKNOWN) != UNKNOWN
        ):
            return
        self.doubt(name, value)

    def snapshot(self) -> dict[str, str]:
        """The values now, for `restore` and `keep_certain`."""
        return dict(self._values)

    def restore(self, before: dict[str, str]) -> None:
        """Undo what a subshell assigned."""
        self._values = before

    def keep_certain(self, before: dict[str, str]) -> None:
        """What was assigned since may or may not have happened."""
        self._values = {name: value if before.get(name) == value else UNKNOWN for name, value in self._values.items()}

    @property
    def guesses(self) -> int:
        """How many values the name with the most of them was given."""
        return max(map(len, self._given.values()), default=0)

    def look(self, name: str) -> str:
        """The value; while `guess` is set, one of those an uncertain name was given."""
        if name.endswith("]"):
            return self._element(name)
        value = self._values.get(name)
        if value == UNKNOWN and self.guess is not None and name in self._given:
            return self._given[name][min(self.guess, len(self._given[name]) - 1)]
        if value is not None:
            return value.partition(SEVERAL)[0]
        if name == "0" and self._called_as is not None:
            return self._called_as
        if name in ("@", "*"):
            return SEVERAL.join(self.args) if self.args is not None else UNKNOWN
        if name.isdigit() and self.args is not None and name != "0":
            return self.args[int(name) - 1] if int(name) <= len(self.args) else ""
        return INHERITED.get(name, UNKNOWN)

    def _element(self, name: str) -> str:
        """One element of an array, or all of them."""
        found = NUMBERED.fullmatch(name)
        value = self._values.get(found[1]) if found else None
        if found is None or value is None or UNKNOWN in value:
            return UNKNOWN
        if not found[2].isdigit():
            return value
        elements = value.split(SEVERAL)
        return elements[int(found[2])] if int(found[2]) < len(elements) else ""
