"""Whatever stands in the files beside the tokens: nothing crashes, and nothing is lost by it."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from evergrant import Accounts, Keeper
from evergrant._lifeboat.outbox import Lifeboat
from evergrant.config import load_settings
from evergrant.stores import open_store
from evergrant.stores.file import FileStore
from evergrant.stores.memory import MemoryStore
from evergrant.testing.sample_tokens import ALICE, BOB
from evergrant.token import Token
from tests.support.example_counts import rounds
from tests.support.security.fuzzing import (
    DEEP,
    SECRET,
    json_texts,
    json_values,
    mutated,
    or_refused,
)

GENUINE = json.dumps(
    {"last_number": 7, "leases": {"1": ["owner", 1, 2]}, "notes": {"budget": ["text", 9]}}
).encode()

sidecars = st.one_of(
    mutated(GENUINE),
    json_texts("last_number", "leases", "notes"),
    st.fixed_dictionaries(
        {
            "last_number": json_values,
            "leases": st.dictionaries(st.just("1"), st.lists(json_values, max_size=4)),
            "notes": st.dictionaries(st.just("budget"), st.lists(json_values, max_size=3)),
        }
    ).map(lambda state: json.dumps(state).encode()),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "tokens.csv"
    with FileStore(path) as store:
        store.save_token(ALICE)
    return path


@rounds(60)
@given(sidecars)
@example(b'{"last_number": 1e999, "leases": {}}')
@example(b'{"last_number": %s, "leases": {}}' % (b"9" * 4_300))
@example(b'{"last_number": 1, "leases": {"1": ["a", 1, 1e999]}}')
@example(b'{"last_number": -5, "leases": {"1": ["a", -1, 99999999999999999999]}}')
@example(b'{"last_number": 1, "leases": {}, "notes": {"budget": ["\\ud800", 99999999999999]}}')
def test_a_sidecar(path: Path, content: bytes) -> None:
    Path(f"{path}.evergrant").write_bytes(content)
    with FileStore(path, timeout=0) as store:
        alice = store.find_token(ALICE)
        assert alice
        with store.lease(str(alice.id), 1.0) as lease:
            lease.extend()
        store.update_note("budget", lambda text: f"{text[:9]}x", life=1.0)
        saved = store.save_token(BOB)
        assert saved.id != alice.id
        assert {token.id for token in store.get_tokens()} == {alice.id, saved.id}
        store.delete_token(str(saved.id))


NOTHING = (b"[]", b"{}", b'""')
WAITING = Token(user_name="carol", client_id="c", access_token=f"a{SECRET}", refresh_token=SECRET)


@rounds(40)
@given(damage=st.sampled_from([mutated, None]), data=st.data())
def test_a_lifeboat(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    damage: Callable[[bytes], st.SearchStrategy[bytes]] | None,
    data: st.DataObject,
) -> None:
    caplog.clear()
    caplog.set_level(logging.DEBUG, "evergrant")
    store = MemoryStore()
    for file in tmp_path.iterdir():
        file.unlink()
    filed = Lifeboat(tmp_path, store.url).add(WAITING)
    assert filed
    genuine = filed.read_bytes()
    content = data.draw(damage(genuine) if damage else json_texts("token"))
    filed.write_bytes(content)
    or_refused(lambda: Keeper(store, Accounts(), lifeboat=tmp_path))
    tokens = store.get_tokens()
    assert tokens or content in NOTHING or filed.read_bytes() == content
    if content == genuine:
        assert [token.access_token for token in tokens] == [WAITING.access_token]
    assert SECRET not in caplog.text


SETTINGS = f"""
store = "sqlite:///tokens.db"
data_center = "eu"
client_id = "1000.APP"
client_secret = "{SECRET}"
scopes = ["ZohoCRM.modules.ALL"]
[client_secrets]
eu = "{SECRET}"
"""


@rounds(120)
@given(st.one_of(mutated(SETTINGS.encode()), st.binary(max_size=40)))
@example(b"a = " + b"[" * DEEP)
@example(b"scopes = " + b"9" * 5_000)
@example(b"store = 1979-99-99")
@example(b'client_secret = ["%s"]' % SECRET.encode())
@example(b"%s = 1" % f'"{SECRET}"'.encode())
@example(b"\xff")
def test_a_configuration(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "config.toml"
    file.write_bytes(content)
    settings = or_refused(lambda: load_settings(file))
    if settings:
        assert SECRET not in f"{settings!r}"


def test_the_store_that_the_settings_name_by_default_opens(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(SETTINGS)
    settings = load_settings(file, store="memory:")
    open_store(settings.store).close()
