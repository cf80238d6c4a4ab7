"""How many orders and how much spend come within the horizon, asked of any order log."""
