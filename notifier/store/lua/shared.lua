-- Blobs that are kept for mails to come. KEYS[1] is the prefix of the blobs. 'kept' says until when each is, 'shared' the
-- same for tenant and name, 'sizes' how many octets it has (as it is kept it may be sealed).
-- ARGV: 'keep', tenant, name, octets, ms | 'use', tenant, name, ms: kept so long at least; returns the octets, or -1 where
-- the tenant has no such | 'kept', names ...: those of them that are
local at, verb = now(), ARGV[1]

-- Never for a shorter time than was said before.
local function last(set, member, till)
  local before = tonumber(redis.call('ZSCORE', P .. set, member) or nil)
  if not before or before < till then redis.call('ZADD', P .. set, till, member) end
end

if verb == 'keep' then
  local till = at + tonumber(ARGV[5])
  last('shared', ARGV[2] .. ' ' .. ARGV[3], till)
  last('kept', ARGV[3], till)
  redis.call('HSET', P .. 'sizes', ARGV[3], ARGV[4])
  return 1
elseif verb == 'use' then
  local till = tonumber(redis.call('ZSCORE', P .. 'shared', ARGV[2] .. ' ' .. ARGV[3]) or nil)
  if not till or till <= at then return -1 end
  last('kept', ARGV[3], at + tonumber(ARGV[4]))
  return tonumber(redis.call('HGET', P .. 'sizes', ARGV[3]))
end

redis.call('ZREMRANGEBYSCORE', P .. 'shared', '-inf', at)
for _, name in ipairs(redis.call('ZRANGEBYSCORE', P .. 'kept', '-inf', at, 'LIMIT', 0, 1000)) do
  redis.call('ZREM', P .. 'kept', name)
  redis.call('HDEL', P .. 'sizes', name)
end
local kept = {}
for i = 2, #ARGV do
  local till = tonumber(redis.call('ZSCORE', P .. 'kept', ARGV[i]) or nil)
  if till and till > at then kept[#kept + 1] = ARGV[i] end
end
return kept
