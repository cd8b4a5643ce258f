-- Recipients of a mail that was added in this moment are on the suppression list. ARGV: id, their forward-paths
-- Where somebody has claimed it meanwhile, it is looked at there.
local key = mail_key(ARGV[1])
local f = redis.call('HMGET', key, 'state', 'recipients')
if f[1] ~= 'waiting' then return 0 end
local recipients = cjson.decode(f[2])
for i = 2, #ARGV do
  if recipients[ARGV[i]] == 'pending' then recipients[ARGV[i]] = 'suppressed' end
end
redis.call('HSET', key, 'recipients', cjson.encode(recipients))
return 1
