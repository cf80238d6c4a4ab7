"""One model, one file: how it is fitted."""
