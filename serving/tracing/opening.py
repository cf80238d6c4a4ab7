"""Opens tracing where it is wanted, without importing OpenTelemetry where it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from features.errors import HuitouError

if TYPE_CHECKING:
    from serving.tracing.tracing import Tracing


def open_tracing(share: float) -> Tracing | None:
    """Tracing for a share of the requests; None for 0.

    Raises:
        HuitouError: it is wanted and the libraries are not there.
    """
    if share == 0:
        return None
    try:
        from serving.tracing.tracing import Tracing

        return Tracing(share)
    except ImportError as error:
        raise HuitouError(
            f"Setting HUITOU_TRACES_SAMPLE is {share:g}, but {error.name or 'OpenTelemetry'} is not installed; "
            "install the extra `otel`, or set it to 0."
        ) from error
