-- Find what crashes and lost bells left behind. ARGV: limit, broker_idle 0|1, bell lease ms, batch, bell prefix,
-- most crashes, retention ms, grace ms, then whatever is paused
-- Returns leases over, quarantined, unknown, parked, due, bells ...
local at, limit, retention = now(), tonumber(ARGV[1]), tonumber(ARGV[7])
local over, quarantined, unknown, parked = 0, 0, 0, 0

-- Those of an index whose time is over and whose record is still there (somebody may have deleted the key).
local function timed_out(index)
  local ids = {}
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', P .. index, '-inf', at, 'LIMIT', 0, limit)) do
    if redis.call('HEXISTS', mail_key(id), 'state') == 1 then
      ids[#ids + 1] = id
    else
      redis.call('ZREM', P .. index, id)
    end
  end
  return ids
end

for _, id in ipairs(timed_out('lease')) do
  local key = mail_key(id)
  local crashes = redis.call('HINCRBY', key, 'crashes', 1)
  local f = redis.call('HMGET', key, 'fence', 'survived')
  redis.call('HSET', key, 'crashed_by', f[1] or '')
  over = over + 1
  if crashes - (tonumber(f[2] or nil) or 0) >= tonumber(ARGV[6]) then
    retire(id, 'claimed', 'quarantined', at, { why = 'its worker ended ' .. crashes .. ' times in it' }, retention)
    quarantined = quarantined + 1
  else
    wait(id, 'claimed', at, at, { why = 'lease over' })
  end
end

-- Whom the lost terminator was for: everybody who was still to be mailed.
local function open_to_unknown(id)
  local key = mail_key(id)
  local recipients = cjson.decode(redis.call('HGET', key, 'recipients'))
  for path, state in pairs(recipients) do
    if state == 'pending' or state == 'deferred' then recipients[path] = 'unknown' end
  end
  redis.call('HSET', key, 'recipients', cjson.encode(recipients))
end

-- Where nobody has swept for a while, the ledger or all workers were away: what was read meanwhile lies in the journals
-- of the workers, and they get the time to tell it before we have to call it unknown; those who know where to look for
-- proof get the time to ask for it. What is over within that time is over no sooner than it. Not for ever: where beat
-- alone sweeps a queue, each of its sweeps comes after such a while.
local grace = tonumber(ARGV[8])
local GRACES = 3 -- for each claim
local PROOF_TAKES = 3 -- times the grace: a task is called, and asks somebody

local function give_time(index, till)
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', P .. index, '-inf', till)) do
    local f = redis.call('HMGET', mail_key(id), 'fence', 'graced')
    local fence, times = string.match(f[2] or '', '^(%d+) (%d+)$')
    times = fence == f[1] and tonumber(times) or 0
    if f[1] and times < GRACES then
      redis.call('HSET', mail_key(id), 'graced', f[1] .. ' ' .. times + 1)
      redis.call('ZADD', P .. index, till, id)
    end
  end
end

local last = tonumber(redis.call('GET', P .. 'swept') or nil)
redis.call('SET', P .. 'swept', at)
if last and at - last > grace then
  give_time('dot', at + grace)
  give_time('unknown', at + PROOF_TAKES * grace)
end

for _, id in ipairs(timed_out('dot')) do
  open_to_unknown(id)
  unknown = unknown + 1
  -- No wait on top: the takeover time has passed.
  local went = to_unknown(id, at, 0, { why = 'its worker ended between the dot and the settlement' })
  if went == 'parked' then parked = parked + 1 end
end

-- Those that wait for proof, and none came in time.
for _, id in ipairs(timed_out('unknown')) do
  local f = redis.call('HMGET', mail_key(id), 'then', 'resend_from')
  local due = math.max(at, tonumber(f[2] or nil) or at)
  local went = fall_back(id, f[1], at, due, 'no proof came in time, and a person decides')
  if went == 'parked' then parked = parked + 1 end
end

-- A worker may have held a mail a moment after the pause was over, for it looks once a second; and who resumed may have
-- ended half way.
local in_force = {}
for i = 9, #ARGV do in_force[ARGV[i]] = true end
for _, name in ipairs(redis.call('SMEMBERS', P .. 'holds')) do
  if not in_force[name] then let_go(name, at, limit) end
end

for _, id in ipairs(timed_out('due')) do retired_if_over(id, at, retention) end
redis.call('ZREMRANGEBYSCORE', P .. 'cancelled', '-inf', at - retention)
for _, entry in ipairs(redis.call('ZRANGEBYSCORE', P .. 'over', '-inf', at, 'LIMIT', 0, limit)) do
  refer(string.match(entry, ' (.*)'), -1)
  redis.call('ZREM', P .. 'over', entry)
end

-- Bells. One that was answered and not renewed has lost its worker; one that was rung and is in no broker any more
-- was lost on its way. While the broker still holds messages of the queue, rung bells are waiting their turn; but it may always
-- hold some, of other bells or of another application, and a lost one would be waited for without end. So none is waited
-- for much longer than a turn takes: where slots are busy for that long, there is one bell too many for each, once in that time.
local TURN_TAKES = math.max(60000, 12 * tonumber(ARGV[3])) -- ms
redis.call('ZREMRANGEBYSCORE', P .. 'answered', '-inf', at)
redis.call('ZREMRANGEBYSCORE', P .. 'rung', '-inf', ARGV[2] == '1' and at or at - TURN_TAKES)
local result = { over, quarantined, unknown, parked, redis.call('ZCOUNT', P .. 'due', '-inf', at) }
for i = 1, bells_wanted(at, tonumber(ARGV[4])) do
  local bell = ARGV[5] .. ':' .. i
  redis.call('ZADD', P .. 'rung', at + tonumber(ARGV[3]), bell)
  result[#result + 1] = bell
end
return result
