"""Finishing what an erasure began: every file of the data folder that may hold a person."""
