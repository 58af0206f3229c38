import { type Script, scriptOf } from "./script.js";

/** What a page or a read answers of each job: document, cursors, and input and output where they are asked for. */
const SHOW = String.raw`
local function outputOf(id,doc)
  local _,_,_,_,_,_,_,seldom=parse(doc)
  return match(seldom or '','\ty([^\t]*)') or C('GET',T..':o:'..id)
end
local function show(out,id,doc,input,output)
  local n=#out
  out[n+1]=doc
  out[n+2]=doc and cursors(id,doc)
  out[n+3]=doc and input and inputOf(id,doc)
  out[n+4]=doc and output and outputOf(id,doc)
end
`;

/** Arguments: input and output wanted, then ids. */
export const READ: Script = scriptOf(
  SHOW,
  String.raw`
local ids,out={},{}
for i=A+3,#ARGV do ids[#ids+1]=ARGV[i] end
local docs=documents(ids)
for i=1,#ids do show(out,ids[i],docs[i],ARGV[A+1]=='1',ARGV[A+2]=='1') end
return finish(out)
`,
);

/**
 * Arguments: input and output wanted, limit, most jobs to look at, place behind which to begin (or two empty ones), owner
 * and subject (\`*\`: any), letters of the statuses (empty: any), number of kinds to keep, those, then the indexes to walk
 * (\`*\` and a prefix: those of all kinds). Answers the place where the page ended (or two empty ones), then what is on it.
 */
export const LIST: Script = scriptOf(
  SHOW,
  String.raw`
local limit,most,after,behind=tonumber(ARGV[A+3]),tonumber(ARGV[A+4]),ARGV[A+5],ARGV[A+6]
local owner,subject,statuses,count=ARGV[A+7],ARGV[A+8],ARGV[A+9],tonumber(ARGV[A+10])
local wanted=count>0 and {}
for i=1,count do wanted[ARGV[A+10+i]]=true end
local indexes={}
for i=A+11+count,#ARGV do indexes[#indexes+1]=ARGV[i] end
if byte(indexes[1] or '')==42 then
  local seen,of={},sub(indexes[1],2)
  indexes={}
  for _,kind in ipairs(C('SMEMBERS',T..':kinds')) do
    local index=of..match(kind,'^%d+:(.*)$')
    if not seen[index] then seen[index]=true indexes[#indexes+1]=index end
  end
end
local places={}
for _,index in ipairs(indexes) do
  local offset,taken=0,0
  while taken<=most do
    local list=C('ZREVRANGEBYSCORE',T..':'..index,after=='' and '+inf' or after,'-inf','WITHSCORES','LIMIT',offset,most+1)
    if #list==0 then break end
    for j=1,#list,2 do
      if list[j+1]~=after or list[j]<behind then
        places[#places+1]={list[j],list[j+1]+0,list[j+1]}
        taken=taken+1
      end
    end
    offset=offset+most+1
  end
end
table.sort(places,function(a,b) if a[2]==b[2] then return a[1]>b[1] end return a[2]>b[2] end)
local out,shown,looked={'',''},0,0
while looked<#places and looked<most and shown<limit do
  local ids={}
  for i=looked+1,math.min(looked+100,#places,most) do ids[#ids+1]=places[i][1] end
  local docs=documents(ids)
  for i=1,#ids do
    if shown<limit then
      looked=looked+1
      local doc=docs[i]
      local fits=doc
      local form,_,_,_,_,_,_,_,rest
      if doc then form,_,_,_,_,_,_,_,rest=parse(doc) end
      if form then
        local kind,o,s=fixed(doc,rest)
        fits=(owner=='*' or owner==o) and (subject=='*' or subject==s) and (not wanted or wanted[kind])
          and (statuses=='' or find(statuses,sub(doc,STATUS,STATUS),1,true))
      end
      if fits then
        shown=shown+1
        out[#out+1]=ids[i]
        show(out,ids[i],doc,ARGV[A+1]=='1',ARGV[A+2]=='1')
      end
    end
  end
end
if looked<#places and looked>0 then out[1]=places[looked][3] out[2]=places[looked][1] end
return finish(out)
`,
);

/**
 * Arguments: kind, a tab and the key; owner (\`*\`: any). Answers id, document and cursors of the newest that fit, ten
 * at least where there are, of a thousand that are looked through.
 */
export const BY_REF: Script = scriptOf(String.raw`
local owner,out=ARGV[A+2],{}
for from=0,990,10 do
  local ids=C('ZREVRANGE',T..':f:'..ARGV[A+1],from,from+9)
  local docs=documents(ids)
  for i=1,#ids do
    local fits=docs[i]
    if fits and owner~='*' then
      local _,_,_,_,_,_,_,_,rest=parse(fits)
      local _,of=fixed(fits,rest)
      fits=of==owner
    end
    if fits then
      local n=#out
      out[n+1]=ids[i] out[n+2]=docs[i] out[n+3]=cursors(ids[i],docs[i])
    end
  end
  if #ids<10 or #out>=30 then break end
end
return finish(out)
`);
