"""Scores of LightGBM trees without the Python before them: `Booster.predict` spends ten times as long on one row as its trees do.

The same C function is called (`LGBM_BoosterPredictForMat` of LightGBM's C API, stable since version 2), so the answers are the same to the
last bit; a test holds them together.
"""

from __future__ import annotations

import ctypes

import lightgbm as lgb
import numpy as np
from lightgbm.basic import _LIB, _safe_call
from numpy.typing import NDArray

_FLOAT64, _ROW_MAJOR = 1, 1
_NORMAL, _RAW = 0, 1
_ALL_TREES = -1

Array = NDArray[np.float64]


def tree_scores(booster: lgb.Booster, rows: Array, *, threads: int = 1, raw: bool = False) -> Array:
    """What the trees say, (n,).

    Args:
        booster: of one output; alive while it is asked.
        rows: (n, inputs) float64.
        threads: 0: all of the machine's.
        raw: before the objective's link.

    Raises:
        ValueError: the rows have another number of inputs than the trees.
    """
    held = np.ascontiguousarray(rows, dtype=np.float64)
    count, width = held.shape
    if width != booster.num_feature():
        raise ValueError(f"{width} inputs, but the trees were grown on {booster.num_feature()}.")
    out = np.empty(count, dtype=np.float64)
    if not count:
        return out
    written = ctypes.c_int64(0)
    _safe_call(
        _LIB.LGBM_BoosterPredictForMat(
            booster._handle,
            ctypes.c_void_p(held.ctypes.data),
            ctypes.c_int(_FLOAT64),
            ctypes.c_int32(count),
            ctypes.c_int32(width),
            ctypes.c_int(_ROW_MAJOR),
            ctypes.c_int(_RAW if raw else _NORMAL),
            ctypes.c_int(0),
            ctypes.c_int(_ALL_TREES),
            ctypes.c_char_p(b"num_threads=%d" % threads),
            ctypes.byref(written),
            out.ctypes.data_as(ctypes.POINTER(ctypes.c_double)),
        )
    )
    return out
