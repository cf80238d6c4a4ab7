"""Learners of what a treatment changes, from a randomised experiment."""
