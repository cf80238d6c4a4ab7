"""Feast objects, generated from the definitions. Kept tiny: feast imports every module below its repository."""
