/** What must happen in Redis at once or not at all. */
import { script } from './script.js';

/**
 * Writes elements where they are newer than what is there, with their last use, and moves a position.
 *
 * KEYS: positions, LRU, then the hash of each node.
 * ARGV: now (Unix ms), source ('': no position counts), from ('': none), to, 1 when this chunk moves the position, 0
 * when it does not, -1 when nothing is written unless the mirror stands at `to` or before; then for each node its name, the number of its elements, and all of them in one: for each the length of its place in
 * four bytes, its place, the length of its value in four bytes, its value.
 * Returns 0 when the mirror does not stand at `from` or `to`, else 1. A key of another type is nobody's: it goes.
 */
export const putScript = script(`
local function keep(key, kind)
  local found = redis.call('TYPE', key).ok
  if found ~= kind and found ~= 'none' then redis.call('UNLINK', key) end
end
local function version(value)
  if not value or #value < 8 then return -1 end
  local high, low = struct.unpack('>I4I4', value)
  if high >= 2097152 then return -1 end
  if #value > 8 then
    local head = string.byte(value, 9)
    if head < 144 or (head > 159 and head ~= 220 and head ~= 221) then return -1 end
  end
  return high * 4294967296 + low
end
keep(KEYS[1], 'hash')
keep(KEYS[2], 'zset')
local now, source = ARGV[1], ARGV[2]
if ARGV[5] == '-1' then
  local stands = tonumber(redis.call('HGET', KEYS[1], source) or '')
  if not stands or stands > tonumber(ARGV[4]) then return 1 end
elseif source ~= '' then
  local stands = redis.call('HGET', KEYS[1], source) or ''
  if stands ~= ARGV[3] and stands ~= ARGV[4] then return 0 end
end
local at = 6
for index = 3, #KEYS do
  local key, node, count, packed = KEYS[index], ARGV[at], tonumber(ARGV[at + 1]), ARGV[at + 2]
  at = at + 3
  keep(key, 'hash')
  local places, values, from = {}, {}, 1
  for item = 1, count do
    places[item], values[item], from = struct.unpack('>I4c0I4c0', packed, from)
  end
  local stored = redis.call('HMGET', key, unpack(places))
  local newer, used, gone, unused = {}, {}, {}, {}
  for item = 1, count do
    local value, place, before = values[item], places[item], version(stored[item])
    local high, low = struct.unpack('>I4I4', value)
    local isNewer = high * 4294967296 + low > before
    if #value == 9 and string.byte(value, 9) == 193 then
      if isNewer and stored[item] then
        gone[#gone + 1] = place
        unused[#unused + 1] = node .. ' ' .. place
      end
    else
      if isNewer then
        newer[#newer + 1] = place
        newer[#newer + 1] = value
      end
      used[#used + 1] = now
      used[#used + 1] = node .. ' ' .. place
    end
  end
  if #newer > 0 then redis.call('HSET', key, unpack(newer)) end
  if #used > 0 then redis.call('ZADD', KEYS[2], 'GT', unpack(used)) end
  if #gone > 0 then
    redis.call('HDEL', key, unpack(gone))
    redis.call('ZREM', KEYS[2], unpack(unused))
  end
end
if source ~= '' and ARGV[5] == '1' then redis.call('HSET', KEYS[1], source, ARGV[4]) end
return 1
`);

/**
 * Removes values that could not be read, as far as they are still the same.
 * KEYS: LRU, hash. ARGV: node, then place, value for each. Returns how many went. A key of another type goes whole.
 */
export const discardScript = script(`
local found = redis.call('TYPE', KEYS[2]).ok
if found ~= 'hash' and found ~= 'none' then return redis.call('UNLINK', KEYS[2]) end
local count = 0
for at = 2, #ARGV, 2 do
  if redis.call('HGET', KEYS[2], ARGV[at]) == ARGV[at + 1] then
    redis.call('HDEL', KEYS[2], ARGV[at])
    if redis.call('TYPE', KEYS[1]).ok == 'zset' then
      redis.call('ZREM', KEYS[1], ARGV[1] .. ' ' .. ARGV[at])
    end
    count = count + 1
  end
end
return count
`);
