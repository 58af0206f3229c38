// What must happen in one step on the server. Every script names all its keys; one hash tag keeps them together in a cluster.

/** The consumer group that all workers share. */
const GROUP = "waybill";

/**
 * Takes messages: those that became visible again first, then new ones. Delayed ones that are due become new ones, and what was
 * received too often goes to the dead letters.
 *
 * KEYS stream, hidden, delayed, dead stream · ARGV now, max, visibilityMs, maxReceives (0: any number)
 * Answers: the messages [id, body, sentAt, receives], and when the next one becomes visible ("": none).
 */
export const TAKE = `
local stream, hidden, delayed, dead = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local now, max, visibility, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
redis.pcall('XGROUP', 'CREATE', stream, '${GROUP}', '0', 'MKSTREAM')
local taken = {}

for _, member in ipairs(redis.call('ZRANGEBYSCORE', delayed, '-inf', now, 'LIMIT', 0, 100)) do
  local message = cjson.decode(member)
  redis.call('XADD', stream, '*', 'body', message.body, 'sentAt', message.sentAt)
  redis.call('ZREM', delayed, member)
end

for _, id in ipairs(redis.call('ZRANGEBYSCORE', hidden, '-inf', now, 'LIMIT', 0, 100)) do
  if #taken == max then break end
  local receives = redis.call('XPENDING', stream, '${GROUP}', id, id, 1)[1][4]
  if most > 0 and receives >= most then
    local fields = redis.call('XRANGE', stream, id, id)[1][2]
    redis.call('XADD', dead, '*', unpack(fields))
    redis.call('XACK', stream, '${GROUP}', id)
    redis.call('XDEL', stream, id)
    redis.call('ZREM', hidden, id)
  else
    local fields = redis.call('XCLAIM', stream, '${GROUP}', 'any', 0, id)[1][2]
    redis.call('ZADD', hidden, now + visibility, id)
    taken[#taken + 1] = { id, fields[2], fields[4], receives + 1 }
  end
end

if #taken < max then
  local fresh = redis.call('XREADGROUP', 'GROUP', '${GROUP}', 'any', 'COUNT', max - #taken, 'STREAMS', stream, '>')
  for _, entry in ipairs(fresh and fresh[1][2] or {}) do
    redis.call('ZADD', hidden, now + visibility, entry[1])
    taken[#taken + 1] = { entry[1], entry[2][2], entry[2][4], 1 }
  end
end

local next = ''
for _, key in ipairs({ hidden, delayed }) do
  local first = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
  if first[2] and (next == '' or tonumber(first[2]) < tonumber(next)) then next = first[2] end
end
return { taken, next }
`;

/**
 * Sends messages, all or none.
 *
 * KEYS stream, delayed · ARGV now, then for each: delayMs, body, a text that no other message has
 */
export const SEND = `
for place = 2, #ARGV, 3 do
  local delay, body = tonumber(ARGV[place]), ARGV[place + 1]
  if delay > 0 then
    -- Two messages may have one body: without a mark the second would be the first.
    local member = { body = body, sentAt = ARGV[1], mark = ARGV[place + 2] }
    redis.call('ZADD', KEYS[2], ARGV[1] + delay, cjson.encode(member))
  else
    redis.call('XADD', KEYS[1], '*', 'body', body, 'sentAt', ARGV[1])
  end
end
`;

/**
 * Removes a message, or hides it for so long from now; nothing, if it was received again since. The number of its receives is
 * the receipt: Redis counts them.
 *
 * KEYS stream, hidden · ARGV id, receives, now, ms ("": remove)
 */
export const SETTLE = `
local stream, hidden, id = KEYS[1], KEYS[2], ARGV[1]
local pending = redis.call('XPENDING', stream, '${GROUP}', id, id, 1)[1]
if not pending or pending[4] ~= tonumber(ARGV[2]) then return end
if ARGV[4] == '' then
  redis.call('XACK', stream, '${GROUP}', id)
  redis.call('XDEL', stream, id)
  redis.call('ZREM', hidden, id)
elseif tonumber(redis.call('ZSCORE', hidden, id)) > tonumber(ARGV[3]) then
  redis.call('ZADD', hidden, ARGV[3] + ARGV[4], id)
end
`;
