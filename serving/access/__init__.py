"""Who may do what: keys with scopes, kept as hashes in a file, followed while the service runs, each with its own rate."""
