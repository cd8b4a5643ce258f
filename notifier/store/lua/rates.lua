-- Token buckets, as the time at which each would be full again (GCRA). KEYS[1] is the prefix of the limits, in one
-- slot, so that a mail takes a token of each of its buckets or of none.
-- ARGV: 'take' or 'give back', recover ms, number of buckets, then name, interval ms, burst of each; then for each mail
-- the number of its buckets, and their numbers. Returns for each mail the ms to wait, 0 where it may go.
local at, verb, recover = now(), ARGV[1], tonumber(ARGV[2])

-- What is left of a rate after complaints (slow.lua): a tenth of it comes back for each span without one.
local function share(name)
  local f = redis.call('HMGET', P .. 'slow:' .. name, 'share', 'at')
  if not f[1] then return 1 end
  return math.min(1, tonumber(f[1]) + math.floor((at - tonumber(f[2])) / recover) / 10)
end

local buckets, arg = {}, 4
for i = 1, tonumber(ARGV[3]) do
  local key = P .. 'rate:' .. ARGV[arg]
  local f = redis.call('HMGET', key, 'full', 'later', 'interval')
  local interval = tonumber(ARGV[arg + 1]) / share(ARGV[arg])
  -- Another rate than before: what is missing is so many tokens, and not so much time.
  local turn = interval / tonumber(f[3] or interval)
  buckets[i] = {
    key = key,
    interval = interval,
    slack = interval * (tonumber(ARGV[arg + 2]) - 1),
    full = at + math.max(0, tonumber(f[1] or '0') - at) * turn,
    later = at + math.max(0, tonumber(f[2] or '0') - at) * turn,
  }
  arg = arg + 3
end

local function take(mine)
  local refusing, wait = {}, 0
  for _, b in ipairs(mine) do
    if b.full - at > b.slack then refusing[#refusing + 1] = b end
  end
  for _, b in ipairs(refusing) do
    -- Whoever waits is due when his token will be there: the next one, or one interval after the one before him.
    b.later = math.max(b.later > at and b.later + b.interval or 0, b.full - b.slack)
    wait = math.max(wait, b.later - at)
  end
  if #refusing == 0 then
    for _, b in ipairs(mine) do b.full = b.full + b.interval end
  end
  return math.ceil(wait)
end

local answer = {}
while arg <= #ARGV do
  local mine = {}
  for i = 1, tonumber(ARGV[arg]) do mine[i] = buckets[tonumber(ARGV[arg + i])] end
  arg = arg + tonumber(ARGV[arg]) + 1
  if verb == 'take' then
    answer[#answer + 1] = take(mine)
  else
    for _, b in ipairs(mine) do b.full = math.max(at, b.full - b.interval) end
  end
end

for _, b in ipairs(buckets) do
  redis.call('HSET', b.key, 'full', b.full, 'later', b.later, 'interval', b.interval)
  redis.call('PEXPIRE', b.key, math.ceil(math.max(b.full, b.later) - at) + 1000)
end
return answer
