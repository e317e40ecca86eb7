"""Counts and times every call by interface, name and outcome."""

from typing import Final

from elanus.runtime.metrics import Counter, Histogram, Metrics
from elanus.service.requests.base import Service

__all__ = ["CallMeter", "metrics_of"]


def metrics_of(service: Service) -> Metrics:
    """The service's own metrics when it has some, else new ones."""
    own = getattr(service, "metrics", None)
    return own if isinstance(own, Metrics) else Metrics()


class CallMeter:
    """The metrics of one interface (`grpc` or `rest`)."""

    def __init__(self, metrics: Metrics, interface: str) -> None:
        self._metrics: Final = metrics
        self._interface: Final = interface
        self._known: Final[dict[tuple[str, str], tuple[Counter, Histogram]]] = {}

    def record(self, name: str, outcome: str, seconds: float) -> None:
        """One call that ended: `outcome` is `ok` or the kind of its error."""
        pair = self._known.get((name, outcome))
        if pair is None:
            # Two threads may both come here; they get the same metrics.
            labels = {"interface": self._interface, "method": name}
            pair = (
                self._metrics.counter("elanus_requests_total", "Requests answered.", **labels, status=outcome),
                self._metrics.histogram("elanus_request_seconds", "Time to answer a request.", **labels),
            )
            self._known[name, outcome] = pair
        counter, histogram = pair
        counter.add()
        histogram.observe(seconds)
