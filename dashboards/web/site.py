"""What every page works with: the catalog, the workspace, and answers that are still true."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

from orchestrator.catalog.catalog import Catalog
from orchestrator.stores import Stores

T = TypeVar("T")

_FRESH_S = 2.0


class Kept:
    """Answers that were worked out for one state of the catalog, the latest few of them."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[Any, Future[Any]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Any, work_out: Callable[[], T]) -> T:
        """Return what is kept under `key`, or work it out; who else asks meanwhile waits for it."""
        with self._lock:
            found: Future[T] | None = self._values.get(key)
            if found is not None:
                self._values.move_to_end(key)
            else:
                mine = self._values[key] = Future[T]()
                while len(self._values) > self._most:
                    self._values.popitem(last=False)
        if found is not None:
            return found.result()
        try:
            made = work_out()
        except BaseException as error:
            with self._lock:
                self._values.pop(key, None)
            mine.set_exception(error)
            raise
        mine.set_result(made)
        return made


@dataclass
class Site:
    """An open catalog, and where its trials have their files.

    Attributes:
        kept: small answers.
        kept_results: trials that figures are drawn of, which are large.
    """

    catalog: Catalog
    stores: Stores
    kept: Kept = field(default_factory=lambda: Kept(64))
    kept_results: Kept = field(default_factory=lambda: Kept(4))

    def while_unchanged(self, key: Any, work_out: Callable[[], T]) -> T:
        """Return an answer about scores, which holds until one more is written."""
        return self.kept.get((self.catalog.stamp(), key), work_out)

    def results_while_unchanged(self, key: Any, read: Callable[[], T]) -> T:
        """Return trials that several figures are drawn of, until one more score is written."""
        return self.kept_results.get((self.catalog.stamp(), key), read)

    def for_a_moment(self, key: Any, work_out: Callable[[], T]) -> T:
        """Return an answer about states, which is at most two seconds old."""
        moment = int(time.monotonic() / _FRESH_S)
        return self.kept.get((self.catalog.stamp(), moment, key), work_out)
