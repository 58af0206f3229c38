import { type Script, scriptOf } from "./script.js";

/**
 * Arguments: per job its id, its document and, where that does not hold it, its input. Answers those that were there
 * already: position from 0, id, document, cursors. A job of the same id comes before one of the same scope.
 */
export const CREATE: Script = scriptOf(String.raw`
local ids,given,inputs={},{},{}
local at=A+1
while at<=#ARGV do
  local n,doc=#ids+1,ARGV[at+1]
  ids[n],given[n]=ARGV[at],doc
  at=at+2
  if byte(doc,INPUT)==107 then inputs[n]=ARGV[at] at=at+1 end
end
local docs=documents(ids)
local fresh,taken,out={},{},{}
local kinds={}
local function existing(position,id,doc)
  local n=#out
  out[n+1]=position-1 out[n+2]=id out[n+3]=doc out[n+4]=cursors(id,doc)
end
for i=1,#ids do
  local id,doc=ids[i],given[i]
  local there=docs[i] or fresh[id]
  if there then existing(i,id,there)
  else
    local version,number,_,_,_,_,_,seldom,rest=parse(doc)
    local kind,owner,subject,scope,created=fixed(doc,rest)
    local other,of=nil,nil
    if scope~='' then
      of=taken[scope] or C('GET',T..':x:'..sub(scope,2))
      if of then other=fresh[of] or C('GET',T..':j:'..of) end
    end
    if other then existing(i,of,other)
    else
      fresh[id]=doc
      set(T..':j:'..id,doc)
      if inputs[i] then set(T..':i:'..id,inputs[i]) end
      if scope~='' then taken[scope]=id set(T..':x:'..sub(scope,2),id) end
      add(T..':k:'..kind,created,id)
      if owner~='' then add(T..':n:'..sub(owner,2),created,id) end
      if subject~='' then add(T..':s:'..sub(subject,2),created,id) end
      kinds[version..':'..kind]=true
      reindex(id,nil,doc,version,rest)
      tell(id,number,doc,rest,doc)
      if seldom~='' then eachRef(refs(seldom),kind,function(key) add(key,created,id) end) end
    end
  end
end
flush()
for kind in pairs(kinds) do C('SADD',T..':kinds',kind) end
return finish(out)
`);
