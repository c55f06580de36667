"""Faults to plant, and the tests that must notice each: what keeps the promises, taken away."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["PLANTS", "Change", "Plant"]


MEMORY = "contract/test_stores.py::TestMemory"


class Change(NamedTuple):
    """A line of a file below src/evergrant, and what stands there instead."""

    file: str
    old: str
    new: str


class Plant(NamedTuple):
    """A fault and its tests, as pytest names them below tests/."""

    fault: str
    changes: tuple[Change, ...]
    tests: tuple[str, ...]


PLANTS = (
    Plant(
        "the lock is removed: threads and processes all refresh at once",
        (
            Change(
                "_concurrency/single_flight.py",
                "under_way = calls.setdefault(key, call)",
                "under_way = call",
            ),
            Change("stores/base.py", "held=self._acquire(key, owner, ttl)", "held=True"),
        ),
        ("concurrency/test_threads.py::test_twenty_threads_cost_one_refresh_and_get_one_token",),
    ),
    Plant(
        "every lease is granted",
        (Change("stores/base.py", "held=self._acquire(key, owner, ttl)", "held=True"),),
        (
            "concurrency/test_threads.py::test_two_keepers_on_one_store_cost_one_refresh",
            f"{MEMORY}::test_a_lease_keeps_everybody_else_out",
        ),
    ),
    Plant(
        "a lease is not extended while a refresh runs",
        (Change("_core/lease_heartbeat.py", "lease.extend()", "lease.held"),),
        ("unit/test_lease_heartbeat.py::test_a_lease_is_extended_while_its_refresh_runs",),
    ),
    Plant(
        "anybody may release a lease",
        (
            Change(
                "stores/in_process.py",
                'if self._leases.get(id_, ("",))[0] == owner:',
                "if id_ in self._leases:",
            ),
        ),
        (f"{MEMORY}::test_a_lease_runs_out",),
    ),
    Plant(
        "compare-and-swap compares nothing",
        (
            Change(
                "stores/base.py",
                "if expected_version is not None and (",
                "if expected_version == -1 and (",
            ),
        ),
        (
            "concurrency/test_threads.py::test_a_login_during_a_refresh_wins",
            f"{MEMORY}::test_of_threads_that_expect_the_same_version_one_wins",
        ),
    ),
    Plant(
        "a file is not synced to disk",
        (
            Change(
                "_files/secure_files.py",
                "        os.fsync(handle)\n        return",
                "        return",
            ),
        ),
        ("stores/test_file_syncs.py",),
    ),
    Plant(
        "a folder is not synced to disk",
        (
            Change(
                "_files/secure_files.py",
                "        os.fsync(handle)\n    finally",
                "        pass\n    finally",
            ),
        ),
        ("stores/test_file_syncs.py",),
    ),
    Plant(
        "SQLite does not sync to disk",
        (
            Change(
                "stores/sqlite/connections.py",
                'if not lasting:\n            self.run("PRAGMA synchronous=NORMAL")',
                'self.run("PRAGMA synchronous=OFF")',
            ),
        ),
        ("stores/test_sqlite_syncs.py",),
    ),
    Plant(
        "a row is another client's or org's and matches by its user name",
        (
            Change(
                "stores/matching.py",
                'return _of(token, "user_name", "client_id")',
                'return _of(token, "user_name")',
            ),
            Change(
                "stores/matching.py",
                "        and (stored.client_id == asked.client_id"
                " or not stored.client_id or not asked.client_id)\n",
                "",
            ),
            Change(
                "stores/matching.py",
                "        and (stored.org_id == asked.org_id"
                " or not stored.org_id or not asked.org_id)\n",
                "",
            ),
        ),
        (f"{MEMORY}::test_two_clients_of_one_user_never_mix",),
    ),
    Plant(
        "the cache is never invalidated",
        (
            Change(
                "_core/token_cache.py",
                "if entry is None or entry.counter != counter:",
                "if entry is None:",
            ),
        ),
        (
            "keeper/test_access.py::test_what_another_process_saves_is_seen",
            "keeper/test_revoke.py::test_another_process_notices_both",
        ),
    ),
    Plant(
        "a note is read in one transaction and written in another",
        (
            Change(
                "stores/base.py",
                "                if after != before:",
                "            with self._transaction():\n                if after != before:",
            ),
        ),
        (f"{MEMORY}::test_threads_that_change_a_note_lose_no_change",),
    ),
    Plant(
        "a one-time code is not claimed",
        (Change("_core/code_registry.py", "            if note:", "            if False:"),),
        (
            "keeper/test_rate_limits.py::test_a_code_is_sent_once_whoever_has_it",
            "keeper/test_rate_limits.py::test_a_code_whose_answer_was_lost_is_not_sent_again",
        ),
    ),
    Plant(
        "what is asked for is not counted",
        (
            Change(
                "_core/rate_limiter.py", "usage.with_request(now).serialize()", "usage.serialize()"
            ),
            Change("_core/rate_limiter.py", "self._asked.record(", "str("),
        ),
        ("keeper/test_rate_limits.py::test_no_living_access_token_is_pushed_out",),
    ),
    Plant(
        "a row that is merely gone counts as deleted",
        (Change("_core/saver.py", "if not self._store.was_deleted(token):", "if False:"),),
        ("keeper/test_lost_rows.py",),
    ),
    Plant(
        "a deletion is not noted",
        (
            Change(
                "stores/base.py",
                "self._note_gone(deletions.deletion_key(id_), self._mark_of(row))",
                "pass",
            ),
        ),
        ("keeper/test_lost_rows.py", f"{MEMORY}::test_a_deletion_is_known_of_its_grant_only"),
    ),
    Plant(
        "another account's file is used",
        (
            Change(
                "_files/ownership.py",
                "if not (_is_trusted(found.st_uid, folder, as_root=as_root) "
                "or is_shared(found, folder)):",
                "if False:",
            ),
        ),
        ("stores/test_foreign_files.py",),
    ),
    Plant(
        "what is not encrypted is taken aboard although there is a key",
        (
            Change(
                "_lifeboat/files.py",
                "        if self.keyring:\n            raise",
                "        if False:\n            raise",
            ),
        ),
        ("unit/test_lifeboat_files.py",),
    ),
    Plant(
        "the lifeboat is never taken aboard",
        (Change("_core/saver.py", "if not self._lifeboat.has_pending:", "if True:"),),
        ("keeper/test_unsaved_grants.py",),
    ),
    Plant(
        "nobody is served while the store is down",
        (
            Change(
                "_core/cached_lookup.py",
                "return Cached(ValidToken.of(outage.serve_or_raise(error, key, min_ttl)))",
                "raise",
            ),
        ),
        ("keeper/test_store_failures.py",),
    ),
    Plant(
        "all tokens saved together are refreshed together by a scheduler",
        (
            Change("_core/refresh_jitter.py", "return int(text) * GOLDEN_RATIO % 1", "return 0.0"),
            Change("_core/refresh_jitter.py", "return crc32(text.encode()) / 2**32", "return 0.0"),
        ),
        ("unit/test_refresh_jitter.py",),
    ),
    Plant(
        "all tokens that expire together are due together",
        (Change("_core/validity.py", "+ share * SPREAD", "+ 0 * SPREAD"),),
        ("unit/test_validity.py::test_tokens_that_expire_together_are_not_due_together",),
    ),
    Plant(
        "a dead grant is asked for again by each scheduler",
        (
            Change(
                "_core/refresher.py",
                "if failed := self._rate_limiter.recent_failure(current):",
                "if failed := None:",
            ),
        ),
        ("keeper/test_background_refresh.py",),
    ),
)
