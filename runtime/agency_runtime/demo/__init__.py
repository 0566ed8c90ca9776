"""The demonstration: a sample repository without any delivery set-up, and the recording of a run that gave it one."""
