-- A worker's main process says that it lives, or that it ends. ARGV: owner, slots, ttl ms (0: it ends)
local at = now()
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', P .. 'workers', '-inf', at)) do
  redis.call('HDEL', P .. 'slots', gone)
end
redis.call('ZREMRANGEBYSCORE', P .. 'workers', '-inf', at)
if tonumber(ARGV[3]) == 0 then
  redis.call('ZREM', P .. 'workers', ARGV[1])
  redis.call('HDEL', P .. 'slots', ARGV[1])
else
  redis.call('ZADD', P .. 'workers', at + tonumber(ARGV[3]), ARGV[1])
  redis.call('HSET', P .. 'slots', ARGV[1], ARGV[2])
end
return 1
