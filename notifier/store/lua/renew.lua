-- The worker lives and is still at work: its claims last longer. ARGV: lease ms, then id and fence of each.
-- Claims that are over, or at the dot, stay as they are.
local over = now() + tonumber(ARGV[1])
for i = 2, #ARGV, 2 do
  local f = redis.call('HMGET', mail_key(ARGV[i]), 'state', 'fence')
  if f[1] == 'claimed' and f[2] == ARGV[i + 1] then redis.call('ZADD', P .. 'lease', over, ARGV[i]) end
end
return 1
