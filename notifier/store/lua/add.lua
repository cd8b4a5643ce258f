-- Register one mail under its id; lease a bell if the queue needs one more.
-- ARGV: id, payload, body, recipients, send_at ms or '', expires_at ms or '', class deadline ms, template, class,
--       delivery, resend_after ms or '', retention ms or '', blobs of attachments, blob of the payload (names with blanks
--       between, or ''), how long it waits for evidence ms or '', and the policy then or '', bell candidate, bell lease ms,
--       batch, tenant or '' (the default one), the trace that it is part of or '', and where the broker's list is on this
--       server, that list and the bell's message
-- Returns 3 created, and the bell has rung | 2 created, and the bell is leased | 1 created | 0 the same mail is there | -1 another body
local id = ARGV[1]
local key = mail_key(id)
local body = redis.call('HGET', key, 'body')
if body then
  if body ~= ARGV[3] then return -1 end
  touch(id, 'body')
  count('duplicate')
  return 0
end
local left = left_of(id)
if left then
  if string.sub(ARGV[3], 1, BODY) ~= left.body then return -1 end
  ended_state(id)
  count('duplicate')
  return 0
end
local at = now()
local due = ARGV[5] ~= '' and math.max(tonumber(ARGV[5]), at) or at
local deadline = ARGV[6] ~= '' and tonumber(ARGV[6]) or due + tonumber(ARGV[7])
-- Counters that are not there are nought: a field takes 45 octets of every mail that waits.
redis.call('HSET', key, 'payload', ARGV[2], 'body', ARGV[3], 'recipients', ARGV[4], 'state', 'waiting', 'created', at,
  'due', due, 'deadline', deadline, 'patience', deadline - due, 'template', ARGV[8], 'class', ARGV[9], 'delivery', ARGV[10])
redis.call('ZADD', P .. 'due', due, id)
count('edge new waiting')
for name, value in pairs({ resend_after = ARGV[11], retention = ARGV[12], blobs = ARGV[13], own = ARGV[14],
  evidence_for = ARGV[15], ['then'] = ARGV[16], tenant = ARGV[20],
  trace = ARGV[21] }) do
  if value ~= '' then redis.call('HSET', key, name, value) end
end
refer(ARGV[13] .. ' ' .. ARGV[14], 1)
if bells_wanted(at, tonumber(ARGV[19])) > 0 then
  redis.call('ZADD', P .. 'rung', at + tonumber(ARGV[18]), ARGV[17])
  -- A list that is none, or may not be written, is the publisher's to find out: the mail is here.
  if ARGV[22] and type(redis.pcall('LPUSH', ARGV[22], ARGV[23])) == 'number' then return 3 end
  return 2
end
return 1
