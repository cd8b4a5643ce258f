-- Take a waiting mail back. ARGV: id, retention ms. Returns its state afterwards, or '' where it is not known.
local state = redis.call('HGET', mail_key(ARGV[1]), 'state')
if not state then return ended_state(ARGV[1]) end
if state ~= 'waiting' then
  touch(ARGV[1], 'state')
  return state
end
retire(ARGV[1], 'waiting', 'cancelled', now(), {}, tonumber(ARGV[2]))
return 'cancelled'
