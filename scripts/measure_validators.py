"""How often the validators are right: false alarms on good files, and recall on bad ones and on good ones with a fault put in.

    .venv/bin/python scripts/measure_validators.py --good DIR… --bad DIR… [--put-in DIR…]

Good folders should stay silent, every file of the bad ones should be found, and in each file of the `--put-in` folders
one known fault at a time is made in a copy, and keys are misspelt, chosen by the seed: names that a file gives to its own
things among them, which nobody can miss. Prints a table by kind of file.
"""

import argparse
import asyncio
import random
import re
import shutil
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from agency_tools.sandbox import start
from agency_tools.validators import Checker, Report, Validated
from agency_tools.validators.inside.engine import sources_of
from agency_tools.workspace import Layout

FAULTS: dict[str, tuple[tuple[str, str], ...]] = {
    "github-workflow": (
        (r"^( +)runs-on:", r"\1runs_on:"),
        (r"^( +)steps:", r"\1step:"),
        (r"^( +)runs-on:", r"\1needs: [no-such-job]\n\1runs-on:"),
        (r"\$\{\{ *matrix\.\w+", r"${{ matrix.nosuchkey"),
        (r"\$\{\{ *steps\.[\w-]+\.", r"${{ steps.nosuchstep."),
        (r"(uses: [\w./-]+)@\S+", r"\1"),
    ),
    "kubernetes": (
        (r"^( +)containers:", r"\1container:"),
        (r"^( +)(?:- )?image:", r"\1imgae:"),
        (r"^apiVersion: \S+", r"apiVersion: v77"),
        (r"^( +)replicas: \d+", r"\1replicas: many"),
        (r"^( +)(- )?containerPort: (\d+)", r"\1\2containerPort: p\3"),
        (r"^( +)matchLabels:\n( +)(\S+):", r"\1matchLabels:\n\2\3x:"),
        (r"^( +)targetPort: [a-z].*", r"\1targetPort: nosuchport"),
        (r"(volumeMounts:(?:\n +.*)*?\n +- name: )\S+", r"\1nosuchvolume"),
    ),
    "compose": (
        (r"^( +)image:", r"\1imgae:"),
        (r"^( +)ports:", r"\1port:"),
        (r"^( +)depends_on:", r"\1dependson:"),
        (r"^services:", r"service:"),
    ),
    "dockerfile": ((r"^RUN ", r"RUNN "), (r"^COPY ", r"COPPY "), (r"^FROM ", r"FORM "), (r"^WORKDIR ", r"WORKDIRR ")),
    "prometheus-rules": (
        (r"^( +-? ?)expr:", r"\1exper:"),
        (r"^( +-? ?expr: .*)\)", r"\1"),
        (r"\[(\d+)m\]", r"[\1q]"),
        (r"^( +)for: ", r"\1for: x"),
    ),
    "terraform": (
        (r"\}\s*\Z", ""),
        (r'^(resource "\w+") "', r"\1 "),
        (r" = ", " == "),
        (r"\bvar\.\w+", "var.nosuchvariable"),
        (r"\blocal\.\w+", "local.nosuchvalue"),
        (r"^(  tags +=.*)", r"  nosuchargument = 1\n\1"),
        (r'^resource "(\w+)_(\w+)"', r'resource "\1_\2x"'),
    ),
    "shell": ((r"^\s*fi\b", ""), (r"^\s*done\b", ""), (r"\bthen\b", "")),
    "json": ((r"\}\s*\Z", ",}"), (r'"', "")),
    "helm-template": ((r"\{\{-? end", "{{ edn"), (r"\.Values\.", ".Value."), (r"\{\{-? ?include", "{{ inculde")),
    "cloudformation": (
        (r"Type(\"?'?): *([\"']?)AWS::(\w+)::", r"Type\1: \2AWS::\3x::"),
        (r"Properties(\"?): ", r"Propertis\1: "),
    ),
    "alertmanager": (
        (r"^( +)receiver: .*", r"\1receiver: nobody"),
        (r"^route:", "rout:"),
        (r"^receivers:", "receiver:"),
    ),
    "grafana": (
        (r'"expr": "(.*)\)', r'"expr": "\1'),
        (r'"expr":', '"exprs":'),
        (r'"x": \d+', '"x": 30'),
        (r'"panels": \[', '"pannels": ['),
        (r'"type": "(?:timeseries|graph|stat|row)"', '"typ": "x"'),
        (r"\$job\b", "$jbo"),
    ),
    "jenkinsfile": (
        (r"\bsteps\b", "step"),
        (r"\bstages\b", "stage"),
        (r"^( *)agent .*", ""),
        (r"\bpost\b", "pots"),
        (r"\}\s*\Z", ""),
        (r"\balways\b", "alwais"),
        (r"(sh [\"'].*)[\"']$", r"\1"),
    ),
    "ansible-playbook": (
        (r"^( +)hosts:|^- hosts:", r"\1- host:"),
        (r"^( +)tasks:", r"\1task:"),
        (r"^( +)when:", r"\1whne:"),
        (r"^( +)notify: .*", r"\1notify: nobody at all"),
        (r"\{\{ (\w+) \}\}", r"{{ \1 }"),
    ),
    "ansible-tasks": (
        (r"^( +)(copy|template|file|apt|yum|service|user|command|shell):", r"\1\2x:"),
        (r"^( +)state: \w+", r"\1stat: present"),
        (r"^( +)when:", r"\1whne:"),
        (r"^( +)register:", r"\1registre:"),
        (r"\{\{ (\w+) \}\}", r"{{ \1 }"),
    ),
    "systemd": ((r"^ExecStart=", "ExecStrat="), (r"^\[Service\]", "[Servce]"), (r"^Restart=.*", "Restart=sometimes")),
}
"""By kind: what is replaced once in a good file, and by what, to make it a bad one."""

SLIP = re.compile(r"""^[ \t]*(?:- )?["']?([A-Za-z_]{5,})["']?[ \t]*[:={]""", re.MULTILINE)
"""A key, argument or block of four letters or more, in which two letters can change places."""

SEED_LIMIT = 25
"""Good files of one kind into which faults are put."""


def kinds(root: Path) -> dict[str, frozenset[str]]:
    """Each file that a validator of its kind applies to."""
    paths = [
        str(path.relative_to(root)) for path in sorted(root.rglob("*")) if path.is_file() and ".git" not in path.parts
    ]
    return {source.path: source.kinds - {"any", "yaml", "hcl"} for source in sources_of(str(root), paths)}


async def checked(root: Path) -> Report:
    """What is said of the folder, by everything that can be run here but policies: a file that works may be against them."""
    workspace = await start("auto", Layout(repository=str(root), writable=False))
    try:
        return await Checker(workspace).check(slow=False)
    finally:
        await workspace.close()


def tally(root: Path, report: Report, seen: Counter[str], flagged: Counter[str]) -> Iterator[str]:
    """Count files and those that were found, by kind; each finding as a line."""
    of = kinds(root)
    found = {finding.path for finding in report.findings}
    for path, mine in of.items():
        for kind in mine or {"other"}:
            seen[kind] += 1
            flagged[kind] += path in found
    yield from (f"{root.name}/{finding}" for finding in report.findings)
    yield from (
        f"{root.name}: {each.name} over {each.files}: {each.outcome}; {why}: {number}"
        for each in report.validators
        for why, number in reasons(each).most_common()
    )


def reasons(validated: Validated) -> Counter[str]:
    """Why files were not checked, and how many of them; the first sentence, without names."""
    left = Counter(re.split(r"[:(]", why)[0].strip() for _, why in validated.unchecked)
    return left if validated.outcome != "not_run" or left else Counter({str(validated.why): 1})


def slips(text: str, path: str, count: int, seed: int) -> Iterator[tuple[str, str]]:
    """The text with two neighbouring letters of one key swapped, and the key; the same keys for the same seed."""
    chance = random.Random(f"{seed} {path}")
    keys = [found for found in SLIP.finditer(text) if len({*found[1]}) > 1]
    for found in chance.sample(keys, min(count, len(keys))):
        word = found[1]
        places = [number for number in range(len(word) - 1) if word[number] != word[number + 1]]
        at = found.start(1) + chance.choice(places)
        yield word, text[:at] + text[at + 1] + text[at] + text[at + 2 :]


def put_in(root: Path, target: Path, count: int, seed: int) -> list[tuple[str, str, str]]:
    """A copy of each file with each fault, beside the rest of its folder; kind, fault and the copy's path.

    Another copy, whose folder ends in `-0`, is as it was: what is said of that one too is not said of the fault.
    """
    made: list[tuple[str, str, str]] = []
    taken: Counter[str] = Counter()
    for path, mine in kinds(root).items():
        for kind in sorted(mine & set(FAULTS)):
            taken[kind] += 1
            if taken[kind] > SEED_LIMIT:
                continue
            text = (root / path).read_text(encoding="utf-8", errors="replace")
            changes = [(kind, old, re.sub(old, new, text, count=1, flags=re.MULTILINE)) for old, new in FAULTS[kind]]
            changes += [(f"{kind}, a slip", word, slip) for word, slip in slips(text, path, count, seed)]
            copied(root, path, target, f"{kind}-{taken[kind]}-0", text)
            for number, (name, fault, changed) in enumerate(changes, 1):
                if changed != text:
                    place = f"{kind}-{taken[kind]}-{number}"
                    made.append((name, fault, copied(root, path, target, place, changed)))
    return made


def copied(root: Path, path: str, target: Path, place: str, text: str) -> str:
    """The changed file with its neighbours, below a folder of its own."""
    chart = next((folder for folder in (root / path).parents if (folder / "Chart.yaml").is_file()), None)
    base = chart or (root / path).parent
    kept = root if ".github" in Path(path).parts or _looks_up(base) else base
    if base.name in ("tasks", "handlers"):
        kept = base.parent
    inside = (root / path).relative_to(kept)
    folder = target / place
    if chart or (root / path).suffix in (".tf", ".tofu"):
        shutil.copytree(kept, folder, ignore=shutil.ignore_patterns(".git", "examples", ".terraform"), symlinks=True)
    (folder / inside).parent.mkdir(parents=True, exist_ok=True)
    (folder / inside).write_text(text, encoding="utf-8")
    return str((folder / inside).relative_to(target))


def _looks_up(folder: Path) -> bool:
    """Whether a Terraform module here calls one that lies above."""
    return any('"../' in path.read_text(encoding="utf-8", errors="replace") for path in folder.glob("*.tf"))


def table(title: str, seen: Counter[str], flagged: Counter[str]) -> None:
    """One table, by kind."""
    print(f"\n{title:24} {'files':>6} {'found':>6}")
    for kind in sorted(seen):
        print(f"{kind:24} {seen[kind]:6} {flagged[kind]:6}  {100 * flagged[kind] / seen[kind]:5.1f} %")


async def folders(title: str, roots: Sequence[Path], *, told: bool) -> None:
    """Check whole folders and print their table."""
    seen, flagged = Counter[str](), Counter[str]()
    for root in roots:
        for line in tally(root, await checked(root), seen, flagged):
            if told:
                print(line)
    table(title, seen, flagged)


async def faults(roots: Sequence[Path], *, count: int, seed: int, told: bool) -> None:
    """Put faults into copies, check them all at once, and print which were found."""
    seen, flagged = Counter[str](), Counter[str]()
    for root in roots:
        with tempfile.TemporaryDirectory(prefix="agency-measure-") as name:
            target = Path(name)
            target.chmod(0o755)
            made = put_in(root, target, count, seed)
            said: dict[str, Counter[tuple[str, str, str]]] = defaultdict(Counter)
            for finding in (await checked(target)).findings if made else ():
                folder, _, inside = finding.path.partition("/")
                said[folder][(inside, finding.rule, finding.message)] += 1
            for kind, fault, path in made:
                folder = path.partition("/")[0]
                hit = bool(said[folder] - said[folder.rpartition("-")[0] + "-0"])
                seen[kind] += 1
                flagged[kind] += hit
                if told and not hit:
                    print(f"missed: {root.name}: {kind}: {fault}: {path}")
    table("faults put in", seen, flagged)


async def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for option in ("--good", "--bad", "--put-in"):
        parser.add_argument(option, nargs="*", type=Path, default=[], metavar="DIR")
    parser.add_argument(
        "--tell", action="store_true", help="every finding, why files were not checked, and every fault that was missed"
    )
    parser.add_argument("--slips", type=int, default=2, metavar="N", help="keys to misspell in each file (default: 2)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="chooses the keys (default: 1)")
    args = parser.parse_args()
    if not (args.good or args.bad or args.put_in):
        parser.print_help(sys.stderr)
        sys.exit(2)
    for title, roots in (("good: false alarms", args.good), ("bad: recall", args.bad)):
        if roots:
            await folders(title, [root.resolve() for root in roots], told=args.tell)
    if args.put_in:
        await faults([root.resolve() for root in args.put_in], count=args.slips, seed=args.seed, told=args.tell)


if __name__ == "__main__":
    asyncio.run(main())
