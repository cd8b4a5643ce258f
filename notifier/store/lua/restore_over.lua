-- What may go only once is parked, in every queue. ARGV: the mark that the restored data got
if redis.call('GET', P .. 'parking') == ARGV[1] then redis.call('DEL', P .. 'parking') end
return 1
