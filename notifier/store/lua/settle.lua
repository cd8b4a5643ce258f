-- One edge for each of these claimed mails. ARGV: wait after unknown ms, retention ms, lease ms; then of each mail: id, fence,
-- state, due in ms, changed recipients, counter or '', entry, composed or '', whose pause it waits for or '', the blob that
-- holds the composed message or '', owner
-- The owner is looked at for a ledger that was restored, see begin_dot.
-- 'claimed' says that these recipients are done and others' turn comes: the claim goes on, and is settled later.
-- Returns for each 1 done, 0 the fence is another's, or the error: what cannot be done to one mail holds up no other.
local FIRST, EACH = 4, 11
local at = now()

local function refused()
  count('fence settlement')
  return 0
end

-- It has ended: by this very settlement, whose answer was lost on its way, or otherwise.
local function again(id, fence, owner)
  local left = left_of(id)
  local is_this = left and (left.settled == fence .. ' ' .. mark_of(owner) or left.settled == tonumber(fence))
  if not is_this then return refused() end -- a bare number: of whom is not kept, as an older Notifier wrote it
  ended_state(id)
  return 1
end

local function write(id, changes)
  local words = {}
  for name, value in pairs(changes) do words[#words + 1], words[#words + 2] = name, value end
  redis.call('HSET', mail_key(id), unpack(words))
end

local function keep_composed(id, composed, blob)
  if composed ~= '' then redis.call('SET', P .. 'composed:' .. id, composed) end
  if blob == '' then return end
  local own = redis.call('HGET', mail_key(id), 'own') or ''
  redis.call('HSET', mail_key(id), 'composed_in', blob, 'own', own .. ' ' .. blob)
  refer(blob, 1)
end

local function settle(id, fence, to, due_in, changed, counter, said_of_it, composed, held_by, composed_in, owner)
  local f = redis.call('HMGET', mail_key(id), 'state', 'fence', 'settled', 'recipients', 'template', 'crashes', 'owner',
    'attempt', 'setbacks')
  local from = f[1]
  if not f[2] then return again(id, fence, owner) end
  if f[2] ~= fence or f[7] ~= owner then return refused() end
  if f[3] == fence then -- the same, of a mail that goes on
    touch(id, 'settled')
    return 1
  end
  if from ~= 'claimed' and from ~= 'at_dot' then return refused() end
  if to == 'claimed' and from == to then
    touch(id, 'state')
    return 1
  end
  if not EDGES[from .. '>' .. to] then
    return redis.error_reply('LEDGER no edge from ' .. from .. ' to ' .. to)
  end
  local recipients, dotted = cjson.decode(f[4]), false
  for _, state in pairs(recipients) do dotted = dotted or state == 'accepted' end
  if from == 'claimed' and to == 'sent' and not dotted then
    return redis.error_reply('LEDGER no edge from claimed to sent: nothing was handed over')
  end
  local entry = cjson.decode(said_of_it)
  for path, state in pairs(cjson.decode(changed)) do
    if state ~= recipients[path] and TALLIED[state] then tally(at, f[5], path, TALLIED[state]) end
    recipients[path] = state
  end
  local changes = { recipients = cjson.encode(recipients), attempt = f[8] or nil, setbacks = f[9] or nil }
  if counter ~= '' then changes[counter] = (tonumber(changes[counter]) or 0) + 1 end
  if to ~= 'claimed' then changes.settled, changes.settled_by = fence, mark_of(owner) end
  entry.attempt = tonumber(changes.attempt) or 0
  if ENDED[to] then
    retire(id, from, to, at, entry, tonumber(ARGV[2]), changes)
    return 1
  end
  write(id, changes)
  keep_composed(id, composed, composed_in)
  if to == 'unknown' then
    to_unknown(id, at, tonumber(ARGV[1]), entry)
  elseif to == 'waiting' then
    if entry.fault then tally_open(at, f[5], recipients, 'deferred') end
    -- An attempt has come to its end: its worker's crashes before it count no more towards quarantine.
    if counter == 'attempt' and (tonumber(f[6] or nil) or 0) > 0 then redis.call('HSET', mail_key(id), 'survived', f[6]) end
    wait(id, from, at, at + tonumber(due_in), entry)
    if held_by ~= '' then hold(id, held_by) end
  elseif to == 'claimed' then
    move(id, from, to, at, at + tonumber(ARGV[3]), entry)
  else
    retire(id, from, to, at, entry, tonumber(ARGV[2]))
  end
  return 1
end

local answers = {}
for i = FIRST, #ARGV, EACH do
  local done, answer = pcall(settle, unpack(ARGV, i, i + EACH - 1))
  if not done then answer = redis.error_reply(type(answer) == 'table' and answer.err or tostring(answer)) end
  answers[#answers + 1] = answer
end
return answers
