/** Terms of a claim, as they are sent: format, grace, worker, then the parts of both templates. */
export const TERMS_ARGUMENTS = 9;

/** What a claim makes of a document, its format, where the rest began, and its wake-up. `claimBy(at)` reads the terms at a place of the arguments. */
export const CLAIM: string = String.raw`
local function claimBy(at)
  local worker,grace=ARGV[at+2],tonumber(ARGV[at+1])
  local q1,q2,q3,s1,s2,s3=ARGV[at+3],ARGV[at+4],ARGV[at+5],ARGV[at+6],ARGV[at+7],ARGV[at+8]
  return function(id,doc,token,leaseMs,given)
    local version,number,dispatch,attempt,fence,_,_,seldom,rest=parse(doc)
    if not version then return nil end
    number=number+1
    local entries=byte(doc,-1)==10 and '' or ','
    if byte(doc,STATUS)==80 then
      entries=entries..'['..texts[number]..q1..nows..q2..attempt..q3..','
      number=number+1
    end
    number,attempt,fence=texts[number],texts[attempt+1],texts[fence+1]
    local wake=now+leaseMs
    local ends=pads[wake]
    local deadline=tonumber((slot(doc,DEADLINE)))
    if deadline and deadline<wake then wake=deadline end
    if byte(doc,NOTIFIED)==110 and now+grace<wake then wake=now+grace end
    wake=pads[wake]
    -- What is given is never lower: whoever gives it has compared.
    if given then dispatch=given end
    local started,queued=slot(doc,STARTED),slot(doc,QUEUED)
    if started==NONE then started=nowp end
    if queued==NONE then queued=nowp end
    local new=sub(doc,CURSORS,CURSORS)..'R'..sub(doc,HANDOVER,INPUT)..ends..wake..slot(doc,PURGE)..nowp
      ..slot(doc,FINISHED)..NONE..NONE..NONE..started..queued
      ..slot(doc,DEADLINE)..'\n'..version..' '..number..' '..dispatch..' '..attempt..' '..fence
      ..'\n'..token..'\n'..worker..'\n'..seldom..'\n'..sub(doc,rest)..entries..'['..number..s1..nows..s2..attempt..s3
    set(T..':j:'..id,new)
    tell(id,number,doc,rest,new)
    return new,version,rest,wake
  end
end
`;

/** Which job of the kinds from `from` on, every `step` arguments, is ready next: its id and instant, or '' and -1. */
export const NEXT_READY: string = String.raw`
local function nextReady(newest,from,step,to)
  local id,at='','-1'
  for k=from,to,step do
    for version=1,newest do
      local list=C('ZRANGEBYSCORE',readyKey(version,ARGV[k]),'('..nows,'+inf','WITHSCORES','LIMIT',0,1)
      if list[1] and (id=='' or list[2]+0<at+0) then id,at=list[1],list[2] end
    end
  end
  return id,at
end
`;

/**
 * The next ready jobs. Arguments from `at`: token, limit, longest lease, number of kinds, then per kind its name and lease.
 * Answers id, since when it was ready (-1: held under this token before), document, cursors, input.
 *
 * Ids are remembered under the token for a lease, so that the same call, sent again, is answered alike. One that the client
 * sends again takes nothing anew: its job may have come back meanwhile, and no job is claimed twice under one token.
 */
export const CLAIM_NEXT: string = String.raw`
local function claimNext(terms,at)
  local claim=claimBy(terms)
  local newest,token,limit=tonumber(ARGV[terms]),ARGV[at],tonumber(ARGV[at+1])
  local out,kept={},{}
  local function push(id,due,doc,input)
    local n=#out
    out[n+1]=id out[n+2]=due out[n+3]=doc out[n+4]=cursors(id,doc) out[n+5]=input
    kept[#kept+1]=id
  end
  local memory=T..':t:'..token
  local held=C('GET',memory)
  if held then
    for id in gmatch(held,'%S+') do
      local doc=#kept<limit and C('GET',T..':j:'..id)
      if doc then
        local _,_,_,_,_,by=parse(doc)
        if running(doc,token,by) then push(id,'-1',doc,inputOf(id,doc)) end
      end
    end
  end
  local need=sentAgain() and 0 or limit-#kept
  local ids,ats,keys,leases,sources={},{},{},{},0
  if need>0 then
    for k=0,ARGV[at+3]-1 do
      local kind,lease=ARGV[at+4+2*k],tonumber(ARGV[at+5+2*k])
      for version=1,newest do
        local key=readyKey(version,kind)
        local list=C('ZRANGEBYSCORE',key,'-inf',nows,'WITHSCORES','LIMIT',0,need)
        if #list>0 then sources=sources+1 end
        for j=1,#list,2 do
          local n=#ids+1
          ids[n],ats[n],keys[n],leases[n]=list[j],list[j+1],key,lease
        end
      end
    end
  end
  if sources>1 then
    local order={}
    for i=1,#ids do order[i]={ids[i],ats[i]+0,ats[i],keys[i],leases[i]} end
    table.sort(order,function(a,b) if a[2]==b[2] then return a[1]<b[1] end return a[2]<b[2] end)
    ids={}
    for i=1,math.min(need,#order) do ids[i],ats[i],keys[i],leases[i]=order[i][1],order[i][3],order[i][4],order[i][5] end
  end
  if #ids>0 then
    local docs,names,apart=documents(ids),{},false
    for i=1,#ids do
      names[i]=T..':i:'..ids[i]
      apart=apart or (docs[i] and byte(docs[i],INPUT)==107)
    end
    local inputs=apart and C('MGET',unpack(names)) or {}
    for i=1,#ids do
      local id,doc=ids[i],docs[i]
      local since=doc and ready(doc)
      local new,wake,_
      if tonumber(since)==tonumber(ats[i]) then new,_,_,wake=claim(id,doc,token,leases[i]) end
      drop(keys[i],id)
      if new then
        push(id,ats[i],new,inputs[i] or false)
        add(W,wake,id)
      elseif doc and not parse(doc) then push(id,ats[i],doc,false) end
    end
    flush()
    if #kept>0 then C('SET',memory,table.concat(kept,' '),'PX',ARGV[at+2]) end
  end
  return out
end
`;
