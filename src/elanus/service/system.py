"""What concerns the whole and no collection."""

from elanus.engine.engine import Engine
from elanus.service.requests.system import GetTimestamp


def get_timestamp(engine: Engine, _request: GetTimestamp) -> int:
    return engine.components.oracle.allocate()
