-- Register mails of one queue and one policy, each under its id; lease as many bells as the queue needs more.
-- ARGV: bell candidate, bell lease ms, batch, where the broker's list is on this server: that list and the message of the
--       candidate's bell, or '' and ''; the policy: template, class, delivery, class deadline ms, resend_after ms or '',
--       retention ms or '', how long it waits for evidence ms or '', and the policy then or '', tenant or '' (the default one);
--       then of each mail: id, payload, body, recipients, send_at ms or '', expires_at ms or '', blobs of attachments, blob of
--       the payload (names with blanks between, or ''), the trace that it is part of or ''
-- Returns a digit for each mail: 0 the same mail is there | 1 created | 2 another body; then 1 where the candidate has rung,
-- else 0; then the bells that are leased and have not.
local FIRST, EACH = 15, 9
local at = now()
local policy = {}
for i, name in ipairs({ 'resend_after', 'retention', 'evidence_for', 'then', 'tenant' }) do
  if ARGV[9 + i] ~= '' then policy[#policy + 1], policy[#policy + 2] = name, ARGV[9 + i] end
end

-- What is known of a mail with this id: nothing, or the digit of the answer.
local function known(id, body)
  local key = mail_key(id)
  local there = redis.call('HGET', key, 'body')
  if there then
    if there ~= body then return '2' end
    touch(id, 'body')
  else
    local left = left_of(id)
    if not left then return nil end
    if string.sub(body, 1, BODY) ~= left.body then return '2' end
    ended_state(id)
  end
  count('duplicate')
  return '0'
end

-- Counters that are not there are nought: a field takes 45 octets of every mail that waits.
local function create(id, payload, body, recipients, send_at, expires_at, blobs, own, trace)
  local due = send_at ~= '' and math.max(tonumber(send_at), at) or at
  local deadline = expires_at ~= '' and tonumber(expires_at) or due + tonumber(ARGV[9])
  local fields = {
    'payload', payload, 'body', body, 'recipients', recipients, 'state', 'waiting', 'created', at, 'due', due,
    'deadline', deadline, 'patience', deadline - due, 'template', ARGV[6], 'class', ARGV[7], 'delivery', ARGV[8],
    unpack(policy),
  }
  for name, value in pairs({ blobs = blobs, own = own, trace = trace }) do
    if value ~= '' then fields[#fields + 1], fields[#fields + 2] = name, value end
  end
  redis.call('HSET', mail_key(id), unpack(fields))
  redis.call('ZADD', P .. 'due', due, id)
  count('edge new waiting')
  refer(blobs .. ' ' .. own, 1)
  return '1'
end

local answers, created = {}, 0
for i = FIRST, #ARGV, EACH do
  local answer = known(ARGV[i], ARGV[i + 2])
  if not answer then
    answer, created = create(unpack(ARGV, i, i + EACH - 1)), created + 1
  end
  answers[#answers + 1] = answer
end

-- No more bells than mails: a call that adds one mail has one to publish.
local result = { table.concat(answers), 0 }
local wanted = created > 0 and math.min(created, bells_wanted(at, tonumber(ARGV[3]))) or 0
for i = 1, wanted do
  local bell = i == 1 and ARGV[1] or ARGV[1] .. ':' .. i
  redis.call('ZADD', P .. 'rung', at + tonumber(ARGV[2]), bell)
  -- A list that is none, or may not be written, is the publisher's to find out: the mail is here.
  if i == 1 and ARGV[4] ~= '' and type(redis.pcall('LPUSH', ARGV[4], ARGV[5])) == 'number' then
    result[2] = 1
  else
    result[#result + 1] = bell
  end
end
return result
