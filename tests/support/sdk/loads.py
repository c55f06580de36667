"""Much at once, and trouble with the disk: steps of a session."""

from __future__ import annotations

import itertools
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from zohocrmsdk.src.com.zoho.crm.api.initializer import Initializer
from zohocrmsdk.src.com.zoho.crm.api.util import APIHTTPConnector

Fields = dict[str, Any]


class Loads:
    """What a session does to a store that others use, or that cannot write."""

    save_token: Callable[..., Any]
    find_token: Callable[..., Fields | None]

    def sign_together(self, number: int, at: float) -> list[tuple[str, float]]:
        """Sign a call in many threads at once, as the SDK does with each that it sends.

        Args:
            at: When to begin, by the clock that counts from the start of the machine.

        Returns:
            For each thread the access token, or the class of the error, and the seconds it took.
        """

        def sign(_: int) -> tuple[str, float]:
            connector = APIHTTPConnector()
            time.sleep(max(0.0, at - time.monotonic()))
            try:
                Initializer.get_initializer().token.authenticate(connector)
                got = str(connector.headers["Authorization"]).rpartition(" ")[2]
            except Exception as error:  # noqa: BLE001 - whatever it is that the SDK raises
                got = type(error).__name__
            return got, time.monotonic() - at

        with ThreadPoolExecutor(number) as pool:
            return list(pool.map(sign, range(number)))

    def die_when_writing(self) -> None:
        """Let the first write to a file end this process, as a kill at that moment would."""
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))

    def save_tokens(self, tokens: list[Fields]) -> int:
        """Save many tokens; return how many of them the store refused."""
        refused = 0
        for token in tokens:
            try:
                self.save_token(**token)
            except Exception:  # noqa: BLE001 - whatever it is that the store raises
                refused += 1
        return refused

    def keep_saving(self, users: int) -> None:
        """Refresh users' tokens one after another, without a pause, for as long as this runs."""
        all_once = threading.Event()

        def save() -> None:
            for number in itertools.count():
                self.save_token(
                    user_name=f"user{number % users}", access_token="a", expires_in=str(number)
                )
                if number == users:
                    all_once.set()

        threading.Thread(target=save, daemon=True).start()
        all_once.wait()

    def missed(self, user_name: str, times: int, **changes: Any) -> int:
        """Read a user's token while it is saved many times; return how often it was not found."""
        done, missed = threading.Event(), 0

        def write() -> None:
            try:
                for _ in range(times):
                    self.save_token(user_name=user_name, **changes)
            finally:
                done.set()

        writer = threading.Thread(target=write)
        writer.start()
        while not done.is_set():
            missed += self.find_token(user_name=user_name) is None
        writer.join()
        return missed

    def opened(self, times: int, **asked: Any) -> int:
        """Ask for a token again and again; return how often a file or database was opened."""
        opened, watching = 0, True

        def watch(event: str, _arguments: object) -> None:
            nonlocal opened
            opened += watching and event in {"open", "sqlite3.connect"}

        sys.addaudithook(watch)  # for the rest of the process
        for _ in range(times):
            self.find_token(**asked)
        watching = False
        return opened
