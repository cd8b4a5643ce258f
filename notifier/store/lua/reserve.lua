-- Take idempotency keys. KEYS are the keys themselves. ARGV: window ms, then who takes each.
-- Returns the places of those that are another's, each with who has it.
local held = {}
for i, key in ipairs(KEYS) do
  local mine = ARGV[i + 1]
  local holder = not redis.call('SET', key, mine, 'NX', 'PX', ARGV[1]) and redis.call('GET', key)
  if holder and holder ~= mine then held[#held + 1], held[#held + 2] = i, holder end
end
return held
