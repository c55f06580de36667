"""No secret in what people can see: reprs, logs, tracebacks, events, errors, standard output."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest
import requests

from evergrant import Accounts, Keeper, Token, TokenStore, open_store
from evergrant._oauth.messages import HttpRequest, HttpResponse
from evergrant.errors import (
    AccountsUnavailable,
    AmbiguousUser,
    CodeSpent,
    ConfigError,
    ConsentDenied,
    CorruptRecord,
    InvalidClient,
    LoginRequired,
    MissingScope,
    NoRefreshToken,
    StoreUnavailable,
    Throttled,
    TokenNotFound,
    TokenNotSaved,
    UntrustedServer,
)
from evergrant.events import SaveFailed, StoreFailed
from evergrant.sandbox import Client, Sandbox
from tests.support.security.visible_output import Watch

Traces = Callable[[str | bytes], list[str]]

ALICE, BOB, CAROL = "alice@example.com", "bob@example.com", "carol@example.eu"
SCOPES = ["ZohoCRM.modules.ALL"]


@pytest.fixture
def watch(
    traces: Traces, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> Iterator[Watch]:
    caplog.set_level(1)
    for name in ("httpx2", "httpcore2", "urllib3", "evergrant"):
        caplog.set_level(1, name)
    watch = Watch()
    yield watch
    texts = list(watch.texts())
    assert len(texts) > 100
    leaks = {trace for text in texts for trace in traces(text)}
    assert leaks == set()
    formatter = logging.Formatter("%(name)s %(message)s %(exc_text)s %(args)s")
    phases = ("setup", "call", "teardown")
    records = [record for phase in phases for record in caplog.get_records(phase)]  # type: ignore[arg-type]
    logged = [formatter.format(record) for record in records]
    assert any("httpcore2" in line for line in logged)
    assert {trace for line in logged for trace in traces(line)} == set()
    assert [trace for text in capfd.readouterr() for trace in traces(text)] == []


SQLITE, FILE = "sqlite:///{}/tokens.db?timeout=0", "file://{}/tokens.csv"


@pytest.fixture(params=[SQLITE, FILE], ids=["sqlite", "file"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    pattern: str = request.param
    return pattern.format(tmp_path)


@pytest.fixture
def store(store_url: str, planted: Sandbox) -> Iterator[TokenStore]:
    with open_store(store_url, clock=planted.clock) as store:
        yield store


@pytest.fixture
def accounts(planted: Sandbox, app: Client, watch: Watch) -> Iterator[Accounts]:
    with Accounts(
        app.client_id,
        app.client_secret,
        client_secrets=app.secrets,
        redirect_url=app.redirect_uris[0],
        data_centers=planted.data_centers,
        clock=planted.clock,
        sleep=lambda seconds: None,
    ) as accounts:
        send = accounts._send

        def noting(call: HttpRequest) -> HttpResponse:
            answer = send(call)
            watch.values += [call, answer, answer.json_object()]
            return answer

        accounts._send = noting
        yield accounts


@pytest.fixture
def keeper(
    store: TokenStore,
    accounts: Accounts,
    watch: Watch,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Keeper:
    monkeypatch.setattr("evergrant._core.saver.PAUSES_S", (0,))
    return Keeper(store, accounts, on_event=watch.events.append, lifeboat=tmp_path, pkce=True)


@pytest.fixture
def log_in(planted: Sandbox, keeper: Keeper, app: Client, watch: Watch) -> Callable[[str], Token]:
    def log_in(email: str) -> Token:
        home = planted.user(email).data_center
        token = keeper.login_with_code(planted.grant_code(email, client=app), data_center=home)
        watch.values.append(token)
        return token

    return log_in


def test_logins(
    planted: Sandbox,
    keeper: Keeper,
    app: Client,
    watch: Watch,
    log_in: Callable[[str], Token],
    traces: Traces,
) -> None:
    for email in (ALICE, CAROL):
        url = keeper.authorization_url(SCOPES, session="songbird-cookie")
        assert traces(url) == []
        back = planted.consent(url, user=email)
        keeper.complete_login(back, session="songbird-cookie")
        for wrong in (back, {"code": "songbird", "state": "x"}, "code=songbird"):
            watch.expect(UntrustedServer, lambda wrong=wrong: keeper.complete_login(wrong))  # type: ignore[misc]
        watch.expect(
            CodeSpent,
            lambda back=back: keeper.complete_login(back, session="songbird-cookie"),  # type: ignore[misc]
        )
    back = planted.consent(keeper.authorization_url(SCOPES), allow=False) + "&code=songbird"
    watch.expect(ConsentDenied, lambda: keeper.complete_login(back))
    back = planted.consent(keeper.authorization_url(SCOPES))
    evil = back.replace("location=us", "location=eu")
    watch.expect(UntrustedServer, lambda: keeper.complete_login(evil))
    watch.expect(CodeSpent, lambda: keeper.login_with_code("songbird"))
    watch.expect(ConfigError, lambda: keeper.login_with_code("songbird", data_center="mars"))
    bare = planted.grant_code(BOB, SCOPES, client=app)
    watch.expect(MissingScope, lambda: keeper.login_with_code(bare))
    offline = planted.grant_code(BOB, client=app, offline=False)
    watch.expect(NoRefreshToken, lambda: keeper.login_with_code(offline))
    log_in(BOB)


def test_a_client_that_is_refused(planted: Sandbox, store: TokenStore, watch: Watch) -> None:
    code = planted.grant_code(ALICE)
    known = planted.data_centers
    with Accounts("1000.ID", "songbird", data_centers=known) as accounts:
        watch.expect(InvalidClient, lambda: accounts.exchange(code, verifier="songbird"))
        watch.expect(ConfigError, lambda: Keeper(store, accounts).authorization_url(SCOPES))
    secrets = {"us": "songbird"}
    watch.expect(
        ConfigError,
        lambda: Accounts("1000.ID", "songbird", client_secrets=secrets, data_center="mars"),
    )
    with Accounts(data_centers=known) as nobody:
        watch.expect(ConfigError, lambda: nobody.exchange("songbird", verifier="songbird"))


def test_refreshes_and_refusals(
    planted: Sandbox, keeper: Keeper, watch: Watch, log_in: Callable[[str], Token]
) -> None:
    log_in(ALICE)
    planted.clock.advance(hours=1)
    keeper.access_token(ALICE)
    for trouble in (
        planted.faults.server_error,
        planted.faults.html,
        planted.faults.empty,
        planted.faults.half_json,
        planted.faults.drop_answer,
        planted.faults.refuse,
    ):
        planted.clock.advance(minutes=11)  # or so many requests are not even sent
        trouble(times=3)
        watch.expect(AccountsUnavailable, lambda: keeper.refresh(ALICE))
    planted.faults.server_error(
        status=200, body=b'{"access_token": "songbird", "api_domain": "https://evil.example"}'
    )
    watch.expect(UntrustedServer, lambda: keeper.refresh(ALICE))
    planted.faults.throttle()
    watch.expect(Throttled, lambda: keeper.refresh(ALICE))
    watch.expect(Throttled, lambda: keeper.refresh(ALICE))
    planted.clock.advance(hours=1)
    planted.revoke(ALICE)
    watch.expect(LoginRequired, lambda: keeper.access_token(ALICE))
    watch.expect(LoginRequired, lambda: keeper.access_token(ALICE))
    watch.expect(TokenNotFound, lambda: keeper.access_token("nobody"))
    watch.expect(NoRefreshToken, lambda: keeper.accounts.refresh(Token(access_token="songbird")))


def test_revocations(
    planted: Sandbox, keeper: Keeper, watch: Watch, log_in: Callable[[str], Token]
) -> None:
    token = log_in(ALICE)
    planted.faults.html(path="/oauth/v2/token/revoke", times=3)
    watch.expect(AccountsUnavailable, lambda: keeper.revoke(ALICE))
    planted.faults.server_error(path="/oauth/v2/revoke/token", times=3)
    watch.expect(AccountsUnavailable, lambda: keeper.accounts.revoke(token, authenticated=True))
    assert keeper.accounts.revoke(token, authenticated=True)
    keeper.revoke(ALICE)
    log_in(BOB)
    keeper.forget(BOB)


@pytest.mark.parametrize("store_url", [SQLITE], indirect=True)
def test_a_store_that_fails(
    planted: Sandbox,
    keeper: Keeper,
    accounts: Accounts,
    app: Client,
    watch: Watch,
    log_in: Callable[[str], Token],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log_in(ALICE)
    bob = log_in(BOB)
    code = planted.grant_code(BOB, client=app)
    with closing(sqlite3.connect(tmp_path / "tokens.db")) as other:
        other.execute("BEGIN IMMEDIATE")
        watch.expect(TokenNotSaved, lambda: keeper.refresh(ALICE))
        watch.expect(TokenNotSaved, lambda: keeper.login_with_code(code))
        other.rollback()
    assert any(isinstance(event, SaveFailed) for event in watch.events)
    boat = next(tmp_path.glob("*.json"))
    boat.write_text(boat.read_text().replace("1000.", "[", 1) + "songbird")
    Keeper(keeper.store, accounts, on_event=watch.events.append, lifeboat=tmp_path)
    keeper.access_token(ALICE)
    with closing(sqlite3.connect(tmp_path / "tokens.db")) as other, other:
        other.execute("UPDATE oauthtoken SET expiry_time = access_token WHERE id = ?", [bob.id])
    watch.expect(CorruptRecord, lambda: keeper.access_token(BOB))
    watch.expect(CorruptRecord, lambda: keeper.store.find_token(replace(bob, id=None)))
    watch.expect(CorruptRecord, lambda: keeper.store.find_token_by_id(bob.id or ""))
    watch.expect(CorruptRecord, lambda: keeper.store.save_token(bob))
    keeper.store.get_tokens()
    watch.expect(TokenNotSaved, lambda: log_in(BOB))

    def fail(*args: object) -> None:
        raise StoreUnavailable("the disk is gone")

    monkeypatch.setattr(keeper.store, "change_counter", fail)
    keeper.access_token(ALICE)
    assert isinstance(watch.events[-1], StoreFailed)
    watch.expect(StoreUnavailable, lambda: keeper.access_token(BOB))


def test_names_that_fit_several(
    planted: Sandbox, keeper: Keeper, app: Client, watch: Watch, log_in: Callable[[str], Token]
) -> None:
    log_in(ALICE)
    org = planted.add_org("Another")
    planted.join(ALICE, org)
    keeper.login_with_code(planted.grant_code(ALICE, client=app, org=org))
    watch.expect(AmbiguousUser, lambda: keeper.access_token(ALICE))


def test_signed_requests(
    planted: Sandbox, keeper: Keeper, watch: Watch, log_in: Callable[[str], Token]
) -> None:
    token = log_in(ALICE)
    me = f"{token.api_domain}/crm/v8/users?type=CurrentUser"
    watch.values += [keeper.auth(ALICE), keeper.requests_auth(ALICE)]

    async def get(url: str) -> httpx2.Response:
        async with httpx2.AsyncClient(auth=keeper.auth(ALICE)) as client:
            return await client.get(url)

    def by_requests(url: str) -> requests.Response:
        return requests.get(url, auth=keeper.requests_auth(ALICE), timeout=10)

    assert asyncio.run(get(me)).status_code == by_requests(me).status_code == 200
    planted.kill_access_token(keeper.access_token(ALICE))
    assert by_requests(me).status_code == 200
    watch.expect(UntrustedServer, lambda: by_requests("https://evil.example"))
    watch.expect(
        UntrustedServer, lambda: httpx2.get("https://evil.example", auth=keeper.auth(ALICE))
    )
    planted.revoke(ALICE)
    watch.expect(LoginRequired, lambda: by_requests(me))
    watch.expect(LoginRequired, lambda: httpx2.get(me, auth=keeper.auth(ALICE)))
    watch.expect(LoginRequired, lambda: asyncio.run(get(me)))
