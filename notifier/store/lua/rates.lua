-- Token buckets, as the time at which each would be full again (GCRA). KEYS[1] is the prefix of the limits, in one
-- slot, so that a mail takes a token of each of its buckets or of none.
-- ARGV: number of buckets, then name, interval ms, burst of each; then for each mail the number of its buckets, and
-- their numbers. Returns for each mail the ms to wait, 0 where it may go.
local at = now()
local buckets, arg = {}, 2
for i = 1, tonumber(ARGV[1]) do
  local key = P .. 'rate:' .. ARGV[arg]
  local f = redis.call('HMGET', key, 'full', 'later')
  local interval = tonumber(ARGV[arg + 1])
  buckets[i] = {
    key = key,
    interval = interval,
    slack = interval * (tonumber(ARGV[arg + 2]) - 1),
    full = math.max(tonumber(f[1] or '0'), at),
    later = tonumber(f[2] or '0'),
  }
  arg = arg + 3
end

local answer = {}
while arg <= #ARGV do
  local mine, refusing = {}, {}
  for i = 1, tonumber(ARGV[arg]) do
    local b = buckets[tonumber(ARGV[arg + i])]
    mine[i] = b
    if b.full - at > b.slack then refusing[#refusing + 1] = b end
  end
  arg = arg + tonumber(ARGV[arg]) + 1
  local wait = 0
  for _, b in ipairs(refusing) do
    -- Whoever waits is due when his token will be there, one interval after the one before.
    b.later = math.max(b.later, b.full - b.slack) + b.interval
    wait = math.max(wait, b.later - at)
  end
  if #refusing == 0 then
    for _, b in ipairs(mine) do b.full = b.full + b.interval end
  end
  answer[#answer + 1] = math.ceil(wait)
end

for _, b in ipairs(buckets) do
  redis.call('HSET', b.key, 'full', b.full, 'later', b.later)
  redis.call('PEXPIRE', b.key, math.ceil(math.max(b.full, b.later) - at) + 1000)
end
return answer
