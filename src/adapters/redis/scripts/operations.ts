import { type Script, scriptOf } from "./script.js";

/** Arguments: per message id, text, instant. The first of an id stays. */
export const PARK: Script = scriptOf(String.raw`
for i=A+1,#ARGV,3 do
  if C('HSETNX',T..':m',ARGV[i],ARGV[i+1])==1 then
    add(T..':l','0',ARGV[i])
    add(T..':q',ARGV[i+2],ARGV[i])
  end
end
flush()
return finish(false)
`);

/** Arguments: limit, id behind which to begin (empty: at the first). Answers texts. */
export const PARKED: Script = scriptOf(String.raw`
local ids=C('ZRANGEBYLEX',T..':l','('..ARGV[A+2],'+','LIMIT',0,ARGV[A+1])
return finish(#ids>0 and C('HMGET',T..':m',unpack(ids)))
`);

/** Arguments: ids. */
export const UNPARK: Script = scriptOf(String.raw`
for i=A+1,#ARGV do
  C('HDEL',T..':m',ARGV[i])
  drop(T..':l',ARGV[i])
  drop(T..':q',ARGV[i])
end
flush()
return finish(false)
`);

/** Argument: how many due records could not be served. */
export const PULSE: Script = scriptOf(String.raw`
C('HSET',T..':pulse','at',nows,'unserved',ARGV[A+1])
wrote=true
return finish(false)
`);

/** Answers pulse, unserved, oldest wake-up, oldest ready, parked, undeliverable, lost calls and when that was seen. */
export const HEALTH: Script = scriptOf(String.raw`
local pulse=C('HMGET',T..':pulse','at','unserved')
local lost=C('HMGET',T..':lost','calls','at')
local function oldest(key) return C('ZRANGEBYSCORE',key,'-inf',nows,'WITHSCORES','LIMIT',0,1)[2] end
local ready=false
for _,kind in ipairs(C('SMEMBERS',T..':kinds')) do
  local at=oldest(T..':r'..kind)
  if at and (not ready or at+0<ready+0) then ready=at end
end
return finish({pulse[1],pulse[2],oldest(W) or false,ready,C('ZCARD',T..':q'),C('ZCARD',T..':u'),lost[1],lost[2],oldest(P) or false})
`);

/**
 * Arguments: limit, instant before which parked messages go (empty: none here). Answers how many of each went. Every key
 * that names a job goes with it.
 */
export const PURGE_SETTLED: Script = scriptOf(String.raw`
local ids=C('ZRANGEBYSCORE',P,'-inf',nows,'LIMIT',0,ARGV[A+1])
local docs,jobs=documents(ids),0
for i=1,#ids do
  local id,doc=ids[i],docs[i]
  drop(P,id)
  local form,seldom,rest,_
  if doc then form,_,_,_,_,_,_,seldom,rest=parse(doc) end
  if form then
    local kind,owner,subject,scope=fixed(doc,rest)
    drop(T..':k:'..kind,id)
    if state(doc) then drop(T..state(doc)..kind,id) end
    if owner~='' then drop(T..':n:'..sub(owner,2),id) end
    if subject~='' then drop(T..':s:'..sub(subject,2),id) end
    local key=T..':x:'..sub(scope,2)
    if scope~='' and C('GET',key)==id then del(key) end
    if slot(doc,WAKE)~=NONE then drop(W,id) end
    if ready(doc) then drop(readyKey(form,kind),id) end
    eachRef(refs(seldom),kind,function(ref) drop(ref,id) end)
    if byte(doc,CURSORS)==49 then drop(T..':u',id) del(T..':c:'..id) end
    del(T..':j:'..id) del(T..':i:'..id) del(T..':o:'..id)
    jobs=jobs+1
  end
end
local parked=0
if ARGV[A+2]~='' then
  local old=C('ZRANGEBYSCORE',T..':q','-inf','('..ARGV[A+2],'LIMIT',0,4000)
  parked=#old
  if parked>0 then C('HDEL',T..':m',unpack(old)) end
  for i=1,parked do drop(T..':l',old[i]) drop(T..':q',old[i]) end
end
flush()
return finish({jobs,parked})
`);

/** The instants of the first wake-ups or purges. Arguments: key, limit, place behind which to look (or two empty ones). */
export const PEEK: Script = scriptOf(String.raw`
local key,limit,after,behind=T..':'..ARGV[A+1],tonumber(ARGV[A+2]),ARGV[A+3],ARGV[A+4]
local from,offset,out=after=='' and '-inf' or after,0,{}
while #out<2*limit do
  local list=C('ZRANGEBYSCORE',key,from,nows,'WITHSCORES','LIMIT',offset,limit)
  if #list==0 then break end
  for j=1,#list,2 do
    if #out<2*limit and (list[j+1]~=after or list[j]>behind) then
      out[#out+1]=list[j] out[#out+1]=list[j+1]
    end
  end
  offset=offset+limit
end
local next=C('ZRANGEBYSCORE',key,'('..nows,'+inf','WITHSCORES','LIMIT',0,1)
table.insert(out,1,next[2] or -1)
return finish(out)
`);

/** Arguments: version of the layout, number of shards. Answers those that are stored, which the first to come sets. */
export const OPEN: Script = scriptOf(String.raw`
local meta=T..':meta'
if C('EXISTS',meta)==0 then C('HSET',meta,'layout',ARGV[A+1],'shards',ARGV[A+2]) end
return finish(C('HMGET',meta,'layout','shards'))
`);
