-- The backlog of a hook: a stream that the edges fill (see `tell` in the prelude), and a lease for the one who tells.
-- ARGV: verb, kind, then:
--   'due', ring ms: 1 where somebody is to be rung for, who gets that long to come
--   'take', owner, lease ms, limit: how many were dropped since the last time, then id and event of each
--   'done', id: told, or never to be told
--   'rest', owner, first ms, most ms: it could not be told; nobody tries for a while. Returns how long, ms
--   'end', owner: the lease is over
local verb, key = ARGV[1], P .. 'hook:' .. ARGV[2]
local lease = key .. ':lease'

if verb == 'due' then
  if redis.call('XLEN', key) == 0 then return 0 end
  return redis.call('SET', lease, 'rung', 'NX', 'PX', ARGV[3]) and 1 or 0
elseif verb == 'take' then
  local holder = redis.call('GET', lease)
  if holder and holder ~= 'rung' and holder ~= ARGV[3] then return { 0 } end
  redis.call('SET', lease, ARGV[3], 'PX', ARGV[4])
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
  redis.call('SET', lease, 'resting', 'PX', wait)
  return wait
elseif redis.call('GET', lease) == ARGV[3] then
  redis.call('DEL', lease)
end
return 0
