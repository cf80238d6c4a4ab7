"""Whom does it pay to treat? Uplift learners on one randomised experiment."""
