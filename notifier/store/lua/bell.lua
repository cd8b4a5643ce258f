-- What a worker slot says of its bell. ARGV: answer | close | again, bell, bell lease ms
-- close: returns 1 where nothing is due and the bell is away, 0 where there is more to do and it stays.
local at, verb, bell = now(), ARGV[1], ARGV[2]
if verb == 'answer' then
  redis.call('ZREM', P .. 'rung', bell)
  redis.call('ZADD', P .. 'answered', at + tonumber(ARGV[3]), bell)
elseif verb == 'again' then
  redis.call('ZREM', P .. 'answered', bell)
  redis.call('ZADD', P .. 'rung', at + tonumber(ARGV[3]), bell)
elseif not is_paused() and redis.call('ZCOUNT', P .. 'due', '-inf', at) > 0 then
  return 0
else
  redis.call('ZREM', P .. 'answered', bell)
  redis.call('ZREM', P .. 'rung', bell)
end
return 1
