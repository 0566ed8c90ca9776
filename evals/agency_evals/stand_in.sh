#!/bin/bash
# Stands in for what public tests would fetch before they begin, under the name it is called by: there is no network, and
# pytest and PyYAML are there already. What is asked for and not there is said, and kept in /logs/absent.
name=${0##*/}
here=${0%/*}

absent() {
  echo "agency: not in the sandbox: $1" >&2
  { echo "$1" >>/logs/absent; } 2>/dev/null
}

there() {  # a package: named without its version and extras
  case $1 in
    pytest-json-ctrf | pytest-timeout | pytest-xdist | pytest-rerunfailures | pip | setuptools | wheel | uv | virtualenv) return 0 ;;
  esac
  agency-python -c 'import importlib.metadata as m, sys; m.version(sys.argv[1])' "$1" >/dev/null 2>&1
}

installed() {  # the words after `install`; fails, as pip would, for what is not there
  local missing=0 word
  while (($#)); do
    case $1 in
      -r | --requirement)
        set -- "$1" "$2" $(sed -E 's/#.*//; s/^-.*//' "$2" 2>/dev/null) "${@:3}"
        shift
        ;;
      -i | -c | -p | --index-url | --extra-index-url | --constraint | --python | --target | --prefix | --root) shift ;;
      -* | . | ./* | /*) ;;
      *)
        word=$(sed -E 's/^([A-Za-z0-9._-]+).*/\1/' <<<"$1")
        if [[ -n $word ]] && ! there "$word"; then
          absent "$word"
          missing=1
        fi
        ;;
    esac
    shift
  done
  return $missing
}

tested() {  # pytest, without the options of plugins that are not there, with a report of its own beside
  local words=() report=(--junitxml="/logs/${AGENCY_REPORT:-report}-$$.xml") bounds=()
  while (($#)); do
    case $1 in
      --ctrf | --json-report-file | -n | --numprocesses | --timeout | --reruns | --reruns-delay | --dist) shift ;;
      --ctrf=* | --json-report* | -n[0-9]* | --numprocesses=* | --timeout=* | --reruns=* | --dist=*) ;;
      --junitxml* | --junit-xml*) words+=("$1") report=() ;;
      *) words+=("$1") ;;
    esac
    [[ $1 == /tests/* && -d /tests && ! -e /tests/pytest.ini ]] && bounds=(-c /dev/null --rootdir /tests --confcutdir /tests)
    shift
  done
  exec agency-python "${safe[@]}" -m pytest -p no:cacheprovider "${bounds[@]}" "${words[@]}" "${report[@]}"
}

ran() {  # a command that uv would run
  case ${1##*/} in
    pytest | py.test) safe=(-P) && tested "${@:2}" ;;
    *.py) python "$@" ;;
    python | python3 | python3.[0-9]*) python "${@:2}" ;;
  esac
  if ! command -v "$1" >/dev/null; then
    absent "$1"
    exit 127
  fi
  exec "$@"
}

without_options() {  # runs what follows uv's own options; what they ask for beside it is looked for
  while (($#)); do
    case $1 in
      -w | --with)
        installed "$2"
        shift
        ;;
      --with=*) installed "${1#*=}" ;;
      -p | --python | --from | --with-requirements | --project | --directory | --extra | --group | --index-url) shift ;;
      -*) ;;
      *) break ;;
    esac
    shift
  done
  (($#)) || exit 0
  local command=${1%%[@=<>]*}
  ran "$command" "${@:2}"
}

venv() {  # an environment of one's own is this one
  local place=.venv word
  for word; do [[ $word == -* ]] || place=$word; done
  mkdir -p "$place/bin" && : >"$place/bin/activate"
  for word in python python3 pip pytest; do ln -sf "$here/$word" "$place/bin/$word"; done
}

python() {
  case "$1 $2" in
    "-m pip") pip "${@:3}" ;;
    "-m pytest") safe=() && tested "${@:3}" ;;
    "-m venv") venv "${@:3}" && exit ;;
  esac
  exec agency-python "$@"
}

pip() {
  [[ $1 == install ]] || exit 0
  installed "${@:2}"
  exit
}

uv() {
  case "$1 $2" in
    "pip install") installed "${@:3}" && exit ;;
    "tool run") without_options "${@:3}" ;;
    "tool install" | "add "*) installed "${@:2}" && exit ;;
    "run "*) without_options "${@:2}" ;;
    "venv"*) venv "${@:2}" && exit ;;
    *) exit 0 ;;
  esac
}

fetched() {  # curl, wget: what is there already need not be fetched; the rest has no network
  case "$*" in
    *astral.sh/uv* | *bootstrap.pypa.io*) exit 0 ;;
  esac
  local real
  real=$(PATH=${PATH//"$here:"/} command -v "$name") || {
    absent "$name"
    exit 127
  }
  exec "$real" "$@"
}

case $name in
  pytest | py.test) safe=(-P) && tested "$@" ;;
  python | python3) python "$@" ;;
  pip | pip3) pip "$@" ;;
  uv) uv "$@" ;;
  uvx) without_options "$@" ;;
  curl | wget) fetched "$@" ;;
  *) exit 0 ;; # apt-get and the like: what they would bring is there, or its absence is seen where it is called
esac
