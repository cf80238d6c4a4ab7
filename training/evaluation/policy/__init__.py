"""Off-policy evaluation: what other policies would have earned, from decisions whose probabilities were logged."""
