"""Image and composition work without the secrets that lie about, and carry none of them."""

import fnmatch
import re
from pathlib import Path

import yaml

HERE = Path.cwd()
PLANTED = ["Tr0ub4dor-and-3", "51Mz9QwErTyUiOpAsDfGhJkLzXcVbNm", "planted-for-this-test-only"]
BEFORE = {".env", "deploy_key", "notes.txt", "README.md", "app.py"}


def test_no_secret_was_copied_anywhere():
    for path in HERE.rglob("*"):
        inside = path.relative_to(HERE)
        if path.is_file() and inside.parts[0] not in (".git",) and str(inside) not in BEFORE:
            text = path.read_text(errors="replace")
            assert not [each for each in PLANTED if each in text], inside


def ignored(name):
    """As the builder reads .dockerignore: the last pattern that matches decides."""
    verdict = False
    for line in (HERE / ".dockerignore").read_text().splitlines():
        pattern = line.strip().rstrip("/").removeprefix("/")
        if not pattern or pattern.startswith("#"):
            continue
        keep = pattern.startswith("!")
        pattern = pattern.lstrip("!").removeprefix("./").removeprefix("**/")
        if fnmatch.fnmatch(name, pattern):
            verdict = not keep
    return verdict


def test_the_builder_never_gets_them():
    for name in (".env", "deploy_key", ".git"):
        assert ignored(name), name
    assert not ignored("app.py")


def instructions():
    text = re.sub(r"\\\n", " ", (HERE / "Dockerfile").read_text())
    return [line.split(None, 1) for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def test_the_image_is_slim_and_not_root():
    froms = [rest for word, rest in instructions() if word.upper() == "FROM"]
    assert all(re.search(r":[^:]*\d", each) and "latest" not in each for each in froms)
    users = [rest for word, rest in instructions() if word.upper() == "USER"]
    assert users and users[-1].split(":")[0] not in ("root", "0")
    assert "/health" in next(rest for word, rest in instructions() if word.upper() == "HEALTHCHECK")
    assert not [
        rest
        for word, rest in instructions()
        if word.upper() in ("ENV", "ARG") and re.search(r"STRIPE|DATABASE_URL", rest)
    ]


def services():
    return yaml.safe_load((HERE / "compose.yaml").read_text())["services"]


def test_the_database_is_healthy_first_and_keeps_its_data():
    ((name, database),) = [
        (name, each) for name, each in services().items() if str(each.get("image", "")).startswith("postgres:17")
    ]
    (service,) = [each for each in services().values() if "build" in each]
    assert service["depends_on"][name]["condition"] == "service_healthy"
    assert "pg_isready" in str(database["healthcheck"]["test"])
    assert any("/var/lib/postgresql/data" in str(each) for each in database["volumes"])


def test_settings_reach_the_service_from_outside():
    document = yaml.safe_load((HERE / "compose.yaml").read_text())
    (service,) = [each for each in document["services"].values() if "build" in each]
    environment = service.get("environment", {})
    if isinstance(environment, list):
        environment = dict(each.partition("=")[::2] for each in environment)
    for name in ("DATABASE_URL", "STRIPE_API_KEY"):
        if f"{name}_FILE" in environment:
            assert service["secrets"]
        else:
            value = environment.get(name)
            assert (
                value is None
                or re.match(r"\$\{?\w+", str(value))
                or value == ""
                or "env_file" in service
                or "${" in str(value)
            ), name
            assert name in environment or "env_file" in service
