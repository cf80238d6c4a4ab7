"""Finished models as plain data: the only part of training, with `training.registry`, that serving may import. Light: numpy and LightGBM."""
