-- Shared by every script. KEYS[1] is the prefix of one queue, "namespace:{queue}:", so that all of the queue's keys
-- live in one slot. EDGES comes before this text; it is written from notifier.model.state.

local P = KEYS[1]

-- The index of each state: a sorted set from mail id to what the state waits for (milliseconds). notifier.store.keys
-- has the same.
local INDEX = {
  waiting = 'due', claimed = 'lease', at_dot = 'dot', unknown = 'unknown', parked = 'parked', cancelled = 'cancelled',
  failed = 'failed', expired = 'expired', quarantined = 'quarantined',
}
local ENDED = { sent = true, cancelled = true, discarded = true }
local HISTORY = 50

local function now()
  local t = redis.call('TIME')
  return tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
end

local function mail_key(id) return P .. 'mail:' .. id end

-- Say again what is there. WAITAOF waits for the last write of its connection: where a step is asked for twice, the
-- second answer must not say "on disk" while the first write is still on its way there.
local function touch(id, field)
  local key = mail_key(id)
  redis.call('HSET', key, field, redis.call('HGET', key, field))
end

-- What the suppression list says of an address (in lower case), if it is not to be mailed now. An entry that cannot be
-- read has no end: whoever wrote it did not want the address to be mailed.
local function suppressed(list, address, at)
  local entry = redis.call('HGET', list, address)
  if not entry then return nil end
  local is_json, known = pcall(cjson.decode, entry)
  local over = is_json and type(known) == 'table' and tonumber(known['until'])
  return (not over or over > at / 1000) and entry
end

-- Hooks are told by the edge itself: no settlement without its event, whoever takes it. HOOKS comes before this text.
-- Nothing of a recipient goes along, and no words of a server, which may name one.
local TOLD = {
  sent = 'mail_accepted', waiting = 'mail_deferred', failed = 'mail_failed', expired = 'mail_failed',
  quarantined = 'mail_failed', unknown = 'mail_unknown',
}
local BACKLOG = 10000 -- events that wait for a hook; the oldest are dropped, counted and said

local function publish(event)
  for _, kind in ipairs(HOOKS) do
    local key = P .. 'hook:' .. kind
    redis.call('XADD', key, '*', 'event', cjson.encode(event))
    local over = redis.call('XLEN', key) - BACKLOG
    if over > 0 then
      redis.call('XTRIM', key, 'MAXLEN', BACKLOG)
      redis.call('INCRBY', key .. ':dropped', over)
    end
  end
end

local function tell(id, at, state, entry)
  if #HOOKS == 0 or not TOLD[state] or (state == 'waiting' and not entry.fault) then return end
  local f = redis.call('HMGET', mail_key(id), 'template', 'class', 'attempt')
  local fault = entry.fault
  publish({
    name = TOLD[state], mail_id = id, state = state, at = at / 1000, template = f[1], mail_class = f[2],
    attempt = entry.attempt or tonumber(f[3] or nil) or 0, relay = entry.relay, why = entry.why,
    fault = fault and {
      taxonomy_id = fault.taxonomy_id, error_class = fault.error_class, scope = fault.scope, phase = fault.phase,
      host = fault.host, code = fault.code, enhanced = fault.enhanced,
    },
  })
end

local function record(id, entry)
  redis.call('RPUSH', P .. 'history:' .. id, cjson.encode(entry))
  redis.call('LTRIM', P .. 'history:' .. id, -HISTORY, -1)
end

-- What happens here, for metrics: nobody else sees every edge. Written once a script, and kept as long as the queue.
local COUNTED = {}

local function count(what, by) COUNTED[what] = (COUNTED[what] or 0) + (by or 1) end

local function write_counted()
  for what, by in pairs(COUNTED) do redis.call('HINCRBY', P .. 'counted', what, by) end
end

-- What the history says of an edge. Hooks are told.
local function said(id, at, state, entry)
  tell(id, at, state, entry)
  entry.at = at / 1000
  entry.state = state
  return entry
end

local function note(id, at, state, entry) record(id, said(id, at, state, entry)) end

-- From one index to another. An edge that is not in the table is an error of ours; callers look before their first write.
local function shift(id, from, to, score)
  if not EDGES[from .. '>' .. to] then error('LEDGER no edge from ' .. from .. ' to ' .. to) end
  if INDEX[from] then redis.call('ZREM', P .. INDEX[from], id) end
  if INDEX[to] then redis.call('ZADD', P .. INDEX[to], score, id) end
  count('edge ' .. from .. ' ' .. to)
end

-- Take one edge to a state in which the record stays whole.
local function move(id, from, to, at, score, entry)
  shift(id, from, to, score)
  redis.call('HSET', mail_key(id), 'state', to)
  if entry then note(id, at, to, entry) end
end

-- Back to the queue. Never due after the deadline: the claim that finds it over is what says "expired".
local function wait(id, from, at, due, entry)
  local key = mail_key(id)
  local deadline = tonumber(redis.call('HGET', key, 'deadline')) or due
  local clamped = math.min(due, math.max(deadline, at))
  move(id, from, 'waiting', at, clamped, entry)
  redis.call('HSET', key, 'due', clamped)
end

-- Count references to blobs. 'refs' holds for each blob how many times the records of this queue refer to it.
local function refer(names, by)
  for name in string.gmatch(names, '%S+') do
    if redis.call('HINCRBY', P .. 'refs', name, by) <= 0 then redis.call('HDEL', P .. 'refs', name) end
  end
end

-- The member of 'over' that says until when the attachments of an ended mail are kept.
local function over_of(id, blobs) return id .. ' ' .. blobs end

-- What is left of a mail that has ended is one string, a JSON array, for a hash and a list with the same in it take three
-- times the memory. notifier.store.ended reads it too. Mails that ended before there was this are still in their hash.
local LEFT = {
  'state', 'settled', 'body', 'created', 'template', 'class', 'recipients', 'history', 'attempt', 'crashes', 'unknowns',
  'setbacks', 'blobs',
}
local ROW = { 'at', 'state', 'attempt', 'reply', 'relay', 'why', 'fault', 'report' } -- of its history
local BODY = 32 -- digits of the body's digest that are kept; that is as many as tell two mails apart

local function ended_key(id) return P .. 'ended:' .. id end

-- The values by their names; false where there is none, and nothing behind the last one.
local function packed(names, values)
  local array, last = {}, 0
  for i, name in ipairs(names) do
    array[i] = values[name] or false
    if array[i] then last = i end
  end
  for i = #names, last + 1, -1 do array[i] = nil end
  return array
end

local function unpacked(names, array)
  local values = {}
  for i, name in ipairs(names) do values[name] = array[i] or nil end
  return values
end

-- What is left of a mail, or nil.
local function left_of(id)
  local text = redis.call('GET', ended_key(id))
  return text and unpacked(LEFT, cjson.decode(text))
end

local function keep_left(id, left, ...) redis.call('SET', ended_key(id), cjson.encode(packed(LEFT, left)), ...) end

-- The state of a mail that has ended, or ''; see `touch`.
local function ended_state(id)
  local text = redis.call('GET', ended_key(id))
  if not text then return '' end
  redis.call('SET', ended_key(id), text, 'KEEPTTL')
  return cjson.decode(text)[1]
end

-- A restored ledger gives a fence twice. The end of an owner, which is another with each claim, tells who has settled.
local function mark_of(owner) return string.sub(owner, -4) end

-- What is left of a mail that ends, with what is to be done about the rest. Before anything is written: a record that cannot be
-- read is an error, and stays as it is. `changes`: fields of the record that are others by now, for it goes unwritten.
local function leftover(id, to, changes)
  local f = redis.call('HMGET', mail_key(id), 'state', 'settled', 'body', 'created', 'template', 'class', 'recipients',
    'retention', 'attempt', 'crashes', 'unknowns', 'setbacks', 'blobs', 'settled_by', 'own')
  local left, settled_by = unpacked(LEFT, f), changes.settled_by or f[14]
  for name, value in pairs(changes) do left[name] = value end
  left.state, left.body, left.history = to, string.sub(f[3] or '', 1, BODY), {}
  left.recipients = cjson.decode(left.recipients)
  for _, name in ipairs({ 'settled', 'created', 'attempt', 'crashes', 'unknowns', 'setbacks' }) do
    left[name] = tonumber(left[name] or nil)
    if left[name] == 0 then left[name] = nil end
  end
  if left.settled and settled_by then left.settled = left.settled .. ' ' .. settled_by end
  for i, text in ipairs(redis.call('LRANGE', P .. 'history:' .. id, 0, -1)) do
    left.history[i] = packed(ROW, cjson.decode(text))
  end
  left.retention, left.own = tonumber(f[8] or nil), f[15]
  return left
end

-- Of a mail that has ended only this is kept, for its class's retention or everybody's, and its attachments as long.
local function shrink(id, at, left, retention)
  local kept = left.retention or retention
  if left.blobs then redis.call('ZADD', P .. 'over', at + kept, over_of(id, left.blobs)) end
  if left.own then refer(left.own, -1) end -- blobs with what the mail said
  redis.call('DEL', mail_key(id), P .. 'history:' .. id, P .. 'composed:' .. id)
  keep_left(id, left, 'PX', kept)
end

-- What became of recipients, counted for reports by day (UTC), template and domain. 'deferred' counts each time. So many
-- fields a day at most: domains that are over it are counted together, as '*'.
local TALLIED = { accepted = 'sent', refused = 'failed' }
local TALLY_FIELDS = 2000
local TALLY_KEPT = 70 * 86400 -- seconds; a month and the one before it

local function tally(at, template, path, state)
  local key = P .. 'tally:' .. math.floor(at / 86400000)
  local field = state .. ' ' .. string.lower(string.match(path, '@([^@]*)$') or '') .. ' ' .. (template or '')
  if redis.call('HINCRBY', key, field, 1) > 1 then return end
  local fields = redis.call('HLEN', key)
  if fields == 1 then
    redis.call('EXPIRE', key, TALLY_KEPT)
  elseif fields > TALLY_FIELDS then
    redis.call('HDEL', key, field)
    redis.call('HINCRBY', key, state .. ' * ' .. (template or ''), 1)
  end
end

-- Recipients who have no verdict of their own share the mail's.
local function tally_open(at, template, recipients, state)
  for path, was in pairs(recipients) do
    if was == 'pending' or was == 'deferred' or (was == 'unknown' and state == 'failed') then
      tally(at, template, path, state)
    end
  end
end

-- To a state that nothing leaves by itself. A dead letter is kept whole. `changes`: see `leftover`; only of a mail that ends.
local function retire(id, from, to, at, entry, retention, changes)
  if to == 'failed' or to == 'expired' or to == 'quarantined' then
    local f = redis.call('HMGET', mail_key(id), 'template', 'recipients')
    local readable, recipients = pcall(cjson.decode, f[2] or '{}') -- what nobody can read is retired too
    if readable then tally_open(at, f[1], recipients, 'failed') end
  end
  if not ENDED[to] then return move(id, from, to, at, at, entry) end
  -- State and entry are not written into the record first, which goes.
  local left = leftover(id, to, changes or {})
  shift(id, from, to, at)
  redis.call('HINCRBY', P .. 'ended', to, 1)
  left.history[#left.history + 1] = packed(ROW, said(id, at, to, entry))
  if #left.history > HISTORY then table.remove(left.history, 1) end
  shrink(id, at, left, retention)
end

-- A mail whose deadline has passed while it waited. Returns true where it is not to be delivered.
local function retired_if_over(id, at, retention)
  local deadline = tonumber(redis.call('HGET', mail_key(id), 'deadline') or nil)
  if not deadline then
    redis.call('ZREM', P .. 'due', id) -- its record is gone: somebody deleted the key
  elseif deadline <= at then
    retire(id, 'waiting', 'expired', at, { why = 'its deadline passed' }, retention)
  else
    return false
  end
  return true
end

-- Nobody knows whether it arrived: one of the two policies says what is done. Returns where it went.
local function fall_back(id, policy, at, due, why)
  local key = mail_key(id)
  if policy == 'at_least_once' and (tonumber(redis.call('HGET', key, 'resent') or nil) or 0) < 1 then
    redis.call('HINCRBY', key, 'resent', 1)
    redis.call('HSET', key, 'resent_by', redis.call('HGET', key, 'fence') or '') -- the claim that has to be believed for it
    wait(id, 'unknown', at, due, { why = 'resent once after an unknown outcome' })
    count('resolved resent')
    return 'waiting'
  end
  move(id, 'unknown', 'parked', at, at, { why = why })
  count('resolved parked')
  return 'parked'
end

-- The final reply of a mail is lost: its class decides in the same step (RFC 1047). Returns where it went.
local function to_unknown(id, at, wait_ms, entry)
  local key = mail_key(id)
  local f = redis.call('HMGET', key, 'delivery', 'resend_after', 'evidence_for')
  local resend_from = at + (tonumber(f[2] or nil) or wait_ms)
  -- The score in the index: until when it waits for proof.
  move(id, 'at_dot', 'unknown', at, at + (tonumber(f[3] or nil) or 0), entry)
  redis.call('HINCRBY', key, 'unknowns', 1)
  count('unknown ' .. (entry.fault and entry.fault.taxonomy_id or 'Z8'))
  if f[1] == 'evidence_first' then
    redis.call('HSET', key, 'resend_from', resend_from)
    return 'unknown'
  end
  return fall_back(id, f[1], at, resend_from, 'a person decides')
end

-- Mails wait for the end of somebody's pause: 'holds' has the names, 'held:NAME' the mails.
local function hold(id, name)
  redis.call('SADD', P .. 'holds', name)
  redis.call('SADD', P .. 'held:' .. name, id)
end

-- What waits for it is due now, up to so many mails. Returns how many were made due, and how many still wait.
local function let_go(name, at, limit)
  local held, released = P .. 'held:' .. name, 0
  for _, id in ipairs(redis.call('SPOP', held, limit)) do
    if redis.call('HGET', mail_key(id), 'state') == 'waiting' then
      wait(id, 'waiting', at, at, { why = name .. ' goes on' })
      released = released + 1
    end
  end
  local left = redis.call('SCARD', held)
  if left == 0 then redis.call('SREM', P .. 'holds', name) end
  return released, left
end

-- An operator has said that nothing of the queue goes out for now. Mails are still taken in.
local function is_paused() return redis.call('EXISTS', P .. 'paused') == 1 end

-- Of the workers that consume this queue, or one whose keys begin so.
local function registered_slots(at, theirs)
  theirs = theirs or P
  local slots = 0
  for _, owner in ipairs(redis.call('ZRANGEBYSCORE', theirs .. 'workers', '(' .. at, '+inf')) do
    slots = slots + tonumber(redis.call('HGET', theirs .. 'slots', owner) or '0')
  end
  return slots
end

-- Bells are leased entries and not a counter, which would leak on a kill. They count, rung or answered, until the
-- sweeper takes them away, however old they are: only it can look into the broker, and a call that counted by age
-- would ring on while every slot is busy. At most one for each slot; one more may be out for a while, where a slot was
-- longer in a slow dialogue than its bell lives: that does no harm, it finds the mails claimed.
local function bells_wanted(at, batch)
  if is_paused() then return 0 end
  local due = redis.call('ZCOUNT', P .. 'due', '-inf', at)
  local rung, answered = redis.call('ZCARD', P .. 'rung'), redis.call('ZCARD', P .. 'answered')
  -- A slot that has answered may be held up by a slow relay: what is due now deserves a slot that is free.
  local worth = math.ceil(due / batch) - rung
  if worth <= 0 then return 0 end
  return math.max(0, math.min(math.max(registered_slots(at), 1) - rung - answered, worth))
end
