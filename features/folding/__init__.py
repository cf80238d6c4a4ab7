"""From the ledger's events to the shop's tables, and from imported and folded tables to the one history that everything reads."""
