"""The commands of a RUN that only make files: mkdir, touch, rm, chmod, cp, mv, ln and cd, on an image's tree."""

import posixpath
import re
from collections.abc import Callable, Sequence

from agency_evals.image_tree import ImageTree

MODE = re.compile(r"([ugoa]*)([+-])([rwxX]+)")


def _plain(words: Sequence[str]) -> list[str]:
    return [word for word in words if not word.startswith("-")]


def _mkdir(image: ImageTree, words: Sequence[str], line: int) -> None:
    given = list(words)
    while given and given[0].startswith("-"):
        del given[: 2 if given[0] in ("-m", "--mode") else 1]
    for path in (each for word in given for each in _braces(word)):
        image.folder(path, line)


def _braces(word: str) -> list[str]:
    """`a/{b,c}` as its two words."""
    found = re.search(r"\{([^{}]*,[^{}]*)\}", word)
    if not found:
        return [word]
    return [
        one for part in found.group(1).split(",") for one in _braces(word[: found.start()] + part + word[found.end() :])
    ]


def _touch(image: ImageTree, words: Sequence[str], line: int) -> None:
    for path in _plain(words):
        image.write(path, b"", line, add=True)


def _remove(image: ImageTree, words: Sequence[str], _: int) -> None:
    for pattern in _plain(words):
        for path in image.matching(pattern):
            image.remove(path)


def _change_mode(image: ImageTree, words: Sequence[str], _: int) -> None:
    mode, *patterns = [word for word in words if not re.fullmatch(r"-[Rfvc]+|--recursive", word)]
    deep = any(re.fullmatch(r"-\w*R\w*|--recursive", word) for word in words)
    for path in (image.inside(each) for pattern in patterns for each in image.matching(pattern)):
        for one in (path, *(path.rglob("*") if deep else ())):
            if not one.is_symlink() and one.exists():
                one.chmod(_mode(mode, one.stat().st_mode, folder=one.is_dir()))


def _mode(text: str, now: int, *, folder: bool) -> int:
    """The permissions asked for; a folder stays one that its owner can enter. Raises ValueError for another form."""
    if re.fullmatch(r"[0-7]{3,4}", text):
        return int(text, 8) & 0o777 | (0o700 if folder else 0o400)
    bits = now & 0o777
    for part in text.split(","):
        found = MODE.fullmatch(part)
        if not found:
            raise ValueError(text)
        who, sign, what = found.groups()
        rights = sum({"r": 4, "w": 2, "x": 1, "X": 1 if folder or now & 0o111 else 0}[each] for each in set(what))
        mask = sum(rights << {"u": 6, "g": 3, "o": 0}[each] for each in ("ugo" if not who or "a" in who else set(who)))
        bits = bits | mask if sign == "+" else bits & ~mask
    return bits | (0o700 if folder else 0o400)


def _copy(image: ImageTree, words: Sequence[str], line: int) -> None:
    for source, target in _pairs(image, words):
        path = image.inside(source)
        if path.is_dir():
            image.folder(target, line)
            for below in sorted(path.rglob("*")):
                name = f"{target}/{below.relative_to(path).as_posix()}"
                if below.is_dir() and not below.is_symlink():
                    image.folder(name, line)
                else:
                    image.copy(below, name, line)
        else:
            image.copy(path, target, line)


def _move(image: ImageTree, words: Sequence[str], line: int) -> None:
    for source, target in _pairs(image, words):
        _copy(image, ["-a", source, target], line)
        image.remove(source)


def _pairs(image: ImageTree, words: Sequence[str]) -> list[tuple[str, str]]:
    """What goes where, as `cp` and `mv` understand it. Raises ValueError where a source is not there."""
    *patterns, target = _plain(words)
    sources = [(pattern, image.matching(pattern.removesuffix("/."))) for pattern in patterns]
    if not sources or not all(found for _, found in sources):
        raise ValueError("not there")
    into = image.inside(target).is_dir() or target.endswith("/")
    return [
        (path, f"{target.rstrip('/')}/{posixpath.basename(path)}" if into and not pattern.endswith("/.") else target)
        for pattern, found in sources
        for path in found
    ]


def _link(image: ImageTree, words: Sequence[str], line: int) -> None:
    if not any(re.fullmatch(r"-\w*s\w*|--symbolic", word) for word in words):
        raise ValueError("a hard link")
    target, path = _plain(words)
    image.link(target, path, line)


def _enter(image: ImageTree, words: Sequence[str], line: int) -> None:
    image.folder(words[0], line)
    image.workdir = image.full(words[0])


ACTS: dict[str, Callable[[ImageTree, Sequence[str], int], None]] = {
    "mkdir": _mkdir,
    "touch": _touch,
    "rm": _remove,
    "chmod": _change_mode,
    "cp": _copy,
    "mv": _move,
    "ln": _link,
    "cd": _enter,
}
"""By name. Each raises ValueError or IndexError for words that ask for more, OSError where the files do not bear it."""
