-- The connections of one relay, from all replicas: 'live' holds each token until the moment at which it is given up.
-- ARGV: 'connect', token, lease ms, most or 0, recover ms | 'established', token, lease ms | 'keep', lease ms, tokens ...
--     | 'release', token | 'throttled', 1 where the greeting said it, pause ms
local at, verb = now(), ARGV[1]
local live, ready, throttle = P .. 'live', P .. 'ready', P .. 'throttle'

for _, gone in ipairs(redis.call('ZRANGEBYSCORE', live, '-inf', at)) do
  redis.call('ZREM', live, gone)
  redis.call('SREM', ready, gone)
end

-- These are connected, and established. One that was given up meanwhile counts again, whatever the limit says: its worker was
-- frozen, or its greeting was late, and the relay has it.
local function lease(tokens, milliseconds)
  for _, token in ipairs(tokens) do
    redis.call('ZADD', live, at + milliseconds, token)
    redis.call('SADD', ready, token)
  end
  redis.call('PEXPIRE', live, milliseconds * 2)
  redis.call('PEXPIRE', ready, milliseconds * 2)
end

-- How many are allowed after the relay has complained: one more for each span in which it has not.
local function allowed(most, recover)
  local f = redis.call('HMGET', throttle, 'limit', 'at', 'peak')
  if not f[1] then return most end
  local limit = tonumber(f[1]) + math.floor((at - tonumber(f[2])) / recover)
  if limit > tonumber(f[3]) then
    redis.call('DEL', throttle) -- back where it began
    return most
  end
  return most > 0 and math.min(most, limit) or limit
end

if verb == 'connect' then
  local count, most = redis.call('ZCARD', live), allowed(tonumber(ARGV[4]), tonumber(ARGV[5]))
  if most > 0 and count >= most then return { 1000, count } end
  redis.call('ZADD', live, at + tonumber(ARGV[3]), ARGV[2])
  redis.call('PEXPIRE', live, tonumber(ARGV[3]) * 2)
  return { 0, count + 1 }
elseif verb == 'established' then
  lease({ ARGV[2] }, tonumber(ARGV[3]))
  return redis.call('SCARD', ready)
elseif verb == 'keep' then
  lease({ unpack(ARGV, 3) }, tonumber(ARGV[2]))
  return redis.call('ZCARD', live)
elseif verb == 'release' then
  redis.call('ZREM', live, ARGV[2])
  redis.call('SREM', ready, ARGV[2])
  return redis.call('ZCARD', live)
end

local established = redis.call('SCARD', ready)
local f = redis.call('HMGET', throttle, 'limit', 'at', 'peak')
-- Several complaints about one rush are one complaint.
if f[2] and at - tonumber(f[2]) < tonumber(ARGV[3]) and ARGV[2] ~= '1' then return established end
local limit = math.max(1, ARGV[2] == '1' and established or math.floor(established / 2))
local peak = math.max(redis.call('ZCARD', live), tonumber(f[3] or '0'))
redis.call('HSET', throttle, 'limit', limit, 'at', at, 'peak', peak)
redis.call('PEXPIRE', throttle, 3600000)
return established
