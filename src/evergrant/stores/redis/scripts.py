"""The scripts that run in the server, each as one atomic step.

All keys of a store begin with one prefix, which is a hash tag too. So in a cluster they are all in
one slot, and a row, its lookups and its lease can be changed together.

    {p}:row:<id>      a hash: the columns, and the names of the lookups that list the row
    {p}:by:<digest>   a set of ids: the rows with a value in a column; the value is not shown
    {p}:by            a hash: how many ids each of these sets has; ``~rows``: how many {p}:ids has
    {p}:ids           all ids, in the order in which the rows were made
    {p}:leases        a hash: id to owner and end
    {p}:note:<key>    a note, after the moment of its end
    {p}:number, {p}:made   counters: the largest number that was an id; rows ever made
    {p}:name      identifies this storage

A script gets the prefix as its key, and the rest as arguments.

A server that is full may drop any or all of these keys. The counts in {p}:by reveal that: a lookup
that differs from its count is torn, and `bookkeeping.REPAIR` rebuilds everything.
"""

from __future__ import annotations

from evergrant.stores.redis.bookkeeping import INDEX_KEYS, Script
from evergrant.stores.rows import COLUMNS

__all__ = [
    "ACQUIRE", "BY_ID", "CHANGE", "DELETE_ALL", "FIND", "NEXT_NUMBER", "OPEN", "PAGE", "PUT_NOTE",
    "RELEASE",
]  # fmt: skip


OPEN = Script("""
local p = KEYS[1]
local may = {
  {'SMEMBERS', p .. ':by:'}, {'SCARD', p .. ':by:'}, {'SISMEMBER', p .. ':by:', ''},
  {'HGET', p .. ':row:', ''}, {'HMGET', p .. ':row:', ''}, {'EXISTS', p .. ':row:'},
  {'ZCARD', p .. ':ids'}, {'ZRANGE', p .. ':ids', 0, 0}, {'ZRANGEBYSCORE', p .. ':ids', 0, 0},
  {'TIME'}, {'SCAN', '0', 'COUNT', '1'}, {'PUBLISH', p .. ':tries', ''},
  {'SADD', p .. ':tried', ''}, {'SREM', p .. ':tried', ''},
  {'HSET', p .. ':tried', '', ''}, {'HDEL', p .. ':tried', ''},
  {'ZADD', p .. ':tried', 0, ''}, {'ZREM', p .. ':tried', ''},
  {'INCR', p .. ':tried'}, {'DEL', p .. ':tried'}, {'SET', p .. ':name', ARGV[1], 'NX'},
}
for _, command in ipairs(may) do
  local said = redis.pcall(unpack(command))
  local err = type(said) == 'table' and said.err or ''
  -- Only these errors: a server that is full can still be opened and read.
  if err:find('NOPERM') or err:find('executing the script') or err:find('READONLY') then
    return said
  end
end
return redis.call('GET', p .. ':name')
""")
"""Tries each command of a change, so that none is refused halfway; returns the storage's name."""

_ROW = f"""
local p = KEYS[1]
local function row(id)
  local key = p .. ':row:' .. id
  local found = redis.pcall('HMGET', key, {", ".join(f"'{name}'" for name in COLUMNS)})
  if found.err then return {{id}} end
  if not found[1] and redis.call('EXISTS', key) == 0 then return nil end
  found[1] = id
  return found
end
"""

FIND = Script(f"""{_ROW}
local counted = redis.call('HMGET', p .. ':by', ARGV[1], '~rows')
local ids = redis.call('SMEMBERS', p .. ':by:' .. ARGV[1])
local found = {{}}
for _, id in ipairs(ids) do found[#found + 1] = row(id) end
local whole = counted[2] and #ids == tonumber(counted[1] or 0) and #found == #ids
return {{whole and 1 or 0, counted[2] or '', found}}
""")
"""Returns whether a lookup is complete, how many rows there are, and the rows of the lookup."""

BY_ID = Script(f"{_ROW} return {{row(ARGV[1])}}")
"""Returns the row with an id, if there is one."""

PAGE = Script(f"""{_ROW}
local found = {{}}
local page = redis.call('ZRANGEBYSCORE', p .. ':ids', '(' .. ARGV[1], '+inf', 'WITHSCORES',
                        'LIMIT', 0, ARGV[2])
for n = 1, #page, 2 do
  found[#found + 1] = page[n + 1]
  found[#found + 1] = row(page[n]) or {{}}
end
return found
""")
"""Returns some rows in the order in which they were made, each after its position."""

CHANGE = Script(
    INDEX_KEYS
    + """
local at = 0
local function take() at = at + 1; return ARGV[at] end
local function take_list()
  local list = {}
  for n = 1, tonumber(take()) do list[n] = take() end
  return list
end
local function version(id) return redis.call('HGET', p .. ':row:' .. id, 'version') or '0' end

local sender, id, expected = take(), take(), take()
local key = p .. ':row:' .. id
local exists = redis.call('EXISTS', key) == 1
if not is_whole() then return -2 end
if exists == (expected == 'absent') then return 0 end
if exists and expected ~= 'any' and version(id) ~= expected then return 0 end
for _ = 1, tonumber(take()) do
  local lookup, seen = p .. ':by:' .. take(), take_list()
  if redis.call('SCARD', lookup) * 2 ~= #seen then return -1 end
  for n = 1, #seen, 2 do
    if redis.call('SISMEMBER', lookup, seen[n]) == 0 then return -1 end
    if version(seen[n]) ~= seen[n + 1] then return -1 end
  end
end

local lookups, fields = take_list(), take_list()
local before = not exists and '' or redis.call('HGET', key, '~lookups')
if not before then return -2 end
local old, new = {}, {}
for lookup in before:gmatch('%S+') do old[lookup] = true end
for _, lookup in ipairs(lookups) do new[lookup] = true end
-- A key of another program fails here, before anything has changed.
for lookup in pairs(old) do redis.call('SCARD', p .. ':by:' .. lookup) end
for lookup in pairs(new) do redis.call('SCARD', p .. ':by:' .. lookup) end
redis.call('GET', p .. ':made')
redis.call('GET', p .. ':number')
if #fields > 0 then
  -- First, because a server without memory refuses it before anything has changed.
  redis.call('HSET', key, '~lookups', table.concat(lookups, ' '), unpack(fields))
end
for lookup in pairs(old) do if not new[lookup] then remove(id, lookup) end end
for lookup in pairs(new) do if not old[lookup] then add(id, lookup) end end
if #fields == 0 then
  redis.call('DEL', key)
  redis.call('ZREM', ids, id)
elseif not exists then
  put_last(id)
end
count_rows()
note_number(id)
redis.call('PUBLISH', p .. ':changes', sender)
return 1
"""
)
"""Inserts, replaces or deletes a row, if it and all rows that were looked up are unchanged.

Returns 1 if it did, 0 if the row has changed, -1 if only other rows that were looked up have
changed, and -2 if keys of the store are gone.
"""

DELETE_ALL = Script(
    INDEX_KEYS
    + """
if not is_whole() then return -2 end
local some = redis.call('ZRANGE', ids, 0, tonumber(ARGV[1]) - 1)
for _, id in ipairs(some) do
  local key = p .. ':row:' .. id
  for lookup in (redis.call('HGET', key, '~lookups') or ''):gmatch('%S+') do remove(id, lookup) end
  redis.call('DEL', key)
  redis.call('ZREM', ids, id)
end
count_rows()
if #some == 0 then redis.call('DEL', p .. ':leases') end
redis.call('PUBLISH', p .. ':changes', ARGV[2])
return #some
"""
)
"""Deletes some rows, or if there are no rows left, the leases."""

NEXT_NUMBER = Script(
    INDEX_KEYS
    + """
last_number()
local number
repeat number = redis.call('INCR', p .. ':number')
until redis.call('EXISTS', p .. ':row:' .. string.format('%.0f', number)) == 0
return number
"""
)

ACQUIRE = Script("""
local leases, id, owner = KEYS[1] .. ':leases', ARGV[1], ARGV[2]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local holder, ends = (redis.call('HGET', leases, id) or ''):match('^(%S+) (%d+)$')
if holder and holder ~= owner and tonumber(ends) > now then return 0 end
redis.call('HSET', leases, id, owner .. ' ' .. string.format('%.0f', now + ARGV[3]))
return 1
""")
"""Grants a lease by the server's clock, which is the same for all processes."""

RELEASE = Script("""
local p, id = KEYS[1], ARGV[1]
local held = redis.call('HGET', p .. ':leases', id) or ''
if held:sub(1, #ARGV[2] + 1) == ARGV[2] .. ' ' then redis.call('HDEL', p .. ':leases', id) end
redis.call('PUBLISH', p .. ':releases', id)
return 1
""")

PUT_NOTE = Script("""
local key = KEYS[1] .. ':note:' .. ARGV[1]
if (redis.call('GET', key) or '') ~= ARGV[2] then return 0 end
if ARGV[3] == '' then redis.call('DEL', key)
else redis.call('SET', key, ARGV[3], 'PX', ARGV[4]) end
return 1
""")
"""Replaces a note if it has not changed since it was read."""
