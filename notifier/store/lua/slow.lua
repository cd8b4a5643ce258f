-- A relay has said that mail comes too fast: half of the rate is left, and grows back (AIMD; rates.lua has the growth).
-- ARGV: recover ms, pause ms, names of buckets. Returns what is left of each, in thousandths.
local at, recover, pause, left = now(), tonumber(ARGV[1]), tonumber(ARGV[2]), {}
local LEAST = 1 / 64
for i = 3, #ARGV do
  local key = P .. 'slow:' .. ARGV[i]
  local f = redis.call('HMGET', key, 'share', 'at')
  local share, since = tonumber(f[1] or '1'), at - tonumber(f[2] or '0')
  -- Several complaints about one rush are one complaint.
  if not f[1] or since >= pause then
    share = math.max(LEAST, math.min(1, share + math.floor(since / recover) / 10) / 2)
    redis.call('HSET', key, 'share', share, 'at', at)
    redis.call('PEXPIRE', key, recover * 11) -- then it has grown back
  end
  left[#left + 1] = math.floor(share * 1000)
end
return left
