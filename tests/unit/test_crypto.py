"""What is sealed opens with its key, in its place, unchanged; or says clearly why not."""

from __future__ import annotations

import pickle
import subprocess
import sys
import traceback
from base64 import b64encode, urlsafe_b64encode
from itertools import product
from pathlib import Path

import pytest

from evergrant._crypto.envelope import Envelope
from evergrant._crypto.key_sources import keyring_from_environment
from evergrant._crypto.keys import Key, Keyring
from evergrant.errors import ConfigError, CorruptRecord
from evergrant.token import Secret

ONE, TWO, THREE = (b64encode(bytes([number]) * 32).decode() for number in (251, 2, 3))
TEXT, HERE = "1000.refresh o'brien 例え", "row 7, refresh_token"


def ring(*keys: str) -> Keyring:
    return Keyring([Key(Secret(key)) for key in keys])


@pytest.mark.parametrize("text", ["", TEXT, "x" * 100_000])
def test_what_is_sealed_comes_back_whole_and_does_not_show(text: str) -> None:
    sealed = ring(ONE).encrypt(text, HERE)
    assert sealed.isascii()
    assert not text or text not in sealed
    opened = ring(ONE).decrypt(sealed, HERE)
    assert opened.reveal() == text
    assert repr(opened) == "Secret('********')"


def test_the_same_text_never_looks_the_same_twice() -> None:
    keys = ring(ONE)
    assert len({keys.encrypt(TEXT, HERE) for _ in range(1000)}) == 1000


def test_a_sealed_token_fits_a_column_of_the_official_table() -> None:
    refresh_token = f"1000.{'a' * 32}.{'b' * 32}"
    assert len(ring(ONE).encrypt(refresh_token, HERE)) <= 255


def test_the_newest_key_seals_and_every_key_opens() -> None:
    old = ring(TWO).encrypt(TEXT, HERE)
    both = ring(ONE, TWO)
    assert both.decrypt(old, HERE).reveal() == TEXT
    assert ring(ONE).decrypt(both.encrypt(TEXT, HERE), HERE).reveal() == TEXT


def test_a_key_that_is_not_there_is_named() -> None:
    sealed = ring(ONE).encrypt(TEXT, HERE)
    with pytest.raises(ConfigError) as caught:
        ring(TWO, THREE).decrypt(sealed, HERE)
    assert Key(Secret(ONE)).id in str(caught.value)
    assert "EVERGRANT_KEY" in str(caught.value)


def test_another_place_cannot_open_it() -> None:
    sealed = ring(ONE).encrypt(TEXT, HERE)
    with pytest.raises(CorruptRecord, match="another place"):
        ring(ONE).decrypt(sealed, "row 8, refresh_token")


def test_any_changed_character_is_noticed() -> None:
    keys, sealed = ring(ONE), ring(ONE).encrypt(TEXT, HERE)
    for at, character in enumerate(sealed):
        other = sealed[:at] + ("A" if character != "A" else "B") + sealed[at + 1 :]
        with pytest.raises((CorruptRecord, ConfigError)):
            keys.decrypt(other, HERE)


@pytest.mark.parametrize("text", ["1", "12", "123"])
def test_no_other_text_means_the_same(text: str) -> None:
    sealed = ring(ONE).encrypt(text, HERE)
    for at, added in product(range(len("evg1.00000000."), len(sealed) + 1), "AQg5+/-_=. \n\u00e9"):
        for other in (
            sealed[:at] + added + sealed[at:],
            sealed[:at] + added + sealed[at + 1 :],
            sealed[:at] + sealed[at + 1 :],
        ):
            if other != sealed:
                with pytest.raises(CorruptRecord):
                    ring(ONE).decrypt(other, HERE)


def test_a_secret_has_the_digest_of_its_text_and_not_of_its_mask() -> None:
    digest = Key(Secret(ONE)).digest
    assert digest("access_token", Secret(TEXT)) == digest("access_token", TEXT)
    assert digest("access_token", Secret(TEXT)) != digest("access_token", Secret("other"))


@pytest.mark.parametrize("cut", range(0, 60, 7))
def test_a_text_that_is_cut_short_is_noticed(cut: int) -> None:
    sealed = ring(ONE).encrypt(TEXT, HERE)
    for part in (sealed[:cut], sealed[cut + 1 :], sealed + "A" * (cut + 1), sealed + "\n"):
        with pytest.raises(CorruptRecord):
            ring(ONE).decrypt(part, HERE)


def test_plain_text_is_not_taken_for_sealed() -> None:
    for plain in ("", "1000.refresh", "evg1..", "evg2.00000000.AAAA"):
        with pytest.raises(CorruptRecord, match="not encrypted"):
            ring(ONE).decrypt(plain, HERE)


def test_the_text_form_says_the_version_and_the_key() -> None:
    sealed = ring(ONE).encrypt(TEXT, HERE)
    envelope = Envelope.parse(sealed)
    assert sealed.startswith(f"evg1.{Key(Secret(ONE)).id}.")
    assert (envelope.key_id, str(envelope)) == (Key(Secret(ONE)).id, sealed)


def test_both_alphabets_of_base64_name_one_key() -> None:
    other = urlsafe_b64encode(bytes([251]) * 32).decode()
    assert other != ONE
    assert Key(Secret(other)).id == Key(Secret(ONE)).id


@pytest.mark.parametrize("text", ["", "short", "A" * 43, "!" * 44, ONE + ONE, "例" * 44, "A" * 42])
def test_what_is_no_key_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Key(Secret(text))
    assert "openssl rand -base64 32" in str(caught.value)
    assert not text or text not in str(caught.value)


def test_keys_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    key = Key(Secret(ONE))
    shown = [repr(key), str(key), repr(Keyring([key]))]
    bad = ONE[:-6] + "canary"
    monkeypatch.setenv("EVERGRANT_KEY", bad)
    with pytest.raises(ConfigError) as caught:
        keyring_from_environment()
    error: BaseException | None = caught.value
    while error:
        told = traceback.TracebackException.from_exception(error, capture_locals=True)
        # The test's own frame holds the key on purpose.
        frames = [frame for frame in told.stack if frame.filename != __file__]
        shown += [repr(frame.locals) for frame in frames]
        error = error.__context__
    assert [text for text in shown if "canary" in text or ONE[:8] in text] == []
    with pytest.raises(TypeError):
        pickle.dumps(key)


def test_without_a_key_nothing_is_sealed_and_nothing_imported() -> None:
    code = (
        "import sys; from evergrant._crypto.key_sources import keyring_from_environment as keys;"
        "import evergrant.keeper; assert keys() is None; assert 'cryptography' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.fixture
def key_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "keys"
    file.touch(mode=0o600)
    monkeypatch.setenv("EVERGRANT_KEY_FILE", str(file))
    return file


def test_a_file_has_a_key_a_line_the_newest_first(key_file: Path) -> None:
    key_file.write_text(f"\n{ONE}\n{TWO}\r\n\n")
    keys = keyring_from_environment()
    assert keys
    assert ring(ONE).decrypt(keys.encrypt(TEXT, HERE), HERE).reveal() == TEXT
    assert keys.decrypt(ring(TWO).encrypt(TEXT, HERE), HERE).reveal() == TEXT


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o620])
def test_a_key_file_that_others_can_read_is_refused(key_file: Path, mode: int) -> None:
    key_file.write_text(ONE)
    key_file.chmod(mode)
    with pytest.raises(ConfigError, match=f"mode {mode:03o}.*chmod 600"):
        keyring_from_environment()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty"),
        (ONE.encode() + b"\ncanary", "line 2: a key must"),
        (b"\xff", "a key must"),
    ],
)
def test_a_key_file_without_keys_is_refused(key_file: Path, content: bytes, why: str) -> None:
    key_file.write_bytes(content)
    with pytest.raises(ConfigError, match=why) as caught:
        keyring_from_environment()
    assert "canary" not in str(caught.value)


def test_a_key_file_that_is_not_there_is_refused(key_file: Path) -> None:
    key_file.unlink()
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        keyring_from_environment()


def test_two_sources_of_keys_are_refused(key_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key_file.write_text(ONE)
    monkeypatch.setenv("EVERGRANT_KEY", TWO)
    with pytest.raises(ConfigError, match="EVERGRANT_KEY, EVERGRANT_KEY_FILE"):
        keyring_from_environment()


def test_a_keyring_has_a_key() -> None:
    with pytest.raises(ConfigError):
        Keyring([])
