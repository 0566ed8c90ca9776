"""The Jenkinsfile as a tree of its blocks: a declarative pipeline's braces, strings and comments, read as Groovy reads them."""

import re
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path.cwd()
STRING = r"'''(?:.|\n)*?'''|\"\"\"(?:.|\n)*?\"\"\"|'(?:\\.|[^'\\\n])*'|\"(?:\\.|[^\"\\\n])*\""
TOKEN = re.compile(rf"(?P<comment>//[^\n]*|/\*(?:.|\n)*?\*/)|(?P<string>{STRING})|(?P<brace>[{{}}])|(?P<other>.|\n)")


@dataclass
class Block:
    head: str
    text: str = ""
    blocks: list = field(default_factory=list)

    def all(self, word):
        """Blocks below whose head begins with this word."""
        found = []
        for block in self.blocks:
            found += [block] if re.match(rf"{word}\b", block.head) else []
            found += block.all(word)
        return found

    def own(self, word):
        return [block for block in self.blocks if re.match(rf"{word}\b", block.head)]

    def whole(self):
        return self.text + "".join(f"\n{block.head} {{{block.whole()}}}" for block in self.blocks)


def tree():
    stack = [Block("file")]
    pending = ""
    for match in TOKEN.finditer((HERE / "Jenkinsfile").read_text()):
        kind, text = match.lastgroup, match.group()
        if kind == "comment":
            continue
        if text == "{" and kind == "brace":
            head = re.split(r"[\n;]", pending.rstrip())[-1].strip()
            stack[-1].text += pending
            stack.append(Block(head))
            pending = ""
        elif text == "}" and kind == "brace":
            done = stack.pop()
            done.text += pending
            pending = ""
            stack[-1].blocks.append(done)
        else:
            pending += text
    assert len(stack) == 1, "the braces do not close"
    return stack[0]


def pipeline():
    (found,) = tree().own("pipeline")
    return found


def stages():
    return {re.search(r"['\"](.*?)['\"]", block.head).group(1): block for block in pipeline().all("stage")}


def parents(name, block=None, above=()):
    """The stages around a stage, outermost first."""
    block = block or pipeline()
    for child in block.blocks:
        stage = re.match(r"stage\s*\(\s*['\"](.*?)['\"]", child.head)
        if stage and stage.group(1) == name:
            return [*above, child]
        if found := parents(name, child, (*above, child) if stage else above):
            return found
    return []


def running(command):
    """The innermost stages that run this."""
    return {
        name: block for name, block in stages().items() if re.search(command, block.whole()) and not block.all("stage")
    }


def only(command):
    found = running(command)
    assert len(found) == 1, f"{command}: {list(found)}"
    return next(iter(found.items()))


MAKES = ("make lint", "make test", "make image", "make scan", "make push")


def test_every_step_is_there_in_order():
    text = pipeline().whole()
    text = (HERE / "Jenkinsfile").read_text()
    places = [text.index(step) for step in MAKES]
    assert places[2:] == sorted(places[2:]) and max(places[:2]) < places[2]
    for step in MAKES:
        only(step)


def test_lint_and_test_run_side_by_side():
    assert pipeline().all("parallel")
    block = next(block for block in pipeline().all("parallel"))
    assert "make lint" in block.whole() and "make test" in block.whole()


def test_the_report_is_published_even_when_tests_fail():
    name, block = only("make test")
    posts = [each for parent in parents(name) for post in parent.own("post") for each in post.own("always")]
    assert any("build/junit.xml" in each.whole() for each in posts)


def on_main(name):
    return any(
        re.search(r"branch\s*\(?\s*(pattern:\s*)?['\"]main['\"]", when.whole())
        for parent in parents(name)
        for when in parent.own("when")
    )


def deploys():
    found = {}
    for environment in ("staging", "production"):
        found[environment], _ = only(rf"ENVIRONMENT=[\"']?{environment}")
    return found


def test_push_and_deployments_are_for_main():
    assert all(on_main(name) for name in (only("make push")[0], *deploys().values()))


def test_a_person_agrees_before_production_within_a_day():
    text = (HERE / "Jenkinsfile").read_text()
    asked = [block for block in stages().values() if not block.all("stage") and re.search(r"\binput\b", block.whole())]
    assert len(asked) == 1
    around = " ".join(
        block.text + " ".join(each.head + each.whole() for each in block.blocks if not each.head.startswith("stage"))
        for block in parents(re.search(r"['\"](.*?)['\"]", asked[0].head).group(1))
    )
    assert re.search(
        r"timeout\s*\(\s*(time\s*:\s*24\s*,\s*unit\s*:\s*['\"]HOURS|time\s*:\s*1\s*,\s*unit\s*:\s*['\"]DAYS|unit\s*:\s*['\"]HOURS['\"]\s*,\s*time\s*:\s*24)",
        around,
    )
    assert re.search(r"\binput\b", text).start() < re.search(r"ENVIRONMENT=[\"']?production", text).start()


def test_no_agent_is_held_meanwhile():
    (name,) = [
        name for name, block in stages().items() if not block.all("stage") and re.search(r"\binput\b", block.whole())
    ]
    assert re.search(r"agent\s+none", pipeline().text)
    for parent in parents(name):
        assert not parent.own("agent") and not re.search(r"agent\s+any", parent.text), parent.head


def test_agents_have_the_label():
    agents = pipeline().all("agent")
    assert agents and all(re.search(r"label\s+['\"]docker['\"]", each.whole()) for each in agents)


def test_credentials_are_where_they_are_needed_alone():
    text = pipeline().whole()
    for name, stage in (
        ("registry", only("make push")[0]),
        ("deploy-staging", deploys()["staging"]),
        ("deploy-production", deploys()["production"]),
    ):
        holders = [
            each
            for each, block in stages().items()
            if not block.all("stage") and re.search(rf"['\"]{name}['\"]", block.whole())
        ]
        assert holders == [stage], f"{name}: {holders}"
    outside = pipeline().text + "".join(
        each.whole() for each in pipeline().blocks if not each.head.startswith("stages")
    )
    assert "credentials" not in outside and "DEPLOY_TOKEN" in text


def test_no_secret_is_interpolated_by_groovy():
    for match in re.finditer(r'"""(?:.|\n)*?"""|"(?:\\.|[^"\\\n])*"', (HERE / "Jenkinsfile").read_text()):
        assert not re.search(r"\$\{?(env\.)?(REGISTRY_PSW|REGISTRY_USR|DEPLOY_TOKEN)", match.group()), match.group()


def test_the_tag_is_the_commit_s():
    text = (HERE / "Jenkinsfile").read_text()
    assert re.search(
        r"take\s*\(\s*12\s*\)|substring\s*\(\s*0\s*,\s*12\s*\)|\[0\.\.11\]|\[0\.\.<12\]|--short=12|cut -c\s*1-12|:0:12",
        text,
    )
    assert re.search(r"GIT_COMMIT|rev-parse", text)


def minutes(text):
    """The limits in minutes that timeouts in this text set; minutes are also what Jenkins takes without a unit."""
    found = []
    for arguments in re.findall(r"timeout\s*\(?([^){}\n]*)", text):
        time, unit = re.search(r"\d+", arguments), re.search(r"unit\s*:\s*['\"](\w+)", arguments)
        if time and (unit is None or unit.group(1) == "MINUTES"):
            found.append(int(time.group()))
    return found


def test_builds_are_bounded_kept_and_clean():
    text = (HERE / "Jenkinsfile").read_text()
    for name, block in stages().items():
        if block.all("stage") or "make " not in block.whole():
            continue
        around = [option.whole() for stage in parents(name) for option in stage.own("options")]
        limits = minutes("\n".join([*around, block.whole(), *(step.head for step in block.all("timeout"))]))
        assert limits and min(limits) <= 30, f"{name} may take longer than 30 minutes: {limits}"
    outer = " ".join(each.whole() for each in pipeline().own("options"))
    assert not re.search(r"timeout", outer), "the whole build's timeout would count the wait for a person"
    assert re.search(r"disableConcurrentBuilds|lock\s*\(", text)
    assert re.search(r"numToKeepStr\s*:\s*['\"]30['\"]", text) and re.search(r"cleanWs|deleteDir", text)


def test_the_team_is_told_of_main():
    posts = " ".join(each.whole() for each in pipeline().own("post"))
    assert "#invoices" in posts and posts.count("slackSend") >= 2
    assert re.search(r"\b(failure|unsuccessful|regression|changed)\b", posts) and re.search(
        r"\b(fixed|changed|success)\b", posts
    )
    assert "main" in posts
