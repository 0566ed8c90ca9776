"""The workflows by their structure, the script by what it does to a cluster that the test plays."""

import datetime
import json
import os
import re
import subprocess
import tempfile
from pathlib import Path

import yaml

HERE = Path.cwd()


def workflow(name):
    document = yaml.safe_load((HERE / ".github/workflows" / name).read_text())
    document["on"] = document.pop(True, document.get("on"))
    return document


def jobs():
    return workflow("preview.yml")["jobs"]


def text(job):
    return json.dumps(job)


def job_with(words):
    found = [(name, job) for name, job in jobs().items() if words in text(job)]
    assert len(found) == 1, f"{words}: {[name for name, _ in found]}"
    return found[0][1]


def test_it_runs_for_the_life_of_a_pull_request():
    events = workflow("preview.yml")["on"]
    assert set(events) == {"pull_request"}, "pull_request_target would run a fork's code with our secrets"
    assert set(events["pull_request"]["types"]) >= {"opened", "synchronize", "reopened", "closed"}


def conditions(job):
    found = [str(job.get("if", ""))]
    for need in [job["needs"]] if isinstance(job.get("needs"), str) else job.get("needs", []):
        found.append(conditions(jobs()[need]))
    return " && ".join(found)


def test_forks_get_nothing():
    for name, job in jobs().items():
        if "secrets." in text(job) or "preview.sh" in text(job):
            assert re.search(r"head\.repo\.(full_name|fork|id)", conditions(job)), name


def test_up_and_down_are_told_apart():
    assert "closed" in conditions(job_with("preview.sh up")) and "closed" in conditions(job_with("preview.sh down"))
    assert re.search(r"!=\s*'closed'|!.*closed", conditions(job_with("preview.sh up")))
    assert re.search(r"==\s*'closed'", conditions(job_with("preview.sh down")))


def test_one_run_a_pull_request_and_a_closing_one_is_not_cancelled():
    whole = workflow("preview.yml").get("concurrency")
    for words, closing in (("preview.sh up", False), ("preview.sh down", True)):
        concurrency = job_with(words).get("concurrency", whole)
        assert (
            "number" in str(concurrency["group"])
            or "pull_request" in str(concurrency["group"])
            or "github.ref" in str(concurrency["group"])
        )
        cancel = concurrency.get("cancel-in-progress", False)
        if closing:
            assert cancel is not True or concurrency is not whole
        else:
            assert cancel is True or "closed" in str(cancel) or "action" in str(cancel)


def test_the_environment_shows_the_url():
    environment = job_with("preview.sh up")["environment"]
    assert environment["name"].startswith("preview/pr-${{") and re.fullmatch(
        r"https://pr-\$\{\{.*\}\}\.preview\.example\.com/?", environment["url"]
    )


def test_no_context_is_expanded_in_a_script():
    for name in ("preview.yml", "preview-sweep.yml"):
        for job in workflow(name)["jobs"].values():
            for step in job["steps"]:
                assert not re.search(
                    r"\$\{\{\s*(github\.(event\.pull_request\.(title|body|head\.(ref|label))|head_ref)|secrets\.)",
                    step.get("run", ""),
                )


def test_actions_are_pinned_and_jobs_bounded():
    for name in ("preview.yml", "preview-sweep.yml"):
        document = workflow(name)
        for job in document["jobs"].values():
            assert 0 < int(job["timeout-minutes"]) <= 60
            permissions = job.get("permissions", document.get("permissions"))
            assert isinstance(permissions, dict) and "write" not in [
                value for key, value in permissions.items() if key not in ("packages", "deployments", "pull-requests")
            ]
            for step in job["steps"]:
                if "uses" in step and not step["uses"].startswith("./"):
                    assert re.search(r"@[0-9a-f]{40}$", step["uses"]), step["uses"]


def test_the_sweep_runs_each_night():
    document = workflow("preview-sweep.yml")
    assert document["on"]["schedule"] and "preview.sh sweep" in json.dumps(document["jobs"])
    assert re.fullmatch(r"\d+ \d+ \* \* \*", document["on"]["schedule"][0]["cron"])


def manifests():
    filled = re.sub(
        r"(?i)(\$\{?|\{\{\s*|__|%)NUMBER(\}|\s*\}\}|__|%)?", "7", (HERE / "deploy/preview.yaml").read_text()
    )
    filled = re.sub(r"(?i)(\$\{?|\{\{\s*|__|%)IMAGE(\}|\s*\}\}|__|%)?", "image:1", filled)
    return {each["kind"]: each for each in yaml.safe_load_all(filled) if each}


def test_the_manifests_are_small_and_whole():
    found = manifests()
    assert {"Deployment", "Service", "Ingress"} <= set(found)
    assert found["Deployment"]["spec"]["replicas"] == 1
    assert (
        found["Service"]["spec"]["selector"].items()
        <= found["Deployment"]["spec"]["template"]["metadata"]["labels"].items()
    )
    assert "preview.example.com" in found["Ingress"]["spec"]["rules"][0]["host"]
    (container,) = found["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert container["resources"]["requests"]


KUBECTL = r'''#!/usr/bin/env python3
"""Plays kubectl: keeps what it was given, answers for namespaces."""
import json, os, sys
words = sys.argv[1:]
line = " ".join(words)
given = sys.stdin.read() if "-" in words and ("-f" in words or "apply" in words) else ""
if "--field-selector" in line or "delete" in words:
    pass
for word in words:
    if os.path.isfile(word):
        given += open(word).read()
with open(os.environ["CALLS"], "a") as file:
    file.write(json.dumps({"argv": words, "given": given}) + "\n")
if "get" in words and any(word.startswith(("ns", "namespace")) for word in words):
    items = [each for each in json.load(open(os.environ["NAMESPACES"])) if "preview=true" not in line or each["metadata"].get("labels", {}).get("preview") == "true"]
    if "json" in words or "-ojson" in words or "--output=json" in words:
        print(json.dumps({"items": items}))
    elif "jsonpath" in line or "custom-columns" in line or "go-template" in line:
        tab = "\t" if "\\t" in line else " "
        for each in items:
            fields = [each["metadata"]["name"], each["metadata"]["creationTimestamp"]]
            if line.find("creationTimestamp") < line.find(".name"):
                fields.reverse()
            print(tab.join(fields))
    else:
        for each in items:
            print("namespace/" + each["metadata"]["name"])
elif "create" in words and "--dry-run=client" in words:
    print(json.dumps({"made": words}))
'''


def play(*args, namespaces=()):
    place = Path(tempfile.mkdtemp())
    (place / "kubectl").write_text(KUBECTL)
    (place / "kubectl").chmod(0o755)
    (place / "calls").write_text("")
    (place / "namespaces").write_text(json.dumps(list(namespaces)))
    environment = {
        **os.environ,
        "PATH": f"{place}:{os.environ['PATH']}",
        "CALLS": str(place / "calls"),
        "NAMESPACES": str(place / "namespaces"),
    }
    done = subprocess.run(
        [str(HERE / "scripts/preview.sh"), *args], cwd=HERE, env=environment, capture_output=True, text=True, timeout=60
    )
    return done, [json.loads(line) for line in (place / "calls").read_text().splitlines()]


def test_up_makes_a_labelled_bounded_namespace_and_waits():
    done, calls = play("up", "42", "registry.example.com/site:pr-42-abcdef0")
    assert done.returncode == 0, done.stderr
    everything = "\n".join(" ".join(call["argv"]) + "\n" + call["given"] for call in calls)
    assert (
        "site-pr-42" in everything
        and "registry.example.com/site:pr-42-abcdef0" in everything
        and "pr-42.preview.example.com" in everything
    )
    assert re.search(r"preview[\"']?[=:]\s*[\"']?true", everything)
    assert re.search(r"requests\.cpu[\"']?[=:]\s*[\"']?2\b", everything) and re.search(
        r"requests\.memory[\"']?[=:]\s*[\"']?2Gi", everything
    )
    assert any("rollout" in call["argv"] and "status" in call["argv"] for call in calls)
    assert not any("delete" in call["argv"] for call in calls)


def deleted(calls):
    return {
        name
        for call in calls
        if "delete" in call["argv"]
        for name in re.findall(r"(site-pr-\d+|kube-system|default|production|site)\b", " ".join(call["argv"]))
    }


def test_down_deletes_that_one_alone():
    done, calls = play("down", "42", namespaces=[space("site-pr-42", 1)])
    assert done.returncode == 0, done.stderr
    assert deleted(calls) == {"site-pr-42"}


def test_what_is_no_number_is_refused():
    for wrong in ("../7", "7;true", "", "seven", "-1", "4 2"):
        for args in (("up", wrong, "image:1"), ("down", wrong)):
            done, calls = play(*args)
            assert done.returncode != 0 and calls == [], args


def space(name, days, **labels):
    made = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=days)
    return {
        "metadata": {
            "name": name,
            "creationTimestamp": made.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "labels": labels or {"preview": "true"},
        }
    }


def test_the_sweep_takes_old_previews_and_nothing_else():
    spaces = [
        space("site-pr-1", 8),
        space("site-pr-2", 6),
        space("site-pr-3", 30),
        space("production", 400, app="site"),
        space("kube-system", 400, preview="true"),
    ]
    done, calls = play("sweep", namespaces=spaces)
    assert done.returncode == 0, done.stderr
    assert deleted(calls) == {"site-pr-1", "site-pr-3"}
