"""What must never be lost: events, identities, consents, the catalogue as fed, outcomes, erasures, the audit log."""
