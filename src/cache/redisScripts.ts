/**
 * The scripts that Redis runs, each as a whole. `KEYS[1]` is the hash with the state of the cache:
 *
 * - `epoch`, a random text: entries of another epoch are of no use. It is new whenever the hash is, so that whatever Redis
 *   forgets (a restart, eviction, FLUSHALL) makes entries unusable and never usable again.
 * - `count`, the number of changes so far.
 * - `confirmed`, when the last confirmed round began, in milliseconds of Redis's own clock; `beat`, how many there were.
 *
 * A tag's key holds the count at its last change. An entry is a hash.
 */
const state = `
local function state()
  local found = redis.call('HMGET', KEYS[1], 'epoch', 'count', 'confirmed', 'beat')
  if not found[1] then
    redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'count', '1')
    return ARGV[1], 1, nil, 0
  end
  return found[1], tonumber(found[2]), tonumber(found[3]), tonumber(found[4] or '0')
end
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function change(tagKey)
  local count = redis.call('HINCRBY', KEYS[1], 'count', 1)
  redis.call('SET', tagKey, string.format('%.0f', count), 'PX', TAG_LIFE)
  return count
end
`

/** A version that expires makes its entries unusable, which live for a day at most. */
const tagLifeMs = 2 * 86_400_000

const withState = (body: string): string => `${state.replace('TAG_LIFE', `${tagLifeMs}`)}${body}`

/**
 * `KEYS[2]` is the entry; `ARGV`: a new epoch, the prefix of tags' keys, the tags that are known as JSON, then these tags.
 * Answers with the epoch, the count, the latest change among the tags, milliseconds since the last confirmed round began
 * (negative where there is none), the beat, and the entry if it may be used: its value, its tags as JSON, and for how many
 * milliseconds it is fresh and kept.
 */
export const lookupScript = withState(`
local epoch, count, confirmed, beat = state()
local changed = 0
for at = 4, #ARGV do
  local tagKey = ARGV[2] .. ARGV[at]
  local version = tonumber(redis.call('GET', tagKey))
  if not version then
    version = change(tagKey)
    count = version
  end
  if version > changed then changed = version end
end
local time = now()
local answer = { epoch, count, changed, confirmed and time - confirmed or -1, beat }
local entry = redis.call('HMGET', KEYS[2], 'epoch', 'asOf', 'tags', 'value', 'freshUntil', 'keepUntil')
if not entry[1] then return answer end
local asOf = tonumber(entry[2])
local usable = entry[1] == epoch
if entry[3] == ARGV[3] then
  usable = usable and changed <= asOf
else
  for _, tag in ipairs(cjson.decode(entry[3])) do
    local version = tonumber(redis.call('GET', ARGV[2] .. tag))
    if not version or version > asOf then usable = false end
  end
end
if not usable then
  redis.call('DEL', KEYS[2])
  return answer
end
answer[6] = entry[4]
answer[7] = entry[3]
answer[8] = tonumber(entry[5]) - time
answer[9] = tonumber(entry[6]) - time
return answer
`)

/**
 * `KEYS[2]` is the entry; `ARGV`: a new epoch, the prefix of tags' keys, the epoch and the count at which the computation
 * began, milliseconds for which the entry is kept and fresh, its value, its tags as JSON, then the tags. Answers with 1 if it
 * was stored.
 */
export const putScript = withState(`
local epoch = state()
if epoch ~= ARGV[3] then return 0 end
local start = tonumber(ARGV[4])
local usable = 1
for at = 9, #ARGV do
  local version = tonumber(redis.call('GET', ARGV[2] .. ARGV[at]))
  if not version then
    -- It may have changed meanwhile and been forgotten. From now on its changes are known.
    change(ARGV[2] .. ARGV[at])
    usable = 0
  elseif version > start then
    usable = 0
  end
end
if usable == 0 then return 0 end
local time = now()
redis.call('DEL', KEYS[2])
redis.call('HSET', KEYS[2], 'epoch', epoch, 'asOf', ARGV[4], 'tags', ARGV[8], 'value', ARGV[7],
  'freshUntil', string.format('%.0f', time + tonumber(ARGV[6])), 'keepUntil', string.format('%.0f', time + tonumber(ARGV[5])))
redis.call('PEXPIRE', KEYS[2], ARGV[5])
return 1
`)

/** `ARGV`: a new epoch, the prefix of tags' keys, the channel, the tags as JSON, 1 if everything is meant, then the tags. */
export const invalidateScript = withState(`
state()
if ARGV[5] == '1' then
  redis.call('HSET', KEYS[1], 'epoch', ARGV[1])
  redis.call('HINCRBY', KEYS[1], 'count', 1)
else
  for at = 6, #ARGV do change(ARGV[2] .. ARGV[at]) end
end
redis.call('PUBLISH', ARGV[3], ARGV[4])
return 1
`)

/**
 * `ARGV`: a new epoch, the identity of the Redis process, the channel. Answers with the time. A process that was started anew
 * may have read an older state from its disk, so everything is of no use.
 */
export const beginScript = withState(`
state()
if redis.call('HGET', KEYS[1], 'run') ~= ARGV[2] then
  redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'run', ARGV[2])
  redis.call('HINCRBY', KEYS[1], 'count', 1)
  redis.call('PUBLISH', ARGV[3], '["*"]')
end
return string.format('%.0f', now())
`)

/** `ARGV`: a new epoch, when the round began, the longest that it may have taken. */
export const confirmScript = withState(`
state()
local began = tonumber(ARGV[2])
local age = now() - began
-- The message was under way for too long, or the clock was moved.
if age < 0 or age > tonumber(ARGV[3]) then return 0 end
redis.call('HSET', KEYS[1], 'confirmed', ARGV[2])
return redis.call('HINCRBY', KEYS[1], 'beat', 1)
`)
