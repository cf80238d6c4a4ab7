"""What `huitou doctor data` says, on a terminal, on a page and as JSON."""
