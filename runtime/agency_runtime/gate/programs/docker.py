"""docker, podman and compose: builds are local work; what reaches into the host is refused."""

import re
from collections.abc import Sequence

from agency_runtime.gate.argv import Line, names, parse_line, program_of
from agency_runtime.gate.decision import Kind
from agency_runtime.gate.effect import Effect, Pins
from agency_runtime.gate.targets import Field

VALUED = names("-H --host -c --context --config -l --log-level --tlscacert --tlscert --tlskey -f --file -p --project-name "
               "--project-directory --env-file --profile -v --volume --mount -e --env -w --workdir -u --user --name --network "
               "--net --pid --ipc --uts --userns --cap-add --cap-drop --device --security-opt --entrypoint --label --publish "
               "-m --memory --cpus --restart --add-host --dns --hostname -h -t --tag --build-arg --target --platform --filter "
               "--cgroupns --allow --pids-limit --format -n --tail --since --until -o --output --progress --cache-from --cache-to --secret --ssh --scale "
               "--volumes-from --tmpfs --ulimit --gpus --cgroup-parent --runtime --pull --index --builder -s --signal")  # fmt: skip
VERBS: dict[str, Kind] = {
    "ps": "read", "images": "read", "inspect": "read", "logs": "read", "version": "read", "info": "read", "stats": "read",
    "top": "read", "port": "read", "diff": "read", "history": "read", "events": "read", "search": "read", "help": "read",
    "build": "local", "pull": "local", "tag": "local", "save": "local", "load": "local", "import": "local", "export": "local",
    "create": "local", "run": "local", "start": "local", "stop": "local", "restart": "local", "pause": "local",
    "unpause": "local", "wait": "read", "rename": "local", "commit": "local", "cp": "local", "exec": "change",
    "attach": "change", "update": "local", "kill": "local", "push": "change", "login": "change", "logout": "change",
    "rm": "destroy", "rmi": "destroy", "swarm": "change", "service": "change", "stack": "change", "node": "change",
    "secret": "change", "config": "change", "plugin": "change", "trust": "change", "checkpoint": "change",
}  # fmt: skip
NESTED: dict[str, dict[str, Kind]] = {
    "compose": {
        "config": "read", "ps": "read", "logs": "read", "ls": "read", "images": "read", "top": "read", "version": "read",
        "port": "read", "events": "read", "convert": "read", "build": "local", "pull": "local", "up": "local", "create": "local",
        "start": "local", "stop": "local", "restart": "local", "run": "local", "pause": "local", "unpause": "local",
        "down": "local", "wait": "read", "watch": "local", "exec": "change", "push": "change", "rm": "destroy", "kill": "local",
    },
    "buildx": {"ls": "read", "inspect": "read", "version": "read", "du": "read", "build": "local", "bake": "local",
               "create": "local", "use": "local", "imagetools": "change", "prune": "destroy", "rm": "destroy"},
    "plugin": {"ls": "read", "inspect": "read"},
    "context": {"ls": "read", "inspect": "read", "show": "read", "use": "change", "create": "change", "rm": "destroy"},
    "container": {"ls": "read", "list": "read", "ps": "read", "prune": "destroy"},
    "image": {"ls": "read", "list": "read", "prune": "destroy"},
    "volume": {"ls": "read", "inspect": "read", "create": "local", "rm": "destroy", "prune": "destroy"},
    "network": {"ls": "read", "inspect": "read", "create": "local", "connect": "local", "disconnect": "local",
                "rm": "destroy", "prune": "destroy"},
    "system": {"df": "read", "info": "read", "events": "read", "prune": "destroy"},
    "builder": {"build": "local", "prune": "destroy"},
    "manifest": {"inspect": "read", "create": "local", "annotate": "local", "push": "change", "rm": "destroy"},
    "stack": {"ls": "read", "ps": "read", "services": "read", "config": "read", "deploy": "change", "rm": "destroy"},
    "service": {"ls": "read", "ps": "read", "logs": "read", "inspect": "read", "rm": "destroy"},
    "node": {"ls": "read", "ps": "read", "inspect": "read", "rm": "destroy"},
    "swarm": {"leave": "destroy"},
    "secret": {"ls": "read", "inspect": "read", "rm": "destroy"},
    "config": {"ls": "read", "inspect": "read", "rm": "destroy"},
}  # fmt: skip
HOSTILE_SWITCHES = names("--privileged")
HOSTILE_VALUES = re.compile(
    r"(?:--(?:net|network|pid|ipc|uts|userns|cgroupns)=?host\b)|--cap-add|--allow\b|^--ssh\b|--runtime\b|--device(?!-read|-write)"
    r"|--security-opt=(?:(?:seccomp|apparmor|systempaths)[=:]unconfined|label[=:](?:disable|type[=:]\S*(?:unconfined|spc_t))|unmask=|\S*[\ue000-\ue00f])"
    r"|--volumes-from|--cgroup-parent|(?:^-v|^--volume|^--mount|[,](?:src|source))=(?:~|\.\.(?:/|:|$)|/(?:workspace|tmp)/\.\.)|(?:^|[=,])/+(?:[,:]|$|(?:etc|root|home|var|run|proc|sys|dev|usr|boot|lib|opt|srv)(?:[/,:]|$))"
)
ALIASES = {"docker-compose": "compose", "podman-compose": "compose", "nerdctl": "", "podman": "", "docker": ""}
PINS: dict[str, Field] = {
    "-H": "credentials",
    "--host": "credentials",
    "--context": "credentials",
    "--config": "credentials",
}


def classify(argv: Sequence[str]) -> Effect:
    """The effect of a docker command line."""
    program = program_of(argv[0])
    prefix = ALIASES.get(program, "")
    line = parse_line(argv[1:], VALUED)
    words = (prefix, *line.words) if prefix else line.words
    if not words or (line.surely("--help") and line.options[0][0] == "--help"):
        return Effect("read", f"{program} shows its help")
    kind, verb = _kind(words)
    pins: Pins = tuple((PINS[name], value or "") for name, value in _globals(line) if name in PINS)
    if verb.split()[-1] in ("run", "create", "up", "build", "exec") and hostile(line):
        return Effect("change", f"{program} {verb} reaches into the host: {hostile(line)}", refused=True)
    if pins and kind in ("read", "local"):
        kind = "change"
    if verb == "compose down" and line.has("-v", "--volumes", "--rmi"):
        return Effect("destroy", f"{program} {verb} removes volumes or images")
    if verb in ("build", "buildx build", "buildx bake", "builder build", "image build") and _pushes(line):
        return Effect("change", f"{program} {verb} pushes what it builds")
    return Effect(
        kind,
        f"{program} {verb}" + ("" if kind != "change" or verb in VERBS else ": may change things"),
        pins=(*pins, ("credentials", verb)) if verb in ("context use", "context create") else pins,
    )


def _pushes(line: Line) -> bool:
    outputs = " ".join(value or "" for name, value in line.options if name in ("-o", "--output"))
    return line.has("--push") or "type=registry" in outputs or re.search(r"push=(?!false)", outputs) is not None


def _kind(words: Sequence[str]) -> tuple[Kind, str]:
    group = NESTED.get(words[0])
    if group is not None and len(words) > 1:
        verb = f"{words[0]} {words[1]}"
        known = group.get(words[1])
        if known is None and words[0] in ("container", "image"):
            known = VERBS.get(words[1])
        return known or "change", verb
    return VERBS.get(words[0], "read" if group is not None else "change"), words[0]


def _globals(line: Line) -> Sequence[tuple[str, str | None]]:
    return [option for option in line.options if option[0] in ("-H", "--host", "--context")]


def hostile(line: Line) -> str | None:
    """The first option that would give the container the host, or None."""
    for name, value in line.options:
        text = f"{name}={value}" if value is not None else name
        if (name in HOSTILE_SWITCHES and value != "false") or HOSTILE_VALUES.search(text):
            return text
    return None
