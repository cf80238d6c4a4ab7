"""Keeps the online store fresh: customers touched by new events are recomputed by the build's own definitions and written online."""
