"""Programs that wait for a person, and what to do instead."""

from collections.abc import Sequence

from agency_tools.shell_words import plain_commands

EDITORS = frozenset(
    {"vi", "vim", "nvim", "nano", "emacs", "pico", "joe", "micro", "ed", "ex", "view", "visudo", "vipw"}
)
PAGERS = frozenset({"less", "more", "most"})
SCREENS = frozenset({"top", "htop", "atop", "btop", "k9s", "lazygit", "tig", "watch", "tmux", "screen", "dialog"})
DETACHED = frozenset({"-b", "-d", "-dm", "-dmS", "-ls", "ls", "kill-server", "kill-session", "send-keys"})
"""With these, some of them draw nothing."""

SHELLS = frozenset(
    {"python", "python3", "ipython", "node", "irb", "psql", "mysql", "sqlite3", "redis-cli", "bash", "sh"}
)
HARMLESS = frozenset({"--version", "--help", "-V", "-h"})
INSTEAD = {
    ("kubectl", "edit"): "write the manifest to a file and use `kubectl apply --dry-run=server -f`, or `kubectl patch`",
    ("helm", "edit"): "write the values to a file",
    ("crontab", "-e"): "write the table to a file and give it to `crontab FILE`",
    ("git", "rebase", "-i"): "`git rebase --onto`, or `GIT_SEQUENCE_EDITOR` with a script",
    ("git", "rebase", "--interactive"): "`git rebase --onto`, or `GIT_SEQUENCE_EDITOR` with a script",
    ("git", "add", "-i"): "`git add PATHS`",
    ("git", "add", "-p"): "`git apply --cached` with the part of the diff you want",
    ("git", "add", "--patch"): "`git apply --cached` with the part of the diff you want",
    ("terraform", "console"): "`echo EXPRESSION | terraform console`",
    ("tofu", "console"): "`echo EXPRESSION | tofu console`",
    ("ansible-vault", "edit"): "`ansible-vault decrypt --output`, then `encrypt`",
    ("sops", "edit"): "`sops set` or `sops --decrypt --output`",
    ("docker", "login"): "hand over what needs a login",
    ("gh", "auth", "login"): "hand over what needs a login",
    ("aws", "configure"): "hand over what needs credentials",
    ("gcloud", "init"): "hand over what needs credentials",
}
"""The first words of commands that open an editor or ask, and what does the same without."""


def refusal(command: str) -> str | None:
    """Why `command` would wait for a person, and what to use instead; None when nothing in it does."""
    for plain in plain_commands(command):
        why = _why(plain.words, piped=plain.fed)
        if why:
            return why
    return None


def _why(words: Sequence[str], *, piped: bool) -> str | None:
    name = words[0].rpartition("/")[2] if words else ""
    if HARMLESS & set(words[1:2]):
        return None
    if name in EDITORS and not piped:
        return f"{name} waits for a person; change files with Edit or Write"
    if name in PAGERS and not piped:
        return f"{name} waits for a person; use Read, cat, head or tail"
    if name in SCREENS and not DETACHED & set(words):
        return f"{name} draws on a terminal; run a command that prints once and ends, such as ps or `kubectl get`"
    for first, instead in INSTEAD.items():
        if (name, *words[1 : len(first)]) == first and not piped:
            return f"`{' '.join(first)}` waits for a person; instead: {instead}"
    return _asks(name, words, piped=piped)


def _asks(name: str, words: Sequence[str], *, piped: bool) -> str | None:
    if name in {"docker", "podman", "kubectl"} and words[1:2] in (["exec"], ["run"]) and _on_terminal(words):
        return f"{name} {words[1]} on a terminal waits for a person; leave -t out and give the command to run"
    if name in SHELLS and len(words) == 1 and not piped:
        return f"{name} without arguments waits for a person; give it a script, or code by its option (-c, -e)"
    if name in {"passwd", "su"} or (name == "sudo" and "-n" not in words):
        return f"{name} asks for a password, and there is none in this sandbox; run the command itself"
    return None


def _on_terminal(words: Sequence[str]) -> bool:
    return any(word in {"-it", "-ti", "-t", "--tty"} for word in words[2:])
