-- The workers that live, each with its record. ARGV: 'lives', id, record, ttl ms | 'ends', id | 'all'
-- Returns for 'all' pairs of when a worker was seen (ms) and its record.
local at, verb, id = now(), ARGV[1], ARGV[2]
local records, ends = P .. 'records', P .. 'until'

if verb == 'lives' then
  redis.call('HSET', records, id, at .. ' ' .. ARGV[3])
  redis.call('ZADD', ends, at + tonumber(ARGV[4]), id)
elseif verb == 'ends' then
  redis.call('HDEL', records, id)
  redis.call('ZREM', ends, id)
end
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', ends, '-inf', at)) do
  redis.call('HDEL', records, gone)
  redis.call('ZREM', ends, gone)
end
return verb == 'all' and redis.call('HVALS', records) or {}
