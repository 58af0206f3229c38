import { type Script, scriptOf } from "./script.js";

/**
 * Arguments: per job id, token, lease. Answers per job 1, version and whether a cancel was requested; or 0, document and
 * cursors; or -1. Only the lease is written, in place: a sign of life copies no history.
 */
export const BEAT: Script = scriptOf(String.raw`
local ids,out={},{}
local count=(#ARGV-A)/3
for i=1,count do ids[i]=ARGV[A+3*i-2] end
local docs=documents(ids)
for i=1,count do
  local id,doc,n=ids[i],docs[i],3*i-2
  if not doc then out[n]=-1 out[n+1]=false out[n+2]=false
  else
    local _,version,_,_,_,by,_,seldom=parse(doc)
    if running(doc,ARGV[A+3*i-1],by) and not find(seldom,'\ta',1,true) then
      C('SETRANGE',T..':j:'..id,LEASE-1,pad(now+ARGV[A+3*i]))
      wrote=true
      out[n]=1 out[n+1]=version out[n+2]=find(seldom,'\tx',1,true) and 1 or 0
    else out[n]=0 out[n+1]=doc out[n+2]=cursors(id,doc) end
  end
end
return finish(out)
`);

/**
 * Arguments: limit, hold, then the place behind which to look (or two empty ones). Answers when the next is due
 * (-1: none), then id, wake-up as it was, document as it was, cursors.
 */
export const TAKE_DUE: Script = scriptOf(String.raw`
local limit,hold=tonumber(ARGV[A+1]),pad(now+ARGV[A+2])
local after,behind=ARGV[A+3],ARGV[A+4]
local from,offset,ids,due=after=='' and '-inf' or after,0,{},{}
while #ids<limit do
  local list=C('ZRANGEBYSCORE',W,from,nows,'WITHSCORES','LIMIT',offset,limit)
  if #list==0 then break end
  for j=1,#list,2 do
    if #ids<limit and (list[j+1]~=after or list[j]>behind) then
      ids[#ids+1]=list[j] due[#ids]=list[j+1]
    end
  end
  offset=offset+limit
end
local docs,out=documents(ids),{}
for i=1,#ids do
  local id,doc=ids[i],docs[i]
  if doc then
    local n=#out
    out[n+1]=id out[n+2]=due[i] out[n+3]=doc out[n+4]=cursors(id,doc)
    add(W,hold,id)
  else drop(W,id) end
end
for i=1,#out,4 do
  if parse(out[i+2]) then C('SETRANGE',T..':j:'..out[i],WAKE-1,hold) end
end
flush()
local next=C('ZRANGEBYSCORE',W,'('..nows,'+inf','WITHSCORES','LIMIT',0,1)
table.insert(out,1,next[2] or -1)
return finish(out)
`);

/**
 * Arguments: per job id, status, version, token, wake-up, purge instant, latest wake-up, number of cursors, then name and
 * cursor of each. Answers per job whether the wake-up was written (1, 0; -1: gone) and all cursors.
 */
export const ADVANCE: Script = scriptOf(String.raw`
local function read(cursor)
  if not cursor then return 0,0,0,'-' end
  local upTo,attempts,retry,exhausted=match(cursor,'^(%d+) (%d+) (%S+) (%S+) ')
  return tonumber(upTo),tonumber(attempts),tonumber(retry) or 0,exhausted
end
local function list(id,key,gaveUp,doc,rest)
  local listed=C('ZSCORE',T..':u',id)
  if gaveUp and not listed then
    local _,_,_,_,created=fixed(doc,rest)
    add(T..':u',created,id)
  elseif listed and not gaveUp then
    for _,cursor in ipairs(C('HVALS',key)) do
      local _,_,_,exhausted=read(cursor)
      if exhausted~='-' then return end
    end
    drop(T..':u',id)
  end
end
local at,out=A+1,{}
while at<=#ARGV do
  local id,key=ARGV[at],T..':c:'..ARGV[at]
  local doc=C('GET',T..':j:'..id)
  local form,version,_,_,_,token,_,_,rest
  if doc then form,version,_,_,_,token,_,_,rest=parse(doc) end
  local count=tonumber(ARGV[at+7])
  local n=#out
  if not form then out[n+1]=doc and -2 or -1 out[n+2]=false
  else
    local current=sub(doc,STATUS,STATUS)==ARGV[at+1] and version==ARGV[at+2] and token==ARGV[at+3]
    local changed,gaveUp={},false
    for i=1,count do
      local name,given=ARGV[at+6+2*i],ARGV[at+7+2*i]
      local stored=C('HGET',key,name)
      local su,sa,sr,se=read(stored)
      local gu,ga,gr,ge=read(given)
      if gu<su or (gu==su and (ga<sa or (ga==sa and gr>sr))) then current=false end
      local wins=gu>su or (gu==su and ga>sa)
      if wins then changed[#changed+1]=name changed[#changed+1]=given
      elseif not stored then changed[#changed+1]=name changed[#changed+1]='0 0 - - -' end
      if (wins and ge or se)~='-' then gaveUp=true end
    end
    local wake,purge,flag=slot(doc,WAKE),slot(doc,PURGE),sub(doc,CURSORS,CURSORS)
    if current then wake,purge=ARGV[at+4],ARGV[at+5]
    elseif wake~=NONE and wake>ARGV[at+6] then wake=ARGV[at+6] end
    if #changed>0 then
      C('HSET',key,unpack(changed))
      wrote=true
      list(id,key,gaveUp,doc,rest)
      if flag~='1' then flag='1' C('SETRANGE',T..':j:'..id,CURSORS-1,flag) end
    end
    if wake..purge~=sub(doc,WAKE,UPDATED-1) then C('SETRANGE',T..':j:'..id,WAKE-1,wake..purge) wrote=true end
    reindex(id,doc,sub(doc,1,WAKE-1)..wake..purge..sub(doc,UPDATED),form,rest)
    out[n+1]=current and 1 or 0
    out[n+2]=flag=='1' and C('HGETALL',key)
  end
  at=at+8+2*count
end
flush()
return finish(out)
`);
