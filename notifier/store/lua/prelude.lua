-- Shared by every script. KEYS[1] is the prefix of one queue, "namespace:{queue}:", so that all of the queue's keys
-- live in one slot. EDGES comes before this text; it is written from notifier.model.state.

local P = KEYS[1]

-- The index of each state: a sorted set from mail id to what the state waits for (milliseconds).
local INDEX = {
  waiting = 'due', claimed = 'lease', at_dot = 'dot', parked = 'parked', failed = 'failed', expired = 'expired',
  quarantined = 'quarantined', cancelled = 'cancelled', unknown = 'unknown',
}
local ENDED = { sent = true, cancelled = true, discarded = true }
local HISTORY = 50

local function now()
  local t = redis.call('TIME')
  return tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
end

local function mail_key(id) return P .. 'mail:' .. id end

local function note(id, entry)
  redis.call('RPUSH', P .. 'history:' .. id, cjson.encode(entry))
  redis.call('LTRIM', P .. 'history:' .. id, -HISTORY, -1)
end

-- Take one edge. A step that is not in the table is an error of ours, and nothing is written.
local function move(id, from, to, score)
  if not EDGES[from .. '>' .. to] then
    return redis.error_reply('LEDGER no edge from ' .. from .. ' to ' .. to)
  end
  if INDEX[from] then redis.call('ZREM', P .. INDEX[from], id) end
  if INDEX[to] then redis.call('ZADD', P .. INDEX[to], score, id) end
  redis.call('HSET', mail_key(id), 'state', to)
  return nil
end

-- A mail that has ended keeps its id, state, recipients and history, and nothing of its content.
local function end_mail(id, to, retention)
  if not ENDED[to] then return end
  redis.call('HINCRBY', P .. 'ended', to, 1)
  redis.call('HDEL', mail_key(id), 'payload')
  redis.call('DEL', P .. 'composed:' .. id)
  redis.call('PEXPIRE', mail_key(id), retention)
  redis.call('PEXPIRE', P .. 'history:' .. id, retention)
end

local function retire(id, from, to, at, entry, retention)
  move(id, from, to, at)
  entry.at = at / 1000
  entry.state = to
  note(id, entry)
  end_mail(id, to, retention)
end

-- The final reply of a mail is lost: its class decides in the same step (RFC 1047).
local function to_unknown(id, from, at, wait, entry)
  move(id, from, 'unknown', at)
  entry.at = at / 1000
  entry.state = 'unknown'
  note(id, entry)
  local key = mail_key(id)
  redis.call('HINCRBY', key, 'unknowns', 1)
  local again = redis.call('HGET', key, 'delivery') == 'at_least_once'
    and tonumber(redis.call('HGET', key, 'resent') or '0') < 1
  if again then
    redis.call('HINCRBY', key, 'resent', 1)
    local own = redis.call('HGET', key, 'resend_after')
    local due = at + (own ~= '' and tonumber(own) or wait)
    move(id, 'unknown', 'waiting', due)
    redis.call('HSET', key, 'due', due)
    note(id, { at = at / 1000, state = 'waiting', why = 'resent once after an unknown outcome' })
    return 'waiting'
  end
  move(id, 'unknown', 'parked', at)
  note(id, { at = at / 1000, state = 'parked', why = 'a person decides' })
  return 'parked'
end

local function live_slots(at)
  local slots = 0
  for _, owner in ipairs(redis.call('ZRANGEBYSCORE', P .. 'workers', at, '+inf')) do
    slots = slots + tonumber(redis.call('HGET', P .. 'slots', owner) or '0')
  end
  return math.max(slots, 1)
end

-- Bells that are out, rung or answered. They count until the sweeper takes them away, however old they are: only it
-- can look into the broker, and a call that counted by age would ring on while every slot is busy.
local function bells_out()
  return redis.call('ZCARD', P .. 'rung') + redis.call('ZCARD', P .. 'answered')
end

local function bells_wanted(at, batch)
  local due = redis.call('ZCOUNT', P .. 'due', '-inf', at)
  if due == 0 then return 0 end
  local out = bells_out()
  local worth = math.ceil(due / batch)
  if out >= worth then return 0 end
  return math.min(live_slots(at), worth) - out
end
