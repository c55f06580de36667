"""How a Redis is reached, and what `evergrant doctor` says of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from evergrant.errors import ConfigError, StoreUnavailable
from evergrant.stores import open_store
from evergrant.testing.sample_tokens import ALICE
from tests.support.cli.runner import Command
from tests.support.servers.ports import free_port
from tests.support.servers.redis_servers import PASSWORD, Redis, Sentinel, clustered
from tests.support.waiting import until


@pytest.fixture
def mortal() -> Iterator[Redis]:
    """A server of the test's own."""
    server = Redis()
    yield server
    server.close()


class TestAddresses:
    def round_trip(self, url: str) -> None:
        with open_store(url) as store:
            saved = store.save_token(ALICE)
            assert store.find_token(ALICE) == saved
            until(lambda: store.change_counter() is not None)
            assert PASSWORD not in repr(store)
            store.delete_tokens()

    def test_tls(self, redis_server: Redis) -> None:
        ca = redis_server.certificate
        where = f"127.0.0.1:{redis_server.tls_port}/0"
        self.round_trip(f"rediss://:{PASSWORD}@{where}?table=tls&ssl_ca_certs={ca}")
        with pytest.raises(StoreUnavailable, match="cannot be reached"):
            open_store(f"rediss://:{PASSWORD}@{where}")

    def test_unix_socket(self, redis_server: Redis) -> None:
        self.round_trip(f"unix://:{PASSWORD}@{redis_server.socket}?db=2")

    def test_sentinel(self, mortal: Redis) -> None:
        sentinel = Sentinel(mortal.port)
        try:
            self.round_trip(
                f"redis+sentinel://:{PASSWORD}@127.0.0.1:{sentinel.port}/tokens?table=watched"
            )
        finally:
            sentinel.close()

    def test_cluster(self) -> None:
        node = clustered()
        try:
            self.round_trip(f"redis+cluster://:{PASSWORD}@127.0.0.1:{node.port}?table=spread")
        finally:
            node.close()

    def test_a_cluster_that_is_gone_or_none_is_told_in_our_words(self, redis_server: Redis) -> None:
        with pytest.raises(StoreUnavailable, match="cannot be reached") as caught:
            open_store(f"redis+cluster://127.0.0.1:{free_port()}")
        assert caught.value.retryable
        with pytest.raises(StoreUnavailable, match="is no cluster") as caught:
            open_store(f"redis+cluster://:{PASSWORD}@127.0.0.1:{redis_server.port}")
        assert not caught.value.retryable
        node = clustered()
        try:
            with pytest.raises(StoreUnavailable, match="refuses the login"):
                open_store(f"redis+cluster://:wrong@127.0.0.1:{node.port}")
            store = open_store(f"redis+cluster://:{PASSWORD}@127.0.0.1:{node.port}")
            with store:
                node.close()
                with pytest.raises(StoreUnavailable, match="cannot be reached"):
                    store.find_token(ALICE)
        finally:
            node.close()

    @pytest.mark.parametrize(
        "url",
        [
            "redis://h/name", "redis://h:port/0", "redis://h/0?tabel=x", "redis://h/0?db=x",
            "redis+sentinel://h", "redis+cluster://h/1", "unix://", "redis://a,b/0",
            "redis://h/0?table=a{b}", "redis://h:99999/0", "redis://h/0#x",
            "redis+cluster://h?ssl_ca_certs=x",
        ],
    )  # fmt: skip
    def test_a_malformed_one_is_refused(self, url: str) -> None:
        with pytest.raises(ConfigError):
            open_store(url.replace("//", "//u:planted@", 1))

    def test_two_spellings_are_one_storage(self, redis_server: Redis) -> None:
        one = redis_server.place(0, "same")
        with (
            open_store(one) as first,
            open_store(one.replace("127.0.0.1", "localhost")) as second,
            open_store(redis_server.place(0, "other")) as third,
        ):
            assert first.storage_id() == second.storage_id() != third.storage_id()


class TestDoctor:
    @pytest.mark.parametrize(
        ("settings", "said"),
        [
            ((), "keeps nothing on disk"),
            (("--save 60 1000",), "a crash loses its last minutes"),
            (("--appendonly yes", "--maxmemory-policy allkeys-lru"), "may drop tokens"),
        ],
    )
    def test_it_warns_of_settings_that_endanger_tokens(
        self, settings: tuple[str, ...], said: str
    ) -> None:
        server = Redis(*settings)
        try:
            result = Command()("doctor", "--offline", f"--store={server.place()}")
            assert result.exit_code == 1
            assert said in " ".join(result.stdout.split())
            assert PASSWORD not in result.output
        finally:
            server.close()

    def test_it_is_content_with_a_server_that_keeps_a_log(self) -> None:
        server = Redis("--appendonly yes")
        try:
            result = Command()("doctor", "--offline", f"--store={server.place()}")
            assert "store settings" not in result.stdout
        finally:
            server.close()
