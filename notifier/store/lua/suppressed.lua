-- Which of these addresses are not to be mailed now. KEYS[1] is the list. ARGV: the addresses, in lower case
-- Returns position (from 1) and entry of each
local found, at = {}, now() / 1000
for position, address in ipairs(ARGV) do
  local entry = redis.call('HGET', P, address)
  local over = entry and cjson.decode(entry)['until']
  if entry and (not over or over > at) then
    found[#found + 1] = position
    found[#found + 1] = entry
  end
end
return found
