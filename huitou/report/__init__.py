"""The demo's self-contained HTML report."""
