"""From candidates to one decision: eligibility, arbitration, and the engine that walks through them."""
