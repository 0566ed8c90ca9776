#!/bin/bash
set -euo pipefail
cat >scripts/rotate-logs.sh <<'SH'
#!/bin/bash
# rotate-logs.sh DIR KEEP: keeps the KEEP newest *.log files of DIR, deletes the older ones
set -euo pipefail

if [[ $# -ne 2 || ! -d $1 || ! $2 =~ ^[0-9]+$ ]]; then
  echo "usage: rotate-logs.sh DIR KEEP (a directory, and a number from 0)" >&2
  exit 2
fi
find "$1" -maxdepth 1 -type f -name '*.log' -printf '%T@ %p\0' |
  sort -z -rn | tail -z -n "+$((10#$2 + 1))" | cut -z -d ' ' -f 2- | xargs -0 -r rm --
SH
mkdir -p tests
cat >tests/test-rotate-logs.sh <<'SH'
#!/bin/bash
# Exits 0 where scripts/rotate-logs.sh keeps just the newest logs.
set -euo pipefail

script=$(cd "$(dirname "$0")/.." && pwd)/scripts/rotate-logs.sh
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
for n in 1 2 3; do touch -d "2026-01-0$n" "$dir/the nightly $n.log"; done
touch -d 2020-01-01 "$dir/other.txt"
"$script" "$dir" 2
[[ ! -e "$dir/the nightly 1.log" && -e "$dir/the nightly 2.log" && -e "$dir/the nightly 3.log" && -e "$dir/other.txt" ]]
"$script" "$dir" 5
[[ -e "$dir/the nightly 2.log" ]]
code=0
"$script" "$dir" many 2>/dev/null || code=$?
[[ $code -eq 2 ]]
"$script" "$dir" 0
[[ ! -e "$dir/the nightly 3.log" ]]
"$script" "$dir" 0
SH
chmod +x scripts/rotate-logs.sh tests/test-rotate-logs.sh
