"""Numbers spelled out in words, where they stand before something that is counted or measured."""

import re

ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
VALUES = {word: value for value, word in enumerate(ONES)} | {word: 10 * value for value, word in enumerate(TENS, 2)}
SCALES = {"hundred": 100, "thousand": 1000, "million": 1_000_000}
COUNTED = (
    r"(?:tests?|specs?|checks|scenarios|percent|per\scent|milliseconds?|seconds?|minutes?|hours?|dollars?|euros?|requests?|users"
    r"|vulnerabilit\w+|findings|errors|warnings|resources|targets|times)"
)
WORD = rf"(?:{'|'.join([*VALUES, *SCALES])})"
SPELLED = re.compile(
    rf"\b(?P<words>(?:a\s(?=hundred|thousand|million))?{WORD}(?:(?:[\s-]|\sand\s){WORD})*)(?=\s(?:\w+\s){{0,2}}?{COUNTED}\b)",
    re.IGNORECASE,
)
"""`two stages` is left alone, `forty-two tests` is not."""


def in_digits(text: str) -> str:
    """The text with its spelled numbers in digits; `one`, which is an article as often, stays."""
    return SPELLED.sub(
        lambda found: found["words"] if found["words"].lower() == "one" else str(value(found["words"])), text
    )


def value(words: str) -> int:
    """The number that words spell: `two hundred and five` is 205."""
    whole, part = 0, 0
    for word in re.findall(r"[a-z]+", words.lower()):
        if word == "hundred":
            part = max(part, 1) * 100
        elif word in SCALES:
            whole, part = whole + max(part, 1) * SCALES[word], 0
        else:
            part += VALUES.get(word, 0)
    return whole + part
