"""`python -m huitou`."""

from huitou.main import main

main()
