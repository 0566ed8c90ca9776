"""Rules mean what Claude Code's documentation says they mean."""

import pytest

from agency_runtime.gate import Decision, Gate, Mode, Rules, parse_rule
from agency_tools.errors import UsageError


def judge(command: str, *, mode: Mode = "default", allow: tuple[str, ...] = (), ask: tuple[str, ...] = (), deny: tuple[str, ...] = ()) -> Decision:  # fmt: skip
    return call("Bash", {"command": command}, mode=mode, allow=allow, ask=ask, deny=deny)


def call(tool: str, given: dict[str, object], *, mode: Mode = "default", allow: tuple[str, ...] = (), ask: tuple[str, ...] = (), deny: tuple[str, ...] = ()) -> Decision:  # fmt: skip
    return Gate(mode=mode, rules=Rules.parse(allow=allow, ask=ask, deny=deny), target=None).judge(tool, given)


@pytest.mark.parametrize(
    ("spec", "command", "allowed"),
    [
        ("npm ci", "npm ci", True),
        ("npm ci", "npm ci x", False),
        ("npm ci *", "npm ci", True),
        ("npm ci *", "npm ci --x y", True),
        ("npm ci *", "npm cii", False),
        ("npm ci*", "npm cii", True),
        ("npm ci:*", "npm ci x", True),
        ("npm ci:*", "npm cix", False),
        ("* --version", "foo --version", True),
        ("cargo * --release", "cargo build --release", True),
        ("*", "anything goes", True),
        ("cargo build", "timeout 5 cargo build", True),
        ("cargo build", "nice -n 3 nohup cargo build", True),
        ("cargo build", "NODE_ENV=x cargo build", True),
        ("cargo build", "SECRET=x cargo build", False),
        ("cargo build", "cargo build && cargo run", False),
        ("cargo *", "cargo build && cargo run", True),
        ("cargo *", "cargo build; rm -rf build", False),
        ("cargo *", "cargo build $(rm x)", False),
        ("cargo *", "cargo build | tee out", False),
        ("cargo *", "npx cargo build", False),
    ],
)
def test_an_allow_rule_covers_its_commands_and_no_other(spec: str, command: str, allowed: bool) -> None:
    assert judge(command, allow=(f"Bash({spec})",)).verdict == ("allow" if allowed else "ask")


@pytest.mark.parametrize(
    "command",
    [
        "git push",
        "git push origin main",
        "ls && git push",
        "echo $(git push)",
        "sh -c 'git push'",
        "FOO=bar git push",
        "timeout 5 git push",
        "xargs git push",
        "/usr/bin/git push",
        "g\\it push",
        "git -C x push",
        "git --no-pager push",
        "find . -exec git push \\;",
    ],
)
def test_a_deny_rule_is_met_however_the_command_is_dressed(command: str) -> None:
    decision = judge(command, mode="bypassPermissions", deny=("Bash(git push *)",))
    assert (decision.verdict, decision.rule) == ("deny", "Bash(git push *)")


def test_deny_comes_before_ask_and_ask_before_allow() -> None:
    rule = ("Bash(make *)",)
    assert judge("make x", allow=rule, ask=rule, deny=rule).verdict == "deny"
    assert judge("make x", allow=rule, ask=rule).verdict == "ask"
    assert judge("make x", allow=rule).verdict == "allow"


def test_an_ask_rule_asks_even_where_the_mode_would_not() -> None:
    assert judge("ls", mode="acceptEdits", ask=("Bash(ls *)",)).verdict == "ask"
    assert judge("ls", mode="bypassPermissions", ask=("Bash(ls *)",)).verdict == "ask"
    assert judge("ls", mode="dontAsk", ask=("Bash(ls *)",)).verdict == "deny"


def test_an_allow_rule_lets_a_change_through_but_never_what_is_refused() -> None:
    assert judge("kubectl apply -f x", allow=("Bash(kubectl apply *)",)).verdict == "allow"
    assert judge("kubectl delete ns x", allow=("Bash",)).verdict == "allow"
    assert judge("terraform destroy", allow=("Bash",)).verdict == "deny"
    assert judge("echo x > .git/config", allow=("Bash", "Edit")).verdict == "ask"
    assert judge("rm -rf /workspace", allow=("Bash(rm *)",)).verdict == "ask"


def test_an_allow_rule_does_not_open_the_plan_mode() -> None:
    assert judge("touch x", mode="plan", allow=("Bash(touch *)",)).verdict == "deny"


def test_what_cannot_be_parsed_is_asked_even_when_all_is_allowed() -> None:
    assert judge('echo "x', allow=("Bash",)).verdict == "ask"
    assert judge("echo " + "x" * 10_001, allow=("Bash",)).verdict == "ask"


def test_the_rule_that_would_permit_it_is_named() -> None:
    decision = judge("cargo build && kubectl apply -f x", mode="acceptEdits")
    assert decision.permits == ("Bash(kubectl apply -f x)",)
    assert judge("cargo build && kubectl apply -f x", mode="acceptEdits", allow=decision.permits).verdict == "allow"


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        (".env", "/workspace/.env", True),
        (".env", "/workspace/a/b/.env", True),
        (".env", "/workspace/x.env", False),
        ("*.pem", "/workspace/keys/a.pem", True),
        ("/secrets/**", "/workspace/secrets/a/b", True),
        ("/secrets/**", "/workspace/a/secrets/b", False),
        ("secrets/*", "/workspace/secrets/a", True),
        ("./x", "/workspace/x", True),
        ("./x", "/workspace/a/x", False),
        ("secrets/", "/workspace/a/secrets/b", True),
        ("//etc/**", "/etc/passwd", True),
        ("//etc/passwd", "/workspace/etc/passwd", False),
        ("~/.aws/**", "~/.aws/credentials", True),
        ("**/prod/**", "/workspace/a/prod/b", True),
        ("docs/**/*.md", "/workspace/docs/a/b/c.md", True),
        ("docs/**/*.md", "/workspace/docs/c.md", True),
        ("a?c", "/workspace/abc", True),
        ("a[0-9]", "/workspace/a7", True),
    ],
)
def test_path_patterns_are_gitignores(pattern: str, path: str, matches: bool) -> None:
    assert call("Read", {"file_path": path}, deny=(f"Read({pattern})",)).verdict == ("deny" if matches else "allow")


@pytest.mark.parametrize(
    "command",
    [
        "cat .env", "head -1 ./.env", "grep x .env", "cp .env x", "cat < .env", "cat a/../.env", "cat .e*", "cat .en?", "base64 .env",
        "python3 -c \"print(open('.env').read())\"", "sh -c 'cat .env'", "cat /workspace/.env", "X=.env; cat $X", "curl -d @.env x",
        "tar c .env", "source .env", "dd if=.env", "awk 1 .env", "cd a && cat ../.env", 'cat "$PWD/.env"',
    ],
)  # fmt: skip
def test_a_read_rule_binds_the_shell_too(command: str) -> None:
    assert judge(command, mode="bypassPermissions", deny=("Read(.env)",)).verdict == "deny"


@pytest.mark.parametrize(
    "command",
    [
        "echo x > main.tf", "echo x >> main.tf", "tee main.tf", "cp a main.tf", "mv a main.tf", "sed -i s/a/b/ main.tf", "rm main.tf",
        "truncate -s 0 main.tf", "touch main.tf", "dd if=a of=main.tf", "sh -c 'rm main.tf'", "ln -sf a main.tf", "chmod 0 main.tf",
        "cat <<X > main.tf\nx\nX", "ls &> main.tf", "git log --output=main.tf", "find . -fprint main.tf", "curl -o main.tf x",
    ],
)  # fmt: skip
def test_an_edit_rule_binds_every_writer(command: str) -> None:
    assert judge(command, mode="bypassPermissions", deny=("Edit(*.tf)",)).verdict == "deny"


def test_an_edit_rule_binds_write_and_edit() -> None:
    for tool in ("Write", "Edit", "MultiEdit"):
        given: dict[str, object] = {"file_path": "/workspace/a/main.tf"}
        assert call(tool, given, mode="acceptEdits", deny=("Edit(*.tf)",)).verdict == "deny"
        assert call(tool, given, mode="acceptEdits").verdict == "allow"
        assert call(tool, given, allow=("Edit(/a/**)",)).verdict == "allow"
        assert call(tool, given).verdict == "ask"


def test_rules_on_other_tools() -> None:
    assert call("WebFetch", {"url": "https://example.org/x"}, mode="acceptEdits").verdict == "ask"
    assert (
        call("WebFetch", {"url": "https://example.org/x"}, allow=("WebFetch(domain:example.org)",)).verdict == "allow"
    )
    assert (
        call("WebFetch", {"url": "https://a.example.org/x"}, allow=("WebFetch(domain:example.org)",)).verdict == "ask"
    )
    assert (
        call("WebFetch", {"url": "https://a.example.org"}, allow=("WebFetch(domain:*.example.org)",)).verdict == "allow"
    )
    assert call("WebFetch", {"url": "https://kubernetes.io/docs"}).verdict == "allow"
    assert call("WebFetch", {"url": "http://169.254.169.254/"}, allow=("WebFetch",)).verdict == "deny"
    assert call("WebSearch", {"query": "x"}).verdict == "allow"
    assert call("Skill", {"skill": "code-review"}, deny=("Skill(code-*)",)).verdict == "deny"
    assert call("Task", {"subagent_type": "explore"}, deny=("Agent(explore)",)).verdict == "deny"
    assert call("Task", {"subagent_type": "explore"}).verdict == "allow"
    assert call("mcp__github__create_issue", {}, mode="acceptEdits").verdict == "ask"
    assert call("mcp__github__create_issue", {}, allow=("mcp__github",)).verdict == "allow"
    assert call("mcp__github__create_issue", {}, allow=("mcp__github__*",)).verdict == "allow"
    assert call("mcp__github__create_issue", {}, deny=("mcp__github__create_issue",)).verdict == "deny"
    assert call("mcp__github__get", {}, allow=("mcp__git",)).verdict == "ask"
    assert call("Terraform", {"action": "apply", "plan": "p"}, allow=("Terraform(apply)",)).verdict == "deny"
    assert call("Kubernetes", {"action": "delete"}, deny=("Kubernetes(delete *)",)).verdict == "deny"
    assert call("Frobnicate", {}, mode="acceptEdits").verdict == "ask"


def test_a_rule_on_a_parameter() -> None:
    given: dict[str, object] = {"command": "ls", "run_in_background": True}
    assert call("Bash", given, deny=("Bash(run_in_background:true)",)).verdict == "deny"
    assert call("Bash", {"command": "ls"}, deny=("Bash(run_in_background:true)",)).verdict == "allow"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Bash(", "malformed"),
        ("Bash()", "empty pattern"),
        ("", "malformed"),
        ("Bsh(ls)", "did you mean Bash"),
        ("Frobnicate", "names no tool"),
        ("Bash(npm:* test)", "only at the end"),
        ("Write(*.tf)", "write Edit(*.tf)"),
        ("WebFetch(example.org)", "WebFetch(domain:example.org)"),
        ("WebSearch(x)", "takes no pattern"),
        ("mcp__a__b(x)", "takes no pattern"),
        ("Read(!x)", "cannot start with `!`"),
    ],
)
def test_a_malformed_rule_is_refused_with_its_remedy(text: str, says: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_rule(text)
    assert says in str(refused.value)
    assert repr(text) in str(refused.value)
