/** Terms of a claim, as they are sent: format, grace, worker, then the parts of both templates. */
export const TERMS_ARGUMENTS = 9;

/** What a claim makes of a document, its format and where its rest begins. `claimBy(at)` reads the terms at a place of the arguments. */
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
    local ends=now+leaseMs
    local wake=ends
    local deadline=tonumber((slot(doc,DEADLINE)))
    if deadline and deadline<wake then wake=deadline end
    if byte(doc,NOTIFIED)==110 and now+grace<wake then wake=now+grace end
    -- What is given is never lower: whoever gives it has compared.
    if given then dispatch=given end
    local started,queued=slot(doc,STARTED),slot(doc,QUEUED)
    local head=sub(doc,CURSORS,CURSORS)..'R'..sub(doc,HANDOVER,NOTIFIED)..pad(ends)..pad(wake)..slot(doc,PURGE)..nowp
      ..slot(doc,FINISHED)..NONE..NONE..NONE..(started==NONE and nowp or started)..(queued==NONE and nowp or queued)
      ..slot(doc,DEADLINE)..'\n'..version..' '..number..' '..dispatch..' '..attempt..' '..fence
      ..'\n'..token..'\n'..worker..'\n'..seldom..'\n'
    local new=head..sub(doc,rest)..entries..'['..number..s1..nows..s2..attempt..s3
    set(T..':j:'..id,new)
    return new,version,#head+1
  end
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
        if running(doc,token,by) then push(id,'-1',doc,C('GET',T..':i:'..id)) end
      end
    end
  end
  local need=sentAgain() and 0 or limit-#kept
  local ids,ats,keys,leases,sources={},{},{},{},0
  if need>0 then
    for k=0,ARGV[at+3]-1 do
      local kind,lease=ARGV[at+4+2*k],ARGV[at+5+2*k]
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
    local names={}
    for i=1,#ids do names[i]=T..':i:'..ids[i] end
    local docs,inputs=documents(ids),C('MGET',unpack(names))
    for i=1,#ids do
      local id,doc=ids[i],docs[i]
      local since=doc and ready(doc)
      local new=tonumber(since)==tonumber(ats[i]) and claim(id,doc,token,leases[i])
      drop(keys[i],id)
      if new then
        push(id,ats[i],new,inputs[i])
        local wake=slot(new,WAKE)
        if wake~=slot(doc,WAKE) then add(W,wake,id) end
      elseif doc and not parse(doc) then push(id,ats[i],doc,inputs[i]) end
    end
    flush()
    if #kept>0 then C('SET',memory,table.concat(kept,' '),'PX',ARGV[at+2]) end
  end
  return out
end
`;
