-- What became of a mail whose final reply nobody has read, by another's word: a relay's log, a provider, a DSN. It is
-- taken for recipients who are unknown; what was read of the others stands. EVIDENCE, the edges that only this and late
-- replies may take, comes before this text.
-- ARGV: id, fence or '' (for what stays true whatever has been sent since), recipients, why, retention ms
-- Returns settled | known | overtaken | gone, and the state afterwards or ''
local id, fence = ARGV[1], ARGV[2]
local key = mail_key(id)
local f = redis.call('HMGET', key, 'state', 'fence', 'recipients', 'template')
local from = f[1]
if not from then
  local ended = ended_state(id)
  return { ended == '' and 'gone' or 'known', ended }
end
if ENDED[from] then
  touch(id, 'state')
  return { 'known', from }
end
local recipients, told, changed, other = cjson.decode(f[3]), cjson.decode(ARGV[3]), false, false
local was_unknown = {}
for path, state in pairs(told) do
  other = other or (recipients[path] ~= 'unknown' and recipients[path] ~= state)
  if recipients[path] == 'unknown' then recipients[path], was_unknown[path], changed = state, true, true end
end
if not changed then
  touch(id, 'state')
  return { other and 'overtaken' or 'known', from }
end
if fence ~= '' and fence ~= f[2] then return { 'overtaken', from } end

local doubt, again, reached = false, false, false
for _, state in pairs(recipients) do
  doubt = doubt or state == 'unknown'
  again = again or state == 'pending' or state == 'deferred'
  reached = reached or state == 'accepted'
end
local waits = from == 'unknown' or from == 'parked' or from == 'waiting'
local to = doubt and from or again and 'waiting' or reached and 'sent' or 'failed'
-- A worker that has it will know better. What became a dead letter meanwhile is one still, unless it has arrived.
if not waits and (from == 'claimed' or from == 'at_dot' or to ~= 'sent') then return { 'overtaken', from } end
redis.call('HSET', key, 'recipients', cjson.encode(recipients))
local at = now()
for path in pairs(told) do
  if was_unknown[path] and TALLIED[told[path]] then tally(at, f[4], path, TALLIED[told[path]]) end
end
if doubt then return { 'settled', from } end -- the others' proof may still come

count('resolved proof')
for edge in pairs(EVIDENCE) do EDGES[edge] = true end
local entry = { why = ARGV[4] }
if to == 'waiting' then
  if redis.call('HGET', key, 'resent_by') == f[2] then -- it is not unknown after all
    redis.call('HINCRBY', key, 'resent', -1)
    redis.call('HDEL', key, 'resent_by')
  end
  wait(id, from, at, at, entry)
else
  retire(id, from, to, at, entry, tonumber(ARGV[5]))
end
return { 'settled', to }
