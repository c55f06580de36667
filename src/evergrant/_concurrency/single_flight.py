"""One at a time per key: the others wait for the first one's result and take it."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from typing import Generic, TypeVar

from evergrant._fork import Process, ProcessLock, this_process
from evergrant.errors import EvergrantError

__all__ = ["SingleFlight"]

T = TypeVar("T")


class _Flight(Future[T]):
    """What one thread is working on, and which thread that is."""

    def __init__(self) -> None:
        super().__init__()
        self.leader = threading.get_ident()


class SingleFlight(Generic[T]):
    """Lets one thread per key do the work; threads that come in the meantime share its outcome.

    Errors are shared as well: when Zoho throttles the first, the others must not ask again.
    """

    def __init__(self) -> None:
        self._lock = ProcessLock()
        self._flights: dict[tuple[Process, str], _Flight[T]] = {}

    def do(self, key: str, work: Callable[[], T]) -> T:
        """Return what ``work`` returns, or what a flight under way with this key does.

        Raises:
            RuntimeError: The work asked for itself: it would wait for ever.
        """
        while True:
            # With the process: a forked child must not wait for a thread it does not have.
            mine = (this_process(), key)
            with self._lock.get():
                under_way = self._flights.get(mine)
                if under_way is None:
                    flight = self._flights[mine] = _Flight()
            if under_way is None:
                return self._run_as_leader(mine, flight, work)
            if under_way.leader == threading.get_ident():
                raise RuntimeError(
                    "a refresh asked for itself: an event listener must not ask a Keeper "
                    "for the token that it is being told about"
                )
            try:
                return under_way.result()
            except CancelledError:
                continue
            except EvergrantError as error:
                # A copy for each thread: raising one object in many mixes their tracebacks.
                raise copy.copy(error) from None

    def _run_as_leader(
        self, mine: tuple[Process, str], flight: _Flight[T], work: Callable[[], T]
    ) -> T:
        try:
            result = work()
        except Exception as error:
            flight.set_exception(error)
            raise
        except BaseException:
            # An interrupt is the leader's own: another thread takes the lead.
            flight.cancel()
            raise
        else:
            flight.set_result(result)
            return result
        finally:
            del self._flights[mine]
