#!/bin/bash
set -euo pipefail
mkdir -p scripts docs/runbooks
cat >scripts/backup-archive.sh <<'SH'
#!/bin/bash
# Packs and encrypts archive/ and hands the file to $UPLOAD_COMMAND.
set -euo pipefail
cd "$(dirname "$0")/.."
: "${BACKUP_PASSPHRASE_FILE:?set it to a file that holds the passphrase}" "${UPLOAD_COMMAND:?set it to the command that uploads a file}"
[ -s "$BACKUP_PASSPHRASE_FILE" ] || { echo "backup-archive: $BACKUP_PASSPHRASE_FILE: missing or empty" >&2; exit 2; }
umask 077
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
file=$work/archive-$(date -u +%Y%m%dT%H%M%SZ).tar.gz.enc
tar -C . -czf - archive | openssl enc -aes-256-cbc -pbkdf2 -salt -pass "file:$BACKUP_PASSPHRASE_FILE" -out "$file"
read -ra upload <<<"$UPLOAD_COMMAND"
"${upload[@]}" "$file"
SH
cat >scripts/restore-archive.sh <<'SH'
#!/bin/bash
# Decrypts FILE and unpacks it below FOLDER.
set -euo pipefail
[ $# -eq 2 ] || { echo "usage: scripts/restore-archive.sh FILE FOLDER" >&2; exit 2; }
: "${BACKUP_PASSPHRASE_FILE:?set it to a file that holds the passphrase}"
work=$(mktemp)
trap 'rm -f "$work"' EXIT
openssl enc -d -aes-256-cbc -pbkdf2 -pass "file:$BACKUP_PASSPHRASE_FILE" -in "$1" -out "$work"
mkdir -p "$2"
tar -C "$2" -xzf "$work"
SH
chmod 755 scripts/*.sh
printf '# Backup of the archive\n\n`scripts/backup-archive.sh` each night, `scripts/restore-archive.sh FILE FOLDER` to restore. The provider is not decided.\n' >docs/runbooks/archive-backup.md
