"""What `huitou evaluate` shares between its commands: options, the run, the table in the terminal, the page."""
