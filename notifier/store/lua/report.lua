-- What is known of one report: up to where its periods were looked at, which are open, and what became of others.
-- KEYS[1] is the prefix of its keys. 'open' holds the open periods with the time from which on somebody may take them: the
-- end of a lease, or of a wait. ARGV: verb, then:
--   'look': the time, ms, up to where periods were looked at, ms or '', and by which schedule or ''
--   'open', from where or '', up to where, by which schedule, how many are due, periods due ..., periods missed ...: 1 where
--     nobody was quicker
--   'due': the periods that may be taken
--   'take', period, owner, lease ms, most crashes: {'taken', failures, the blob that holds what it says or '', recipients
--     reached ...}, {'crashed'} where it has ended its worker too often, or {} where another has it
--   'renew', period, owner, lease ms
--   'keep', period, owner, blob: what it says is made. 1, or 0 where another has it now
--   'reach', period, owner, recipients ...: they have their mails. The same
--   'wait', period, owner, ms, why, 0|1: it could not be made; 1 where that counts as a failure. The same
--   'close', period, owner, state, why: the same
--   'again', period: a person wants it now; 0 where a worker has it
--   'stands': what is open (period, from when on, why, failures) and what was (JSON), each as a list
local verb, period, at = ARGV[1], ARGV[2], now()
local open, past = P .. 'open', P .. 'past'
local PAST = 50
local REMEMBERED = 60 * 86400 -- seconds that recipients of a period are known to have it

local function details() return P .. 'period:' .. period end

local function reached() return P .. 'reached:' .. period end

local function is_mine() return redis.call('HGET', details(), 'owner') == ARGV[3] and redis.call('ZSCORE', open, period) end

local function remember(name, state, why)
  redis.call('LPUSH', past, cjson.encode({ period = name, state = state, at = at / 1000, why = why }))
  redis.call('LTRIM', past, 0, PAST - 1)
end

local function close(state, why)
  redis.call('ZREM', open, period)
  redis.call('DEL', details())
  redis.call('EXPIRE', reached(), REMEMBERED)
  remember(period, state, why)
end

if verb == 'look' then
  return { at, redis.call('GET', P .. 'looked') or '', redis.call('GET', P .. 'schedule') or '' }
elseif verb == 'open' then
  if (redis.call('GET', P .. 'looked') or '') ~= ARGV[2] then return 0 end
  redis.call('SET', P .. 'looked', ARGV[3])
  if ARGV[4] ~= '' then redis.call('SET', P .. 'schedule', ARGV[4]) end
  for i = 6, #ARGV do
    period = ARGV[i]
    if i < 6 + tonumber(ARGV[5]) then
      -- A person who could not wait may have sent it, or a clock that was ahead; a worker may be at it for that person.
      if redis.call('EXISTS', reached()) == 0 then redis.call('ZADD', open, 'NX', at, period) end
    else
      remember(period, 'missed', 'nobody looked in time')
    end
  end
  return 1
elseif verb == 'due' then
  return redis.call('ZRANGEBYSCORE', open, '-inf', at)
elseif verb == 'take' then
  local free = redis.call('ZSCORE', open, period)
  if not free or tonumber(free) > at then return {} end
  local crashes = redis.call('HINCRBY', details(), 'crashes', 1) - 1
  if crashes >= tonumber(ARGV[5]) then
    close('failed', 'its worker ended ' .. crashes .. ' times in it')
    return { 'crashed' }
  end
  redis.call('HSET', details(), 'owner', ARGV[3], 'crashed_by', redis.call('HGET', details(), 'owner') or '')
  redis.call('ZADD', open, at + tonumber(ARGV[4]), period)
  local f = redis.call('HMGET', details(), 'failures', 'made')
  local result = { 'taken', tonumber(f[1] or nil) or 0, f[2] or '' }
  for _, one in ipairs(redis.call('SMEMBERS', reached())) do result[#result + 1] = one end
  return result
elseif verb == 'again' then
  local free = redis.call('ZSCORE', open, period)
  if free and tonumber(free) > at and (redis.call('HGET', details(), 'owner') or '') ~= '' then return 0 end
  redis.call('PERSIST', reached())
  redis.call('ZADD', open, at, period)
  return 1
elseif verb == 'stands' then
  local result = { {}, redis.call('LRANGE', past, 0, -1) }
  local periods = redis.call('ZRANGE', open, 0, -1, 'WITHSCORES')
  for i = 1, #periods, 2 do
    local f = redis.call('HMGET', P .. 'period:' .. periods[i], 'why', 'failures')
    local one = { periods[i], tonumber(periods[i + 1]), f[1] or '', tonumber(f[2] or nil) or 0 }
    result[1][#result[1] + 1] = one
  end
  return result
end

if not is_mine() then
  -- Whoever lost it and still has a word to say has not ended: the ledger was away for longer than the lease.
  if redis.call('HGET', details(), 'crashed_by') == ARGV[3] then
    redis.call('HINCRBY', details(), 'crashes', -1)
    redis.call('HDEL', details(), 'crashed_by')
  end
  return 0
end
if verb == 'renew' then
  redis.call('ZADD', open, at + tonumber(ARGV[4]), period)
elseif verb == 'keep' then
  redis.call('HSET', details(), 'made', ARGV[4])
elseif verb == 'reach' then
  local new = 0
  for i = 4, #ARGV do new = new + redis.call('SADD', reached(), ARGV[i]) end
  if new > 0 then redis.call('HSET', details(), 'crashes', 0, 'crashed_by', '') end -- whoever ends a worker that gets on is not the report
elseif verb == 'wait' then
  redis.call('ZADD', open, at + tonumber(ARGV[4]), period)
  redis.call('HINCRBY', details(), 'failures', ARGV[6])
  redis.call('HSET', details(), 'why', ARGV[5], 'crashes', 0, 'owner', '', 'crashed_by', '')
else
  close(ARGV[4], ARGV[5])
end
return 1
