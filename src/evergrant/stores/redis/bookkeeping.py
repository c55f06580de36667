"""The keys that lead to the rows of a Redis store: how they are counted, checked and rebuilt."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

__all__ = ["CHECK", "INDEX", "INDEX_KEYS", "REPAIR", "Script"]


@dataclass(frozen=True)
class Script:
    """A Lua script for the server.

    Attributes:
        sha: The digest by which the server knows a script that it has seen.
    """

    text: str
    sha: str = field(init=False)

    def __post_init__(self) -> None:
        digest = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()
        object.__setattr__(self, "sha", digest)


INDEX_KEYS = """
local p = KEYS[1]
local books, ids = p .. ':by', p .. ':ids'
local function count(lookup)
  local many = redis.call('SCARD', p .. ':by:' .. lookup)
  if many == 0 then redis.call('HDEL', books, lookup)
  else redis.call('HSET', books, lookup, many) end
end
local function count_rows() redis.call('HSET', books, '~rows', redis.call('ZCARD', ids)) end
local function is_whole()
  return redis.call('HGET', books, '~rows') == tostring(redis.call('ZCARD', ids))
end
local function add(id, lookup) redis.call('SADD', p .. ':by:' .. lookup, id) count(lookup) end
local function remove(id, lookup) redis.call('SREM', p .. ':by:' .. lookup, id) count(lookup) end
local function put_last(id)
  local last = redis.call('ZRANGE', ids, -1, -1, 'WITHSCORES')[2]
  local made = redis.call('INCR', p .. ':made')
  if last and tonumber(last) >= made then  -- it was lost
    made = string.format('%.0f', tonumber(last) + 1)
    redis.call('SET', p .. ':made', made)
  end
  redis.call('ZADD', ids, made, id)
end
-- If the counter is lost, or is new, it starts above all numbers that are counted from 1, at a
-- number that differs in each microsecond of a quarter of an hour.
local function last_number()
  if redis.call('EXISTS', p .. ':number') == 0 then
    local time = redis.call('TIME')
    local begin = 1e9 + time[1] % 1000 * 1e6 + time[2]
    redis.call('SET', p .. ':number', string.format('%.0f', begin))
  end
  return tonumber(redis.call('GET', p .. ':number'))
end
-- A number that was an id is never given again, even if another program gave it.
local function note_number(id)
  local number = #id <= 10 and id:match('^%d+$') and tonumber(id) or 0
  if number > last_number() then
    redis.call('SET', p .. ':number', string.format('%.0f', number))
  end
end
"""
"""The beginning of all scripts that change rows."""

CHECK = Script(f"{INDEX_KEYS} return is_whole() and 1 or 0")
"""Returns whether all rows are listed."""

REPAIR = Script(
    INDEX_KEYS
    + """
local function keys_of(kind, each)
  local cursor = '0'
  repeat
    local page = redis.call('SCAN', cursor, 'MATCH', p .. kind .. '*', 'COUNT', '1000')
    cursor = page[1]
    for _, key in ipairs(page[2]) do each(key) end
  until cursor == '0'
end
local rows, order, listed, gone = {}, {}, {}, 0
redis.call('HSET', books, '~rows', 'torn')  -- a server without memory refuses this, and all is left
keys_of(':row:', function(key) rows[key:sub(#p + 6)] = true end)
keys_of(':by:', function(key) redis.call('DEL', key) end)
redis.call('DEL', books)
for _, id in ipairs(redis.call('ZRANGE', ids, 0, -1)) do
  if rows[id] then listed[id] = true
  else gone = gone + 1 redis.call('ZREM', ids, id) end
end
for id in pairs(rows) do order[#order + 1] = id end
table.sort(order)
local lacking = {}
for _, id in ipairs(order) do
  if not listed[id] then put_last(id) end
  note_number(id)
  local lookups = redis.pcall('HGET', p .. ':row:' .. id, '~lookups')
  if not lookups then lacking[#lacking + 1] = id
  elseif type(lookups) == 'string' then
    for lookup in lookups:gmatch('%S+') do add(id, lookup) end
  end
end
count_rows()
redis.call('PUBLISH', p .. ':changes', ARGV[1])
return {#order, gone, lacking}
"""
)
"""Rebuilds all keys that lead to rows, from the rows themselves.

Returns how many rows there are, how many are gone, and the ids of rows that do not list their own
lookups.
"""

INDEX = Script(
    INDEX_KEYS
    + """
local key, lookups = p .. ':row:' .. ARGV[1], {}
if (redis.call('HGET', key, 'version') or '0') ~= ARGV[2] then return 0 end
for n = 3, #ARGV do
  lookups[#lookups + 1] = ARGV[n]
  add(ARGV[1], ARGV[n])
end
redis.call('HSET', key, '~lookups', table.concat(lookups, ' '))
return 1
"""
)
"""Adds a row to its lookups, if it has not changed since it was read."""
