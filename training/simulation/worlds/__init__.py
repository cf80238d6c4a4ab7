"""The shipped worlds, as TOML."""
