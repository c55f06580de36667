"""In whatever order things happen, nothing past its time is handed out, and all else is."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from evergrant import Accounts, Keeper, Policy
from evergrant.errors import PolicyRefused
from evergrant.sandbox import Sandbox
from evergrant.stores.memory import MemoryStore
from tests.support.example_counts import rounds
from tests.support.keeper.idle import until_idle

ALICE = "alice@example.com"
MINUTE = timedelta(minutes=1)

steps = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.sampled_from([1, 10, 25, 50])),
        st.tuples(st.sampled_from(["use", "keep fresh"]), st.just(0)),
        st.tuples(st.sampled_from(["use", "use", "keep fresh", "log in"]), st.just(0)),
    ),
    min_size=20,
    max_size=60,
)
spans = st.sampled_from([None, 20 * MINUTE, 45 * MINUTE, 150 * MINUTE])


class Model:
    """When the token's time is over, by each rule: for sure, and at the earliest."""

    def __init__(self, policy: Policy, now: datetime) -> None:
        self.policy = policy
        self.granted = self.logged_in = self.used = now

    def is_over(self, now: datetime) -> bool:
        policy = self.policy
        return bool(
            (policy.session_timeout and now >= self.logged_in + policy.session_timeout)
            or (policy.max_age and now >= self.granted + policy.max_age)
            or (policy.idle_timeout and now >= self.used + policy.idle_timeout)
        )

    def may_be_over(self, now: datetime) -> bool:
        # A use is noted only now and then: the idle timeout may come so much earlier.
        return self.is_over(now) or self.is_over(
            now + (self.policy.usage_write_interval or 0 * MINUTE)
        )


@rounds(40)
@given(steps=steps, session=spans, age=spans, idle=spans)
def test_a_policy_is_kept_in_any_order_of_things(
    steps: list[tuple[str, int]],
    session: timedelta | None,
    age: timedelta | None,
    idle: timedelta | None,
) -> None:
    policy = Policy(session_timeout=session, max_age=age, idle_timeout=idle)
    with (
        Sandbox() as zoho,
        MemoryStore(clock=zoho.clock) as store,
        Accounts(
            zoho.client.client_id,
            zoho.client.client_secret,
            data_centers=zoho.data_centers,
            clock=zoho.clock,
            sleep=lambda _: None,
        ) as accounts,
        Keeper(store, accounts, lifeboat=Path("/nonexistent"), policy=policy) as keeper,
    ):

        def log_in() -> Model:
            keeper.login_with_code(zoho.grant_code(ALICE, self_client=True))
            return Model(policy, zoho.clock())

        model = log_in()
        for step, minutes in steps:
            zoho.clock.advance(minutes=minutes, seconds=2)
            if step == "log in":
                model = log_in()
            elif step == "keep fresh":
                keeper.refresh_due()
            elif step == "use":
                try:
                    keeper.access_token(ALICE)
                except PolicyRefused:
                    assert model.may_be_over(zoho.clock())
                else:
                    assert not model.is_over(zoho.clock() - 2 * MINUTE / 60)
                    model.used = zoho.clock()
            until_idle(keeper._manager)
