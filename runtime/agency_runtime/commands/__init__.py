"""One module a subcommand: `add(subparsers)` declares it, `run(args)` performs it and answers an exit code."""
