extension("600", function(call)
  if call.from.line
    call:answer()
  end
end)
