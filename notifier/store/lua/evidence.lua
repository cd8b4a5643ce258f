-- What a final reply said reaches the ledger late, for the ledger was away when it was read. A reply is the truth,
-- whatever the sweeper has made of the mail since (unknown: sent again once, or parked). EVIDENCE, the edges that
-- only this may take, comes before this text; it is written from notifier.model.state.
-- ARGV: id, fence, state, due at ms, recipients, counter or '', entry, retention ms
-- Returns settled | known | overtaken | gone | later
local id, fence, to = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local key = mail_key(id)
local f = redis.call('HMGET', key, 'state', 'fence', 'settled', 'recipients', 'template')
local from, newest = f[1], tonumber(f[2] or nil) or 0
if not from then return ended_state(id) ~= '' and 'known' or 'gone' end
if ENDED[from] or f[3] == ARGV[2] then
  touch(id, 'state')
  return 'known'
end
if newest > fence then
  if to ~= 'sent' then return 'overtaken' end -- its own outcome is younger; but what was accepted stays accepted
  if from == 'at_dot' then return 'later' end
end
for edge in pairs(EVIDENCE) do EDGES[edge] = true end
if not EDGES[from .. '>' .. to] then return 'overtaken' end

if from ~= 'claimed' and from ~= 'at_dot' then count('resolved late_reply') end
local at = now()
local recipients, told = cjson.decode(f[4]), cjson.decode(ARGV[5])
for path, state in pairs(recipients) do
  if state ~= 'accepted' and told[path] then
    if state ~= told[path] and TALLIED[told[path]] then tally(at, f[5], path, TALLIED[told[path]]) end
    recipients[path] = told[path]
  end
  -- The sweeper could not know that this one's turn had not come.
  if state == 'unknown' and not told[path] then recipients[path] = 'pending' end
end
redis.call('HSET', key, 'recipients', cjson.encode(recipients), 'settled', ARGV[2], 'fence', math.max(newest, fence))
if ARGV[6] ~= '' then redis.call('HINCRBY', key, ARGV[6], 1) end
local entry = cjson.decode(ARGV[7])
entry.attempt = tonumber(redis.call('HGET', key, 'attempt') or nil) or 0
if to == 'waiting' then
  redis.call('HSET', key, 'resent', 0) -- it was not unknown after all
  wait(id, from, at, math.max(at, tonumber(ARGV[4])), entry)
else
  retire(id, from, to, at, entry, tonumber(ARGV[8]))
end
return 'settled'
