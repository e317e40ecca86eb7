"""Opening a database by what the user wrote: a folder, or `:memory:`. Within a process one folder is opened once."""

import shutil
import tempfile
import threading
from pathlib import Path
from typing import Final, TypeVar

from elanus.app.shared import SharedService
from elanus.errors import InvalidInput, Unavailable
from elanus.service.requests.base import Request, Service
from elanus.settings import Settings

__all__ = ["open_service"]

_Reply = TypeVar("_Reply")

_MEMORY: Final = ":memory:"


class _Opened:
    """A shared service and how many handles this process has on it."""

    def __init__(self, service: SharedService) -> None:
        self.service: Final = service
        self.handle_count = 0


class _Handle:
    """One `connect` call's side of a service that others in the process may use as well."""

    def __init__(self, root: Path, opened: _Opened, *, temporary: bool) -> None:
        self._root: Final = root
        self._opened: Final = opened
        self._temporary: Final = temporary
        self._lock: Final = threading.Lock()
        self._closed = False

    @property
    def shared(self) -> SharedService:
        return self._opened.service

    def execute(self, request: Request[_Reply]) -> _Reply:
        if self._closed:
            raise Unavailable("closed", "the database is closed")
        return self._opened.service.execute(request)

    def close(self) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
        _let_go(self._root)
        if self._temporary:
            shutil.rmtree(self._root, ignore_errors=True)


_lock: Final = threading.Lock()
_opened: Final[dict[Path, _Opened]] = {}


def open_service(place: str | Path, settings: Settings) -> Service:
    """The service of a folder, made if need be, or of a temporary one for `:memory:`.

    Raises:
        InvalidInput: the place is something else, or the folder is open in this process with other settings.
        Unavailable: another process holds it and does not answer.
        DataCorrupt: it is damaged.
    """
    if str(place) == _MEMORY:
        return _open_folder(Path(tempfile.mkdtemp(prefix="elanus-memory-")), settings, temporary=True)
    if "://" in str(place):
        raise InvalidInput(
            "invalid_argument",
            f"{place!r} is no folder; use elanus.MilvusClient({str(place)!r}) for a server",
        )
    root = Path(place).expanduser().resolve()
    if root.exists() and not root.is_dir():
        raise InvalidInput("invalid_argument", f"{root} is a file, expected a folder (or a path where one can be made)")
    return _open_folder(root, settings, temporary=False)


def _open_folder(root: Path, settings: Settings, *, temporary: bool) -> _Handle:
    with _lock:
        opened = _opened.get(root)
        if opened is None:
            opened = _opened[root] = _Opened(SharedService(root, settings))
        elif opened.service.settings != settings:
            raise InvalidInput("invalid_argument", f"{root} is open in this process already, with other settings")
        opened.handle_count += 1
        return _Handle(root, opened, temporary=temporary)


def _let_go(root: Path) -> None:
    with _lock:
        opened = _opened[root]
        opened.handle_count -= 1
        if opened.handle_count:
            return
        del _opened[root]
        opened.service.close()
