-- What a person decided on a mail that is parked or waits for proof, or on a dead letter. ARGV: id, state, why, retention ms, due in ms; and where
-- recipients are edited: those that are there now, the new payload, the new recipients, the blob that the
-- payload refers to or ''
-- Returns its state afterwards, '' where it is not known, 'edited' where its recipients are other ones by now.
local id, to, at = ARGV[1], ARGV[2], now()
local key = mail_key(id)
local f = redis.call('HMGET', key, 'state', 'recipients', 'patience')
local from = f[1]
if not from then
  local state = ended_state(id)
  if state == '' or state == to then return state end
  return redis.error_reply('LEDGER nobody can take a mail from ' .. state .. ' to ' .. to)
end
if from == to then -- said twice
  touch(id, 'state')
  return to
end
local for_people = from == 'unknown' or from == 'parked' or from == 'failed' or from == 'expired' or from == 'quarantined'
if not for_people or not EDGES[from .. '>' .. to] then
  return redis.error_reply('LEDGER nobody can take a mail from ' .. from .. ' to ' .. to)
end

if ARGV[6] then
  if f[2] ~= ARGV[6] then return 'edited' end
  local own = redis.call('HGET', key, 'own')
  if own then refer(own, -1) end
  redis.call('HDEL', key, 'own', 'composed_in')
  redis.call('DEL', P .. 'composed:' .. id) -- the message names them in its header
  redis.call('HSET', key, 'payload', ARGV[7])
  if ARGV[9] ~= '' then redis.call('HSET', key, 'own', ARGV[9]) end
  refer(ARGV[9], 1)
  f[2] = ARGV[8]
end

if from == 'unknown' or from == 'parked' then count('resolved person') end

-- Whoever has accepted the mail is never mailed again.
local function set_recipients(to_state)
  local recipients = cjson.decode(f[2])
  for path, state in pairs(recipients) do recipients[path] = to_state[state] or state end
  redis.call('HSET', key, 'recipients', cjson.encode(recipients))
end

if to == 'waiting' then
  set_recipients({ deferred = 'pending', refused = 'pending', suppressed = 'pending', unknown = 'pending' })
  local due = at + tonumber(ARGV[5])
  redis.call('HSET', key, 'deadline', due + tonumber(f[3]), 'attempt', 0, 'crashes', 0, 'survived', 0,
    'setbacks', 0, 'resent', 0)
  redis.call('HDEL', key, 'resent_by', 'crashed_by')
  wait(id, from, at, due, { why = ARGV[3] })
else
  if to == 'sent' then set_recipients({ unknown = 'accepted' }) end
  retire(id, from, to, at, { why = ARGV[3] }, tonumber(ARGV[4]))
end
return to
