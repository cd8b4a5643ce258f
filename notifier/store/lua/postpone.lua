-- Put a claimed mail back that this worker cannot read. ARGV: id, fence, owner, state, due in ms, why, retention ms
-- Returns 1 done, 0 the fence is another's
local f = redis.call('HMGET', mail_key(ARGV[1]), 'state', 'fence', 'owner')
if f[1] ~= 'claimed' or f[2] ~= ARGV[2] or f[3] ~= ARGV[3] then return 0 end
local at = now()
if ARGV[4] == 'waiting' then
  wait(ARGV[1], 'claimed', at, at + tonumber(ARGV[5]), { why = ARGV[6] })
else
  retire(ARGV[1], 'claimed', ARGV[4], at, { why = ARGV[6] }, tonumber(ARGV[7]))
end
return 1
