"""The pipeline as GitLab would resolve it: extends and default applied, then asked."""

import re
from pathlib import Path

import yaml

HERE = Path.cwd()
KEYWORDS = {
    "workflow",
    "stages",
    "default",
    "variables",
    "include",
    "image",
    "services",
    "cache",
    "before_script",
    "after_script",
    "spec",
    "pages",
}


class Loader(yaml.SafeLoader):
    pass


def reference(loader, node):
    """GitLab's `!reference [.job, key]`, resolved later."""
    return {"!reference": loader.construct_sequence(node)}


Loader.add_constructor("!reference", reference)


def merged(base, over):
    both = dict(base)
    for key, value in over.items():
        both[key] = merged(both[key], value) if isinstance(both.get(key), dict) and isinstance(value, dict) else value
    return both


def document():
    return yaml.load((HERE / ".gitlab-ci.yml").read_text(), Loader)


def resolved(name, whole):
    job = whole[name]
    parents = job.get("extends", [])
    base = {}
    for parent in [parents] if isinstance(parents, str) else parents:
        base = merged(base, resolved(parent, whole))
    return merged(base, {key: value for key, value in job.items() if key != "extends"})


def jobs():
    whole = document()
    default = {
        **{key: whole[key] for key in ("image", "cache", "before_script") if key in whole},
        **whole.get("default", {}),
    }
    names = [
        name
        for name, value in whole.items()
        if isinstance(value, dict) and name not in KEYWORDS and not name.startswith(".")
    ]
    return {name: {**default, **resolved(name, whole)} for name in names}


def text(job, key="script"):
    value = job.get(key, [])
    return "\n".join(map(str, value if isinstance(value, list) else [value]))


def doing(pattern, stage=None):
    return {
        name: job for name, job in jobs().items() if re.search(pattern, text(job)) and stage in (None, job.get("stage"))
    }


def rule_texts(job):
    return [str(rule.get("if", "")) for rule in job.get("rules", []) if rule.get("when") != "never"]


def test_the_stages_are_in_order():
    assert document()["stages"] == ["check", "test", "build", "deploy"]
    assert all(job["stage"] in document()["stages"] for job in jobs().values())


def test_it_runs_once_for_what_it_should():
    rules = document()["workflow"]["rules"]
    conditions = rule_texts(document()["workflow"])
    together = " ".join(conditions)
    assert "merge_request_event" in together and "CI_COMMIT_TAG" in together and "CI_DEFAULT_BRANCH" in together
    any_branch = [condition for condition in conditions if condition.strip() == "$CI_COMMIT_BRANCH"]
    excluded = any("CI_OPEN_MERGE_REQUESTS" in str(rule) and rule.get("when") == "never" for rule in rules)
    assert not any_branch or excluded, "a branch with an open merge request would run twice"


def test_lint_tests_and_wheel_are_in_their_stages():
    assert doing(r"ruff check", "check") and doing(r"make coverage", "test") and doing(r"make wheel", "build")


def test_three_pythons():
    tests = doing(r"make coverage", "test")
    found = set()
    for job in tests.values():
        matrix = job.get("parallel", {}).get("matrix", []) if isinstance(job.get("parallel"), dict) else []
        for row in matrix:
            for value in row.values():
                found |= {
                    re.search(r"3\.1[123]", str(each)).group()
                    for each in (value if isinstance(value, list) else [value])
                    if re.search(r"3\.1[123]", str(each))
                }
        found |= set(re.findall(r"python:(3\.1[123])", str(job.get("image", ""))))
    assert found == {"3.11", "3.12", "3.13"}


def test_reports_reach_gitlab():
    for job in doing(r"make coverage", "test").values():
        reports = job["artifacts"]["reports"]
        junit = reports["junit"]
        assert "junit.xml" in (junit if isinstance(junit, list) else [junit])
        assert reports["coverage_report"] == {"coverage_format": "cobertura", "path": "coverage.xml"}
        assert job["artifacts"].get("when") == "always", "a failed test's report is the one that is needed"


def test_the_wheel_is_kept_for_a_week():
    (job,) = doing(r"make wheel", "build").values()
    assert any(path.startswith("dist") for path in job["artifacts"]["paths"])
    assert re.fullmatch(r"(1 weeks?|7 days?|1w|7d|168 h(ou)?rs?)", str(job["artifacts"]["expire_in"]))


def deploys():
    found = {}
    for name, job in jobs().items():
        environment = job.get("environment")
        if environment:
            found[environment["name"] if isinstance(environment, dict) else environment] = (name, job)
    return found


def test_two_environments_each_by_its_own_rule():
    assert set(deploys()) == {"staging", "production"}
    _, staging = deploys()["staging"]
    _, production = deploys()["production"]
    assert any("CI_DEFAULT_BRANCH" in rule for rule in rule_texts(staging))
    assert not any("CI_COMMIT_TAG" in rule for rule in rule_texts(staging))
    assert all(
        rule.get("when", staging.get("when")) != "manual" for rule in staging["rules"] if rule.get("when") != "never"
    )
    allowed = [rule for rule in production["rules"] if rule.get("when") != "never"]
    assert allowed and all(rule.get("when", production.get("when")) == "manual" for rule in allowed)
    for rule in allowed:
        pattern = re.search(r"=~\s*/(.*)/", str(rule["if"])).group(1)
        assert re.search(pattern.replace(r"\/", "/"), "v1.22.3")
        assert (
            not re.search(pattern, "v1.2")
            and not re.search(pattern, "xv1.2.3")
            and not re.search(pattern, "v1.2.3-rc1")
        )


def test_deployments_do_not_meet_and_are_not_cancelled():
    groups = [job["resource_group"] for _, job in deploys().values()]
    assert len(set(groups)) == 2
    assert all(job.get("interruptible", False) is False for _, job in deploys().values())
    assert all(job.get("interruptible") is True for name, job in jobs().items() if not job.get("environment"))


def test_the_built_wheel_is_published():
    built = set(doing(r"make wheel", "build"))
    for environment, (_, job) in deploys().items():
        assert "scripts/publish.sh" in text(job)
        assert environment in text(job) or "CI_ENVIRONMENT_NAME" in text(job)
        needs = [each if isinstance(each, str) else each.get("job") for each in job.get("needs", [])]
        fetched = [each for each in job.get("needs", []) if isinstance(each, str) or each.get("artifacts", True)]
        names = {each if isinstance(each, str) else each.get("job") for each in fetched}
        assert (
            ("needs" not in job and "dependencies" not in job)
            or built & names
            or built & set(job.get("dependencies", []))
        ), needs
        assert "make wheel" not in text(job)


def test_every_job_has_a_timeout_and_a_fixed_image():
    for name, job in jobs().items():
        assert job.get("timeout"), name
        image = job.get("image")
        image = image["name"] if isinstance(image, dict) else image
        assert image and ":" in image.rpartition("/")[2] and not image.endswith(":latest"), f"{name}: {image}"


def test_downloads_are_cached_by_the_lock_file():
    caches = [
        cache
        for job in doing("make coverage", "test").values()
        for cache in (job["cache"] if isinstance(job["cache"], list) else [job["cache"]])
    ]
    assert any(
        "requirements-dev.txt" in cache["key"]["files"] for cache in caches if isinstance(cache.get("key"), dict)
    )


def test_a_superseded_merge_request_is_cancelled():
    whole = document()
    assert whole.get("workflow", {}).get("auto_cancel", {}).get("on_new_commit", "conservative") in (
        "interruptible",
        "conservative",
    )


def test_no_secret_stands_in_the_file():
    whole = document()
    assert "PUBLISH_TOKEN" not in str(whole.get("variables", {}))
    for name, job in jobs().items():
        if not job.get("environment"):
            assert "PUBLISH_TOKEN" not in str(job), name
