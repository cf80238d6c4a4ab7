"""The ledger's migrations, run by `features.ledger.migrating`; none of them imports our tables: a migration is history."""
