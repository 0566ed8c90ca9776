"""Making the workspace image from Debian's packages alone, where no image can be pulled."""

import os
import shutil
import ssl
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from agency_tools.errors import WorkspaceError
from agency_tools.image.recipe import HERE, SUITE, packages

LEFT_OUT = ("/usr/share/doc/*", "/usr/share/info/*", "/usr/share/locale/*", "/usr/share/man/*")
CERTIFICATES = "/tmp/build-certificates.pem"
PLACED = ("install-validators", "policies.txt", "provider_table.py", "providers.txt", "validators.txt")
"""What of the recipe the image itself holds."""

PASSED_ON = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_PROXY", "http_proxy", "https_proxy", "no_proxy")
"""Settings of this machine that the packages' installation inside needs."""


def mmdebstrap_argv(
    *, target: str, programs: Sequence[str], certificates: str | None, env: Mapping[str, str]
) -> list[str]:
    """The command that writes the image's files as one archive."""
    inside = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", *(f"{name}={env[name]}" for name in PASSED_ON if name in env)]
    hooks = ["mkdir -p $1/opt/agency $1/workspace", *_uploads(programs, certificates)]
    if certificates:
        inside.append(f"PIP_CERT={CERTIFICATES}")
    hooks.append(_chroot(["env", "-i", *inside, "/opt/agency/install-validators", "/opt/agency"]))
    hooks.append(f"rm -rf $1{CERTIFICATES} $1/root/.cache")
    return [
        *("mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(packages())}"),
        *(f"--dpkgopt=path-exclude={path}" for path in LEFT_OUT),
        *(f"--customize-hook={hook}" for hook in hooks),
        *(SUITE, target),
    ]


def _uploads(programs: Sequence[str], certificates: str | None) -> list[str]:
    pairs = [(str(HERE / name), f"/opt/agency/{name}") for name in PLACED]
    if certificates:
        pairs.append((certificates, CERTIFICATES))
    pairs += [(program, f"/usr/local/bin/{Path(program).name}") for program in programs]
    uploads = [f"upload '{source}' '{target}'" for source, target in pairs]
    modes = [_chroot(["chmod", "755", target]) for _, target in pairs if not target.endswith((".txt", ".pem"))]
    return [*uploads, *modes]


def _chroot(argv: Sequence[str]) -> str:
    return " ".join(['chroot "$1"', *(f"'{word}'" for word in argv)])


def archive(programs: Sequence[str]) -> Path:
    """The image's files as a tar archive in a new temporary folder, which the caller removes.

    Raises WorkspaceError when mmdebstrap is missing or fails.
    """
    if shutil.which("mmdebstrap") is None:
        raise WorkspaceError("mmdebstrap is not installed; `apt-get install mmdebstrap`, or build with --from registry")
    folder = Path(tempfile.mkdtemp(prefix="agency-image-"))
    target = folder / "rootfs.tar"
    argv = mmdebstrap_argv(target=str(target), programs=programs, certificates=_certificates(), env=dict(os.environ))
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        shutil.rmtree(folder, ignore_errors=True)
        raise WorkspaceError(f"mmdebstrap failed: {done.stderr.strip()[-1000:]}")
    return target


def _certificates() -> str | None:
    """This machine's bundle: behind a proxy that rewrites TLS, only it knows whom to trust."""
    return os.environ.get("PIP_CERT") or ssl.get_default_verify_paths().cafile
