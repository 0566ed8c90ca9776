"""Which persona fits a text best, by what the personas say of themselves; simple, repeatable, and said why."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from agency_runtime.persona import Persona

SELECTED, NAMED, DESCRIBED = 3, 2, 1
"""What one word is worth: on a "when selected" line, in the name, in the description."""

_WORD = re.compile(r"[a-z][a-z0-9+#]*(?:[/-][a-z0-9]+)*")
_EMPTY = frozenset(
    _WORD.findall(
        "a about add agent all also an and any are as at be before best by can complex create do every expert for from get has have "
        "i if implement implementing in into involving is issue issues it its make may more must need needs new no not of on one "
        "only or other our out over plan please project should so some specialist specialized specializing specializes such task "
        "tasks than that the their them then there these they this those to up use used user users using want we what when where "
        "which who will with work working you your"
    )
)


@dataclass(frozen=True, kw_only=True)
class Pick:
    """The persona chosen, and why in one line."""

    persona: Persona
    score: int
    why: str


def pick_persona(text: str, personas: Sequence[Persona], *, otherwise: str = "devops-automator") -> Pick:
    """The persona whose own words share most with `text`; of equals the first; `otherwise` where none shares any.

    `personas` must not be empty.
    """
    if len(personas) == 1:
        return Pick(persona=personas[0], score=0, why="the only persona there is")
    words = _words(text)
    scored = [(score(words, persona), persona) for persona in personas]
    points, persona = max(scored, key=lambda each: each[0])
    if not points:
        usual = next((each for each in personas if each.name == otherwise), persona)
        return Pick(persona=usual, score=0, why="no persona's own words occur in the text, so the usual one")
    shared = ", ".join(sorted(words & _own(persona)))
    return Pick(persona=persona, score=points, why=f"{points} points, for {shared}")


def score(words: frozenset[str], persona: Persona) -> int:
    """Points for the words that text and persona share; each counts where it is worth most."""
    named, selected, described = _words(persona.name), _words(persona.when_selected), _words(persona.description)
    return (
        SELECTED * len(words & selected)
        + NAMED * len(words & named - selected)
        + DESCRIBED * len(words & described - selected - named)
    )


def _own(persona: Persona) -> frozenset[str]:
    return _words(" ".join((persona.name, persona.when_selected, persona.description)))


def _words(text: str) -> frozenset[str]:
    """The words that mean something, plural and singular as one; `ci/cd` counts as itself and as its parts."""
    found = {word for match in _WORD.findall(text.lower()) for word in (match, *re.split("[/-]", match))}
    return frozenset(_singular(word) for word in found if len(word) > 1 and word not in _EMPTY)


def _singular(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is", "as")) else word
