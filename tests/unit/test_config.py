"""Settings: who overrules whom, what is refused, and what never shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from evergrant.config import config_folder, load_settings
from evergrant.errors import ConfigError
from evergrant.token import Secret

FULL = """
store = "sqlite:///from-file.db"
data_center = "eu"
client_id = "1000.FILE"
client_secret = "file-secret"
redirect_url = "http://127.0.0.1:9999/callback"
scopes = ["ZohoCRM.modules.READ"]
sandbox = "http://127.0.0.1:8790"

[client_secrets]
EU = "file-secret-eu"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def write(file: Path, text: str, mode: int = 0o600) -> Path:
    file.write_text(text, encoding="utf-8")
    file.chmod(mode)
    return file


def test_without_anything_there_are_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVERGRANT_HOME", str(tmp_path))
    settings = load_settings()
    assert settings.store == f"sqlite:///{tmp_path}/tokens.db"
    assert settings.store.startswith("sqlite:////")
    assert settings.file == config_folder() / "config.toml"
    assert settings.redirect_url == "http://127.0.0.1:8780/callback"
    assert {"ZohoCRM.users.READ", "ZohoCRM.org.READ"} <= set(settings.scopes)
    assert (settings.client_id, settings.client_secret, settings.sandbox) == (None, None, None)


def test_the_default_store_is_in_the_users_data_folder() -> None:
    assert load_settings().store.endswith("/evergrant/tokens.db")


def test_every_key_of_the_file_is_read(file: Path) -> None:
    settings = load_settings(write(file, FULL))
    assert settings.store == "sqlite:///from-file.db"
    assert settings.data_center == "eu"
    assert settings.client_id == "1000.FILE"
    assert settings.client_secret == "file-secret"
    assert settings.redirect_url == "http://127.0.0.1:9999/callback"
    assert settings.scopes == ("ZohoCRM.modules.READ",)
    assert settings.sandbox == "http://127.0.0.1:8790"
    assert settings.client_secrets == {"eu": "file-secret-eu"}
    assert settings.warning is None


def test_the_environment_overrules_the_file_and_the_command_line_both(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(file, FULL)
    monkeypatch.setenv("EVERGRANT_CONFIG", str(file))
    monkeypatch.setenv("EVERGRANT_STORE", "memory:")
    monkeypatch.setenv("EVERGRANT_DATA_CENTER", "in")
    monkeypatch.setenv("EVERGRANT_REDIRECT_URL", "http://127.0.0.1:1/x")
    monkeypatch.setenv("EVERGRANT_SANDBOX", "http://127.0.0.1:2")
    settings = load_settings()
    assert (settings.store, settings.data_center) == ("memory:", "in")
    assert (settings.redirect_url, settings.sandbox) == (
        "http://127.0.0.1:1/x",
        "http://127.0.0.1:2",
    )
    settings = load_settings(store="list:", sandbox="http://127.0.0.1:3")
    assert (settings.store, settings.sandbox) == ("list:", "http://127.0.0.1:3")


def test_an_empty_variable_counts_as_unset(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVERGRANT_STORE", "")
    monkeypatch.setenv("EVERGRANT_CONFIG", "")
    assert load_settings(write(file, FULL)).store == "sqlite:///from-file.db"


def test_the_files_secret_is_not_sent_with_another_clients_id(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(file, FULL)
    monkeypatch.setenv("EVERGRANT_CLIENT_ID", "1000.OTHER")
    settings = load_settings(file)
    assert settings.client_id == "1000.OTHER"
    assert (settings.client_secret, settings.client_secrets) == (None, {})


def test_a_secret_without_an_id_in_the_file_goes_with_the_id_of_the_environment(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVERGRANT_CLIENT_ID", "1000.OTHER")
    assert load_settings(write(file, 'client_secret = "s"')).client_secret == "s"


def test_a_secret_from_the_environment_is_not_shadowed_by_the_files_own_ones(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVERGRANT_CLIENT_SECRET", "from-environment")
    settings = load_settings(write(file, FULL))
    assert settings.client_secret == "from-environment"
    assert settings.client_secrets == {}


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('stoer = "memory:"', "stoer"),
        ("store = 3", "store"),
        ('store = ""', "store"),
        ('client_secret = ["file-secret"]', "client_secret"),
        ('scopes = "ZohoCRM.modules.ALL"', "scopes"),
        ("scopes = []", "scopes"),
        ("scopes = [1]", "scopes"),
        ('client_secrets = "file-secret"', "client_secrets"),
        ("[client_secrets]\neu = 1", "client_secrets"),
        ("[store]\nurl = 'memory:'", "store"),
    ],
)
def test_a_wrong_key_is_refused_by_file_and_name(file: Path, text: str, key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(write(file, text))
    assert str(file) in str(caught.value)
    assert key in str(caught.value)
    assert "file-secret" not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [b"store = ", b"client_secret = canary-value", b"\xff\xfe", b"store = 'a'\nstore = 'b'"],
)
def test_a_file_that_is_no_toml_is_refused_by_name(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=r"config\.toml") as caught:
        load_settings(file)
    assert "canary" not in str(caught.value)


def test_a_named_file_that_is_missing_is_an_error(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match=r"no configuration file .*config\.toml"):
        load_settings(file)
    monkeypatch.setenv("EVERGRANT_CONFIG", str(file))
    with pytest.raises(ConfigError, match=r"no configuration file .*config\.toml"):
        load_settings()


def test_a_folder_in_place_of_the_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load_settings(tmp_path)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620])
def test_a_secret_that_others_can_read_is_warned_about(file: Path, mode: int) -> None:
    warning = load_settings(write(file, 'client_secret = "s"', mode)).warning
    assert warning is not None
    assert f"chmod 600 {file}" in warning


def test_an_open_file_without_a_secret_is_fine(file: Path) -> None:
    assert load_settings(write(file, 'store = "memory:"', 0o644)).warning is None


def test_secrets_do_not_show(file: Path) -> None:
    settings = load_settings(write(file, FULL))
    assert "file-secret" not in repr(settings)
    assert isinstance(settings.client_secret, Secret)
    assert all(isinstance(secret, Secret) for secret in settings.client_secrets.values())
