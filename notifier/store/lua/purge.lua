-- Take a person out of a mail that has ended. ARGV: id, forward-path as it stands in the record, retention ms
-- Returns 'purged', 'discarded' (it was a dead letter, which can be sent no more), 'busy' (it is on its way), or '' where
-- it is not this person's. What idempotency needs stays: the id, the digest of the body, the state.
local id, whose, at = ARGV[1], ARGV[2], now()
local key = mail_key(id)
local f = redis.call('HMGET', key, 'state', 'recipients')
local state, recipients = f[1], f[2] and cjson.decode(f[2])
if not state or not recipients[whose] then return '' end
local dead = state == 'failed' or state == 'expired' or state == 'quarantined'
if not dead and not ENDED[state] then return 'busy' end
if dead then retire(id, state, 'discarded', at, {}, tonumber(ARGV[3])) end

local nobody, count = '[purged]', 1
while recipients[nobody] do
  count = count + 1
  nobody = '[purged ' .. count .. ']'
end
recipients[nobody], recipients[whose] = recipients[whose], nil
redis.call('HSET', key, 'recipients', cjson.encode(recipients))

local blobs = redis.call('HGET', key, 'blobs')
if blobs then
  if redis.call('ZREM', P .. 'over', over_of(id, blobs)) == 1 then refer(blobs, -1) end
  redis.call('HDEL', key, 'blobs')
end

-- Servers' words quote addresses and contents; what kind of answer it was says nothing of a person.
local history = P .. 'history:' .. id
local left = redis.call('PTTL', history)
local entries = redis.call('LRANGE', history, 0, -1)
redis.call('DEL', history)
for _, text in ipairs(entries) do
  local entry = cjson.decode(text)
  entry.reply, entry.why = nil, nil
  if entry.fault then entry.fault.text = '' end
  redis.call('RPUSH', history, cjson.encode(entry))
end
if left > 0 then redis.call('PEXPIRE', history, left) end
return dead and 'discarded' or 'purged'
