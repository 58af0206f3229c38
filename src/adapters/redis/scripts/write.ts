import { REFS_LETTER, SELDOM } from "../documents/fixed-width.js";
import { CLAIM, CLAIM_NEXT, TERMS_ARGUMENTS } from "./claim.js";
import { type Script, scriptOf } from "./script.js";

/** An output that is no longer is kept in the document: a key of its own costs more than all else of such a write. */
const SHORT_OUTPUT_BYTES = 256;

/** The letters of what is seldom set, in the order in which they are stored; `y`: a short output. */
const ORDER = [...Object.values(SELDOM), REFS_LETTER, "y"].map((letter) => `'${letter}'`).join(",");

/**
 * Arguments: number of writes; number of forms; those; per write id, number of its form, history and output; then, where a
 * claim rides along, its terms and itself. Answers the refusals (position from 0, document, cursors) and what was claimed.
 *
 * A form is guard and patch without what is each write's own: jobs of one claim that end in one millisecond share it. By
 * lines: the status guarded, the lease guarded (or spaces), the status to set, version and dispatch guarded, version,
 * dispatch, attempt and fence to set; token guarded; token and worker to set; lease; runs of instants; seldom set parts.
 * `-` is "whatever it is" of a count, nothing is that of the rest.
 */
export const WRITE: Script = scriptOf(
  CLAIM,
  CLAIM_NEXT,
  String.raw`
local ANY='               '
local SHORT=${SHORT_OUTPUT_BYTES}
local ORDER={${ORDER}}
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
local function formOf(text)
  local v,d,v2,d2,a2,f2,token,token2,worker2,lease,runs,changes=match(text,
    '^(%d+) (%S+) (%d+) (%S+) (%S+) (%S+)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n(.*)$',18)
  local form={status=byte(text),lease=sub(text,2,16),set=sub(text,17,17),v=v,d=d,v2=v2,d2=d2,a2=a2,f2=f2,
    token=token,token2=token2,worker2=worker2,changes=changes,runs={}}
  local at=1
  while at<=#runs do
    local length=15*(byte(runs,at+1)-96)
    local n=#form.runs
    form.runs[n+1]=LEASE+15*(byte(runs,at)-97)
    form.runs[n+2]=sub(runs,at+2,at+1+length)
    at=at+2+length
  end
  if lease~='' then form.runs[2]=pad(now+lease)..sub(form.runs[2],16) end
  return form
end
local count=tonumber(ARGV[A+1])
local forms={}
for i=1,tonumber(ARGV[A+2]) do forms[texts[i]]=formOf(ARGV[A+2+i]) end
local first=A+3+ARGV[A+2]
local ids,refused={},{}
for i=1,count do ids[i]=ARGV[first+4*i-4] end
local docs=documents(ids)
for i=1,count do
  local at=first+4*i-4
  local id,doc,to=ids[i],docs[i],forms[ARGV[at+1]]
  local form,version,dispatch,attempt,fence,token,worker,seldom,rest
  if doc then form,version,dispatch,attempt,fence,token,worker,seldom,rest=parse(doc) end
  local holds=form and byte(doc,STATUS)==to.status and version==to.v and token==to.token and (to.d=='-' or to.d==dispatch)
    and (to.lease==ANY or (to.lease==slot(doc,LEASE) and tonumber(to.lease)<=now))
  if not holds then
    local n=#refused
    refused[n+1]=i-1 refused[n+2]=doc refused[n+3]=doc and cursors(id,doc)
  else
    local head,from,runs=sub(doc,CURSORS,CURSORS)..to.set,HANDOVER,to.runs
    for r=1,#runs,2 do
      head=head..sub(doc,from,runs[r]-1)..runs[r+1]
      from=runs[r]+#runs[r+1]
    end
    local changes,output=to.changes,ARGV[at+3]
    local bare=seldom=='' and (changes=='' or byte(changes)==110)
    if output~='' then
      if #output<=SHORT and not find(output,'[\t\n]') then output='\ty'..output
      else
        set(T..':o:'..id,output)
        output='\ty'
      end
    end
    if bare then
      if #output>2 then seldom=output end
    elseif changes..output~='' then
      local merged=merge(seldom,changes..output)
      local before,after=refs(seldom),refs(merged)
      if before~=after then moveRefs(id,doc,rest,before,after) end
      seldom=merged
    end
    local history,kept,comma=ARGV[at+2],nil,''
    if byte(history)==114 then kept=match(doc,'^[^\n]*\n',rest)
    else
      kept=sub(doc,rest)
      if history~='' and byte(doc,-1)~=10 then comma=',' end
    end
    local new=head..sub(doc,from,COUNTS-1)..form..' '..to.v2..' '..(to.d2=='-' and dispatch or to.d2)..' '..(to.a2=='-' and attempt or to.a2)..' '
      ..(to.f2=='-' and fence or to.f2)..'\n'..(to.token2=='' and token or to.token2)
      ..'\n'..(to.worker2=='' and worker or to.worker2)..'\n'..seldom..'\n'..kept..comma..sub(history,2)
    set(T..':j:'..id,new)
    reindex(id,doc,new,form,rest)
    tell(id,to.v2,doc,rest,new)
  end
end
flush()
local claimed=false
local ride=first-1+4*count
if #ARGV>ride then claimed=claimNext(ride+1,ride+1+${TERMS_ARGUMENTS}) end
return finish({refused,claimed})
`,
);
