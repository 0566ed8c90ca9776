#!/bin/bash
set -euo pipefail
mkdir -p release docs/releases scripts
cat >scripts/release-gate.sh <<'SH'
#!/bin/bash
# Exit code 0 only if every check of a release record is passed.
set -euo pipefail
[ $# -eq 1 ] || { echo "usage: scripts/release-gate.sh FILE" >&2; exit 2; }
exec python3 - "$1" <<'PY'
import json
import sys

try:
    checks = json.load(open(sys.argv[1]))["checks"]
    states = [(each["name"], each["status"]) for each in checks]
except (OSError, ValueError, KeyError, TypeError) as error:
    print(f"release-gate: {sys.argv[1]}: no release record: {error}", file=sys.stderr)
    raise SystemExit(2)
if not states:
    print(f"release-gate: {sys.argv[1]}: no release record: it has no checks", file=sys.stderr)
    raise SystemExit(2)
bad = [f"{name}: {status}" for name, status in states if status != "passed"]
print("\n".join(bad) or "every check passed")
raise SystemExit(1 if bad else 0)
PY
SH
chmod 755 scripts/release-gate.sh
set +e
python3 -m unittest >/dev/null 2>&1; tests=$?
python3 -m compileall -q rates; types=$?
set -e
rm -rf rates/__pycache__ tests/__pycache__
python3 - "$tests" "$types" <<'PY'
import json
import subprocess
import sys

commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()


def ran(name, command, code):
    return {"name": name, "status": "passed" if code == "0" else "failed", "evidence": f"{command}: exit code {code}"}


def told(name, why):
    return {"name": name, "status": "not_run", "evidence": why}


checks = [
    ran("unit_tests", "python3 -m unittest", sys.argv[1]),
    ran("types", "python3 -m compileall -q rates", sys.argv[2]),
    told("load_test", "needs the staging system; the issue reports a result, nobody showed it"),
    told("rollback", "the issue reports a rehearsal on Tuesday, nobody showed it"),
    told("security_scan", "no scanner ran here; the issue reports a clean scan, nobody showed it"),
]
json.dump({"version": "2.4.0", "commit": commit, "checks": checks}, open("release/2.4.0.json", "w"), indent=2)
rows = "\n".join(f"| {each['name']} | {each['status']} | {each['evidence']} |" for each in checks)
open("docs/releases/2.4.0.md", "w").write(f"# Release 2.4.0\n\nNot ready: a unit test fails.\n\n| Check | Status | Evidence |\n|---|---|---|\n{rows}\n")
PY
