"""How many tokens a text will roughly cost, before anybody counts it for real."""


def estimate(text: str) -> int:
    """Tokens in `text`: one for every four ASCII characters and one for every other character, rounded up.

    English Markdown with code comes out within about a fifth of the service's own count; emoji and
    non-Latin scripts cost a token or more a character, hence the second term.
    """
    ascii_characters = len(text.encode("ascii", "ignore"))
    return -(-ascii_characters // 4) + len(text) - ascii_characters


def first(text: str, tokens: int) -> str:
    """As much of the text's beginning as costs at most so many tokens."""
    cut = text[: 4 * tokens]
    while estimate(cut) > tokens:
        cut = cut[: len(cut) * tokens // estimate(cut)]
    return cut
