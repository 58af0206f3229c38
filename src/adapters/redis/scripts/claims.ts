import { CLAIM, CLAIM_NEXT, NEXT_READY, TERMS_ARGUMENTS } from "./claim.js";
import { type Script, scriptOf } from "./script.js";

/** What `CLAIM_NEXT` answers, behind what is ready next: looked for only where less came than was asked for. */
export const CLAIM_READY: Script = scriptOf(
  CLAIM,
  CLAIM_NEXT,
  NEXT_READY,
  String.raw`
local at=A+1+${TERMS_ARGUMENTS}
local out=claimNext(A+1,at)
local id,ready='','-1'
if #out<5*ARGV[at+1] then id,ready=nextReady(tonumber(ARGV[A+1]),at+4,2,#ARGV) end
table.insert(out,1,id)
table.insert(out,2,ready)
return finish(out)
`,
);

/**
 * What a claim would find. Arguments: format, token, limit, then kinds. Answers what is ready next, how many the
 * token holds, then id and instant of the first ready jobs, in order.
 */
export const PEEK_READY: Script = scriptOf(
  NEXT_READY,
  String.raw`
local newest,token,limit=tonumber(ARGV[A+1]),ARGV[A+2],tonumber(ARGV[A+3])
local held=0
for id in gmatch(C('GET',T..':t:'..token) or '','%S+') do
  local doc=C('GET',T..':j:'..id)
  if doc then
    local _,_,_,_,_,by=parse(doc)
    if running(doc,token,by) then held=held+1 end
  end
end
local found={}
for k=A+4,#ARGV do
  for version=1,newest do
    local list=C('ZRANGEBYSCORE',readyKey(version,ARGV[k]),'-inf',nows,'WITHSCORES','LIMIT',0,limit)
    for j=1,#list,2 do found[#found+1]={list[j],list[j+1]+0,list[j+1]} end
  end
end
table.sort(found,function(a,b) if a[2]==b[2] then return a[1]<b[1] end return a[2]<b[2] end)
local id,at=nextReady(newest,A+4,1,#ARGV)
local out={id,at,held}
for i=1,math.min(limit,#found) do out[2+2*i]=found[i][1] out[3+2*i]=found[i][3] end
return finish(out)
`,
);

/**
 * Arguments: terms, then per job id, dispatch, token, lease. Answers per job 1 (claimed), 0 (refused) or -1 (gone), then
 * document, cursors and input where there are any.
 */
export const CLAIM_BY_MESSAGE: Script = scriptOf(
  CLAIM,
  String.raw`
local claim=claimBy(A+1)
local newest=tonumber(ARGV[A+1])
local first=A+${TERMS_ARGUMENTS}
local ids,out={},{}
local count=(#ARGV-first)/4
for i=1,count do ids[i]=ARGV[first+4*i-3] end
local docs=documents(ids)
for i=1,count do
  local id,doc=ids[i],docs[i]
  local n=4*i-3
  if not doc then out[n]=-1 out[n+1]=false out[n+2]=false out[n+3]=false
  else
    local version,_,dispatch,_,_,by=parse(doc)
    local given,token=ARGV[first+4*i-2],ARGV[first+4*i-1]
    local held=running(doc,token,by)
    local status,sendAt=byte(doc,STATUS),tonumber((slot(doc,SEND)))
    local can=version and tonumber(version)<=newest and tonumber(given)>=tonumber(dispatch)
      and (status==81 or (status==80 and sendAt and sendAt<=now))
    if held then out[n]=1 out[n+1]=doc out[n+3]=inputOf(id,doc)
    elseif can then
      local new,_,rest=claim(id,doc,token,ARGV[first+4*i],given)
      reindex(id,doc,new,version,rest)
      out[n]=1 out[n+1]=new out[n+3]=inputOf(id,doc)
    else out[n]=0 out[n+1]=doc out[n+3]=false end
    out[n+2]=cursors(id,doc)
  end
end
flush()
return finish(out)
`,
);
