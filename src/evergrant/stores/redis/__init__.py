"""Tokens in Redis or Valkey, shared by any number of hosts."""

from __future__ import annotations

from evergrant.stores.redis.store import RedisStore

__all__ = ["RedisStore"]
