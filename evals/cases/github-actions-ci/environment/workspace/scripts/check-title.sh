#!/bin/sh
# check-title.sh TITLE: 0 where a pull request's title has the form that the release notes need
set -eu
[ $# -eq 1 ] || { echo "usage: check-title.sh TITLE" >&2; exit 2; }
case $1 in
"feat: "?* | "fix: "?* | "docs: "?* | "chore: "?*) ;;
*) echo "the title needs to begin with feat:, fix:, docs: or chore:" >&2; exit 1 ;;
esac
