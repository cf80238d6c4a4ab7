"""First floor: how models come to be."""
