-- Take an idempotency key. KEYS[1] is the key itself. ARGV: who takes it, window ms. Returns who has it.
local holder = redis.call('GET', P)
if holder then return holder end
redis.call('SET', P, ARGV[1], 'PX', ARGV[2])
return ARGV[1]
