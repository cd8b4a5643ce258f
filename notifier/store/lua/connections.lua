-- The connections of one relay, from all replicas: 'live' holds each token until the moment at which it is given up.
-- Of those, 'ready' are established; 'trying' holds since when each other one is being made, and 'turns' until when that is
-- believed, for whoever is killed or frozen leaves his turn to others soon; 'lately' when the last ones were established, and
-- 'took' how long the last one did; 'doubt' is there after one that failed, until the next is established.
-- ARGV: 'connect', token, lease ms, most or 0, recover ms, patience ms, later ms, and both where there is doubt, hurried
--       patience ms, the set of queues, what their keys begin with before the name and behind it
--     | 'turns', tokens ... | 'keep', lease ms, tokens ... | 'established', 'release' or 'forgo', token, lease ms
--     | 'throttled', 1 where the greeting said it, pause ms
local at, verb = now(), ARGV[1]
local live, ready, throttle = P .. 'live', P .. 'ready', P .. 'throttle'
local trying, turns, lately, doubt = P .. 'trying', P .. 'turns', P .. 'lately', P .. 'doubt'
local took = P .. 'took'
local TURN, LATELY, DOUBT, KEPT, TOOK = 6000, 10000, 60000, 3600000, 86400000 -- ms
local UNCLAIMED = 50 -- ms; a slot that is free has claimed what is due by then

for _, gone in ipairs(redis.call('ZRANGEBYSCORE', live, '-inf', at)) do
  redis.call('ZREM', live, gone)
  redis.call('SREM', ready, gone)
end

local function turn_over(token)
  redis.call('ZREM', turns, token)
  return redis.call('ZREM', trying, token) == 1
end

for _, gone in ipairs(redis.call('ZRANGEBYSCORE', turns, '-inf', at)) do turn_over(gone) end

-- These are connected, and established. One that was given up meanwhile counts again, whatever the limit says: its worker was
-- frozen, or its greeting was late, and the relay has it.
local function lease(tokens, milliseconds)
  for _, token in ipairs(tokens) do
    redis.call('ZADD', live, at + milliseconds, token)
    redis.call('SADD', ready, token)
    turn_over(token) -- what was said when it was established may have been lost
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

-- How many may be made at once: as many as were got, so that a relay that does not answer holds up few of all workers.
local function at_once()
  if redis.call('EXISTS', doubt) == 1 then return 1 end
  redis.call('ZREMRANGEBYSCORE', lately, '-inf', at - LATELY)
  return math.max(1, redis.call('SCARD', ready), redis.call('ZCARD', lately))
end

-- True where mails are due that somebody consumes, and every slot is at work: one that waits for its turn is in their way. A
-- slot that is at work has answered a bell, of whatever queue; for one that has not said so for long another bell has rung, and
-- nobody answers that. A key that cannot be read is another's trouble.
local function slots_are_wanted()
  local at_work, slots = 0, 0
  for _, queue in ipairs(redis.pcall('SMEMBERS', ARGV[11])) do
    local theirs = ARGV[12] .. queue .. ARGV[13]
    for _, bells in ipairs({ 'rung', 'answered' }) do
      at_work = at_work + (tonumber(redis.pcall('ZCARD', theirs .. bells)) or 0)
    end
    local due = redis.pcall('ZRANGEBYSCORE', theirs .. 'due', '-inf', at - UNCLAIMED, 'LIMIT', 0, 1)
    if due[1] and redis.call('EXISTS', theirs .. 'paused') == 0 then
      slots = math.max(slots, registered_slots(at, theirs))
    end
  end
  return slots > 0 and slots <= at_work
end

-- For how long it is worth waiting at such a patience, ms. Where slots are wanted, for twice as long as the relay took the last
-- time, for others' mails wait as long: it may be dead. Where the last one failed that is likely, and none is waited for.
local function hurried(patience, doubted)
  if not slots_are_wanted() then return patience end
  if doubted == 1 then return 0 end
  local usual = tonumber(redis.pcall('GET', took)) or 0
  return math.min(patience, math.max(tonumber(ARGV[10]), 2 * usual))
end

-- Nil where one more may be made. Else until when others ask again, and for how long it is worth waiting for one of those
-- that are being made, ms; and 1 where there is doubt. Who hurries asks again when the others' patience is over, too: his mails
-- wait in the ledger as long as they would have in a slot.
local function refusal()
  if redis.call('ZCARD', trying) < at_once() then return nil end
  local first = tonumber(redis.call('ZRANGE', trying, 0, 0, 'WITHSCORES')[2])
  local doubted = redis.call('EXISTS', doubt)
  local times = doubted == 1 and 8 or 6
  local patience, later = tonumber(ARGV[times]), tonumber(ARGV[times + 1])
  local left = first + patience - at
  if left <= 0 then return later, 0, doubted end
  local worth = first + hurried(patience, doubted) - at
  return worth < left and left or later, math.max(0, worth), doubted
end

if verb == 'connect' then
  local lease_ms = tonumber(ARGV[3])
  -- The answer was lost, and it is asked again: nobody waits for himself.
  if redis.call('ZSCORE', trying, ARGV[2]) then return { 0, redis.call('ZCARD', live), -1, 0 } end
  local count, most = redis.call('ZCARD', live), allowed(tonumber(ARGV[4]), tonumber(ARGV[5]))
  if most > 0 and count >= most then return { 1000, count, -1, 0 } end
  local later, patience, doubted = refusal()
  if later then return { later, count, patience, doubted } end
  redis.call('ZADD', live, at + lease_ms, ARGV[2])
  redis.call('ZADD', trying, at, ARGV[2])
  redis.call('ZADD', turns, at + TURN, ARGV[2])
  redis.call('PEXPIRE', trying, KEPT)
  redis.call('PEXPIRE', turns, KEPT)
  redis.call('PEXPIRE', live, lease_ms * 2)
  return { 0, count + 1, -1, 0 }
elseif verb == 'turns' then
  for i = 2, #ARGV do redis.call('ZADD', turns, 'XX', at + TURN, ARGV[i]) end
  return redis.call('ZCARD', turns)
elseif verb == 'established' then
  local since = redis.call('ZSCORE', trying, ARGV[2])
  if since then redis.call('SET', took, at - since, 'PX', TOOK) end
  lease({ ARGV[2] }, tonumber(ARGV[3]))
  redis.call('DEL', doubt)
  redis.call('ZADD', lately, at, ARGV[2])
  redis.call('PEXPIRE', lately, LATELY)
  return redis.call('SCARD', ready)
elseif verb == 'keep' then
  lease({ unpack(ARGV, 3) }, tonumber(ARGV[2]))
  return redis.call('ZCARD', live)
elseif verb == 'release' or verb == 'forgo' then
  local failed = turn_over(ARGV[2]) and verb == 'release'
  if failed then redis.call('SET', doubt, 1, 'PX', DOUBT) end
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
