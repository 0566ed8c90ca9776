"""The workflow as GitHub would read it: when it runs, with what rights, and what its steps do with a stranger's title."""

import os
import re
import subprocess
from pathlib import Path

import yaml

HERE = Path.cwd()


def workflow():
    document = yaml.safe_load((HERE / ".github/workflows/ci.yml").read_text())
    document["on"] = document.pop(True, document.get("on"))
    return document


def jobs():
    return workflow()["jobs"]


def steps(job):
    return job.get("steps", [])


def runs(job):
    return "\n".join(step.get("run", "") for step in steps(job))


def using(job, action):
    return [step for step in steps(job) if step.get("uses", "").startswith(action + "@")]


def rights(job):
    return job.get("permissions", workflow().get("permissions"))


def image_jobs():
    found = {
        name: job for name, job in jobs().items() if using(job, "docker/build-push-action") or "docker b" in runs(job)
    }
    assert found, "no job builds the image"
    return found


def pushing():
    """Jobs and steps that send the image away."""
    return [
        (job, step)
        for job in image_jobs().values()
        for step in steps(job)
        if "docker push" in step.get("run", "")
        or "--push" in step.get("run", "")
        or str(step.get("with", {}).get("push", "false")).lower() != "false"
    ]


def test_it_runs_for_pull_requests_and_main_only():
    on = workflow()["on"]
    assert set(on) == {"pull_request", "push"}
    assert on["push"]["branches"] == ["main"] and "tags" not in on["push"]
    request = on["pull_request"] or {}
    assert not {"branches", "paths", "branches-ignore", "paths-ignore"} & set(request)
    assert {"opened", "synchronize", "reopened"} <= set(request.get("types", ["opened", "synchronize", "reopened"]))


def test_only_pull_requests_are_cancelled():
    levels = [workflow(), *jobs().values()]
    concurrency = [level["concurrency"] for level in levels if isinstance(level.get("concurrency"), dict)]
    cancelling = [each for each in concurrency if each.get("cancel-in-progress")]
    assert cancelling, "nothing is cancelled"
    for each in cancelling:
        condition, group = str(each["cancel-in-progress"]), str(each["group"])
        own = re.search(r"run_id|github\.sha", group)
        assert "pull_request" in condition or "main" in condition or own, "a run on main would be cancelled"
        assert re.search(r"github\.ref\b|head_ref|pull_request\.number|event\.number", group), (
            "all pull requests share a group"
        )


def test_it_tests_by_the_lock_file_on_two_versions():
    job = jobs()["test"]
    text = runs(job)
    assert re.search(r"\bnpm ci\b", text) and "npm run lint" in text and re.search(r"npm (run )?test\b", text)
    assert not re.search(r"npm (i|install)\b", text)
    strategy = job["strategy"]
    versions = {
        str(each).split(".")[0] for values in strategy["matrix"].values() if isinstance(values, list) for each in values
    }
    assert {"22", "24"} <= versions
    assert strategy.get("fail-fast") is False
    (setup,) = using(job, "actions/setup-node")
    assert "matrix." in str(setup["with"]["node-version"])


def test_the_report_is_kept_for_a_week_even_of_failed_tests():
    (upload,) = using(jobs()["test"], "actions/upload-artifact")
    assert "reports" in upload["with"]["path"]
    assert int(upload["with"]["retention-days"]) == 7
    assert re.search(r"always\(\)|!\s*cancelled\(\)|failure\(\)", str(upload.get("if", ""))), (
        "only kept when all went well"
    )
    assert "matrix." in upload["with"]["name"], "two versions would write one artifact"


def test_a_title_is_checked_and_never_run(tmp_path):
    job = jobs()["title"]
    assert "pull_request" in str(job.get("if", "")) or all(
        "pull_request" in str(s.get("if", "")) for s in steps(job) if "run" in s
    )
    (step,) = [step for step in steps(job) if "check-title.sh" in step.get("run", "")]
    assert "${{" not in step["run"], "a title would be expanded into the script"
    environment = {**workflow().get("env", {}), **job.get("env", {}), **step.get("env", {})}

    def check(title):
        filled = {
            name: re.sub(r"\$\{\{\s*github\.event\.pull_request\.title\s*\}\}", lambda _: title, str(value))
            for name, value in environment.items()
        }
        return subprocess.run(
            ["bash", "-e", "-c", step["run"]], cwd=HERE, env={**os.environ, **filled}, capture_output=True
        ).returncode

    assert check("feat: weigh parcels") == 0
    assert check("weigh parcels") != 0
    pwned = tmp_path / "pwned"
    for title in (f'fix: "; touch {pwned}; "', f"fix: $(touch {pwned})", f"fix: `touch {pwned}`", "fix: a * b"):
        assert check(title) == 0, title
        assert not pwned.exists(), title


def test_the_image_is_pushed_from_main_only_after_the_tests():
    for name, job in image_jobs().items():
        needs = job.get("needs", [])
        assert "test" in ([needs] if isinstance(needs, str) else needs), name
    assert pushing()
    for job, step in pushing():
        told = " ".join(
            str(each) for each in (job.get("if", ""), step.get("if", ""), step.get("with", {}).get("push", ""))
        )
        assert re.search(r"push'|refs/heads/main|!= *'pull_request'|ref_name", told), "a pull request would push"
        tags = (
            str(step.get("with", {}).get("tags", "")) + step.get("run", "") + str(job) + str(workflow().get("env", ""))
        )
        assert "ghcr.io" in tags and "github.sha" in tags or "GITHUB_SHA" in tags or "type=sha" in tags
        assert "secrets.GITHUB_TOKEN" in str(job) or "github.token" in str(job)
        assert "digest" in str(job["outputs"])


def test_a_pull_request_builds_it_too():
    for job in image_jobs().values():
        if not re.search(r"event_name *== *'push'|refs/heads/main|!= *'pull_request'", str(job.get("if", ""))):
            return
    raise AssertionError("no job builds the image for a pull request")


def test_rights_are_the_least():
    assert workflow().get("permissions") in ({}, {"contents": "read"}) or all(
        "permissions" in job for job in jobs().values()
    )
    for name, job in jobs().items():
        may = rights(job)
        assert isinstance(may, dict), f"{name} has the default permissions"
        allowed = {"contents": "read"}
        if any(job is each or job == each for each, _ in pushing()):
            allowed["packages"] = "write"
        assert all(allowed.get(scope) == level or level in ("none",) for scope, level in may.items()), f"{name}: {may}"
        for checkout in using(job, "actions/checkout"):
            assert checkout.get("with", {}).get("persist-credentials") is False, (
                f"{name} leaves its token in the checkout"
            )


def test_pins_and_timeouts():
    for name, job in jobs().items():
        assert 0 < int(job["timeout-minutes"]) <= 15, name
        for step in steps(job):
            if "uses" in step:
                assert re.search(r"@[0-9a-f]{40}$", step["uses"]), step["uses"]
