"""One feature view per file, each written once as Ibis expressions."""
