"""Plans: finding one, judging whether it is ready, and the plans of handoff mode."""

import difflib
import re
import unicodedata
from pathlib import Path

from agency_runtime.specialist_plan import HandoffPlan, read_plan
from agency_tools.errors import UsageError

__all__ = [
    "HandoffPlan",
    "check_feature",
    "feature_slug",
    "handoff_mode",
    "handoff_plans",
    "lint_own_plan",
    "lint_plan",
    "plan_of",
    "resolve_plan",
    "upstream_summaries",
]

SPECIALIST = "devops-automator"
HEADING = re.compile(r"^#{1,6}[ \t]+(?P<title>.+?)[ \t#]*$", re.MULTILINE)
FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
STEP = re.compile(
    r"^[ \t]*(?:\d+[.)]|[-*+] \[[ xX]\])[ \t]+\S|^#{2,6}[ \t]+(?:step|phase|task)\b", re.MULTILINE | re.IGNORECASE
)
BULLET = re.compile(r"^[ \t]*[-*+][ \t]+\S", re.MULTILINE)
PLACEHOLDER = re.compile(
    r"\b(?:TODO|TBD|FIXME|XXX)\b|(?i:<(?:placeholder|fill[ -]in)[^>\n]*>|\[(?:insert|fill|your|placeholder|describe|specify)\b[^\]\n]*\](?!\())"
)
CODE = re.compile(
    r"^[ \t]*(?P<fence>```+|~~~+).*?^[ \t]*(?P=fence)[`~]*|(?P<tick>`+)(?!`)[^\n]*?(?<!`)(?P=tick)(?!`)",
    re.MULTILINE | re.DOTALL,
)
TITLE = re.compile(r"\A\s*(?:---\n.*?\n---\n)?\s*(?:<!--.*?-->\s*)*#\s", re.DOTALL)
PATH = re.compile(r"`?[\w.@-]+(?:/[\w.@*-]+)+`?|`[\w.-]+\.[a-z]{1,5}`|\b(?:Dockerfile|Makefile|Jenkinsfile)\b")
SECTIONS = {
    "an objective": re.compile(r"objective|goal|purpose|overview|summary|what (?:we|you)", re.IGNORECASE),
    "success criteria": re.compile(
        r"success|acceptance|verification|definition of done|done when|criteria", re.IGNORECASE
    ),
}
STEPS = re.compile(r"step|implementation|task|phase|work|responsibilit", re.IGNORECASE)
PREAMBLE = re.compile(r"\A\s*(?:here(?:'s| is| are)|sure|certainly|below is|i(?:'ve| have)|okay|ok)\b", re.IGNORECASE)
"""How an answer begins that is more than the plan."""
OWN_SECTIONS = ("Objective", "Context", "Steps", "Files", "Success Criteria", "Risks and Rollback", "Open Questions")
"""The headings that the runtime asks for in a plan of its own, in this order."""
NUMBERED = re.compile(r"^[ \t]{0,3}\d+[.)][ \t]+|^###[ \t]+(?=(?:step[ \t]+)?\d)", re.MULTILINE | re.IGNORECASE)
CHECKED = re.compile(r"\b(?:check|verif|test|validat|assert|confirm|expect|exits?\b|run\b|runs\b|pass)", re.IGNORECASE)
ENDS = ("for", "the", "a", "an", "this", "and", "with", "to", "of", "in", "on")
"""Words that no name ends with."""
LEAST_STEPS = 3
LONGEST_SLUG = 48


def resolve_plan(name: str, root: Path) -> Path:
    """The plan file: a path, else `.agency/plans/NAME`, else `.agency/plans/NAME.md`. Raises UsageError."""
    folder = root / ".agency" / "plans"
    for path in (Path(name), root / name, folder / name, folder / f"{name}.md"):
        if path.is_file():
            return path
    there = sorted(path.stem for path in folder.glob("*.md"))
    near = difflib.get_close_matches(name, there, n=3) or there[:5]
    hint = f"there are {', '.join(near)}" if near else "write one with `agency plan`"
    raise UsageError(f"plan {name!r}: no such file, and none of that name in .agency/plans; {hint}")


def lint_plan(text: str) -> list[str]:
    """What keeps a plan from being executed, each in a few words; nothing where it is ready."""
    prose = FENCE.sub("", text)
    if not prose.strip():
        return ["it is empty"]
    sections = _sections(prose)
    problems = _before_title(text) if PREAMBLE.match(text) else []
    problems += [
        f"it has no section with {what}; add a heading for it, with text below"
        for what, title in SECTIONS.items()
        if not _filled(sections, title)
    ]
    steps = max(
        len(STEP.findall(prose)), *(len(BULLET.findall(body)) for title, body in sections if STEPS.search(title)), 0
    )
    if steps < LEAST_STEPS:
        problems.append(f"it has {steps} steps, fewer than {LEAST_STEPS}; number what is to be done")
    if not PATH.search(text):
        problems.append("it names no file to create or change; name each by its path")
    return [*problems, *_placeholders(text)]


def lint_own_plan(text: str) -> list[str]:
    """What a plan that the runtime asked for falls short of: its own headings and no others, and steps that can be held to."""
    if not text.strip():
        return ["it is empty: answer with the whole plan"]
    return [*_before_title(text), *_headings(text), *_steps(text), *_placeholders(text)]


def _placeholders(text: str) -> list[str]:
    return [
        f"line {_line(text, found)}: {found.group(0)} is a placeholder; say what is meant, or put it in full under Open Questions"
        for found in list(PLACEHOLDER.finditer(_without_code(text)))[:5]
    ]


def _without_code(text: str) -> str:
    """The text with fences and inline code blanked, each line and column where it was."""
    return CODE.sub(lambda code: re.sub(r"[^\n]", " ", code.group(0)), text)


def _before_title(text: str) -> list[str]:
    if TITLE.match(text):
        return []
    line = next(number for number, line in enumerate(text.split("\n"), 1) if line.strip())
    return [f"line {line}: text stands before the title; begin with `# <title>` and nothing before it"]


def _headings(text: str) -> list[str]:
    found = [(heading["title"].strip(), _line(text, heading)) for heading in _own(text)]
    names, lines = [name for name, _ in found], dict(found)
    problems = [
        f"`## {name}` is missing; write it, with what belongs there" for name in OWN_SECTIONS if name not in names
    ]
    for name, line in found:
        if name not in OWN_SECTIONS:
            problems.append(
                f"line {line}: `## {name}` is none of the plan's sections; move what it says to one of them"
            )
    problems += [
        f"line {lines[name]}: `## {name}` stands there twice; make one of both"
        for name in OWN_SECTIONS
        if names.count(name) > 1
    ]
    empty = [name for name, body in _sections(_masked(text)) if name in OWN_SECTIONS and not body.strip()]
    return problems + [
        f"line {lines[name]}: `## {name}` is empty; write it, or say that there is none"
        for name in empty
        if name in lines
    ]


def _own(text: str) -> list["re.Match[str]"]:
    return [heading for heading in HEADING.finditer(_masked(text)) if heading.group(0).startswith("## ")]


def _masked(text: str) -> str:
    """The text with the `#` of its fences made plain, so that a comment in code is no heading."""
    return CODE.sub(lambda code: code.group(0).replace("#", "%"), text)


def _steps(text: str) -> list[str]:
    masked = _masked(text)
    heading = next((each for each in _own(text) if each["title"].strip() == "Steps"), None)
    if heading is None:
        return []
    following = next((each.start() for each in _own(text) if each.start() > heading.start()), len(text))
    starts = [found.start() for found in NUMBERED.finditer(masked, heading.end(), following)]
    if len(starts) < LEAST_STEPS:
        return [
            f"line {_line(text, heading)}: {len(starts)} numbered steps, fewer than {LEAST_STEPS}; number each step"
        ]
    parts = [(start, text[start:end]) for start, end in zip(starts, [*starts[1:], following], strict=True)]
    return [
        f"line {text.count(chr(10), 0, start) + 1}: step {number} names neither a file nor how it is checked; name one of both"
        for number, (start, part) in enumerate(parts, 1)
        if not PATH.search(part) and not CHECKED.search(part)
    ]


def _line(text: str, found: "re.Match[str]") -> int:
    return text.count("\n", 0, found.start()) + 1


def _sections(text: str) -> list[tuple[str, str]]:
    """Each heading with what stands below it, deeper headings included."""
    found = list(HEADING.finditer(text))
    depths = [len(heading.group(0)) - len(heading.group(0).lstrip("#")) for heading in found]
    sections: list[tuple[str, str]] = []
    for index, heading in enumerate(found):
        end = next(
            (found[later].start() for later in range(index + 1, len(found)) if depths[later] <= depths[index]),
            len(text),
        )
        sections.append((heading["title"], text[heading.end() : end]))
    return sections


def _filled(sections: list[tuple[str, str]], title: "re.Pattern[str]") -> bool:
    return any(title.search(name) and body.strip() for name, body in sections)


def feature_slug(text: str) -> str:
    """A name for the handoff folder, made from the text's first line: lower case, words joined by hyphens, ≤ 48 characters."""
    line = next((line for line in text.splitlines() if line.strip(" #\t")), "")
    plain = unicodedata.normalize("NFKD", line).encode("ascii", "ignore").decode().lower()
    words = re.findall(r"[a-z0-9]+", plain)
    slug = ""
    for word in words:
        if len(slug) + len(word) + 1 > LONGEST_SLUG:
            break
        slug = f"{slug}-{word}" if slug else word
    while "-" in slug and slug.rpartition("-")[2] in ENDS:
        slug = slug.rpartition("-")[0]
    return slug or (words[0][:LONGEST_SLUG] if words else "work")


def check_feature(name: str) -> str:
    """A feature's name as a person gave it. Raises UsageError where it would not be one folder's name."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,80}", name):
        raise UsageError(
            f"--feature {name!r}: use letters, digits, dots and hyphens, at most 81, beginning with a letter or digit"
        )
    return name


def handoff_plans(root: Path, own: str = SPECIALIST) -> list[HandoffPlan]:
    """Every feature whose handoff folder holds a plan for this specialist, by name."""
    found = sorted((root / ".agency" / "handoff").glob(f"*/{own}/plan.md"))
    return [read_plan(path, own) for path in found if path.is_file()]


def plan_of(root: Path, feature: str, own: str = SPECIALIST) -> HandoffPlan | None:
    """The plan that another party left for this specialist in a feature; None where there is none."""
    path = root / ".agency" / "handoff" / feature / own / "plan.md"
    return read_plan(path, own) if path.is_file() else None


def upstream_summaries(plan: HandoffPlan | None) -> tuple[str, ...]:
    """The summaries of the specialists that a plan names and that are there, as paths of the repository."""
    if plan is None:
        return ()
    named = dict.fromkeys((*plan.before, *plan.needs, *plan.others))
    there = (name for name in named if (plan.path.parent.parent / name / "summary.md").is_file())
    return tuple(f".agency/handoff/{plan.feature}/{name}/summary.md" for name in there)


def handoff_mode(root: Path, *, feature: str | None = None, plan: Path | None = None) -> HandoffPlan | None:
    """The handoff plan that a run works under: the named feature's, or the one that belongs to `plan`.

    Raises UsageError where neither is named and several features wait for this specialist.
    """
    found = handoff_plans(root)
    if feature is not None:
        return next((each for each in found if each.feature == feature), None)
    if plan is not None:
        own = next((each for each in found if each.path.resolve() == plan.resolve()), None)
        return own or next((each for each in found if each.feature in (plan.stem, feature_slug(plan.stem))), None)
    if len(found) > 1:
        raise UsageError(
            f"several features have a plan here: {', '.join(each.feature for each in found)}; name one with --feature"
        )
    return found[0] if found else None
