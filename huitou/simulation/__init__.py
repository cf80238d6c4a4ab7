"""The shop with known truth, as huitou meets it: files in, events in, decisions out, a night's work in between."""
