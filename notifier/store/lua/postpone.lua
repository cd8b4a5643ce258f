-- Put a claimed mail back that this worker cannot read. ARGV: id, fence, state, due in ms, why, retention ms
-- Returns 1 done, 0 the fence is another's
local f = redis.call('HMGET', mail_key(ARGV[1]), 'state', 'fence')
if f[1] ~= 'claimed' or f[2] ~= ARGV[2] then return 0 end
local at = now()
if ARGV[3] == 'waiting' then
  wait(ARGV[1], 'claimed', at, at + tonumber(ARGV[4]), { why = ARGV[5] })
else
  retire(ARGV[1], 'claimed', ARGV[3], at, { why = ARGV[5] }, tonumber(ARGV[6]))
end
return 1
