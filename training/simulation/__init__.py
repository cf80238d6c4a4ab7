"""A seeded shop whose truth is known: what every offer would change for every customer, so that a policy can be judged against it.

The world, its equations and where its figures come from: docs/simulator.md.
"""
