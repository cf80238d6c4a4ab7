"""Offers as data: what may be sent, to whom, under which conditions."""
