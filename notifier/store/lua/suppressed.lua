-- Which of these addresses are not to be mailed now. KEYS[1] is the list. ARGV: the addresses, in lower case
-- Returns position (from 1) and entry of each
local found, at = {}, now()
for position, address in ipairs(ARGV) do
  local entry = suppressed(P, address, at)
  if entry then
    found[#found + 1] = position
    found[#found + 1] = entry
  end
end
return found
