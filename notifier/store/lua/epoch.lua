-- The random mark of this ledger's data; one is made where there is none. KEYS[1] is the key itself.
-- ARGV: candidate
redis.call('SET', P, ARGV[1], 'NX')
return redis.call('GET', P)
