"""What the URL of a SQL store may say, what of it reaches the driver, and what of it shows."""

from __future__ import annotations

import subprocess
import sys

import pytest

from evergrant import open_store
from evergrant.errors import ConfigError, StoreUnavailable
from evergrant.stores.sql import SQLStore
from evergrant.stores.sql.parameters import typed_parameters
from evergrant.stores.sql.urls import display_url, parse_url
from tests.support.security.visible_output import shown as seen

NOBODY_LISTENS = "127.0.0.1:1"


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("mysql://h/d", "mysql+pymysql"),
        ("mariadb://h/d", "mariadb+pymysql"),
        ("postgresql://h/d", "postgresql+psycopg"),
        ("postgres://h/d", "postgresql+psycopg"),
        ("mysql+mysqldb://h/d", "mysql+mysqldb"),
        ("postgresql+pg8000://h/d", "postgresql+pg8000"),
    ],
)
def test_a_driver_that_is_not_named_is_ours_and_another_passes(url: str, driver: str) -> None:
    assert parse_url(url)[0].drivername == driver


def test_the_table_is_taken_out_and_everything_else_goes_to_the_driver() -> None:
    url, table = parse_url("mysql://u:p%40ss@h:3307/d?table=t&ssl_ca=%2Fca.pem&charset=utf8mb4")
    assert table == "t"
    assert (url.username, url.password, url.host, url.port) == ("u", "p@ss", "h", 3307)
    assert dict(url.query) == {"ssl_ca": "/ca.pem", "charset": "utf8mb4"}


@pytest.mark.parametrize(
    ("url", "visible"),
    [
        ("mysql://u:planted-pw@h/d", "mysql+pymysql://u:***@h/d"),
        ("mysql://h/d?password=planted-pw", "mysql+pymysql://h/d"),
        ("mysql://h/d?passwd=planted-pw", "mysql+pymysql://h/d"),
        (
            "postgresql://u@h/d?sslpassword=planted-pw&sslmode=require",
            "postgresql+psycopg://u@h/d?sslmode=require",
        ),
        ("postgresql:///d?host=/run/pg", "postgresql+psycopg:///d?host=%2Frun%2Fpg"),
    ],
)
def test_no_password_shows_wherever_it_stood(url: str, visible: str) -> None:
    where, _ = parse_url(url)
    assert display_url(where, "oauthtoken") == visible
    assert display_url(where, "t").endswith("table=t")
    assert "planted" not in display_url(where, "t")


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://h/d?table=a&table=b", "several tables"),
        ("mysql://h/d?table=evergrant_lease", "cannot be the name"),
        ("mysql://h/d?table=a`b", "cannot be the name"),
        ("postgresql://h/d?table=a%22b", "cannot be the name"),
        (f"mysql://h/d?table={'t' * 64}", "cannot be the name"),
        ("mysql+nosuch://h/d", "there is no driver"),
        ("postgresql+psycopg_async://h/d", "is asynchronous"),
        ("mysql://127.0.0.1:1/d?sslmode=require", "the driver cannot use"),
        ("mysql://127.0.0.1:1/d?ssl_ca=/nowhere.pem", "the driver cannot use"),
        ("postgresql://127.0.0.1:1/d?ssl_ca=x", "the driver cannot use"),
    ],
)
def test_what_cannot_be_opened_whatever_the_server_says_is_a_matter_of_configuration(
    url: str, says: str
) -> None:
    with pytest.raises(ConfigError, match=says):
        open_store(url)


@pytest.mark.parametrize(
    ("url", "arguments"),
    [
        ("postgresql://h/d", {}),
        ("postgresql://h/d?prepare_threshold=5", {"prepare_threshold": 5}),
        ("postgresql://h/d?prepare_threshold=none", {"prepare_threshold": None}),
        ("postgresql://h/d?autocommit=false", {"autocommit": False}),
        ("mysql://h/d?read_timeout=5&write_timeout=6", {"read_timeout": 5, "write_timeout": 6}),
        ("mysql://h/d?connect_timeout=3", {"connect_timeout": 3}),
        ("mysql://h/d?max_allowed_packet=1048576", {"max_allowed_packet": 1048576}),
        (
            "mysql://h/d?local_infile=0&use_unicode=yes",
            {"local_infile": False, "use_unicode": True},
        ),
        ("mysql://h/d?autocommit=none", {"autocommit": None}),
        ("mysql://h/d?charset=utf8mb4", {"charset": "utf8mb4"}),
        ("mysql://h/d?ssl_disabled=true", {"ssl_disabled": True}),
        ("mysql://h/d?ssl=false", {"ssl_disabled": True}),
        ("mysql://h/d?ssl=true", {"ssl": {"ca": None}}),
        (
            "mysql://h/d?ssl_ca=/ca.pem&ssl_verify_cert=true&ssl_verify_identity=false",
            {"ssl": {"ca": "/ca.pem", "verify_mode": True, "check_hostname": False}},
        ),
        (
            "mysql://h/d?ssl_cert=/c.pem&ssl_key=/k.pem&ssl_check_hostname=off",
            {"ssl": {"ca": None, "cert": "/c.pem", "key": "/k.pem", "check_hostname": False}},
        ),
    ],
)
def test_parameters_reach_the_driver_in_its_types(url: str, arguments: dict[str, object]) -> None:
    where, _ = parse_url(url)
    rest, found = typed_parameters(where, "store")
    assert found == arguments
    assert not set(found) & set(rest.query)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgresql://h/d?prepare_threshold=five", "the prepare_threshold of .* whole number"),
        ("postgresql://h/d?prepare_threshold=-1", "the prepare_threshold of .* whole number"),
        ("postgresql://h/d?prepare_threshold=1&prepare_threshold=2", "the prepare_threshold of"),
        ("postgresql://h/d?autocommit=maybe", "neither true nor false"),
        ("postgresql://h/d?row_factory=x", "a parameter that a URL cannot set"),
        ("postgresql://127.0.0.1:1/d?keepalives=abc", 'invalid integer value "abc"'),
        ("postgresql://127.0.0.1:1/d?sslmode=foo", "invalid sslmode value"),
        ("postgresql://127.0.0.1:1/d?connect_timeout=x", "bad value for connect_timeout"),
        ("mysql://h/d?read_timeout=soon", "the read_timeout of .* whole number"),
        ("mysql://127.0.0.1:1/d?read_timeout=0", "read_timeout should be > 0"),
        ("mysql://h/d?client_flag=x", "the client_flag of .* whole number"),
        ("mysql://h/d?local_infile=perhaps", "neither true nor false"),
        ("mysql://h/d?ssl_verify_cert=perhaps", "neither true nor false"),
        ("mysql://h/d?charset=nonsense", "no character set that PyMySQL knows"),
        ("mysql://h/d?compress=1", "a parameter that a URL cannot set"),
        ("mysql://h/d?cursorclass=x", "a parameter that a URL cannot set"),
    ],
)
def test_parameters_of_the_wrong_type_are_one_clear_error(url: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        open_store(url.replace("://", "://u:planted-pw@"))
    assert "planted" not in "".join(seen(caught.value))


@pytest.mark.parametrize(
    "url",
    [
        f"mysql://u:planted-pw@{NOBODY_LISTENS}/d",
        f"postgresql://u:planted-pw@{NOBODY_LISTENS}/d?sslmode=require",
        f"postgresql://u@{NOBODY_LISTENS}/d?password=planted-pw",
        "mysql+nosuch://u:planted-pw@h/d",
        "postgresql://u:planted-pw@h:port/d",
        "mysql://u:planted-pw@h",
        f"mysql://u:planted-pw@{NOBODY_LISTENS}/d?no_such_parameter=1",
        "mysql://u:planted-pw@h/d?table=no%20table",
    ],
)
def test_no_traceback_shows_the_password_not_even_in_local_variables(url: str) -> None:
    with pytest.raises((ConfigError, StoreUnavailable)) as caught:
        open_store(url)
    assert "planted" not in "".join(seen(caught.value))


def test_the_official_stores_arguments_are_taken_as_they_are() -> None:
    with pytest.raises(StoreUnavailable) as caught:
        SQLStore.connect("127.0.0.1", "zoho", "crm", "planted-pw", "1", "tokens")
    text = "".join(seen(caught.value))
    assert "mysql+pymysql://crm:***@127.0.0.1:1/zoho?table=tokens" in text
    assert "planted" not in text


@pytest.mark.parametrize(
    ("url", "module", "extra"),
    [
        ("mysql://h/d", "sqlalchemy", "mysql,postgres"),
        ("mysql://h/d", "pymysql", "mysql"),
        ("postgresql://h/d", "psycopg", "postgres"),
    ],
)
def test_a_driver_that_is_not_installed_is_named_with_its_extra(
    url: str, module: str, extra: str
) -> None:
    program = (
        f"import sys; sys.modules[{module!r}] = None\n"
        "from evergrant import errors, open_store\n"
        f"try: open_store({url!r})\n"
        "except errors.MissingExtra as error: print(error)"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert f"pip install 'evergrant[{extra}]'" in done.stdout, done.stderr
