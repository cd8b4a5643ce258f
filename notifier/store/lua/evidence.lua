-- What a worker knows of its claim reaches the ledger late, for the ledger was away, or had taken the mail over already. A
-- reply is the truth, whatever has been made of the mail since (unknown: sent again once, or parked). EVIDENCE, the edges
-- that only this may take, comes before this text; it is written from notifier.model.state.
-- ARGV: id, fence, state, due at ms, recipients, counter or '', entry, retention ms, 0|1: of a claim before this data was restored,
-- owner or '' (not known)
-- Returns settled | partly | known | overtaken | gone | later
local id, fence, to = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local key = mail_key(id)
local f = redis.call('HMGET', key, 'state', 'fence', 'settled', 'recipients', 'template', 'resent_by', 'crashed_by', 'owner',
  'settled_by')
local from, newest, settled = f[1], tonumber(f[2] or nil) or 0, tonumber(f[3] or nil) or 0
if not from then return ended_state(id) ~= '' and 'known' or 'gone' end
-- Restored data does not know the claim, or has given its fence again: who has accepted the mail is all that still holds. Where
-- nobody has seen the restore yet the owner tells.
local anothers = (newest == fence and ARGV[10] ~= f[8]) or (settled == fence and f[9] and mark_of(ARGV[10]) ~= f[9])
local before_restore = ARGV[9] == '1' or (ARGV[10] ~= '' and anothers)
if ENDED[from] or (settled == fence and not before_restore) then
  touch(id, 'state')
  return 'known'
end

local TO_MAIL = { pending = true, deferred = true, unknown = true }
local recipients, told, news = cjson.decode(f[4]), cjson.decode(ARGV[5]), false
for path, state in pairs(told) do
  news = news or (state == 'accepted' and recipients[path] and recipients[path] ~= 'accepted')
end
-- A later claim's own outcome is younger, and of a lost reply nothing follows. But who has accepted the mail has it.
local heir = before_restore or newest > fence
local only_news = to == 'unknown' or (heir and to ~= 'sent')
if only_news and not news then return 'overtaken' end
if before_restore and not news then return 'known' end
if heir and from == 'at_dot' then return 'later' end

local at, open = now(), false
for path, state in pairs(recipients) do
  local says = told[path]
  if state ~= 'accepted' and says and (says == 'accepted' or not only_news) then
    if state ~= says and TALLIED[says] then tally(at, f[5], path, TALLIED[says]) end
    recipients[path] = says
  elseif state == 'unknown' and not says and not only_news then
    recipients[path] = 'pending' -- the sweeper could not know that this one's turn had not come
  end
  open = open or (TO_MAIL[recipients[path]] and (only_news or not says)) or false
end
-- Others than those that the worker knew are to be mailed: a person has given it another address meanwhile.
local partly = open and (only_news or to ~= 'waiting')
if partly then
  to = heir and from == 'claimed' and 'waiting' or from -- who has it now would mail the wrong ones
elseif only_news then
  to = 'sent'
end
for edge in pairs(EVIDENCE) do EDGES[edge] = true end
if to ~= from and not EDGES[from .. '>' .. to] then return 'overtaken' end

redis.call('HSET', key, 'recipients', cjson.encode(recipients))
if not before_restore then
  redis.call('HSET', key, 'fence', math.max(newest, fence))
  if not partly and fence >= settled then
    redis.call('HSET', key, 'settled', fence)
    if ARGV[10] == '' then
      redis.call('HDEL', key, 'settled_by')
    else
      redis.call('HSET', key, 'settled_by', mark_of(ARGV[10]))
    end
  end
end
if ARGV[6] ~= '' then redis.call('HINCRBY', key, ARGV[6], 1) end
local entry = cjson.decode(ARGV[7])
entry.attempt = tonumber(redis.call('HGET', key, 'attempt') or nil) or 0
if partly and to == from then
  entry.at, entry.state = at / 1000, from
  record(id, entry)
  return 'partly'
end

if from ~= 'claimed' and from ~= 'at_dot' and ARGV[6] ~= '' then count('resolved late_reply') end
if to == 'waiting' then
  if not before_restore and f[6] == ARGV[2] then redis.call('HINCRBY', key, 'resent', -1) end -- it was not unknown after all
  if not before_restore and f[7] == ARGV[2] then redis.call('HINCRBY', key, 'crashes', -1) end -- nor had its worker ended
  redis.call('HDEL', key, 'resent_by', 'crashed_by')
  wait(id, from, at, math.max(at, partly and at or tonumber(ARGV[4])), entry)
else
  retire(id, from, to, at, entry, tonumber(ARGV[8]))
end
return partly and 'partly' or 'settled'
