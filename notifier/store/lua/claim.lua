-- Own up to so many due mails. ARGV: limit, lease ms, owner, bell or '', bell lease ms, retention ms, the suppression list, the
-- classes that are mailing lists (a blank before and behind each)
-- Returns one text a mail, for each value of an answer costs the client: in its first line id, fence, attempt, crashes,
-- unknowns, setbacks, deadline in ms, the octets of payload, recipients and suppressed, the blob that the composed
-- message is in or '', and the trace that it is part of or ''; then payload, recipients, those of them who are on the suppression list (a list, or nothing),
-- and composed message. notifier.store.rows reads it.
-- With a bell, which is answered by this or goes on: nothing at all where nothing is due, and the bell is over then.
local at, bell = now(), ARGV[4]
local TO_MAIL = { pending = true, deferred = true, unknown = true }
local list = ARGV[7]
local screens = redis.call('EXISTS', list) == 1

-- What its recipients may have unsubscribed from; notifier.model.mail_class says the same.
local function mailing_list(class, tenant)
  local is_list = class and string.find(ARGV[8], ' ' .. class .. ' ', 1, true)
  return is_list and (tenant or 'default') .. '/' .. class
end

local function is_suppressed(address, of_list)
  return suppressed(list, address, at) or (of_list and suppressed(list, address .. ' ' .. of_list, at))
end

-- Who of them is on the list, as JSON, and the record's states with them so: whoever asks for the mail's status while it is
-- claimed is told at once, as he is where `add` found them. Nothing and nothing where nobody is.
local function on_the_list(recipients, of_list)
  local is_json, states = pcall(cjson.decode, recipients)
  if not is_json or type(states) ~= 'table' then return '' end -- who reads the record says what is wrong with it
  local found = {}
  for path, state in pairs(states) do
    -- Lower case is ASCII's here; the client asks for the other addresses itself.
    if TO_MAIL[state] and is_suppressed(string.lower(path), of_list) then found[#found + 1] = path end
  end
  if #found == 0 then return '' end
  for _, path in ipairs(found) do states[path] = 'suppressed' end
  return cjson.encode(found), cjson.encode(states)
end

local rows = {}
local paused = is_paused()
local due = paused and {} or redis.call('ZRANGEBYSCORE', P .. 'due', '-inf', at, 'LIMIT', 0, tonumber(ARGV[1]))
for _, id in ipairs(due) do
  local key = mail_key(id)
  local f = redis.call('HMGET', key, 'payload', 'recipients', 'attempt', 'crashes', 'unknowns', 'setbacks', 'deadline',
    'composed_in', 'class', 'tenant', 'trace', 'survived', 'fence')
  if (tonumber(f[7] or nil) or 0) <= at then
    retired_if_over(id, at, tonumber(ARGV[6]))
  else
    -- What ended its worker may end the next one, and take its whole batch into quarantine: it is claimed alone.
    local suspect = (tonumber(f[4]) or 0) > (tonumber(f[12]) or 0)
    if suspect and #rows > 0 then break end
    local payload, recipients = f[1] or '', f[2] or ''
    local hits, states = '', nil
    if screens then hits, states = on_the_list(recipients, mailing_list(f[9], f[10])) end -- before anything is written: a list that is none is an error
    local fence = (tonumber(f[13] or nil) or 0) + 1
    shift(id, 'waiting', 'claimed', at + tonumber(ARGV[2]))
    local written = { 'state', 'claimed', 'owner', ARGV[3], 'fence', fence }
    if states then written[7], written[8] = 'recipients', states end
    redis.call('HSET', key, unpack(written))
    local facts = {
      id, fence, f[3] or 0, f[4] or 0, f[5] or 0, f[6] or 0, tonumber(f[7]) - at, #payload, #recipients, #hits,
      f[8] or '', f[11] or '',
    }
    local composed = redis.call('GET', P .. 'composed:' .. id) or ''
    rows[#rows + 1] = table.concat({ table.concat(facts, ' '), '\n', payload, recipients, hits, composed })
    if suspect then break end
  end
end
if bell ~= '' then
  redis.call('ZREM', P .. 'rung', bell)
  if #rows == 0 and (paused or redis.call('ZCOUNT', P .. 'due', '-inf', at) == 0) then
    redis.call('ZREM', P .. 'answered', bell)
    return false
  end
  redis.call('ZADD', P .. 'answered', at + tonumber(ARGV[5]), bell)
end
return rows
