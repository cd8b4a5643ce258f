-- The worker lives and is still at work: its claims last longer. ARGV: lease ms, then id, fence and owner of each.
-- Claims that are over, or at the dot, stay as they are.
local over = now() + tonumber(ARGV[1])
for i = 2, #ARGV, 3 do
  local f = redis.call('HMGET', mail_key(ARGV[i]), 'state', 'fence', 'owner')
  local ours = f[2] == ARGV[i + 1] and f[3] == ARGV[i + 2]
  if f[1] == 'claimed' and ours then redis.call('ZADD', P .. 'lease', over, ARGV[i]) end
end
return 1
