"""The command line."""

import sys

from orders.store import Store, path


def main(argv):
    store = Store(path())
    if argv[:1] == ["init"]:
        store.create()
    elif argv[:1] == ["add"] and len(argv) == 3:
        store.add(argv[1], int(argv[2]))
    elif argv[:1] == ["list"]:
        for item, count in store.orders():
            print(item, count)
    else:
        print("usage: python3 -m orders init | add ITEM N | list", file=sys.stderr)
        return 2
    return 0


raise SystemExit(main(sys.argv[1:]))
