import { CLAIM, CLAIM_NEXT, TERMS_ARGUMENTS } from "./claim.js";
import { type Script, scriptOf } from "./script.js";

/**
 * Arguments: number of writes; per write id, guard and counts, token guarded, token and worker to set, runs of instants,
 * seldom set parts, history, lease and output; then, where a claim rides along, its terms and itself. Answers the refusals
 * (position from 0, document, cursors) and what was claimed.
 *
 * Guard and counts: the status guarded, the lease guarded (or spaces), the status to set, then words: version and dispatch
 * guarded, version, dispatch, attempt and fence to set; `-` is "whatever it is".
 */
export const WRITE: Script = scriptOf(
  CLAIM,
  CLAIM_NEXT,
  String.raw`
local ANY='               '
local ORDER={'s','l','d','h','p','g','c','e','r','a','F','o','x','k','f'}
local function merge(seldom,changes)
  local t,parts={},{}
  for code,value in gmatch(seldom,'\t(%a)([^\t]*)') do t[code]=value end
  for code,value in gmatch(changes,'\t(%a)([^\t]*)') do t[code]=value end
  for i=1,#ORDER do
    local value=t[ORDER[i]]
    if value and value~='' then parts[#parts+1]='\t'..ORDER[i]..value end
  end
  return table.concat(parts)
end
local function moveRefs(id,doc,rest,before,after)
  local kind,_,_,_,created=fixed(doc,rest)
  local stays={}
  eachRef(after,kind,function(key) stays[key]=true add(key,created,id) end)
  eachRef(before,kind,function(key) if not stays[key] then drop(key,id) end end)
end
local function head(doc,status,runs)
  local parts,from={sub(doc,CURSORS,CURSORS),status},HANDOVER
  local at=1
  while at<=#runs do
    local start=LEASE+15*(byte(runs,at)-97)
    local length=15*(byte(runs,at+1)-96)
    local n=#parts
    parts[n+1]=sub(doc,from,start-1)
    parts[n+2]=sub(runs,at+2,at+1+length)
    from=start+length
    at=at+2+length
  end
  parts[#parts+1]=sub(doc,from,COUNTS-1)
  return table.concat(parts)
end
local count=tonumber(ARGV[A+1])
local ids,refused={},{}
for i=1,count do ids[i]=ARGV[A+10*i-8] end
local docs=documents(ids)
for i=1,count do
  local at=A+10*i-8
  local id,doc,guard=ids[i],docs[i],ARGV[at+1]
  local form,version,dispatch,attempt,fence,token,worker,seldom,rest
  if doc then form,version,dispatch,attempt,fence,token,worker,seldom,rest=parse(doc) end
  local holds,lease=false,sub(guard,2,16)
  local v,d,v2,d2,a2,f2=match(guard,'^(%d+) ([^ ]+) (%d+) ([^ ]+) ([^ ]+) ([^ ]+)$',18)
  if form then
    holds=byte(doc,STATUS)==byte(guard) and version==v and token==ARGV[at+2] and (d=='-' or d==dispatch)
      and (lease==ANY or (lease==slot(doc,LEASE) and tonumber(lease)<=now))
  end
  if not holds then
    local n=#refused
    refused[n+1]=i-1 refused[n+2]=doc refused[n+3]=doc and cursors(id,doc)
  else
    local first=head(doc,sub(guard,17,17),ARGV[at+5])
    if ARGV[at+8]~='' then first=sub(first,1,LEASE-1)..pad(now+ARGV[at+8])..sub(first,WAKE) end
    local token2,worker2,changes=ARGV[at+3],ARGV[at+4],ARGV[at+6]
    if changes~='' and not (seldom=='' and byte(changes)==110) then
      local merged=merge(seldom,changes)
      local before,after=refs(seldom),refs(merged)
      if before~=after then moveRefs(id,doc,rest,before,after) end
      seldom=merged
    end
    local history,tail=ARGV[at+7],nil
    if history=='' then tail=sub(doc,rest)
    elseif byte(history)==114 then tail=match(doc,'^[^\n]*\n',rest)..sub(history,2)
    else tail=sub(doc,rest)..(byte(doc,-1)==10 and '' or ',')..sub(history,2) end
    local new=first..form..' '..v2..' '..(d2=='-' and dispatch or d2)..' '..(a2=='-' and attempt or a2)..' '
      ..(f2=='-' and fence or f2)..'\n'..(token2=='' and token or token2)..'\n'..(worker2=='' and worker or worker2)
      ..'\n'..seldom..'\n'..tail
    set(T..':j:'..id,new)
    if ARGV[at+9]~='' then set(T..':o:'..id,ARGV[at+9]) end
    reindex(id,doc,new,form,#new-#tail+1)
  end
end
flush()
local claimed=false
local ride=A+1+10*count
if #ARGV>ride then claimed=claimNext(ride+1,ride+1+${TERMS_ARGUMENTS}) end
return finish({refused,claimed})
`,
);
