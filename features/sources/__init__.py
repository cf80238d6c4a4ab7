"""One file per outside shape that becomes the shop's schema."""
