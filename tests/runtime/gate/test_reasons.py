"""What the gate tells a person: the part that decided, the file it writes, in one sentence that adds to the rule."""

import pytest

from agency_runtime.gate import Decision, Gate, Mode, Rules


def judged(command: str, mode: Mode = "plan", *, deny: tuple[str, ...] = ()) -> Decision:
    return Gate(mode=mode, rules=Rules.parse(deny=deny), target=None).judge("Bash", {"command": command})


def test_a_redirect_is_denied_for_what_it_writes() -> None:
    decision = judged("echo x >> README.rst")
    assert decision.rule == "writes README.rst (class local, mode plan)"
    assert decision.why == "`echo x`, which writes README.rst, is denied, as mode plan treats class local."


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("ls && touch a.txt", "`touch a.txt`, which writes a.txt, is denied, as mode plan treats class local."),
        ("ls && git push", "`git push` is denied, as mode plan treats class change."),
        ("ls; terraform apply", "`terraform apply` is denied, and no allow rule lifts that."),
        ("sh absent.sh", "`sh absent.sh` is denied, as mode plan treats what cannot be judged before it runs."),
        ("ls", "`ls` is allowed, as mode plan treats class read."),
        ("", "There is nothing to run."),
    ],
)
def test_one_sentence_names_the_part_that_decided(command: str, says: str) -> None:
    decision = judged(command)
    assert decision.why == says
    assert decision.rule not in decision.why or not command


def test_a_rule_that_denies_is_not_said_twice() -> None:
    decision = judged("ls && git push origin", "acceptEdits", deny=("Bash(git push *)",))
    assert decision.rule == "Bash(git push *)"
    assert decision.why == "`git push origin` is denied, and no allow rule lifts that."


def test_a_tools_call_is_told_as_a_command_is() -> None:
    decision = Gate(mode="plan", rules=Rules(), target=None).judge("Write", {"file_path": "/workspace/README.rst"})
    assert decision.why == "`Write /workspace/README.rst` is denied, as mode plan treats class local."


@pytest.mark.parametrize(("path", "verdict"), [("/tmp/x", "allow"), ("/tmp/../workspace/x", "deny"), ("x", "deny")])
def test_plan_mode_lets_scratch_files_be_written_and_no_others(path: str, verdict: str) -> None:
    assert Gate(mode="plan", rules=Rules(), target=None).judge("Write", {"file_path": path}).verdict == verdict


def test_a_rule_against_a_scratch_file_holds_in_plan_mode() -> None:
    gate = Gate(mode="plan", rules=Rules.parse(deny=["Edit(//tmp/x)"]), target=None)
    assert gate.judge("Bash", {"command": "echo > /tmp/x"}).verdict == "deny"
    assert gate.judge("Write", {"file_path": "/tmp/x"}).verdict == "deny"
