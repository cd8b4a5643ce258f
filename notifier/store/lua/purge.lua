-- Take a person out of a mail that has ended. ARGV: id, forward-path as it stands in the record, retention ms
-- Returns 'purged', 'discarded' (it was a dead letter, which can be sent no more), 'busy' (it is on its way), or '' where
-- it is not this person's. What idempotency needs stays: the id, the digest of the body, the state.
local id, whose, at = ARGV[1], ARGV[2], now()
local key = mail_key(id)
local f = redis.call('HMGET', key, 'state', 'recipients')
local state, dead = f[1], false
if state and f[2] and not cjson.decode(f[2])[whose] then return '' end
if state then
  dead = state == 'failed' or state == 'expired' or state == 'quarantined'
  if dead then
    retire(id, state, 'discarded', at, {}, tonumber(ARGV[3]))
  elseif ENDED[state] then -- an older Notifier has left it so
    shrink(id, at, leftover(id, state, {}), math.max(redis.call('PTTL', key), 1))
  else
    return 'busy'
  end
end
local left = left_of(id)
if not left or not left.recipients[whose] then return '' end

local nobody, count = '[purged]', 1
while left.recipients[nobody] do
  count = count + 1
  nobody = '[purged ' .. count .. ']'
end
left.recipients[nobody], left.recipients[whose] = left.recipients[whose], nil

if left.blobs then
  if redis.call('ZREM', P .. 'over', over_of(id, left.blobs)) == 1 then refer(left.blobs, -1) end
  left.blobs = nil
end

-- Servers' words quote addresses and contents; what kind of answer it was says nothing of a person.
for i, row in ipairs(left.history) do
  local entry = unpacked(ROW, row)
  entry.reply, entry.why = nil, nil
  if entry.fault then entry.fault.text = '' end
  if entry.report then
    entry.report.words = nil
    if entry.report.recipient == whose then entry.report.recipient = nobody end
  end
  left.history[i] = packed(ROW, entry)
end
keep_left(id, left, 'KEEPTTL')
return dead and 'discarded' or 'purged'
