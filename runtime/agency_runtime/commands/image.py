"""`agency image build`: the workspace image, and the validators for sandboxes that have no image."""

import argparse

from agency_runtime.commands import Subparsers


def add(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser("image", help="build the workspace image", description="The workspace image.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    building = commands.add_parser(
        "build",
        help="make the image of this version's recipe, unless it is there",
        description="Make the workspace image of this version's recipe; does nothing where the engine has it.",
    )
    building.add_argument(
        "--from",
        dest="source",
        choices=("auto", "debian-packages", "registry"),
        default="auto",
        help="what to make it of: Debian's packages by mmdebstrap (root), or Debian's base image pulled from a registry",
    )
    building.add_argument("--tag", help="also give it this name; `agency-workspace:dev` it always gets")
    building.add_argument(
        "--local", action="store_true", help="no image: install the validators on this machine, for bubblewrap"
    )
    building.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Build, and print what there is now."""
    if args.local:
        from agency_tools.image.local import install_local

        print(install_local())
        return 0
    from agency_tools.image.build import build

    reference, made = build(args.source, args.tag)
    print(f"{reference} {'built' if made else 'is up to date'}")
    return 0
