-- Keep the octets of a blob, as long as there is room. KEYS[1] is the prefix of the blobs. ARGV: name, octets, cap
-- Returns 1 kept, 0 no room.
local key = P .. 'octets:' .. ARGV[1]
if redis.call('EXISTS', key) == 0 then
  if tonumber(redis.call('GET', P .. 'total') or '0') + #ARGV[2] > tonumber(ARGV[3]) then return 0 end
  redis.call('SET', key, ARGV[2])
  redis.call('INCRBY', P .. 'total', #ARGV[2])
end
redis.call('ZADD', P .. 'at', now(), ARGV[1])
return 1
