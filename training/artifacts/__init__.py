"""Finished models as plain data, light to import: with `training.registry` the only part of training that serving may see."""
