"""The variables of a shell text: certain values, uncertain ones, and every value a name was ever given."""

from agency_runtime.gate.words import SEVERAL, TOKEN, UNKNOWN

INHERITED = {
    "HOME": "~", "PWD": ".", "IFS": " ", "TMPDIR": "/tmp", "USER": TOKEN, "LOGNAME": TOKEN, "HOSTNAME": TOKEN, "RANDOM": TOKEN,
    "SECONDS": TOKEN, "LINENO": TOKEN, "UID": TOKEN, "EUID": TOKEN, "EPOCHSECONDS": TOKEN,
    "?": TOKEN, "#": TOKEN, "$": TOKEN, "!": TOKEN, "-": TOKEN,
}  # fmt: skip
"""What the sandbox sets; everything else a command has not set itself is unknown."""


class Variables:
    """Values by name. `args` are the positional parameters, None where they are not known."""

    def __init__(self) -> None:
        self.args: tuple[str, ...] | None = None
        self.guess: int | None = None
        self._values: dict[str, str] = {}
        self._given: dict[str, list[str]] = {}

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
        value = self._values.get(name)
        if value == UNKNOWN and self.guess is not None and name in self._given:
            return self._given[name][min(self.guess, len(self._given[name]) - 1)]
        if value is not None:
            return value
        if name in ("@", "*"):
            return SEVERAL.join(self.args) if self.args is not None else UNKNOWN
        if name.isdigit() and self.args is not None and name != "0":
            return self.args[int(name) - 1] if int(name) <= len(self.args) else ""
        return INHERITED.get(name, UNKNOWN)
