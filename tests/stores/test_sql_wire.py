"""Between store and server: one round trip a look-up, TLS as asked, no secret in a log."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from sqlalchemy import event

from evergrant.errors import StoreUnavailable
from evergrant.stores import open_store
from evergrant.stores.sql import SQLStore
from evergrant.stores.sql.statements import Statement
from evergrant.testing.contract_sharing import run_in_threads
from evergrant.testing.sample_tokens import ALICE, SECRETS, refreshed
from tests.support.servers import certificates
from tests.support.servers.databases import Database


def test_a_look_up_is_one_question_to_the_server(mariadb: Database) -> None:
    asked = Statement("SHOW SESSION STATUS WHERE variable_name = 'Questions'", None)
    with SQLStore(mariadb.url) as store:
        store.save_token(ALICE)
        [(_, before)] = store._run(asked)
        for _ in range(10):
            store.find_token(ALICE)
        [(_, after)] = store._run(asked)
    assert int(str(after)) - int(str(before)) == 10 + 1


def test_a_look_up_is_a_statement_and_no_transaction(postgresql: Database) -> None:
    log = postgresql.server.folder / "log"
    with SQLStore(f"{postgresql.url}?options=-clog_statement%3Dall") as store:
        store.save_token(ALICE)
        [(process,)] = store._run(Statement("SELECT pg_backend_pid()", None))
        before = len(log.read_text())
        for _ in range(10):
            store.find_token(ALICE)
    lines = [line for line in log.read_text()[before:].splitlines() if f"[{process}] LOG" in line]
    assert len(lines) == 10
    assert all("SELECT oauthtoken.id" in line for line in lines)


def test_many_threads_do_not_use_up_the_servers_connections(database: Database) -> None:
    opened: list[object] = []
    with SQLStore(database.url) as store:
        store.save_token(ALICE)
        event.listen(store._connections.engine, "connect", lambda *made: opened.append(made))
        run_in_threads(lambda _: [store.find_token(ALICE) for _ in range(10)], 40)
    assert len(opened) < 5  # and the one from before; a server has room for about a hundred


@pytest.mark.parametrize("parameter", ["ssl_ca", "sslrootcert"])
def test_tls_is_used_as_the_url_says(
    parameter: str, mariadb: Database, postgresql: Database, tmp_path: Path
) -> None:
    database = mariadb if parameter == "ssl_ca" else postgresql
    mode = "" if parameter == "ssl_ca" else "sslmode=verify-full&"
    asked = Statement(
        "SELECT variable_value != '' FROM information_schema.session_status "
        "WHERE variable_name = 'Ssl_cipher'"
        if parameter == "ssl_ca"
        else "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
        None,
    )
    ours = database.server.certificate
    with SQLStore(f"{database.url}?{mode}{parameter}={ours}") as store:
        assert bool(store._run(asked)[0][0])
        saved = store.save_token(ALICE)
        assert store.find_token(ALICE) == saved
    foreign = certificates.write(tmp_path)
    with pytest.raises(StoreUnavailable, match="certificate verify failed"):
        open_store(f"{database.url}?{mode}{parameter}={foreign}")


def test_no_log_shows_a_secret_however_talkative_it_is_from_the_start(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(1)
    names = ("sqlalchemy", "sqlalchemy.engine", "sqlalchemy.pool", "psycopg")
    before = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(1)
    try:
        with open_store(database.url) as store:
            saved = store.save_token(ALICE)
            store.save_token(refreshed(saved))
            assert store.find_token(ALICE) is not None
            store.get_tokens()
            store.delete_tokens()
    finally:
        for name in names:
            logging.getLogger(name).setLevel(before[name])
    assert "planted-admin" not in caplog.text
    assert SECRETS not in "\n".join(
        f"{record.getMessage()} {record.args!r}" for record in caplog.records
    )
