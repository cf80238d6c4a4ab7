"""The `huitou` command: one file per command, settings built here, everything heavy imported when it is needed."""
