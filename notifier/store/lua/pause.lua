-- An operator pauses or resumes the queue, or what its mails wait for. ARGV: 'pause', why | 'resume' |
-- 'release', whose pause is over, limit
-- Returns how many mails were made due, and how many still wait.
if ARGV[1] == 'pause' then
  redis.call('SET', P .. 'paused', ARGV[2])
elseif ARGV[1] == 'resume' then
  redis.call('DEL', P .. 'paused')
else
  return { let_go(ARGV[2], now(), tonumber(ARGV[3])) }
end
return { 0, 0 }
