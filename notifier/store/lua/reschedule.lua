-- Another time for a waiting mail. ARGV: id, due ms (since the epoch)
-- Returns its state afterwards, '' where it is not known, 'late' where it would be due after its deadline.
local f = redis.call('HMGET', mail_key(ARGV[1]), 'state', 'deadline')
if not f[1] then return ended_state(ARGV[1]) end
if f[1] ~= 'waiting' then return f[1] end
local at, due = now(), tonumber(ARGV[2])
if due >= tonumber(f[2]) then return 'late' end
-- It waits for no pause's end any more. What is paused still when it is due holds it again.
for _, name in ipairs(redis.call('SMEMBERS', P .. 'holds')) do redis.call('SREM', P .. 'held:' .. name, ARGV[1]) end
wait(ARGV[1], 'waiting', at, math.max(due, at), { why = 'rescheduled' })
return 'waiting'
