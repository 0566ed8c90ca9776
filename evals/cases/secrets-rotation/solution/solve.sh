#!/bin/bash
set -euo pipefail
mkdir -p scripts docs/runbooks
printf '[tokens]\nlifetime = 3600\n' >config.ini
cat >compose.yaml <<'YAML'
services:
  tokens:
    image: registry.example.com/tokens:1.2.0
    environment:
      TOKEN_KEYS: /run/secrets/token-keys
    volumes:
      - type: bind
        source: ${TOKEN_KEYS_DIR:?the folder of the signing keys on this host}
        target: /run/secrets/token-keys
        read_only: true
    ports: ["8080:8080"]
YAML
cat >tokens/signing.py <<'PY'
"""Session tokens: a name and an expiry, signed with HMAC-SHA256 by the current key, verified by any that is kept."""

import base64
import configparser
import hashlib
import hmac
import os
import time
from pathlib import Path

config = configparser.ConfigParser()
config.read("config.ini")
LIFETIME = config.getint("tokens", "lifetime", fallback=3600)


class Keys:
    """The keys of a folder: one a file, the link `current` names the one that signs."""

    def __init__(self, folder):
        self.folder = Path(folder)
        if not self._files() or not (self.folder / "current").exists():
            raise SystemExit(f"tokens: no signing key in {self.folder}: run scripts/rotate-key.sh, or set TOKEN_KEYS")

    def _files(self):
        return [path for path in sorted(self.folder.glob("*")) if path.is_file() and path.name != "current"]

    def current(self):
        return (self.folder / "current").read_bytes().strip()

    def all(self):
        return [path.read_bytes().strip() for path in self._files()]


KEYS = Keys(os.environ.get("TOKEN_KEYS", "/run/secrets/token-keys"))


def _signature(body, key):
    return base64.urlsafe_b64encode(hmac.new(key, body.encode(), hashlib.sha256).digest()).decode().rstrip("=")


def sign(name, now=None):
    """A token for `name`, good for LIFETIME seconds."""
    body = f"{name}.{int(now or time.time()) + LIFETIME}"
    return f"{body}.{_signature(body, KEYS.current())}"


def verify(token, now=None):
    """The name in a good token; None for any other."""
    body, _, signature = token.rpartition(".")
    good = [hmac.compare_digest(signature.encode(), _signature(body, key).encode()) for key in KEYS.all()]
    if not any(good):
        return None
    name, _, expires = body.rpartition(".")
    return name if int(expires) > (now or time.time()) else None
PY
cat >tests/__init__.py <<'PY'
import os
import tempfile
from pathlib import Path

folder = Path(tempfile.mkdtemp())
(folder / "test-key").write_text("a key for tests alone, of no use elsewhere")
(folder / "current").symlink_to("test-key")
os.environ["TOKEN_KEYS"] = str(folder)
PY
cat >scripts/rotate-key.sh <<'SH'
#!/bin/bash
# Makes a new signing key the current one and deletes those that are too old.
set -euo pipefail
umask 077
folder=${TOKEN_KEYS:-/run/secrets/token-keys}
days=${KEEP_DAYS:-30}
[[ $days =~ ^[0-9]+$ ]] || { echo "rotate-key: KEEP_DAYS must be a number, not '$days'" >&2; exit 2; }
mkdir -p "$folder"
name=key-$(date -u +%Y%m%dT%H%M%SZ)-$(od -An -N4 -tx1 /dev/urandom | tr -d ' \n')
work=$(mktemp "$folder/.new.XXXXXX")
trap 'rm -f "$work"' EXIT
od -An -N32 -tx1 /dev/urandom | tr -d ' \n' >"$work"
chmod 600 "$work"
mv "$work" "$folder/$name"
ln -s "$name" "$folder/.current.$$"
mv -T "$folder/.current.$$" "$folder/current"
find "$folder" -maxdepth 1 -type f -name 'key-*' ! -name "$name" -mmin +$((days * 1440)) -delete
echo "$name"
SH
chmod 755 scripts/rotate-key.sh
cat >docs/runbooks/key-rotation.md <<'MD'
# Rotating the signing key

Each month: `TOKEN_KEYS=/path scripts/rotate-key.sh`. Tokens signed before stay good until their key is 30 days old.

## A key has leaked

1. `scripts/rotate-key.sh`, then delete the leaked key's file at once: its tokens end, those people log in again.
2. The key that stood in `config.ini` and `compose.yaml` is in this repository's history and has leaked: never put it into the folder.
MD
