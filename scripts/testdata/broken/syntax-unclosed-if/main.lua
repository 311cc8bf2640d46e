extension("600", function(call)
  if call.from.line then
    call:answer()
end)
