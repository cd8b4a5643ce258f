-- Find what crashes and lost bells left behind. ARGV: limit, broker_idle 0|1, bell lease ms, batch, bell prefix,
-- most crashes, retention ms
-- Returns leases over, quarantined, unknown, parked, due, bells ...
local at, limit, retention = now(), tonumber(ARGV[1]), tonumber(ARGV[7])
local over, quarantined, unknown, parked = 0, 0, 0, 0
for _, id in ipairs(redis.call('ZRANGEBYSCORE', P .. 'lease', '-inf', at, 'LIMIT', 0, limit)) do
  local crashes = redis.call('HINCRBY', mail_key(id), 'crashes', 1)
  over = over + 1
  if crashes >= tonumber(ARGV[6]) then
    retire(id, 'claimed', 'quarantined', at, { why = 'its worker ended ' .. crashes .. ' times in it' }, retention)
    quarantined = quarantined + 1
  else
    move(id, 'claimed', 'waiting', at)
    redis.call('HSET', mail_key(id), 'due', at)
    note(id, { at = at / 1000, state = 'waiting', why = 'lease over' })
  end
end
for _, id in ipairs(redis.call('ZRANGEBYSCORE', P .. 'dot', '-inf', at, 'LIMIT', 0, limit)) do
  unknown = unknown + 1
  local next_state = to_unknown(id, 'at_dot', at, 0, { why = 'its worker ended between the dot and the settlement' })
  if next_state == 'parked' then parked = parked + 1 end
end
-- Bells. One that was answered and not renewed has lost its worker; one that was rung and is in no broker any more
-- was lost on its way. While the broker still holds messages of the queue, rung bells are waiting their turn.
redis.call('ZREMRANGEBYSCORE', P .. 'answered', '-inf', at)
if ARGV[2] == '1' then
  redis.call('ZREMRANGEBYSCORE', P .. 'rung', '-inf', at)
end
local result = { over, quarantined, unknown, parked, redis.call('ZCOUNT', P .. 'due', '-inf', at) }
for i = 1, bells_wanted(at, tonumber(ARGV[4])) do
  local bell = ARGV[5] .. ':' .. i
  redis.call('ZADD', P .. 'rung', at + tonumber(ARGV[3]), bell)
  result[#result + 1] = bell
end
return result
