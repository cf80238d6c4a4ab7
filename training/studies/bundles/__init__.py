"""Which bundle does a user take next?"""
