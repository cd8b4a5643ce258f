-- Keep the octets of a blob, in place of what is there, as long as there is room. KEYS[1] is the prefix of the blobs.
-- ARGV: name, octets, cap. Returns 1 kept, 0 no room.
local key = P .. 'octets:' .. ARGV[1]
local more = #ARGV[2] - redis.call('STRLEN', key)
if tonumber(redis.call('GET', P .. 'total') or '0') + more > tonumber(ARGV[3]) then return 0 end
redis.call('SET', key, ARGV[2])
redis.call('INCRBY', P .. 'total', more)
redis.call('ZADD', P .. 'at', now(), ARGV[1])
return 1
