-- The workers of a queue. ARGV: 'lives', owner, slots, ttl ms | 'ends', owner | 'count'
-- Returns the slots that live.
local at, verb, owner = now(), ARGV[1], ARGV[2]

local function forget(gone)
  redis.call('ZREM', P .. 'workers', gone)
  redis.call('HDEL', P .. 'slots', gone)
end

if verb == 'lives' then
  for _, gone in ipairs(redis.call('ZRANGEBYSCORE', P .. 'workers', '-inf', at)) do forget(gone) end
  redis.call('ZADD', P .. 'workers', at + tonumber(ARGV[4]), owner)
  redis.call('HSET', P .. 'slots', owner, ARGV[3])
elseif verb == 'ends' then
  forget(owner)
end
return registered_slots(at)
