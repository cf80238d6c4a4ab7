"""What decides, and what was decided: the policy a shop sets, and the record from which a decision is replayed, judged and learned from."""
