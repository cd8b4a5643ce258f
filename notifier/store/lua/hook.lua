-- The backlog of a hook: a stream that the edges fill (see `tell` in the prelude), and a lease for the one who tells.
-- ARGV: verb, kind, then:
--   'due', ring ms: 1 where somebody is to be rung for, who gets that long to come
--   'take', owner, lease ms, limit: how many were dropped since the last time, then id and event of each
--   'done', id: told, or never to be told
--   'rest', owner, first ms, most ms: it could not be told; nobody tries for a while. Returns how long, ms
--   'end', owner: the lease is over
local verb, key, at = ARGV[1], P .. 'hook:' .. ARGV[2], now()
local lease = key .. ':lease'

local function holder()
  local f = redis.call('HMGET', lease, 'holder', 'over')
  return f[1] and tonumber(f[2]) > at and f[1]
end

local function hold(whom, for_ms) redis.call('HSET', lease, 'holder', whom, 'over', at + tonumber(for_ms)) end

if verb == 'due' then
  if redis.call('XLEN', key) == 0 or holder() then return 0 end
  hold('rung', ARGV[3])
  return 1
elseif verb == 'take' then
  local other = holder()
  if other and other ~= 'rung' and other ~= ARGV[3] then return { 0 } end
  hold(ARGV[3], ARGV[4])
  local result = { tonumber(redis.call('GET', key .. ':dropped') or '0') }
  redis.call('DEL', key .. ':dropped')
  for _, entry in ipairs(redis.call('XRANGE', key, '-', '+', 'COUNT', ARGV[5])) do
    result[#result + 1] = entry[1]
    result[#result + 1] = entry[2][2]
  end
  return result
elseif verb == 'done' then
  redis.call('DEL', key .. ':failures')
  return redis.call('XDEL', key, ARGV[3])
elseif verb == 'rest' then
  local failures = redis.call('INCR', key .. ':failures')
  local wait = math.min(tonumber(ARGV[4]) * 2 ^ math.min(failures - 1, 20), tonumber(ARGV[5]))
  hold('resting', wait)
  return wait
elseif holder() == ARGV[3] then
  redis.call('DEL', lease)
end
return 0
