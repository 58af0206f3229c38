import { type Script, scriptOf } from "./script.js";

/**
 * Arguments: per job its id, its document and its input. Answers those that were there already: position from 0, id,
 * document, cursors. A job of the same id comes before one of the same scope.
 */
export const CREATE: Script = scriptOf(String.raw`
local ids={}
local count=(#ARGV-A)/3
for i=1,count do ids[i]=ARGV[A+3*i-2] end
local docs=documents(ids)
local fresh,taken,out={},{},{}
local kinds={}
local function existing(position,id,doc)
  local n=#out
  out[n+1]=position-1 out[n+2]=id out[n+3]=doc out[n+4]=cursors(id,doc)
end
for i=1,count do
  local id,doc=ids[i],ARGV[A+3*i-1]
  local there=docs[i] or fresh[id]
  if there then existing(i,id,there)
  else
    local version,_,_,_,_,_,_,seldom,rest=parse(doc)
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
      set(T..':i:'..id,ARGV[A+3*i])
      if scope~='' then taken[scope]=id set(T..':x:'..sub(scope,2),id) end
      add(T..':k:'..kind,created,id)
      if owner~='' then add(T..':n:'..sub(owner,2),created,id) end
      if subject~='' then add(T..':s:'..sub(subject,2),created,id) end
      kinds[version..':'..kind]=true
      reindex(id,nil,doc,version,rest)
      if seldom~='' then eachRef(refs(seldom),kind,function(key) add(key,created,id) end) end
    end
  end
end
flush()
for kind in pairs(kinds) do C('SADD',T..':kinds',kind) end
return finish(out)
`);
