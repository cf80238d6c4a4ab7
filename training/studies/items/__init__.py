"""Which item does a user take next?"""
