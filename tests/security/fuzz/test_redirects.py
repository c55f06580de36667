"""Whatever a browser brings back is our login's answer, or is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from hypothesis import example, given
from hypothesis import strategies as st

from evergrant._oauth.redirect import LoginState, Redirect, StateSigner, parse_redirect
from evergrant.datacenter import ZOHO
from tests.support.example_counts import rounds
from tests.support.security.fuzzing import SECRET, or_refused, texts

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
KEY = StateSigner(b"planted-client-secret")
LOGIN = LoginState.begin(NOON, "eu", "alice@example.com")

names = st.sampled_from(["state", "code", "error", "location", "accounts-server", "other"])
places = st.sampled_from(
    ["us", "EU", "", "https://accounts.zoho.eu", "https://accounts.zoho.eu@evil.example", "//[::1"]
)
parameters = st.dictionaries(names, st.one_of(places, texts))


def check(redirect: Redirect) -> None:
    code = or_refused(redirect.code_or_raise)
    assert bool(code) == (redirect.code is not None)
    # Where somebody wrote it as an address, it may show.
    if SECRET not in f"{redirect.location}{redirect.accounts_server}":
        or_refused(lambda: redirect.data_center(ZOHO, ZOHO.by_code("us")))
        assert SECRET not in f"{replace(redirect, state='', error=None)!r}"


@rounds(100)
@given(parameters)
def test_a_mapping(params: dict[str, str]) -> None:
    check(parse_redirect(params))


@rounds(100)
@given(
    before=st.sampled_from(["", "?", "https://app.example.com/callback?", "http://[::1", "/x?"]),
    pairs=st.lists(st.tuples(names, st.one_of(places, texts)), max_size=6),
    after=st.sampled_from(["", "#", "&", "&&=%", "%zz", "\0", ";"]),
)
@example("", [("code", SECRET), ("code", "other")], "")
def test_a_url(before: str, pairs: list[tuple[str, str]], after: str) -> None:
    query = "&".join(f"{name}={quote(text, errors='replace')}" for name, text in pairs)
    redirect = parse_redirect(f"{before}{query}{after}")
    check(redirect)
    if len({name for name, _ in pairs}) < len(pairs):
        assert redirect == Redirect(state="")


@rounds(50)
@given(st.text())
@example("code=\ud800&state=\udfff")
def test_any_text(text: str) -> None:
    check(parse_redirect(text))


@rounds(100)
@given(data=st.data(), session=st.one_of(st.none(), texts))
def test_a_state_is_the_very_one_that_was_sent_or_is_refused(
    data: st.DataObject, session: str | None
) -> None:
    genuine = LOGIN.state(KEY, session)
    at = data.draw(st.integers(0, len(genuine)))
    state = data.draw(
        st.one_of(
            st.just(genuine),
            st.text(),
            st.text(max_size=3).map(lambda new: genuine[:at] + new + genuine[at + len(new) :]),
        )
    )
    now = NOON + data.draw(st.timedeltas(timedelta(hours=-2), timedelta(hours=2)))
    login = or_refused(lambda: LoginState.from_state(state, KEY, session, now))
    assert login in (None, LOGIN)
    in_time = timedelta(minutes=-5) <= now - NOON <= timedelta(hours=1)
    assert bool(login) == (state == genuine and in_time)


@rounds(40)
@given(user=st.one_of(st.none(), st.text()), session=st.one_of(st.none(), st.text()))
def test_a_login_comes_back_as_it_went(user: str | None, session: str | None) -> None:
    login = LoginState.begin(NOON, "us", user)
    assert LoginState.from_state(login.state(KEY, session), KEY, session, NOON) == login
