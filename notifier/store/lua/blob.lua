-- Blobs that are kept here: 'at' holds when each was last put. KEYS[1] is the prefix of the blobs.
-- ARGV: 'touch', name | 'old', age ms | 'drop', name, age ms. Returns 1 done, 0 not (old: the names).
local at, verb, name = now(), ARGV[1], ARGV[2]
if verb == 'touch' then
  if redis.call('EXISTS', P .. 'octets:' .. name) == 0 then return 0 end
  redis.call('ZADD', P .. 'at', at, name)
  return 1
elseif verb == 'old' then
  return redis.call('ZRANGEBYSCORE', P .. 'at', '-inf', at - tonumber(ARGV[2]))
end
local since = redis.call('ZSCORE', P .. 'at', name)
if not since or tonumber(since) > at - tonumber(ARGV[3]) then return 0 end
redis.call('DECRBY', P .. 'total', redis.call('STRLEN', P .. 'octets:' .. name))
redis.call('DEL', P .. 'octets:' .. name)
redis.call('ZREM', P .. 'at', name)
return 1
