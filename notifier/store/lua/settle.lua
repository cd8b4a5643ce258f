-- One edge for one claimed mail. ARGV: id, fence, state, due in ms, changed recipients, counter or '', entry, composed
-- or '', wait after unknown ms, retention ms, lease ms, whose pause it waits for or '', the blob that holds the composed
-- message or '', owner
-- The owner is looked at for a ledger that was restored, see begin_dot.
-- 'claimed' says that these recipients are done and others' turn comes: the claim goes on, and is settled later.
-- Returns 1 done, 0 the fence is another's
local id, fence, to = ARGV[1], ARGV[2], ARGV[3]
local key = mail_key(id)
local f = redis.call('HMGET', key, 'state', 'fence', 'settled', 'recipients', 'template', 'crashes', 'owner', 'attempt')
if not f[2] then -- it has ended: by this very settlement, whose answer was lost on its way, or otherwise
  local left = left_of(id)
  local is_this = left and (left.settled == fence .. ' ' .. mark_of(ARGV[14]) or left.settled == tonumber(fence))
  if not is_this then -- a bare number: of whom is not kept, as an older Notifier wrote it
    count('fence settlement')
    return 0
  end
  ended_state(id)
  return 1
end
if f[2] ~= fence or f[7] ~= ARGV[14] then
  count('fence settlement')
  return 0
end
if f[3] == fence then -- the same, of a mail that goes on
  touch(id, 'settled')
  return 1
end
if f[1] ~= 'claimed' and f[1] ~= 'at_dot' then
  count('fence settlement')
  return 0
end
if to == 'claimed' and f[1] == to then
  touch(id, 'state')
  return 1
end
if not EDGES[f[1] .. '>' .. to] then
  return redis.error_reply('LEDGER no edge from ' .. f[1] .. ' to ' .. to)
end
local at = now()
local recipients, dotted = cjson.decode(f[4]), false
for _, state in pairs(recipients) do dotted = dotted or state == 'accepted' end
if f[1] == 'claimed' and to == 'sent' and not dotted then
  return redis.error_reply('LEDGER no edge from claimed to sent: nothing was handed over')
end
for path, state in pairs(cjson.decode(ARGV[5])) do
  if state ~= recipients[path] and TALLIED[state] then tally(at, f[5], path, TALLIED[state]) end
  recipients[path] = state
end
local written = { 'recipients', cjson.encode(recipients) }
if to ~= 'claimed' then written = { 'settled', fence, 'settled_by', mark_of(ARGV[14]), unpack(written) } end
redis.call('HSET', key, unpack(written))
local entry = cjson.decode(ARGV[7])
local counter = ARGV[6] ~= '' and redis.call('HINCRBY', key, ARGV[6], 1)
entry.attempt = ARGV[6] == 'attempt' and counter or tonumber(f[8] or nil) or 0
if ARGV[8] ~= '' then redis.call('SET', P .. 'composed:' .. id, ARGV[8]) end
if ARGV[13] ~= '' then
  redis.call('HSET', key, 'composed_in', ARGV[13], 'own', (redis.call('HGET', key, 'own') or '') .. ' ' .. ARGV[13])
  refer(ARGV[13], 1)
end
if to == 'unknown' then
  to_unknown(id, at, tonumber(ARGV[9]), entry)
elseif to == 'waiting' then
  if entry.fault then tally_open(at, f[5], recipients, 'deferred') end
  -- An attempt has come to its end: its worker's crashes before it count no more towards quarantine.
  if ARGV[6] == 'attempt' and (tonumber(f[6] or nil) or 0) > 0 then redis.call('HSET', key, 'survived', f[6]) end
  wait(id, f[1], at, at + tonumber(ARGV[4]), entry)
  if ARGV[12] ~= '' then hold(id, ARGV[12]) end
elseif to == 'claimed' then
  move(id, f[1], to, at, at + tonumber(ARGV[11]), entry)
else
  retire(id, f[1], to, at, entry, tonumber(ARGV[10]))
end
return 1
