"""A skill loads leniently, is known by its folder, and never reaches beyond it."""

from pathlib import Path

import pytest

from agency_runtime.load_report import Loaded
from agency_runtime.shipped import shipped
from agency_runtime.skill import Skill, load_skill
from agency_runtime.skill_files import folder_sha256, links

FIXTURES = Path(__file__).parents[1] / "fixtures" / "skills"
FILE = "log-rotation/SKILL.md"


def load(fault: str) -> Loaded[Skill]:
    return load_skill(FIXTURES / fault / FILE)


def skill(fault: str) -> Skill:
    value = load(fault).value
    assert value is not None
    return value


NOT_OFFERED = "description: missing, so the skill is not offered to the model"


@pytest.mark.parametrize(
    ("fault", "warnings"),
    [
        ("sound", []),
        ("name-mismatch", ["name: 'rotate-logs' is not the folder's, 'log-rotation', which is used"]),
        ("no-name", ["name: missing; the folder's, log-rotation, is used"]),
        ("no-description", [NOT_OFFERED]),
        ("unquoted-colon", ["description: value quoted"]),
        ("head-in-yaml-block", ["front matter written as a code block taken as it is meant"]),
        ("allowed-tools-csv", []),
        ("allowed-tools-list", ["allowed-tools: Teleport: no such tool here"]),
        ("metadata-not-a-mapping", ["metadata: not a mapping"]),
        (
            "date-and-version",
            [
                "version: ignored; not a field of skills; metadata is the place for it",
                "date_added: ignored; not a field of skills; metadata is the place for it",
                "requires: ignored; not a field of skills; metadata is the place for it",
            ],
        ),
        ("long-description", ["description: 1159 characters, more than 1024"]),
        ("broken-link", ["link references/gone.md leads nowhere"]),
        ("leaving-link", ["link ../other/SKILL.md leaves the skill's folder"]),
        ("not-offered", []),
        ("when-to-use", ["hooks: ignored; this runtime runs no hooks; write policy rules"]),
        (
            "long-body",
            [
                "704 lines, more than 500; move detail into files it refers to",
                "about 5787 tokens, more than 5000; move detail into files it refers to",
            ],
        ),
    ],
)
def test_what_people_write_loads_and_each_doubt_is_said(fault: str, warnings: list[str]) -> None:
    loaded = load(fault)
    assert loaded.value is not None
    assert list(loaded.report.warnings) == warnings


@pytest.mark.parametrize("fault", ["beyond-repair", "no-front-matter"])
def test_without_a_usable_head_the_body_is_kept_and_not_offered(fault: str) -> None:
    loaded = load(fault)
    assert loaded.value and loaded.value.body.strip().startswith("# Log rotation")
    assert not loaded.value.offered
    assert NOT_OFFERED in loaded.report.warnings


def test_an_empty_skill_is_refused() -> None:
    assert list(load("empty-body").report.errors) == ["the body is empty: there is nothing to load"]


def test_the_folder_is_the_identity_and_its_files_the_resources() -> None:
    sound = skill("sound")
    assert (sound.name, sound.resources, sound.offered) == ("log-rotation", ("references/sizes.md",), True)
    assert skill("name-mismatch").name == "log-rotation"


def test_when_to_use_is_part_of_what_the_model_is_shown() -> None:
    assert skill("when-to-use").description == "Rotate logs; use when disks fill When df says 90 %"


def test_a_skill_may_keep_itself_from_the_model() -> None:
    assert not skill("not-offered").offered


def test_allowed_tools_keep_their_scope() -> None:
    assert [(ref.resolves_to, ref.scope) for ref in skill("allowed-tools-csv").allowed_tools] == [
        ("Read", None),
        ("Grep", None),
        ("Bash", "git log:*"),
    ]


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "sly"
    (folder / "references").mkdir(parents=True)
    (folder / "SKILL.md").write_text("---\nname: sly\ndescription: d\n---\nBody.\n")
    (folder / "references" / "all").symlink_to("/etc")
    (folder / "references" / "inside.md").symlink_to("../SKILL.md")
    loaded = load_skill(folder / "SKILL.md")
    assert loaded.value is None
    assert list(loaded.report.errors) == ["references/all is a link that leads out of the skill's folder"]


def test_the_digest_changes_with_any_file_and_any_name(tmp_path: Path) -> None:
    (tmp_path / "SKILL.md").write_text("Body.\n")
    digests = [folder_sha256(tmp_path)]
    (tmp_path / "run.sh").write_text("true\n")
    digests.append(folder_sha256(tmp_path))
    (tmp_path / "run.sh").write_text("false\n")
    digests.append(folder_sha256(tmp_path))
    (tmp_path / "run.sh").rename(tmp_path / "ran.sh")
    digests.append(folder_sha256(tmp_path))
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "run.pyc").write_bytes(b"hidden")
    digests.append(folder_sha256(tmp_path))
    (tmp_path / "link").symlink_to("ran.sh")
    digests.append(folder_sha256(tmp_path))
    assert len(set(digests)) == 6


def test_links_in_code_are_no_links() -> None:
    body = '[a](x.md) `[b](y.md)`\n```\n[c](z.md)\n```\n[d](https://e.example) [f](#top) [g](x.md#part "title") ![h](i.png)'
    assert links(body) == ["x.md", "i.png"]


@pytest.mark.parametrize("folder", sorted(shipped("skills").iterdir()), ids=lambda folder: folder.name)
def test_every_shipped_skill_is_spotless(folder: Path) -> None:
    report = load_skill(folder / "SKILL.md").report
    assert report.passes(strict=True), (report.warnings, report.errors)
