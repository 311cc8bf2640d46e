extension("600", function(call)
  if not call.from.line then return end
  call:answer()
end)
