"""Programs of every day: which only read, which write where, and which have no business in a run."""

from collections.abc import Callable, Sequence

from agency_runtime.gate.argv import Line, names, parse_line, program_of
from agency_runtime.gate.decision import Kind
from agency_runtime.gate.effect import Effect
from agency_runtime.gate.output import DOWNLOADERS

READERS = names(
    "ls cat echo printf pwd head tail grep egrep fgrep rg ag find fd wc which type whereis whatis diff cmp comm stat du df cd true false "
    "test [ [[ : file tree less more bat nl od hexdump strings cut sort uniq tr column fold rev tac paste join expand unexpand seq "
    "basename dirname readlink realpath date cal id whoami groups hostname uname arch nproc uptime free ps pgrep top lscpu lsblk "
    "env printenv locale getconf jq yq base64 base32 md5sum sha1sum sha256sum sha512sum cksum sum b2sum xxd zcat bzcat xzcat zgrep "
    "getent man info help history jobs wait sleep exit return break continue shift set shopt umask ulimit read local hash dirs pushd popd "
    "unset export declare readonly typeset let getopts mapfile readarray alias unalias complete compgen bind fc caller times "
    "tput clear reset stty tty look numfmt factor expr bc dc shellcheck yamllint hadolint actionlint zizmor tflint tfsec trivy "
    "checkov kubeconform kubeval kubesec conftest kube-linter kube-score polaris promtool amtool cfn-lint dclint check-jsonschema "
    "markdownlint vale codespell gitleaks detect-secrets semgrep bandit mypy pyright pylint flake8 infracost terraform-docs regal "
    "dig nslookup host ping traceroute openssl-version fzf tokei cloc scc pstree lsof ss netstat ip ifconfig vmstat iostat dpkg-query "
    "agency trap pathchk command sync nm ldd objdump readelf size time"
)  # fmt: skip
TURNING: dict[str, frozenset[str]] = {
    "sort": names("-o --output"), "tree": names("-o"), "yq": names("-i --inplace --in-place"), "rg": names("--pre"),
    "fd": names("-x --exec -X --exec-batch"), "date": names("-s --set"), "hostname": names("-F --file"), "env": names("-S --split-string"),
    "find": names("-fprint -fprintf -fls -fprint0"), "terraform-docs": names("--output-file"), "trivy": names("-o --output"),
    "less": names("-o -O --log-file"), "xxd": frozenset(), "ip": frozenset(),
}  # fmt: skip
"""Options that make a reader write, or run another program."""
RECURSIVE = names("-r -R --recursive -rf -fr -Rf -fR -rfv -rvf -vrf")
FORBIDDEN = names("mkfs mke2fs mkswap fdisk sfdisk cfdisk gdisk sgdisk parted wipefs blkdiscard hdparm debugfs losetup cryptsetup "
                  "shutdown reboot halt poweroff init telinit kexec swapoff swapon pvremove vgremove lvremove zpool zfs mdadm")  # fmt: skip
PRIVILEGED = names("mount umount modprobe insmod rmmod sysctl iptables ip6tables nft ufw firewall-cmd systemctl service crontab at batch "
                   "useradd userdel usermod groupadd passwd chpasswd visudo setcap setfacl update-alternatives loginctl machinectl "
                   "apparmor_parser setenforce dmesg ldconfig chattr")  # fmt: skip
WRITERS: dict[str, Callable[[Line], tuple[str, ...]]] = {
    "rm": lambda line: line.words + line.rest,
    "rmdir": lambda line: line.words + line.rest,
    "unlink": lambda line: line.words,
    "shred": lambda line: line.words + line.rest,
    "mkdir": lambda line: line.words + line.rest,
    "touch": lambda line: line.words + line.rest,
    "mkfifo": lambda line: line.words,
    "mknod": lambda line: line.words[:1],
    "tee": lambda line: line.words + line.rest,
    "truncate": lambda line: line.words + line.rest,
    "chmod": lambda line: (line.words + line.rest)[1:],
    "chown": lambda line: (line.words + line.rest)[1:],
    "chgrp": lambda line: (line.words + line.rest)[1:],
    "mv": lambda line: line.words + line.rest,
    "cp": lambda line: _last(line),
    "ln": lambda line: line.words + line.rest,
    "install": lambda line: _last(line),
    "rsync": lambda line: _last(line),
    "scp": lambda line: _last(line),
    "split": lambda line: line.words[1:],
    "patch": lambda line: line.words[:1],
    "sponge": lambda line: line.words,
    "unzip": lambda line: _option(line, "-d"),
    "tar": lambda line: _option(line, "-f", "--file") if _makes(line) else _option(line, "-C", "--directory"),
    "dd": lambda line: tuple(word[3:] for word in line.words if word.startswith("of=")),
    "sed": lambda line: _edited(line),
    "gzip": lambda line: line.words,
    "gunzip": lambda line: line.words,
    "zip": lambda line: line.words[:1],
}
_VALUED = names(
    "-t --target-directory -m --mode -s --size -S --suffix -d -C --directory -f --file -e --expression -n -g -o --owner --group"
)
_VALUED_BY: dict[str, frozenset[str]] = {
    "rm": frozenset(), "mkdir": names("-m --mode"), "touch": names("-d --date -r --reference -t"), "tee": frozenset(), "mv": names("-t --target-directory -S --suffix"),
    "cp": names("-t --target-directory -S --suffix"), "ln": names("-t --target-directory -S --suffix"), "sed": names("-e --expression -f --file -l --line-length"),
    "chmod": names("--reference"), "chown": names("--reference --from"), "chgrp": names("--reference"), "dd": frozenset(), "truncate": names("-s --size -r --reference"),
    "rmdir": frozenset(), "tar": names("-f --file -C --directory -T --files-from -X --exclude-from --exclude"),
    "rsync": names("-e --rsh --exclude --include --exclude-from --files-from --rsync-path"),
}  # fmt: skip


PLAIN_WRITERS = names("tee mkdir touch cp rm rmdir unlink truncate chmod mktemp")
"""Writers that follow no link of their own making: what they write is what they name."""


def classify(argv: Sequence[str]) -> Effect:
    """The effect of an everyday program; one that is not listed is local work, as it cannot leave the sandbox."""
    program = program_of(argv[0])
    if program in FORBIDDEN or program.startswith("mkfs"):
        return Effect("destroy", f"{program} works on disks or on the machine itself", refused=True)
    if program in PRIVILEGED:
        return Effect("unknown", f"{program} works on the machine itself")
    if program in DOWNLOADERS:
        return _download(program, argv)
    if program == "mktemp":
        return Effect("local", "mktemp makes a scratch file", writes=_made(argv), named=True)
    if program in WRITERS:
        return _write(program, argv)
    if program in READERS:
        return _read(program, argv)
    return Effect("local", f"{program}: local work")


def _read(program: str, argv: Sequence[str]) -> Effect:
    writing = [at for at, word in enumerate(argv) if word.partition("=")[0] in TURNING.get(program, ())]
    if writing and program in ("rg", "fd"):
        return Effect("unknown", f"{program} runs another program")
    if writing:
        word = argv[writing[0]]
        path = word.partition("=")[2] or (argv[writing[0] + 1] if writing[0] + 1 < len(argv) else "")
        return Effect("local", f"{program} writes", writes=() if program in ("yq", "date", "env") else (path,))
    if program in ("less", "more") and any(word.startswith("+") for word in argv[1:]):
        return Effect("unknown", f"{program} may run another program")
    if program == "uniq" and len([word for word in argv[1:] if not word.startswith("-")]) > 1:
        return Effect("local", "uniq writes", writes=(argv[-1],))
    if program == "xxd" and "-r" in argv:
        return Effect("local", "xxd -r may write")
    return Effect("read", f"{program} only reads")


def _write(program: str, argv: Sequence[str]) -> Effect:
    line = parse_line(argv[1:], _VALUED_BY.get(program, _VALUED))
    paths = WRITERS[program](line)
    if program == "sed" and not paths:
        executes = any(word.rstrip("'\"").endswith("/e") or word.startswith(("e ", "1e ")) for word in argv[1:])
        return Effect("unknown", "sed runs commands") if executes else Effect("read", "sed only reads")
    if program == "tar" and not _makes(line) and any("t" in word.lstrip("-")[:3] for word in argv[1:2]):
        return Effect("read", "tar lists")
    if program == "tar" and any(
        name in ("--to-command", "--checkpoint-action", "-I", "--use-compress-program") for name, _ in line.options
    ):
        return Effect("unknown", "tar runs another program")
    if (program == "rsync" and any(":" in word for word in line.words)) or program == "scp":
        return Effect("change", f"{program} copies to or from another machine")
    deep = any(name in RECURSIVE or _recursive(name) for name, _ in line.options)
    wipes = paths if (deep and program in ("rm", "chmod", "chown", "chgrp", "shred")) or program in ("mv",) else ()
    plain = program in PLAIN_WRITERS and not (program == "cp" and any(_links(name) for name, _ in line.options))
    why = f"{program} writes" + (f" {' '.join(paths)}" if paths else "")
    return Effect("local", why, writes=paths, wipes=wipes, named=plain and bool(paths))


def _links(option: str) -> bool:
    """The option makes cp copy links as links, or make them."""
    return option.startswith(("--a", "--r", "--l", "--s", "--n", "--p")) or (
        option[1:2] != "-" and bool(set(option[1:]) & set("adrRPls"))
    )


def _made(argv: Sequence[str]) -> tuple[str, ...]:
    """Where mktemp makes its file."""
    line = parse_line(argv[1:], names("-p --suffix"))
    folder = line.value("-p", "--tmpdir") or "/tmp"
    below = not line.words or line.has("-t", "-p", "--tmpdir")
    template = next(iter(line.words + line.rest), "tmp.XXXXXXXXXX")
    return (f"{folder}/{template}" if below else template,)


def _recursive(option: str) -> bool:
    return (not option.startswith("--") and ("r" in option or "R" in option)) or option == "--recursive"


def _download(program: str, argv: Sequence[str]) -> Effect:
    line = parse_line(argv[1:], names("-o --output -O -d --data --data-raw --data-binary -X --request -H --header -T --upload-file -F --form "
                                      "--json -u --user --post-data --post-file --method --unix-socket -m --max-time"))  # fmt: skip
    method = (line.value("-X", "--request", "--method") or "").upper()
    sends = line.has("-d", "--data", "--data-raw", "--data-binary", "-T", "--upload-file", "-F", "--form", "--json", "--post-data",
                     "--post-file", "--data-urlencode") or method not in ("", "GET", "HEAD")  # fmt: skip
    if program in ("nc", "ncat", "socat"):
        return Effect("change", f"{program} opens a connection of its own")
    paths = _option(line, "-o", "--output") + (_option(line, "-O") if program == "wget" else ())
    kind: Kind = "change" if sends else "local"
    return Effect(
        kind,
        f"{program} sends to another machine" if sends else f"{program} fetches",
        writes=tuple(path for path in paths if path and path != "-"),
    )


def _last(line: Line) -> tuple[str, ...]:
    folder = _option(line, "-t", "--target-directory")
    words = line.words + line.rest
    return folder or words[-1:] if len(words) > 1 or folder else ()


def _option(line: Line, *options: str) -> tuple[str, ...]:
    value = line.value(*options)
    return (value,) if value else ()


def _makes(line: Line) -> bool:
    """tar's mode letters, with or without their dash."""
    letters = "".join(name.lstrip("-") for name, _ in line.options if not name.startswith("--")) + (
        line.words[0] if line.words else ""
    )
    return "c" in letters[:4] or line.has("--create", "--append", "--update")


def _edited(line: Line) -> tuple[str, ...]:
    inplace = any(
        name.startswith(("-i", "--in-place")) or (name[:2] != "--" and "i" in name[1:]) for name, _ in line.options
    )
    if not inplace:
        return ()
    words = line.words + line.rest
    return words if line.has("-e", "--expression", "-f", "--file") else words[1:]
