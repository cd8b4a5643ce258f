-- Keep the octets of a blob, in place of what is there, as long as there is room. KEYS[1] is the prefix of the blobs.
-- ARGV: name, octets, cap; for a big one nothing as octets, and behind the cap the draft that holds them and how many they are.
-- Returns 1 kept, 0 no room, -1 the draft is not whole.
local key, size = P .. 'octets:' .. ARGV[1], #ARGV[2]
local draft = ARGV[4] and P .. 'draft:' .. ARGV[4]
if draft then
  size = redis.call('STRLEN', draft)
  if size ~= tonumber(ARGV[5]) then return -1 end
end
local more = size - redis.call('STRLEN', key)
if tonumber(redis.call('GET', P .. 'total') or '0') + more > tonumber(ARGV[3]) then return 0 end
if draft then
  redis.call('RENAME', draft, key)
  redis.call('PERSIST', key)
else
  redis.call('SET', key, ARGV[2])
end
redis.call('INCRBY', P .. 'total', more)
redis.call('ZADD', P .. 'at', now(), ARGV[1])
return 1
