/** Arguments that every script has before its own: client, number of the call, last number acknowledged, `1` in a cluster, `w` where replicas are waited for and `q` where nobody is to be told. */
const PRELUDE_ARGUMENTS = 4;

/** How long a client that writes nothing is remembered, to tell that a server lost what it wrote. */
export const MARK_TTL_MS = 86_400_000;

/**
 * What all scripts share. `KEYS[1]` is the tag of a shard; every key begins with it. A script reads and judges first and
 * calls `flush` last, because Redis does not roll back what a script did before an error. Numbers of 14 digits and more
 * are formatted by hand: Lua would write them with an exponent.
 *
 * In a cluster two keys that never exist are asked for first: while a slot is being moved that is an error on either side,
 * and without it a script would take what is on the other side for missing.
 *
 * Every new string is read whole once for its hash, and dropped again: what is long is put together once, from its parts.
 *
 * A document is one string (`document.ts`). Its first line has parts of fixed width, so that they are read and changed by
 * place: matching patterns over the whole line took most of the time of a script.
 */
export const PRELUDE: string = String.raw`
local T,C=KEYS[1],redis.call
local sub,byte,match,find,gmatch,format=string.sub,string.byte,string.match,string.find,string.gmatch,string.format
if byte(ARGV[4])==49 then C('EXISTS',T..':-',T..':--') end
local clock=C('TIME')
local now=clock[1]*1000+math.floor(clock[2]/1000)
local NONE='---------------'
local W,P=T..':w',T..':p'
-- Written once for each number: most jobs of a batch have the same.
local texts=setmetatable({},{__index=function(t,n) t[n]=format('%.0f',n) return rawget(t,n) end})
local pads=setmetatable({},{__index=function(t,n) t[n]=format('%015.0f',n) return rawget(t,n) end})
local function pad(n) return pads[n] end
local nows,nowp=texts[now],pads[now]
-- From Redis 7.2 on WAIT is for what this connection wrote: what another one wrote of this call must not be all there is.
local wrote=find(ARGV[4],'w',1,true)~=nil
local sets,adds,drops,dels={},{},{},{}
local function set(key,value) local n=#sets sets[n+1]=key sets[n+2]=value end
local function add(key,score,id)
  local l=adds[key] if not l then l={} adds[key]=l end
  local n=#l l[n+1]=score l[n+2]=id
end
local function drop(key,id)
  local l=drops[key] if not l then l={} drops[key]=l end
  l[#l+1]=id
end
local function del(key) dels[#dels+1]=key end
local function many(command,key,list)
  for from=1,#list,4000 do C(command,key,unpack(list,from,math.min(from+3999,#list))) end
end
local function flush()
  for from=1,#sets,4000 do C('MSET',unpack(sets,from,math.min(from+3999,#sets))) wrote=true end
  for from=1,#dels,4000 do C('DEL',unpack(dels,from,math.min(from+3999,#dels))) wrote=true end
  for key,list in pairs(drops) do many('ZREM',key,list) wrote=true end
  for key,list in pairs(adds) do many('ZADD',key,list) wrote=true end
  sets,adds,drops,dels={},{},{},{}
end
local hints,channel={},'waybill:'..match(T,'{([^{}]*):%d+}$')
local mark=T..':a:'..ARGV[1]
local function marked() return tonumber(C('GET',mark) or 0) end
-- A client numbers its calls and they come in that order: this one, or one behind it, has written already.
local function sentAgain() return tonumber(ARGV[2])<=marked() end
local function finish(reply)
  local seen=marked()
  local lost=tonumber(ARGV[3])-seen
  if lost>0 then C('HINCRBY',T..':lost','calls',lost) C('HSET',T..':lost','at',nows) end
  -- An error (no right to the channel) must not undo the answer of what is written.
  if #hints>0 then redis.pcall('PUBLISH',channel,'['..table.concat(hints,',')..']') end
  if wrote then
    C('SET',mark,format('%.0f',math.max(seen,tonumber(ARGV[2]))),'PX',${MARK_TTL_MS})
  end
  return {now,wrote and 1 or 0,lost,reply}
end
local function documents(ids)
  if #ids==0 then return {} end
  local keys={}
  for i=1,#ids do keys[i]=T..':j:'..ids[i] end
  return C('MGET',unpack(keys))
end
local CURSORS,STATUS,HANDOVER,NOTIFIED,INPUT=1,2,3,4,5
local LEASE,WAKE,PURGE,UPDATED,FINISHED,READY,SEND,RETRY,STARTED,QUEUED,DEADLINE,COUNTS=6,21,36,51,66,81,96,111,126,141,156,172
local function slot(doc,at) return sub(doc,at,at+14) end
-- Format, version, dispatch, attempt, fence, token, worker, what is seldom set, where the rest begins; nothing: no document.
local function parse(doc)
  if byte(doc,171)==10 then
    return match(doc,'^(%d+) (%d+) (%d+) (%d+) (%d+)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n()',COUNTS)
  end
end
-- Kind, owner, subject, scope, instant of creation. Several ask it of one document, one after the other.
local known,k,o,s,x,c
local function fixed(doc,rest)
  if doc~=known then known,k,o,s,x,c=doc,match(doc,'^([^\t]*)\t([^\t]*)\t([^\t]*)\t([^\t]*)\t(%d+)\t',rest) end
  return k,o,s,x,c
end
local function ready(doc)
  if byte(doc,STATUS)==81 and byte(doc,HANDOVER)==115 and byte(doc,READY)~=45 then return slot(doc,READY) end
end
local function cursors(id,doc)
  if byte(doc,CURSORS)==49 then return C('HGETALL',T..':c:'..id) end
  return false
end
-- False: the document holds it itself.
local function inputOf(id,doc) return byte(doc,INPUT)==107 and C('GET',T..':i:'..id) end
local function readyKey(version,kind) return T..':r'..version..':'..kind end
-- The index of list that a job is in by its status: enters at create, changes at the end.
local function state(doc)
  local status=byte(doc,STATUS)
  if status==70 then return ':z:' elseif status~=67 then return ':e:' end
end
-- The rest is where it begins in the old document, or in the new one where there is no old one.
local function reindex(id,old,new,version,rest)
  local wake,purge,is=slot(new,WAKE),slot(new,PURGE),ready(new)
  local wakeWas,purgeWas,was=NONE,NONE,nil
  if old then wakeWas,purgeWas,was=slot(old,WAKE),slot(old,PURGE),ready(old) end
  if wake~=wakeWas then if wake==NONE then drop(W,id) else add(W,wake,id) end end
  if purge~=purgeWas then if purge==NONE then drop(P,id) else add(P,purge,id) end end
  local list,listed=state(new),old and state(old) or nil
  if list~=listed then
    local kind,_,_,_,created=fixed(old or new,rest)
    if listed then drop(T..listed..kind,id) end
    if list then add(T..list..kind,created,id) end
  end
  if is~=was then
    local key=readyKey(version,match(old or new,'^[^\t]*',rest))
    if is then add(key,is,id) else drop(key,id) end
  end
end
local function refs(seldom) return match(seldom,'\tF([^\t]*)') or '' end
local function eachRef(list,kind,run)
  for ref in gmatch(list,'[^\1]+') do run(T..':f:'..kind..'\t'..sub(ref,2)) end
end
local function running(doc,token,held) return byte(doc,STATUS)==82 and token==held end
local function quoted(optional) return optional=='' and 'null' or '"'..sub(optional,2)..'"' end
local function instant(doc,at) return byte(doc,at)==45 and 'null' or texts[slot(doc,at)+0] end
-- A hint of a change; what never changes is read of any document of the job. Texts are stored as JSON without its quotes, so that it is put together as it is sent.
local quiet=byte(ARGV[4],-1)==113
-- Nobody listens: nothing is put together. A server of a cluster knows its own subscribers only, and one that does not say may have some.
local asked=quiet or byte(ARGV[4])==49
local function tell(id,version,doc,rest,new)
  if not asked then asked,quiet=true,redis.pcall('PUBSUB','NUMSUB',channel)[2]==0 end
  if quiet then return end
  local kind,owner,subject=fixed(doc,rest)
  hints[#hints+1]='["'..id..'","'..kind..'",'..version..','..quoted(owner)..','..quoted(subject)..','
    ..instant(new,READY)..','..instant(new,WAKE)..']'
end
local A=${PRELUDE_ARGUMENTS}
`;
