"""A shop's own files (CSV, Parquet, Excel) → the shop's schema.

The way of a file: `file_forms` reads it, `guess` proposes which column is which, `mapping` keeps the answer, `checks` sorts good rows from
malformed ones, `staging` keeps both, `history` puts all staged files together, `quarantine` writes what was set aside.
"""
