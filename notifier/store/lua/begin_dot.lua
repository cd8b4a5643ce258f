-- The terminators of these mails go out now: all or none. ARGV: takeover ms, then id, fence and owner of each.
-- The owner is looked at for a ledger that was restored from an older state: it gives the same fence a second time.
-- A mail whose deadline passed while the caller had it expires here: a late code is worse than none.
-- Returns the ids that are not the caller's any more; then no dot was written. Saying it twice is saying it once.
local lost, states, at = {}, {}, now()
for i = 2, #ARGV, 3 do
  local id = ARGV[i]
  local f = redis.call('HMGET', mail_key(id), 'state', 'fence', 'owner', 'deadline')
  states[i] = f[1]
  if f[2] ~= ARGV[i + 1] or f[3] ~= ARGV[i + 2] or (f[1] ~= 'claimed' and f[1] ~= 'at_dot') then
    lost[#lost + 1] = id
    count('fence dot')
  elseif f[1] == 'claimed' and tonumber(f[4]) <= at then
    retire(id, 'claimed', 'expired', at, { why = 'its deadline passed' })
    lost[#lost + 1] = id
  end
end
if #lost > 0 then return lost end
for i = 2, #ARGV, 3 do
  if states[i] == 'claimed' then
    move(ARGV[i], 'claimed', 'at_dot', at, at + tonumber(ARGV[1]))
  else -- again, or for further recipients
    touch(ARGV[i], 'state')
    redis.call('ZADD', P .. 'dot', at + tonumber(ARGV[1]), ARGV[i])
  end
end
return lost
