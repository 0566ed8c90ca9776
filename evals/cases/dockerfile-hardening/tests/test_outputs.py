"""What the hardened image must be, read from the files alone."""

import re
import shlex
from pathlib import Path

ROOT = Path("/workspace")


def instructions() -> list[tuple[str, str]]:
    """Verb and rest of each instruction, continued lines joined."""
    text = (ROOT / "Dockerfile").read_text()
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\s*\n", " ", "\n".join(lines))
    found = [line.strip().partition(" ") for line in joined.splitlines() if line.strip()]
    return [(verb.upper(), rest.strip()) for verb, _, rest in found]


def of(verb: str) -> list[str]:
    return [rest for each, rest in instructions() if each == verb]


def last_stage() -> list[tuple[str, str]]:
    found = instructions()
    start = max(number for number, (verb, _) in enumerate(found) if verb == "FROM")
    return found[start:]


def test_runs_as_a_numeric_user_of_its_own() -> None:
    users = [rest for verb, rest in last_stage() if verb == "USER"]
    assert users, "no USER in the final stage"
    user = users[-1].split(":")[0]
    text = " ".join(of("RUN"))
    named = re.search(rf"(?:-u|--uid)[ =](\d+)[^&|;]*\b{re.escape(user)}\b", text)
    number = user if user.isdigit() else named.group(1) if named else None
    assert number is not None, f"USER {user} has no fixed numeric id"
    assert int(number) > 0


def test_base_image_is_pinned_to_the_same_minor_version() -> None:
    images = [rest.split()[0] for rest in of("FROM")]
    python = [image for image in images if re.match(r"(?:docker\.io/(?:library/)?)?python:", image)]
    assert python, images
    for image in python:
        assert re.search(r"python:3\.12(?:[.\-@]|$)", image), image
        assert "@sha256:" in image or re.search(r"python:3\.12(?:\.\d+|-)", image), f"{image} floats"


def test_no_secret_is_baked_in() -> None:
    text = (ROOT / "Dockerfile").read_text()
    assert "qt_live_" not in text
    for rest in (*of("ENV"), *of("ARG")):
        assert not re.search(r"QUOTES_TOKEN(?:=|\s+)\S", rest), rest


def test_nothing_is_installed_that_stays_behind() -> None:
    for rest in of("RUN"):
        if "apt-get install" in rest:
            assert "rm -rf /var/lib/apt/lists" in rest, rest
            assert "vim" not in rest, rest


def test_only_what_is_needed_is_copied_and_the_context_is_closed() -> None:
    ignored = (ROOT / ".dockerignore").read_text().split()
    closed = "*" in ignored or "**" in ignored
    for name in (".git", ".env"):
        assert closed or any(line.strip("/").removeprefix("**/") in (name, f"{name}*") for line in ignored), name
    copied = [shlex.split(rest) for rest in of("COPY")]
    assert closed or not any(words[-2:-1] in (["."], ["./"]) for words in copied), "COPY . copies everything"
    assert any("quotes" in word for words in copied for word in words[:-1]) or closed


def test_healthcheck_needs_nothing_but_python() -> None:
    checks = [rest for verb, rest in last_stage() if verb == "HEALTHCHECK"]
    assert checks, "no HEALTHCHECK in the final stage"
    assert "healthz" in checks[-1]
    assert "8080" in checks[-1]
    slim = any("slim" in rest or "alpine" in rest for rest in of("FROM")[-1:])
    installs_curl = any("apt-get install" in rest and "curl" in rest for verb, rest in last_stage() if verb == "RUN")
    assert "python" in checks[-1] or ("curl" in checks[-1] and (installs_curl or not slim))


def test_starts_without_a_shell_on_the_same_port() -> None:
    started = [rest for verb, rest in last_stage() if verb in ("CMD", "ENTRYPOINT")]
    assert started
    assert started[-1].startswith("["), started[-1]
    assert "quotes" in " ".join(started)
    assert not re.search(r'"(?:sh|bash|/bin/sh|/bin/bash)"', started[-1])


def test_the_service_is_as_it_was() -> None:
    text = (ROOT / "quotes" / "__main__.py").read_text()
    assert 'ThreadingHTTPServer(("0.0.0.0", 8080), Handler)' in text
