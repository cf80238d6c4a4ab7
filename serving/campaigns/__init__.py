"""Whole audiences: scores of every customer, and who to save."""
