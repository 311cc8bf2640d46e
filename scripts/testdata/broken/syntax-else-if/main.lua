extension("600", function(call)
  if call.from.line then
    call:answer()
  else if call.from.trunk then
    call:reject()
  end
end)
