"""The agent runtime: loop, persona, skills, gate, sessions, handoff and the `agency` command."""
